"""The thin layer: expressions, places, panels, and what becomes of a board."""

from typing import Any

import promql_parser
import pytest

from files.dashboards import promql
from files.dashboards.drawing import draw
from files.dashboards.layout import LayoutError, Place, arrange, flow
from files.dashboards.model import Board, Panel, Query, Row, Variable
from files.dashboards.panels import (
    bars,
    duration,
    errors,
    floors,
    heatmap,
    limits,
    lines,
    listing,
    logs,
    saturation,
    stat,
    table,
    traces,
)


def drawn(*panels: Panel, **more: Any) -> dict[str, Any]:
    board = Board(
        uid="stackwatch-x", title="X", about="X.", folder="X", rows=(Row("R", panels),), **more
    )
    return draw(board)


def first(panel: Panel) -> dict[str, Any]:
    made: dict[str, Any] = drawn(panel)["panels"][1]
    return made


def test_a_share_is_zero_without_errors_and_nothing_without_requests() -> None:
    expr = promql.share(promql.rate("bad_total", "job"), promql.rate("all_total", "job"))
    assert expr == (
        "(sum by (job) (rate(bad_total[$__rate_interval]))"
        " or sum by (job) (rate(all_total[$__rate_interval])) * 0)"
        " / (sum by (job) (rate(all_total[$__rate_interval])) > 0)"
    )
    promql_parser.parse(expr.replace("$__rate_interval", "5m"))


def test_quantiles_keep_the_buckets_and_the_labels() -> None:
    assert promql.quantile(0.95, "x_bucket", "path", window="5m") == (
        "histogram_quantile(0.95, sum by (path, le) (rate(x_bucket[5m])))"
    )


def test_panels_flow_into_lines_below_the_tallest() -> None:
    panels = [
        lines(str(n), "", "up", width=width, height=height)
        for n, (width, height) in enumerate([(8, 8), (8, 10), (8, 8), (12, 4)])
    ]
    assert [place for _, place in flow(panels, 1)] == [
        Place(0, 1, 8, 8),
        Place(8, 1, 8, 10),
        Place(16, 1, 8, 8),
        Place(0, 11, 12, 4),
    ]
    rows = [Row("one", panels), Row("two", panels[:1])]
    assert [heading.y for _, heading, _ in arrange(rows)] == [0, 15]


def test_a_panel_wider_than_the_grid_is_refused() -> None:
    with pytest.raises(LayoutError, match="Wide: is 25 wide"):
        list(flow([lines("Wide", "", "up", width=25)], 0))


def test_errors_draw_their_limits_and_durations_their_exemplars() -> None:
    failed = first(errors("E", "", "bad_total", "all_total", "job", "path"))
    defaults = failed["fieldConfig"]["defaults"]
    assert defaults["unit"] == "percentunit"
    assert [step["value"] for step in defaults["thresholds"]["steps"]] == [None, 0.005, 0.02, 0.05]
    assert defaults["custom"]["thresholdsStyle"] == {"mode": "dashed"}
    assert failed["targets"][0]["legendFormat"] == "{{job}} {{path}}"

    slow = first(duration("D", "", "x_seconds", "{a=~'b'}", "path"))
    assert [target["legendFormat"] for target in slow["targets"]] == [
        "p50 {{path}}",
        "p95 {{path}}",
        "p99 {{path}}",
    ]
    assert [target["refId"] for target in slow["targets"]] == ["A", "B", "C"]
    assert all(target["exemplar"] for target in slow["targets"])


def test_limits_are_above_and_floors_below() -> None:
    assert limits(1, 2) == ((None, "green"), (1, "yellow"), (2, "red"))
    assert floors(1, 2) == ((None, "red"), (1, "yellow"), (2, "green"))


def test_a_number_of_now_is_asked_of_now_unless_its_past_is_drawn() -> None:
    for panel, instant in (
        (stat("S", "", "up"), True),
        (stat("S", "", "count(up) or vector(0)", trend=True), False),
    ):
        (target,) = first(panel)["targets"]
        assert target["instant"] is instant
        assert target["legendFormat"] == "S"


@pytest.mark.parametrize(
    ("panel", "kind"),
    [
        (saturation("S", "", "up", "{{job}}"), "timeseries"),
        (stat("S", "", "up"), "stat"),
        (bars("B", "", "up", "{{job}}"), "bargauge"),
        (heatmap("H", "", "x_bucket"), "heatmap"),
        (logs("L", "", "{a='b'}"), "logs"),
        (traces("T", "", "${traceId}"), "traces"),
        (table("T", "", ("up",), {"job": "Job"}), "table"),
        (listing("dashlist", "D", "", {"tags": ["x"]}), "dashlist"),
    ],
)
def test_a_panel_becomes_its_type(panel: Panel, kind: str) -> None:
    assert first(panel)["type"] == kind


def test_a_table_of_several_answers_is_merged_and_one_of_one_is_not() -> None:
    single = first(table("T", "", ("up",), {"job": "Job", "Value #A": "Up"}))
    assert [step["id"] for step in single["transformations"]] == ["organize"]
    assert single["transformations"][0]["options"]["renameByName"] == {"job": "Job", "Value": "Up"}
    several = first(table("T", "", ("up", "down"), {"job": "Job", "Value #A": "Up"}))
    assert [step["id"] for step in several["transformations"]] == ["merge", "organize"]
    assert all(t["format"] == "table" and t["instant"] for t in several["targets"])


def test_a_board_names_the_datasources_it_asks_and_what_its_panels_need() -> None:
    made = drawn(
        lines("P", "", "up", "x", needs=("jobs",), empty="nothing ran"),
        logs("L", "", "{a='b'}"),
        variables=(
            Variable(kind="custom", name="n", label="N", about="", values="1, 2", default="2"),
        ),
    )
    listed = made["templating"]["list"]
    assert [(each["name"], each["type"]) for each in listed] == [
        ("prometheus", "datasource"),
        ("loki", "datasource"),
        ("n", "custom"),
    ]
    assert listed[2]["current"]["value"] == "2"
    assert [panel.get("stackwatch") for panel in made["panels"]] == [
        None,
        {"needs": ["jobs", "prometheus"], "empty": "nothing ran"},
        {"needs": ["loki"]},
    ]


def test_what_has_no_expression_is_asked_in_the_datasources_own_words() -> None:
    search = Query("", source="jaeger", native={"queryType": "search", "service": "x"})
    made = first(Panel(kind="table", title="T", about="", unit="none", queries=(search,)))
    assert made["targets"] == [
        {
            "datasource": {"type": "jaeger", "uid": "${jaeger}"},
            "queryType": "search",
            "refId": "A",
            "service": "x",
        }
    ]
