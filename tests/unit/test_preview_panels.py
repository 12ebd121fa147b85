"""Every panel type from made-up answers: what is shown, and why nothing is."""

import json
import math
from dataclasses import replace
from typing import Any

import pytest

from plugins.dashboards.document import Panel
from plugins.dashboards.queries import LogLine, Result, TraceSummary
from plugins.preview import panels
from plugins.preview.colours import CONTINUOUS, Thresholds, colour, mixed
from plugins.preview.drawn import Drawn
from plugins.preview.fields import field, mapping
from plugins.preview.heatmap import buckets
from plugins.preview.lines import MOST, lines, stacked, with_gaps
from plugins.preview.lists import level
from plugins.preview.reducing import reduced
from plugins.preview.report import Linked, View
from tests.unit.preview_showcase import (
    END,
    HOSTILE,
    REPORT,
    SHOWN,
    START,
    STEP,
    dashboard,
    instants,
    panel,
    question,
    series,
    wave,
    waves,
)

OTHERS = (
    Linked("a", "Stack", "Stack", ("stackwatch",)),
    Linked("b", "Mine", "General", ()),
)


def shown(raw: Any, *results: Result) -> View:
    """A panel with its answers."""
    (read,) = dashboard(raw).panels
    return View(read, results, REPORT, {}, OTHERS)


def drawn(raw: Any, *results: Result) -> Drawn:
    return panels.draw(shown(raw, *results))


def models(made: Drawn, name: str) -> list[Any]:
    """The attributes of Bokeh's models of a kind in a chart."""
    found: list[Any] = []

    def walk(value: Any) -> None:
        if isinstance(value, dict):
            if value.get("name") == name:
                found.append(value.get("attributes", {}))
            for each in value.values():
                walk(each)
        elif isinstance(value, list | tuple):
            for each in value:
                walk(each)

    assert made.chart is not None
    walk(made.chart.content)
    return found


def test_the_showcase_has_every_panel_type() -> None:
    there = {raw["type"] for raw, _ in SHOWN}
    # The same code under another name.
    assert set(panels.DRAWN) - {"graph", "status-history"} <= there


@pytest.mark.parametrize("kind", sorted(panels.DRAWN.keys() - {"dashlist", "text"}))
@pytest.mark.parametrize(
    ("said", "results", "words"),
    [
        ({}, (Result(question(expr="absent")),), "nothing was found for<code>absent</code>"),
        ({"stackwatch": {"empty": "all is well"}}, (Result(question()),), "Nothing: all is well"),
        ({}, (Result(question(), error="HTTP 500"),), "No answer: HTTP 500"),
        ({}, (Result(question(), (series({}, (None, None)),)),), "nothing was found"),
        ({}, (), "its queries were not asked"),
        ({"targets": []}, (), "it has no query"),
    ],
)
def test_an_empty_panel_says_why(
    kind: str, said: Any, results: tuple[Result, ...], words: str
) -> None:
    made = drawn({**panel(kind), **said}, *results)
    assert words in made.body
    assert made.chart is None


def test_a_refused_query_is_told_before_why_it_may_be_empty() -> None:
    made = drawn(panel("stat", stackwatch={"empty": "fine"}), Result(question(), error="refused"))
    assert "refused" in made.body
    assert "fine" not in made.body


def test_an_unknown_panel_type_says_who_shows_it() -> None:
    assert "Panels of type geomap are shown by Grafana only" in drawn(panel("geomap")).body


def test_lines_have_units_names_and_the_range_of_the_report() -> None:
    made = drawn(panel("timeseries", defaults={"unit": "bytes"}), waves(("a", "b"), 0, 2**30))
    ranges = models(made, "Range1d")
    assert (ranges[0]["start"], ranges[0]["end"]) == (START * 1000, END * 1000)
    assert "MiB" in json.dumps(made.chart.content if made.chart else "")
    assert made.body.count("<li") == 2
    assert len(models(made, "GlyphRenderer")) == 1


