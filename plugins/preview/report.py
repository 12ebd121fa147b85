"""What a report is made of: dashboards with what their queries answered."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from plugins.dashboards.document import Dashboard, Panel
from plugins.dashboards.queries import Result
from plugins.dashboards.substitution import Values


@dataclass(frozen=True)
class Rendering:
    """One dashboard and its answers.

    Attributes:
        dashboard: As the site has it.
        values: The chosen value or values of its variables, without those that name a datasource.
        results: Panel id to the answers of its queries, in their order.
    """

    dashboard: Dashboard
    values: Values = field(default_factory=dict)
    results: Mapping[int, tuple[Result, ...]] = field(default_factory=dict)


@dataclass(frozen=True)
class Report:
    """What is said above all dashboards.

    Attributes:
        site: Its name.
        start: Unix seconds; first moment shown.
        end: Unix seconds; last moment shown.
        made: Unix seconds; when the datasources were asked.
        version: Of this project, in words.
        notes: What a reader must know, for example a datasource that did not answer.
    """

    site: str
    start: int
    end: int
    made: int
    version: str
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Linked:
    """A dashboard that a panel may link to within the report."""

    uid: str
    title: str
    folder: str
    tags: tuple[str, ...]


@dataclass(frozen=True)
class View:
    """One panel as it is drawn.

    Attributes:
        panel: What is drawn.
        results: The answers of its queries, in their order.
        report: The report it stands in.
        values: The chosen values of the dashboard's variables.
        others: All dashboards of the report.
    """

    panel: Panel
    results: tuple[Result, ...]
    report: Report
    values: Values = field(default_factory=dict)
    others: tuple[Linked, ...] = ()


def unchosen(result: Result) -> bool:
    """Whether a query could not ask for anything, since a variable of it has no value."""
    question = result.question
    return bool(question.missing) or not question.path


def anchor(uid: str) -> str:
    """The id in the page of a dashboard."""
    return f"d-{uid}"
