"""The variables of dashboards, and how the SDK writes them."""

from __future__ import annotations

from grafana_foundation_sdk.builders import dashboard
from grafana_foundation_sdk.models import dashboard as models

from files.dashboards.model import Source, Variable

NAMESPACE = Variable(
    kind="query",
    name="namespace",
    label="Namespace",
    about="The application: what its metrics' names start with",
    values='label_values({__name__=~".+_http_requests_total"}, __name__)',
    # These are Prometheus' and its neighbours' own.
    regex="/^(?!prometheus_|alertmanager_|promhttp_)(.*)_http_requests_total$/",
)


def of_label(
    name: str, label: str, about: str, metric: str, key: str = "", *, multi: bool = True
) -> Variable:
    """A variable of the values that a label of a metric has.

    Args:
        name: As queries call it.
        label: As people read it.
        about: What it does.
        metric: Whose label.
        key: The label; the variable's name unless said.
        multi: Whether several may be chosen, and all.
    """
    query = f"label_values({metric}, {key or name})"
    return Variable(kind="query", name=name, label=label, about=about, values=query, multi=multi)


def of_stream(name: str, label: str, about: str, *, optional: bool = True) -> Variable:
    """A variable of the values that a label of Loki's streams has.

    Args:
        name: The label.
        label: As people read it.
        about: What it does.
        optional: Whether "All" takes streams without the label, too. Of one variable it must not:
            Loki refuses a query of which every matcher also fits no value.
    """
    return Variable(
        kind="query",
        name=name,
        label=label,
        about=about,
        values=f"label_values({name})",
        source="loki",
        multi=True,
        whole=".*" if optional else ".+",
    )


def textbox(name: str, label: str, about: str) -> Variable:
    """A variable that people type, empty at first."""
    return Variable(kind="textbox", name=name, label=label, about=about, values="")


ENVIRONMENT = of_label("environment", "Environment", "Of which environment", "up")
HOST = of_label("host", "Host", "Of which hosts", "node_uname_info")
SERVICE = of_label(
    "service", "Service", "Of which services", "${namespace}_http_requests_total", "job"
)


def datasource(source: Source) -> models.VariableModel:
    """The variable that holds a datasource of this type."""
    return (
        dashboard.DatasourceVariable(source)
        .label(source.capitalize())
        .description(f"The {source.capitalize()} that is asked")
        .type(source)
        .build()
    )


def draw(variable: Variable, source: models.DataSourceRef) -> models.VariableModel:
    """A variable as the SDK has it.

    Args:
        variable: The variable.
        source: Where it asks.
    """
    if variable.kind == "textbox":
        return (
            dashboard.TextBoxVariable(variable.name)
            .label(variable.label)
            .description(variable.about)
            .default_value(variable.values)
            .current(_chosen(variable.values))
            .build()
        )
    if variable.kind == "custom":
        values = [value.strip() for value in variable.values.split(",")]
        return (
            dashboard.CustomVariable(variable.name)
            .label(variable.label)
            .description(variable.about)
            .values(variable.values)
            .options([_option(value, value == variable.default) for value in values])
            .current(_chosen(variable.default or values[0]))
            .build()
        )
    return _query(variable, source)


def _option(value: str, chosen: bool) -> models.VariableOption:
    return models.VariableOption(selected=chosen, text=value, value=value)


def _chosen(value: str) -> models.VariableOption:
    return _option(value, True)


def _query(variable: Variable, source: models.DataSourceRef) -> models.VariableModel:
    made = (
        dashboard.QueryVariable(variable.name)
        .label(variable.label)
        .description(variable.about)
        .query(variable.values)
        .datasource(source)
        .refresh(models.VariableRefresh.ON_TIME_RANGE_CHANGED)
        .sort(models.VariableSort.ALPHABETICAL_ASC)
    )
    if variable.regex:
        made = made.regex(variable.regex)
    if variable.multi:
        made = made.multi(True).include_all(True).all_value(variable.whole)
        made = made.current(models.VariableOption(True, ["All"], ["$__all"]))
    return made.build()