def test_a_line_has_a_gap_where_nothing_was_answered() -> None:
    one = series({}, (1.0, 2.0, None, math.inf, 5.0))
    late = type(one)(one.labels, one.legend, (0.0, 30.0, 90.0), (1.0, 2.0, 4.0))
    assert with_gaps(one)[1] == (1.0, 2.0, None, None, 5.0)
    assert with_gaps(late) == ((0.0, 30.0, 60.0, 90.0), (1.0, 2.0, None, 4.0))


def test_a_line_that_is_rarely_there_has_the_gaps_that_the_others_tell() -> None:
    steady, rare = series({"job": "a"}, (1.0,) * 5), series({"job": "b"}, (1.0, 2.0))
    apart = type(rare)(rare.labels, rare.legend, (steady.times[0], steady.times[4]), rare.values)
    made = lines(shown(panel("timeseries"), Result(question(), (steady, apart))))
    assert [line.values for line in made] == [(1.0,) * 5, (1.0, None, 2.0)]


def test_stacked_lines_stand_on_each_other() -> None:
    said = {"custom": {"stacking": {"mode": "normal"}}}
    results = Result(
        question(), (series({"n": "a"}, (1, 2)), series({"n": "b"}, (10, None)), series({}, (5, 5)))
    )
    made = stacked(lines(shown(panel("timeseries", defaults=said), results)))
    assert [line.tops[0] for line in made] == [1, 11, 16]
    assert math.isnan(made[1].tops[1])
    assert made[2].tops[1] == 7


def test_lines_stacked_in_percent_fill_the_whole() -> None:
    said = {"custom": {"stacking": {"mode": "percent"}}}
    results = Result(question(), (series({"n": "a"}, (1, 0)), series({"n": "b"}, (3, 0))))
    made = stacked(lines(shown(panel("timeseries", defaults=said), results)))
    assert [line.tops for line in made] == [(0.25, 0.0), (1.0, 0.0)]
    assert made[0].field.unit == "percentunit"


def test_a_line_without_width_is_the_area_below_it_alone() -> None:
    said = {"custom": {"lineWidth": 0, "fillOpacity": 70}}
    made = models(drawn(panel("timeseries", defaults=said), waves(("a",))), "ColumnDataSource")
    widths = [dict(each["data"]["entries"]).get("width") for each in made]
    assert [0.0] in widths


def test_a_cell_without_a_word_stands_where_words_do() -> None:
    rows = (series({"host": "a", "version": "1"}, (1.0,)), series({"host": "b"}, (1.0,)))
    body = drawn(panel("table", formats=("table",)), Result(question(kind="instant"), rows)).body
    assert '<td class="text">\u2013</td>' in body


def test_the_largest_of_too_many_lines_are_drawn_and_told() -> None:
    many = tuple(series({"n": str(n)}, (float(n), float(n))) for n in range(MOST + 5))
    made = drawn(panel("timeseries"), Result(question(), many))
    assert made.note == f"{MOST} of {MOST + 5} series, those with the largest values"
    assert "&quot;64&quot;" in made.body
    assert "n=&quot;0&quot;" not in made.body


@pytest.mark.parametrize(
    ("mode", "spans", "boxes"),
    [("off", 0, 0), ("line", 1, 0), ("dashed", 1, 0), ("area", 0, 2), ("line+area", 1, 2)],
)
def test_thresholds_are_lines_and_areas(mode: str, spans: int, boxes: int) -> None:
    steps = [{"value": None, "color": "green"}, {"value": 0.5, "color": "#ff0000"}]
    said = {"thresholds": {"steps": steps}, "custom": {"thresholdsStyle": {"mode": mode}}}
    made = drawn(panel("timeseries", defaults=said), waves(("a",)))
    assert len(models(made, "Span")) == spans
    areas = [each for each in models(made, "BoxAnnotation") if each.get("level") == "underlay"]
    assert len(areas) == boxes
    if spans:
        assert models(made, "Span")[0]["location"] == 0.5
        assert models(made, "Span")[0]["line_color"] == "#ff0000"


def test_thresholds_in_percent_are_of_the_range() -> None:
    steps = Thresholds(((-math.inf, "green"), (80.0, "red")), percentage=True)
    assert steps.spans(0, 50) == ((0, 40.0, "green"), (40.0, 50, "red"))
    assert steps.at(41, 0, 50) == "red"


