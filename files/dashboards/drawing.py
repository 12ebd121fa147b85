"""From the layer's values to Grafana's JSON, with the SDK in between."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from string import ascii_uppercase
from typing import Any

from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models import dashboard as models
from grafana_foundation_sdk.models import loki, prometheus

from files.dashboards import variables
from files.dashboards.layout import Place, arrange
from files.dashboards.model import Board, Column, Link, Panel, Query, Source
from files.dashboards.shapes import SHAPES

TAG = "stackwatch"
OWN_KEY = "stackwatch"
_INTERVALS = ["5s", "15s", "30s", "1m", "5m", "15m", "1h"]
Steps = Sequence[tuple[float | None, str]]
Words = Mapping[str, tuple[str, str]]


def _source(source: Source) -> models.DataSourceRef:
    return models.DataSourceRef(source, f"${{{source}}}")


def _link(link: Link) -> models.DashboardLink:
    return models.DashboardLink(
        title=link.title, type_val=models.DashboardLinkType.LINK, url=link.url, tags=[]
    )


def _target(query: Query, ref: str) -> dict[str, Any]:
    made: Any
    if query.source == "prometheus":
        made = prometheus.Dataquery(
            expr=query.expr,
            instant=query.instant,
            range_val=not query.instant,
            exemplar=query.exemplars,
            editor_mode=prometheus.QueryEditorMode.CODE,
            format_val=prometheus.PromQueryFormat(query.format),
            legend_format=query.legend,
        )
    elif query.source == "loki":
        made = loki.Dataquery(
            expr=query.expr,
            legend_format=query.legend,
            query_type="instant" if query.instant else "range",
            editor_mode=loki.QueryEditorMode.CODE,
        )
    else:
        # The SDK knows no queries of Jaeger.
        made = {"query": query.expr} if query.expr else {}
    return {
        **_plain(made),
        **query.native,
        "refId": ref,
        "datasource": _plain(_source(query.source)),
    }


def _plain(made: object) -> Any:
    return json.loads(json.dumps(made, cls=JSONEncoder))


def _thresholds(steps: Steps) -> models.ThresholdsConfig:
    listed = [models.Threshold(value, color) for value, color in steps]
    return models.ThresholdsConfig(models.ThresholdsMode.ABSOLUTE, listed)


def _mappings(words: Words) -> list[Any]:
    if not words:
        return []
    options = {
        value: models.ValueMappingResult(text=text, color=color, index=place)
        for place, (value, (text, color)) in enumerate(words.items())
    }
    return [models.ValueMap(options=options)]


def _override(column: Column) -> models.DashboardFieldConfigSourceOverrides:
    said: list[models.DynamicConfigValue] = []
    if column.unit:
        said.append(models.DynamicConfigValue("unit", column.unit))
    if column.links:
        links = [{"title": link.title, "url": link.url} for link in column.links]
        said.append(models.DynamicConfigValue("links", links))
    if column.words:
        said.append(models.DynamicConfigValue("mappings", _plain(_mappings(column.words))))
    if column.steps:
        said.append(models.DynamicConfigValue("thresholds", _plain(_thresholds(column.steps))))
    if column.words or column.steps:
        cell = {"type": "color-text"}
        said.append(models.DynamicConfigValue("custom.cellOptions", cell))
    return models.DashboardFieldConfigSourceOverrides(
        models.MatcherConfig("byName", column.name), said
    )


def _fields(panel: Panel, drawn: models.Panel) -> None:
    drawn.field_config = drawn.field_config or models.FieldConfigSource()
    fields = drawn.field_config.defaults = drawn.field_config.defaults or models.FieldConfig()
    fields.unit = panel.unit
    fields.min_val = panel.minimum
    fields.max_val = panel.maximum
    fields.decimals = panel.decimals
    fields.mappings = _mappings(panel.words)
    if panel.steps:
        fields.thresholds = _thresholds(panel.steps)
        if panel.kind != "timeseries":
            fields.color = models.FieldColor(models.FieldColorModeId.THRESHOLDS)
    fields.links = [_link(link) for link in panel.links]
    drawn.field_config.overrides = [_override(column) for column in panel.columns]


def _panel(panel: Panel, number: int, place: Place) -> dict[str, Any]:
    drawn = SHAPES[panel.kind](panel).build()
    drawn.id_val = number
    drawn.title = panel.title
    drawn.description = panel.about
    drawn.grid_pos = _grid(place)
    _fields(panel, drawn)
    if panel.queries:
        drawn.datasource = _source(panel.queries[0].source)
    if panel.transformations:
        drawn.transformations = [
            models.DataTransformerConfig(each.id, options=dict(each.options))
            for each in panel.transformations
        ]
    made: dict[str, Any] = _plain(drawn)
    del made["repeatDirection"]  # the SDK says it of panels that are not repeated, too
    made["targets"] = [
        _target(query, ref) for query, ref in zip(panel.queries, ascii_uppercase, strict=False)
    ]
    made["options"] = {**(made.get("options") or {}), **panel.options}
    own: dict[str, Any] = {"needs": sorted({q.source for q in panel.queries} | {*panel.needs})}
    if panel.empty:
        own["empty"] = panel.empty
    return {**made, OWN_KEY: own}


def _grid(place: Place) -> models.GridPos:
    return models.GridPos(h=place.h, w=place.w, x=place.x, y=place.y)


def _panels(board: Board) -> Iterable[dict[str, Any]]:
    number = 0
    for row, heading, placed in arrange(board.rows):
        number += 1
        drawn = models.RowPanel(title=row.title, id_val=number, grid_pos=_grid(heading), panels=[])
        yield _plain(drawn)
        for panel, place in placed:
            number += 1
            yield _panel(panel, number, place)


def _sources(board: Board) -> list[Source]:
    asked = {query.source for panel in board.panels for query in panel.queries}
    asked |= {each.source for each in board.variables if each.kind == "query"}
    return sorted(asked | set(board.sources), key=["prometheus", "loki", "jaeger"].index)


def draw(board: Board) -> dict[str, Any]:
    """A dashboard as Grafana's classic JSON, with this project's words beside it."""
    made = models.Dashboard(
        uid=board.uid,
        title=board.title,
        description=board.about,
        tags=[TAG],
        editable=False,
        graph_tooltip=models.DashboardCursorSync.CROSSHAIR,
        time=models.DashboardDashboardTime(board.since, "now"),
        timepicker=models.TimePickerConfig(refresh_intervals=_INTERVALS),
        refresh=board.refresh,
        links=[*(_next(link) for link in board.links), _others()],
        annotations=models.AnnotationContainer([]),
        templating=models.DashboardDashboardTemplating(
            [
                *(variables.datasource(source) for source in _sources(board)),
                *(variables.draw(each, _source(each.source)) for each in board.variables),
            ]
        ),
    )
    plain: dict[str, Any] = _plain(made)
    return {
        **plain,
        "panels": list(_panels(board)),
        OWN_KEY: {"folder": board.folder, "needs": list(board.needs)},
    }


def _next(link: Link) -> models.DashboardLink:
    made = _link(link)
    made.keep_time = made.include_vars = True
    return made


def _others() -> models.DashboardLink:
    return models.DashboardLink(
        title="Dashboards",
        type_val=models.DashboardLinkType.DASHBOARDS,
        icon="external link",
        tags=[TAG],
        as_dropdown=True,
        keep_time=True,
    )


def text(board: Board) -> str:
    """A dashboard as it is committed: sorted, so that equal boards are equal files."""
    return json.dumps(draw(board), indent=1, sort_keys=True, ensure_ascii=False) + "\n"
