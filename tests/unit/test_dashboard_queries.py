"""What panels and variables ask, with values as Grafana puts them, and how answers are read."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from plugins.dashboards.document import Dashboard
from plugins.dashboards.queries import LogLine, Question, TraceSummary, parse, questions
from plugins.dashboards.results import Kind, legend
from plugins.dashboards.substitution import Value, Window, substitute
from plugins.dashboards.variables import Choice, asked, given, learned, rounds
from tests.unit.dashboard_files import LOKI, PROMETHEUS, Raw, board, made, panel, source, target

WINDOW = Window(start=1000, end=4600, step=60)
JAEGER = {"type": "jaeger", "uid": "${jaeger}"}
SPAN = {"start": ["1000"], "end": ["4600"]}
NANOSECONDS = {"start": ["1000000000000"], "end": ["4600000000000"]}


@pytest.mark.parametrize(
    ("text", "values", "expected"),
    [
        ("${ns}_up", {"ns": "shop"}, "shop_up"),
        ("$ns", {"ns": "shop"}, "shop"),
        ("[[ns]]_up", {"ns": "shop"}, "shop_up"),
        ('up{job=~"$job"}', {"job": ("a",)}, 'up{job=~"a"}'),
        ('up{job=~"$job"}', {"job": ("a", "b.c")}, r'up{job=~"(a|b\\.c)"}'),
        ('up{job=~"$job"}', {"job": (r"a\b",)}, r'up{job=~"a\\\\b"}'),
        ('up{job=~"$job"}', {"job": ".+"}, 'up{job=~".+"}'),
        ("${job:regex}", {"job": ("a/", "b.c")}, r"(a\/|b\.c)"),
        ("${job:pipe} ${job:csv} ${job:raw} ${job:glob}", {"job": ("a", "b")}, "a|b a,b a,b {a,b}"),
        ("${job:singlequote} ${job:doublequote}", {"job": ("a", "b'")}, "'a','b\\'' \"a\",\"b'\""),
        ("${job:json} ${job:percentencode}", {"job": "a b"}, '"a b" a%20b'),
        ("$other ${other}", {"ns": "shop"}, "$other ${other}"),
        ("rate(up[$__rate_interval])", {}, "rate(up[75s])"),
        ("$__interval $__interval_ms $__range", {}, "60s 60000 3600s"),
        ("$__range_s ${__from} ${__to} $__range_ms", {}, "3600 1000000 4600000 3600000"),
    ],
)
def test_values_stand_as_grafana_would_put_them(
    text: str, values: dict[str, Value], expected: str
) -> None:
    assert substitute(text, values, WINDOW) == expected


def test_a_rate_looks_back_four_scrapes_at_least() -> None:
    short = Window(start=0, end=600, step=5, scrape=15)
    assert substitute("$__rate_interval", {}, short) == "60s"


def query(raw: Raw, **values: Value) -> Question:
    """The one question of a panel with one query."""
    dashboard = made(board(panel(1, targets=[raw])))
    (question,) = questions(dashboard, values, WINDOW.start, WINDOW.end, WINDOW.step)
    return question


def split(question: Question) -> tuple[str, dict[str, list[str]]]:
    parts = urlsplit(question.path)
    return parts.path, parse_qs(parts.query)


@pytest.mark.parametrize(
    ("raw", "kind", "path", "parameters"),
    [
        (
            target("rate(up[$__range])"),
            "range",
            "/api/v1/query_range",
            {"query": ["rate(up[3600s])"], **SPAN, "step": ["60"]},
        ),
        (
            target("up", instant=True, range=False),
            "instant",
            "/api/v1/query",
            {"query": ["up"], "time": ["4600"]},
        ),
        (
            target('{service="$s"} |= "a b&c"', datasource=LOKI),
            "logs",
            "/loki/api/v1/query_range",
            {"query": ['{service="$s"} |= "a b&c"'], **NANOSECONDS, "limit": ["50"]},
        ),
        (
            target('{a="b"}', datasource=LOKI, maxLines=5),
            "logs",
            "/loki/api/v1/query_range",
            {"query": ['{a="b"}'], **NANOSECONDS, "limit": ["5"]},
        ),
        (
            target("sum(count_over_time({a='b'}[5m]))", datasource=LOKI),
            "range",
            "/loki/api/v1/query_range",
            {"query": ["sum(count_over_time({a='b'}[5m]))"], **NANOSECONDS, "step": ["60"]},
        ),
        (
            target("sum(rate({a='b'}[5m]))", datasource=LOKI, queryType="instant"),
            "instant",
            "/loki/api/v1/query",
            {"query": ["sum(rate({a='b'}[5m]))"], "time": ["4600"]},
        ),
        (
            target("", datasource=JAEGER, queryType="search", service="shop", limit=3),
            "traces",
            "/api/traces",
            {
                "service": ["shop"],
                "start": ["1000000000"],
                "end": ["4600000000"],
                "limit": ["3"],
            },
        ),
        (target("", datasource=JAEGER, query="ab12"), "traces", "/api/traces/ab12", {}),
    ],
)
def test_a_query_is_one_get(raw: Raw, kind: Kind, path: str, parameters: dict[str, Any]) -> None:
    question = query(raw)
    assert question.kind == kind
    assert split(question) == (path, parameters)
    assert not set(question.path) & set(" \"'{}|&") - {"&"}


def test_a_trace_that_is_not_chosen_is_not_asked_for() -> None:
    question = query(target("", datasource=JAEGER, query="$trace"), trace="")
    assert (question.kind, question.path) == ("traces", "")


def test_other_datasources_are_not_asked() -> None:
    dashboard = made(board(panel(1, targets=[target("x", datasource={"type": "mysql"})])))
    assert questions(dashboard, {}, 0, 60, 15) == ()


def test_a_question_tells_which_variables_have_no_value() -> None:
    listed = [source("prometheus"), variable("ns"), {"name": "text", "type": "textbox"}]
    dashboard = made(
        board(panel(1, targets=[target("${ns}_up{a='$text'}")]), templating={"list": listed})
    )
    (question,) = questions(dashboard, {"ns": "", "text": ""}, 0, 60, 15)
    assert question.missing == ("ns",)
    (question,) = questions(dashboard, {"ns": "shop"}, 0, 60, 15)
    assert question.missing == ()


def variable(name: str, query: Any = "label_values(up, job)", **more: Any) -> Raw:
    return {"name": name, "type": "query", "query": query, "datasource": PROMETHEUS, **more}


def with_variables(*listed: Raw) -> Dashboard:
    return made(board(panel(1), templating={"list": [source("prometheus"), *listed]}))


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ({"type": "custom", "query": "a, b : bee"}, "a"),
        ({"type": "custom", "query": "a,b", "current": {"value": "b"}}, "b"),
        ({"type": "custom", "query": "a,b", "includeAll": True, "multi": True}, ("a", "b")),
        ({"type": "custom", "query": "a,b", "multi": True}, ("a",)),
        ({"type": "custom", "query": "All : .+,b"}, ".+"),
        ({"type": "interval", "query": "1m,5m", "current": {"value": "$__auto_interval_x"}}, "1m"),
        ({"type": "constant", "query": "shop"}, "shop"),
        ({"type": "textbox", "query": ""}, ""),
        ({"type": "datasource", "query": "loki"}, "loki"),
    ],
)
def test_variables_that_tell_their_values_are_not_asked_for(said: Raw, expected: Value) -> None:
    dashboard = with_variables({"name": "it", **said})
    assert given(dashboard)["it"] == expected
    assert asked(dashboard, given(dashboard), WINDOW) == ()


@pytest.mark.parametrize(
    ("text", "path", "parameters"),
    [
        ("label_values(job)", "/api/v1/label/job/values", SPAN),
        (
            'label_values(up{a=~"x,y"}, job)',
            "/api/v1/label/job/values",
            {"match[]": ['up{a=~"x,y"}'], **SPAN},
        ),
        ("label_names()", "/api/v1/labels", SPAN),
        ("metrics(up.*)", "/api/v1/label/__name__/values", SPAN),
        ("query_result(count(up))", "/api/v1/query", {"query": ["count(up)"], "time": ["4600"]}),
        ("up", "/api/v1/query", {"query": ["up"], "time": ["4600"]}),
    ],
)
def test_a_variable_of_prometheus_is_asked(
    text: str, path: str, parameters: dict[str, Any]
) -> None:
    dashboard = with_variables(variable("it", {"query": text, "refId": "x"}))
    (question,) = asked(dashboard, {}, WINDOW)
    assert (question.kind, question.ref, question.panel) == ("values", "it", 0)
    assert split(question) == (path, parameters)


@pytest.mark.parametrize(
    ("said", "path", "more"),
    [
        ({"label": "service", "stream": "", "type": 1}, "label/service/values", {}),
        (
            {"label": "service", "stream": '{host="$h"}', "type": 1},
            "label/service/values",
            {"query": ['{host="h1"}']},
        ),
        ('label_values({a="b"}, service)', "label/service/values", {"query": ['{a="b"}']}),
        ("label_names()", "labels", {}),
    ],
)
def test_a_variable_of_loki_is_asked(said: Any, path: str, more: dict[str, Any]) -> None:
    dashboard = with_variables(variable("it", said, datasource=LOKI))
    (question,) = asked(dashboard, {"h": "h1"}, WINDOW)
    assert question.datasource == "loki"
    assert split(question) == (f"/loki/api/v1/{path}", {**more, **NANOSECONDS})


def test_variables_are_asked_when_those_they_need_have_values() -> None:
    dashboard = with_variables(
        variable("host", 'label_values(up{environment="$environment", ns="$ns"}, host)'),
        variable("environment", "label_values(${ns}_up, environment)"),
        variable("ns"),
    )
    assert rounds(dashboard) == 3
    first = asked(dashboard, {}, WINDOW)
    assert [question.ref for question in first] == ["ns"]
    second = asked(dashboard, {"ns": "shop"}, WINDOW)
    assert [(question.ref, question.expr) for question in second] == [
        ("environment", "label_values(shop_up, environment)")
    ]
    third = asked(dashboard, {"ns": "shop", "environment": ""}, WINDOW)
    assert [question.ref for question in third] == ["host"]


def test_variables_that_need_each_other_do_not_go_on_for_ever() -> None:
    both = variable("a", "label_values(up{x='$b'}, a)"), variable("b", "label_values($a, b)")
    assert rounds(with_variables(*both)) == 0


NAMES = {
    "status": "success",
    "data": ["prometheus_http_requests_total", "shop_http_requests_total"],
}
ROWS = {
    "status": "success",
    "data": {
        "resultType": "vector",
        "result": [{"metric": {"__name__": "up", "job": "a"}, "value": [1.5, "1"]}],
    },
}


def choice(said: Raw, body: Any, status: int = 200) -> Choice:
    dashboard = with_variables(said)
    (question,) = asked(dashboard, {}, WINDOW)
    return learned(dashboard, question, status, body if isinstance(body, str) else json.dumps(body))


LETTERS = {"status": "success", "data": ["b", "c", "a"]}


@pytest.mark.parametrize(
    ("said", "body", "value", "found"),
    [
        (variable("it"), LETTERS, "b", ("b", "c", "a")),
        (variable("it", sort=1), LETTERS, "a", ("a", "b", "c")),
        (variable("it", sort=2), LETTERS, "c", ("c", "b", "a")),
        (variable("it", sort=3), {"data": ["v10", "v9"]}, "v9", ("v9", "v10")),
        (variable("it", current={"value": "c"}), LETTERS, "c", ("b", "c", "a")),
        (variable("it", current={"value": "gone"}), LETTERS, "b", ("b", "c", "a")),
        (variable("it", includeAll=True), LETTERS, ("b", "c", "a"), ("b", "c", "a")),
        (variable("it", includeAll=True, allValue=".+"), LETTERS, ".+", ("b", "c", "a")),
        (
            variable("it", includeAll=True, multi=True, current={"value": ["a", "b"]}),
            LETTERS,
            ("b", "a"),
            ("b", "c", "a"),
        ),
        (variable("it", multi=True), LETTERS, ("b",), ("b", "c", "a")),
        (
            variable("it", regex="/^(?!prometheus_)(.*)_http_requests_total$/"),
            NAMES,
            "shop",
            ("shop",),
        ),
        (variable("it", regex="(?<value>s..p)"), NAMES, "shop", ("shop",)),
        (variable("it", regex="shop"), NAMES, "shop", ("shop",)),
        (variable("it", "metrics(^shop)"), NAMES, NAMES["data"][1], (NAMES["data"][1],)),
        (variable("it", "query_result(up)"), ROWS, 'up{job="a"} 1 1500', ('up{job="a"} 1 1500',)),
        (variable("it", "query_result(up)", regex='/job="([^"]+)"/'), ROWS, "a", ("a",)),
        (variable("it"), {"status": "success", "data": []}, "", ()),
    ],
)
def test_the_answer_for_a_variable_becomes_its_value(
    said: Raw, body: Any, value: Value, found: tuple[str, ...]
) -> None:
    assert choice(said, body) == Choice("it", value, found)


@pytest.mark.parametrize(
    ("status", "body", "error"),
    [
        (0, "curl: (7) Failed to connect", "curl: (7) Failed to connect"),
        (400, json.dumps({"status": "error", "error": "bad selector"}), "bad selector"),
        (200, json.dumps({"data": 5}), "no answer of prometheus"),
    ],
)
def test_a_variable_that_cannot_be_asked_says_why(status: int, body: str, error: str) -> None:
    assert choice(variable("it"), body, status) == Choice("it", "", error=error)


def question(kind: Kind, legend: str = "{{job}}", datasource: str = "prometheus") -> Question:
    return Question("d", 1, "A", datasource, "x", "/x", kind, legend)


def numbers(kind: str, *result: Any) -> str:
    data = {"resultType": kind, "result": list(result) if kind != "scalar" else result[0]}
    return json.dumps({"status": "success", "data": data})


def test_a_matrix_is_series_with_their_legends() -> None:
    body = numbers("matrix", {"metric": {"job": "a"}, "values": [[1, "1.5"], [2, "NaN"]]})
    result = parse(question("range"), 200, body)
    (series,) = result.series
    assert (series.legend, series.times, series.values) == ("a", (1.0, 2.0), (1.5, None))
    assert (result.points, result.empty, result.error) == (1, False, "")


@pytest.mark.parametrize(
    ("body", "points"),
    [
        (numbers("vector", {"metric": {}, "value": [1, "2"]}), 1),
        (numbers("scalar", [1, "2"]), 1),
        (numbers("vector", {"metric": {}, "value": [1, "+Inf"]}), 0),
        (numbers("vector"), 0),
    ],
)
def test_a_vector_is_series_of_one_point(body: str, points: int) -> None:
    result = parse(question("instant"), 200, body)
    assert (result.points, result.empty) == (points, points == 0)


def test_streams_are_lines_the_latest_first() -> None:
    streams = [
        {"stream": {"service": "a"}, "values": [["1000000000", "one"]]},
        {"stream": {"service": "b"}, "values": [["3000000000", "three"], ["2000000000", "two"]]},
    ]
    result = parse(question("logs", datasource="loki"), 200, numbers("streams", *streams))
    assert [line.line for line in result.lines] == ["three", "two", "one"]
    assert result.lines[0] == LogLine(3.0, "three", {"service": "b"})


def test_a_trace_is_told_by_its_first_span() -> None:
    spans = [
        {
            "spanID": "b",
            "operationName": "SELECT",
            "startTime": 1_500_000,
            "duration": 900_000,
            "processID": "p2",
            "references": [{"spanID": "a"}],
            "tags": [{"key": "error", "value": True}],
        },
        {
            "spanID": "a",
            "operationName": "GET /",
            "startTime": 1_000_000,
            "duration": 1_000_000,
            "processID": "p1",
            "tags": [{"key": "http.status_code", "value": 200}],
        },
    ]
    services = {"p1": {"serviceName": "shop"}, "p2": {"serviceName": "db"}}
    body = json.dumps({"data": [{"traceID": "t", "spans": spans, "processes": services}]})
    result = parse(question("traces", datasource="jaeger"), 200, body)
    assert result.traces == (TraceSummary("t", "shop", "GET /", 1.0, 1.4, 2, 1),)


@pytest.mark.parametrize(
    ("status", "body", "error"),
    [
        (0, "curl: (28) timed out", "curl: (28) timed out"),
        (0, "", "no answer"),
        (400, '{"status":"error","error":"parse error"}', "parse error"),
        (502, "<html>\nbad gateway", "HTTP 502 <html> bad gateway"),
        (404, '{"message": "x"}', 'HTTP 404 {"message": "x"}'),
        (200, '{"data": {"result": 5}}', "an answer that no prometheus gives"),
        (200, '{"data": null, "errors": [{"msg": "no trace"}]}', "no trace"),
    ],
)
def test_no_answer_says_why(status: int, body: str, error: str) -> None:
    result = parse(question("range"), status, body)
    assert error in result.error
    assert result.empty


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("{{job}} on {{ host }}", "a on h"),
        ("{{none}}", ""),
        ("", 'up{host="h", job="a"}'),
        ("__auto", 'up{host="h", job="a"}'),
        ("p95", "p95"),
    ],
)
def test_series_are_called_as_their_legend_says(pattern: str, expected: str) -> None:
    assert legend(pattern, {"__name__": "up", "job": "a", "host": "h"}) == expected