def test_lines_of_another_unit_have_the_right_axis() -> None:
    other = {
        "matcher": {"id": "byFrameRefID", "options": "B"},
        "properties": [{"id": "unit", "value": "s"}],
    }
    made = drawn(
        panel("timeseries", formats=("time_series",) * 2, overrides=[other]),
        waves(("a",)),
        waves(("b",), ref="B"),
    )
    assert len(models(made, "LinearAxis")) == 2


@pytest.mark.parametrize(("style", "model"), [("bars", "VBar"), ("points", "Scatter")])
def test_other_styles_than_lines(style: str, model: str) -> None:
    made = drawn(panel("timeseries", defaults={"custom": {"drawStyle": style}}), waves(("a",)))
    assert models(made, model)
    assert not models(made, "MultiLine")


def test_a_lonely_point_is_seen() -> None:
    made = drawn(panel("timeseries"), Result(question(), (series({}, (None, 3.0, None)),)))
    assert models(made, "Scatter")


def test_a_legend_tells_what_calculations_make_of_a_line() -> None:
    said = {"displayMode": "table", "calcs": ["max", "lastNotNull"], "sortBy": "Max"}
    raw = panel("timeseries", defaults={"unit": "s"}, options={"legend": said})
    small, large = series({"n": "small"}, (1, 0.5)), series({"n": "large"}, (90, None))
    body = drawn(raw, Result(question(), (small, large))).body
    assert "<th>Max</th><th>Last</th>" in body
    assert "<td>1.50 mins</td><td>1.50 mins</td>" in body
    assert body.index("large") < body.index("small")


def test_a_legend_that_nobody_wants_is_not_there() -> None:
    said = {"legend": {"showLegend": False}}
    assert drawn(panel("timeseries", options=said), waves(("a",))).body == ""


def test_overrides_change_one_series() -> None:
    override = {
        "matcher": {"id": "byRegexp", "options": "/^web/"},
        "properties": [
            {"id": "displayName", "value": "Web"},
            {"id": "color", "value": {"mode": "fixed", "fixedColor": "dark-red"}},
        ],
    }
    made = lines(shown(panel("timeseries", overrides=[override]), waves(("web1", "mon1"))))
    assert [(line.name, line.colour) for line in made] == [("Web", "#C4162A"), ("mon1", "#EAB839")]


def _panel(**said: Any) -> Panel:
    return dashboard(panel("stat", **said)).panels[0]


def test_value_mappings() -> None:
    rules = [
        {"type": "value", "options": {"1": {"text": "up", "color": "green"}}},
        {"type": "range", "options": {"from": 5, "to": None, "result": {"text": "many"}}},
        {"type": "regex", "options": {"pattern": "/^v/", "result": {"text": "version"}}},
        {"type": "special", "options": {"match": "null", "result": {"text": "none"}}},
    ]
    said = [mapping(rules, value).get("text") for value in (1.0, 7.5, "v1", None, 2.0, "x")]
    assert said == ["up", "many", "version", "none", None, None]
    assert field(_panel(defaults={"mappings": rules})).colour(1.0, 0) == "#73BF69"


def test_colours_between_two_ends() -> None:
    assert mixed(("#000000", "#ffffff"), 0.5) == "#808080"
    said = field(_panel(defaults={"color": {"mode": "continuous-GrYlRd"}, "min": 0, "max": 10}))
    assert said.colour(10.0, 0).lower() == CONTINUOUS["continuous-GrYlRd"][-1].lower()
    assert colour("javascript:x", "#000") == "#000"


@pytest.mark.parametrize(
    ("calculation", "result"),
    [
        ("lastNotNull", 4), ("last", None), ("first", 1), ("min", 1), ("max", 4), ("mean", 7 / 3),
        ("sum", 7), ("count", 3), ("range", 3), ("diff", 3), ("delta", 3), ("unheard", 4),
    ],
)  # fmt: skip
def test_one_number_of_many(calculation: str, result: float | None) -> None:
    assert reduced(calculation, (1, 2, None, 4, None)) == result
    assert reduced(calculation, ()) in (None, 0)


def test_a_stat_is_its_last_number_in_its_unit_and_colour() -> None:
    steps = {"steps": [{"value": None, "color": "green"}, {"value": 2, "color": "red"}]}
    raw = panel("stat", defaults={"unit": "reqps", "thresholds": steps})
    body = drawn(raw, Result(question(), (series({}, (1.0, 1.5, 2.5, None)),))).body
    assert "2.50 req/s</strong>" in body
    assert "--c:#F2495C" in body
    assert "<polyline" in body


def test_stats_of_several_series_have_names() -> None:
    body = drawn(panel("stat"), instants({"a": 1, HOSTILE: 2})).body
    assert ">a</span>" in body
    assert "<script>" not in body


def test_a_gauge_goes_as_far_as_its_value() -> None:
    said = {"unit": "percentunit", "min": 0, "max": 1}
    half = drawn(panel("gauge", defaults=said), instants({"a": 0.5})).body
    assert "50%" in half
    assert "A 80 80 0 0 1 100.00 15.00" in half
    over = drawn(panel("gauge", defaults=said), instants({"a": 7})).body
    assert "A 80 80 0 0 1 180.00 95.00" in over


def test_bars_are_as_long_as_their_share_of_the_largest() -> None:
    body = drawn(panel("bargauge", defaults={"unit": "s"}), instants({"a": 1, "b": 4})).body
    assert "width:25.0%" in body
    assert "width:100.0%" in body


def test_slices_of_a_pie_have_shares() -> None:
    body = drawn(panel("piechart"), instants({"a": 1, "b": 3})).body
    assert "<em>25%</em>" in body
    assert "<em>75%</em>" in body
    # A whole circle has no beginning and no end, and is drawn all the same.
    assert " Z" in drawn(panel("piechart"), instants({"a": 1})).body


def test_bars_beside_each_other_for_every_row() -> None:
    made = drawn(panel("barchart"), instants({"a": 1, "b": 3}))
    assert models(made, "FactorRange")[0]["factors"] == ["a", "b"]
    assert len(models(made, "GlyphRenderer")) == 1


def test_a_table_is_merged_organised_and_sorted() -> None:
    raw = panel(
        "table",
        formats=("table", "table"),
        transformations=[
            {"id": "merge", "options": {}},
            {
                "id": "organize",
                "options": {
                    "excludeByName": {"Time": True},
                    "indexByName": {"Value #B": 0, "host": 1, "Value #A": 2},
                    "renameByName": {"Value #A": "Up", "Value #B": "Size", "host": "Host"},
                },
            },
        ],
        overrides=[
            {
                "matcher": {"id": "byName", "options": "Size"},
                "properties": [{"id": "unit", "value": "bytes"}],
            }
        ],
        options={"sortBy": [{"displayName": "Size", "desc": True}]},
    )
    answers = (instants({"a": 1, "b": 0}), instants({"a": 1024, "b": 4096}, "B"))
    body = drawn(raw, *answers).body
    heads = body.split("<tbody>", maxsplit=1)[0]
    assert heads.index("Size") < heads.index("Host") < heads.index("Up")
    assert body.index("4 KiB") < body.index("1 KiB")
    assert body.count("<tr>") == 3


@pytest.mark.parametrize(
    ("step", "columns", "first"),
    [
        ({"id": "limit", "options": {"limitField": 1}}, ["host", "Value"], "a"),
        ({"id": "filterFieldsByName", "options": {"include": {"names": ["host"]}}}, ["host"], "a"),
        ({"id": "sortBy", "options": {"sort": [{"field": "Value"}]}}, ["host", "Value"], "b"),
        ({"id": "renameByRegex", "options": {"regex": "V(.*)", "renamePattern": "W$1"}},
         ["host", "Walue"], "a"),
        ({"id": "groupBy", "options": {"fields": {
            "host": {"operation": "groupby"},
            "Value": {"operation": "aggregate", "aggregations": ["sum"]}}}},
         ["host", "Value (sum)"], "a"),
        ({"id": "joinByField", "options": {"byField": "host"}}, ["host", "Value"], "a"),
        ({"id": "labelsToFields", "options": {}}, ["host", "Value"], "a"),
        ({"id": "extractFields", "options": {"source": "labels"}}, ["host", "Value"], "a"),
    ],
)  # fmt: skip
def test_transformations(step: Any, columns: list[str], first: str) -> None:
    hide = {"id": "organize", "options": {"excludeByName": {"Time": True}}}
    raw = panel("table", formats=("table",), transformations=[step, hide])
    body = drawn(raw, instants({"a": 2, "b": 1})).body
    positions = [body.index(f">{name}</th>") for name in columns]
    assert positions == sorted(positions)
    assert f'<td class="text short">{first}</td>' in body.split("<tbody>", maxsplit=1)[1][:60]


def test_a_table_of_what_calculations_make_of_columns() -> None:
    steps = [{"id": "reduce", "options": {"reducers": ["max", "mean"]}}]
    body = drawn(panel("table", transformations=steps), waves(("a", "b"), 0, 10)).body
    assert ">Max</th>" in body
    assert body.count("<tr>") == 3


def test_an_unknown_transformation_is_told() -> None:
    raw = panel("table", formats=("table",), transformations=[{"id": "spatial", "options": {}}])
    assert drawn(raw, instants({"a": 1})).note == "not done here: transformation spatial"


def test_a_heatmap_tells_cumulative_buckets_apart() -> None:
    cumulative = Result(
        question(),
        (
            series({"le": "+Inf"}, (9, 9), "{{le}}"),
            series({"le": "0.1"}, (2, 4), "{{le}}"),
            series({"le": "1"}, (5, 4), "{{le}}"),
        ),
    )
    view = shown(panel("heatmap", formats=("heatmap",)), cumulative)
    moments, tops, counts = buckets(view)
    assert moments == [END - STEP, END]
    assert tops == [0.1, 1.0, math.inf]
    assert counts.tolist() == [[2, 4], [3, 0], [4, 5]]
    made = panels.draw(view)
    assert models(made, "Image")


def test_states_are_joined_while_they_last() -> None:
    up = {"type": "value", "options": {"0": {"text": "down"}, "1": {"text": "up"}}}
    values = (1, 1, 0, 0, None, 1)
    raw = panel("state-timeline", defaults={"mappings": [up]})
    made = drawn(raw, Result(question(), (series({"host": HOSTILE}, values, "{{host}}"),)))
    (columns,) = [dict(each["data"]["entries"]) for each in models(made, "ColumnDataSource")]
    assert columns["state"] == ["up", "down", "up"]
    assert columns["right"] == [(END - STEP * 3) * 1000, (END - STEP) * 1000, END * 1000]
    # Bokeh would take the dollars of a label for TeX.
    assert models(made, "PlainText")


def _logs(*found: LogLine) -> Result:
    return Result(question(kind="logs"), lines=found)


def test_lines_of_logs_have_levels_and_the_newest_comes_first() -> None:
    old = LogLine(END - 9, "old <b>", {"level": "WARN", "service": "app"})
    new = LogLine(END, "new", {"level": "error", "traceId": "abc"})
    body = drawn(panel("logs"), _logs(old, new)).body
    assert body.index("new") < body.index("old &lt;b&gt;")
    assert 'class="level-error"' in body
    assert 'class="level-warning"' in body
    assert "traceId=abc" in body
    upwards = panel("logs", options={"sortOrder": "Ascending"})
    body = drawn(upwards, _logs(old, new)).body
    assert body.index("old") < body.index("new")


def test_long_lines_and_many_lines_are_cut_and_told() -> None:
    many = [LogLine(END - n, "x" * 5000, {}) for n in range(300)]
    made = drawn(panel("logs"), _logs(*many))
    assert made.note == "200 of 300 lines"
    assert "3000 more characters" in made.body


def test_the_level_of_a_line_is_looked_for_under_its_names() -> None:
    assert level(LogLine(0, "", {"detected_level": "Fatal"})) == "critical"
    assert level(LogLine(0, "", {"level": HOSTILE})) == "unknown"


def test_traces_are_listed_with_their_length_and_id() -> None:
    slow = TraceSummary("f" * 32, "app", "GET /slow", END - 5, 1.5, 7, 2)
    body = drawn(panel("traces"), Result(question(kind="traces"), traces=(slow,))).body
    for words in ("f" * 32, "GET /slow", "1.50 s", "2 failed"):
        assert words in body
    table = drawn(panel("table"), Result(question(kind="traces"), traces=(slow,))).body
    assert "app: GET /slow" in table


def test_the_most_urgent_alert_comes_first() -> None:
    alerts = Result(
        question(),
        (
            series({"alertname": "A", "severity": "warning", "priority": "P2"}, (1.0,)),
            series({"alertname": "Z", "severity": "critical", "host": "web1"}, (1.0,)),
        ),
    )
    body = drawn(panel("alertlist"), alerts).body
    assert body.index(">Z<") < body.index(">A<")
    assert "host=web1" in body
    assert "P2 warning" in body


def test_links_lead_to_dashboards_of_the_report() -> None:
    body = drawn(panel("dashlist", options={"tags": ["stackwatch"]})).body
    assert '<a href="#d-a">Stack</a>' in body
    assert "Mine" not in body
    assert "Mine" in drawn(panel("dashlist")).body


def test_text_is_shown_as_it_was_written() -> None:
    said = {"content": "## Read me\nfirst\n\n<b>second</b>"}
    body = drawn(panel("text", options=said)).body
    assert "<h4>Read me</h4><p>first</p>" in body
    assert "&lt;b&gt;second&lt;/b&gt;" in body


def test_values_that_change_nothing_are_drawn_too() -> None:
    for value in (0.0, -3.0, 1e15):
        assert drawn(panel("timeseries"), Result(question(), (series({}, (value,) * 3),))).chart
    assert drawn(panel("timeseries"), waves(("a",), -5, 5)).chart
    assert wave(1).count(None) == 5
    logarithmic = {"custom": {"scaleDistribution": {"type": "log"}}}
    made = drawn(panel("timeseries", defaults=logarithmic), waves(("a",), 1, 1000))
    assert models(made, "LogAxis")


def test_fields_of_a_line_of_json_are_columns() -> None:
    steps = [{"id": "extractFields", "options": {"source": "Line"}}]
    said = json.dumps({"path": "/x", "durationMs": 12, "more": {"a": [1]}})
    found = _logs(LogLine(END, said, {}), LogLine(END, "no JSON", {}), LogLine(END, "[1]", {}))
    body = drawn(panel("table", transformations=steps), found).body
    assert ">path</th>" in body
    assert "<td>12</td>" in body


def test_a_share_has_no_room_for_more_than_all() -> None:
    raw = panel("timeseries", defaults={"unit": "percentunit"})
    assert models(drawn(raw, waves(("a",), 0, 1.1)), "Range1d")[1].get("end", 1) == 1
    assert models(drawn(raw, waves(("a",), 0, 2)), "Range1d")[1]["end"] > 1.8


def test_a_query_without_a_value_for_its_variable_is_no_failure() -> None:
    asked = question()
    missing = replace(asked, missing=("service",))
    body = drawn(panel("timeseries"), Result(missing, error="HTTP 400")).body
    assert "there is nothing to choose for service" in body
    no_trace = replace(asked, path="")
    assert "Nothing is chosen" in drawn(panel("traces"), Result(no_trace, error="HTTP 400")).body


def test_a_query_that_found_nothing_does_not_keep_rows_apart() -> None:
    raw = panel("table", formats=("table",) * 3, transformations=[{"id": "merge", "options": {}}])
    answers = (instants({"a": 1}), instants({"a": 2}, "B"), Result(question("C")))
    body = drawn(raw, *answers).body
    assert body.count("<tr>") == 2
    assert "<td>1</td><td>2</td><td>\N{EN DASH}</td>" in body


def test_a_mapped_word_has_its_colour_and_others_have_none() -> None:
    words = [{"type": "value", "options": {"P1": {"text": "urgent", "color": "red"}}}]
    override = {
        "matcher": {"id": "byName", "options": "priority"},
        "properties": [
            {"id": "mappings", "value": words},
            {"id": "custom.cellOptions", "value": {"type": "color-text"}},
        ],
    }
    raw = panel("table", formats=("table",), overrides=[override])
    body = drawn(raw, instants({"P1": 1, "P2": 1}, key="priority")).body
    assert '<td style="--c:#F2495C" class="text short tint">urgent</td>' in body
    assert '<td class="text short">P2</td>' in body
