"""The live check: what is asked where, and what is said of every answer."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from pyinfra.api.exceptions import PyinfraError
from rich.console import Console

from plugins.answers import Answer
from plugins.dashboards import told
from plugins.dashboards.catalogue import METRICS, uncatalogued
from plugins.dashboards.inquiry import Inquiry, batches, datasource, scrape_seconds
from plugins.dashboards.live import inquire
from plugins.dashboards.results import Question
from plugins.dashboards.substitution import Window
from plugins.dashboards.verdicts import State, absent_metrics, verdicts
from plugins.datasources import uid_of
from plugins.options import Options
from plugins.run import Run
from plugins.site import Site
from tests.unit.dashboard_files import LOKI, PROMETHEUS, Raw, board, made, needs, panel, target
from tests.unit.sites import compiled, on, two_and_three

WINDOW = Window(1000, 4600, 60)
SITE = compiled(on("mon1", "prometheus", "loki", address="10.0.0.1"), on("web1"))
Reply = Callable[[Question], Any]


def vector(*series: Mapping[str, str], value: str = "1") -> Any:
    result = [{"metric": labels, "value": [1, value]} for labels in series]
    return {"status": "success", "data": {"resultType": "vector", "result": result}}


NOTHING = vector()


def mock_answers(questions: Iterable[Question], reply: Reply) -> list[tuple[Question, Answer]]:
    """What HTTP would answer; a text is an error."""
    answers = []
    for question in questions:
        said = reply(question)
        status, body = (
            (400, {"status": "error", "error": said}) if isinstance(said, str) else (200, said)
        )
        answers.append((question, Answer(status, json.dumps(body))))
    return answers


def inquiry(raw: Raw, reply: Reply, site: Site = SITE) -> Inquiry:
    """An inquiry about one dashboard, over."""
    asked = Inquiry(site, [made(raw)], WINDOW)
    for _ in range(asked.rounds):
        asked.hear_variables(mock_answers(asked.for_variables(), reply))
    panels = [q for q in asked.for_panels() if q.path and asked.endpoint(q)]
    asked.hear_panels(mock_answers(panels, reply))
    asked.hear_names(mock_answers(asked.for_names(), reply))
    asked.hear_reasons(mock_answers(asked.for_reasons(), reply))
    asked.close()
    return asked


def said(raw: Raw, reply: Reply) -> list[tuple[State, str]]:
    return [(each.state, each.words) for each in verdicts(inquiry(raw, reply))]


def by_expr(answers: Mapping[str, Any]) -> Reply:
    """Answers by the query that is asked; nothing to any other."""
    return lambda question: answers.get(question.expr, NOTHING)


JOB = {"name": "job", "type": "query", "query": "label_values(up, job)", "datasource": PROMETHEUS}
NAMES = 'count by (__name__) ({__name__=~"up"})'


def of(*exprs: str, **more: Any) -> Raw:
    letters = "ABC"
    targets = [target(expr, refId=letters[n]) for n, expr in enumerate(exprs)]
    return board(panel(1, targets=targets, **more))


@pytest.mark.parametrize(
    ("raw", "answers", "expected"),
    [
        (of("up"), {"up": vector({}, {"job": "a"})}, (State.DATA, "2 series, 2 points")),
        (
            of("up", "down"),
            {"up": vector({})},
            (State.DATA, "1 series, 1 points; nothing for B"),
        ),
        (of("up", **needs(empty="no alert")), {}, (State.ALLOWED, "no alert")),
        (of("up"), {}, (State.EMPTY, "no series of up")),
        (
            of('up{job="x"}'),
            {NAMES: vector({"__name__": "up"})},
            (State.EMPTY, 'no series match up{job="x"}'),
        ),
        (
            of('up{job="x"} > 5'),
            {NAMES: vector({"__name__": "up"}), 'count(up{job="x"})': vector({})},
            (State.EMPTY, "every selector has series, and nothing is left of them: look at the"),
        ),
        (of("up"), {"up": vector({}, value="NaN")}, (State.EMPTY, "1 series, and none of their")),
        (of("up"), {"up": "many-to-many matching"}, (State.ERROR, "A: many-to-many matching")),
        (
            of("up", "down", **needs(empty="no alert")),
            {"up": vector({}), "down": "timed out"},
            (State.ERROR, "B: timed out"),
        ),
        (of("sum(up"), {}, (State.EMPTY, "nothing in 60 minutes for sum(up")),
    ],
)
def test_a_panel_is_judged_by_all_of_its_queries(
    raw: Raw, answers: Mapping[str, Any], expected: tuple[State, str]
) -> None:
    ((state, found),) = said(raw, by_expr(answers))
    assert state is expected[0]
    assert found.startswith(expected[1])


def test_logs_that_are_not_there_are_told_with_their_query() -> None:
    raw = board(panel(1, targets=[target('{a="b"}', datasource=LOKI)]))
    streams = {"status": "success", "data": {"resultType": "streams", "result": []}}
    assert said(raw, lambda question: streams) == [
        (State.EMPTY, 'nothing in 60 minutes for {a="b"}')
    ]
    line = {"stream": {}, "values": [["1", "text"]]}
    found = {"status": "success", "data": {"resultType": "streams", "result": [line]}}
    assert said(raw, lambda question: found) == [(State.DATA, "1 lines")]


def test_what_asks_nothing_or_somebody_else_is_neither_good_nor_bad() -> None:
    sql = panel(2, targets=[target("", datasource={"type": "mysql", "uid": "crm"})])
    assert said(board({**panel(1), "targets": [], "type": "text"}, sql), by_expr({})) == [
        (State.SILENT, "text"),
        (State.FOREIGN, "is a query of mysql"),
    ]


def test_a_datasource_that_the_site_has_not_is_an_error() -> None:
    raw = board(panel(1, targets=[target("", datasource={"type": "jaeger"}, service="a")]))
    asked = Inquiry(SITE, [made(raw)], WINDOW)
    asked.close()
    (verdict,) = verdicts(asked)
    assert (verdict.state, verdict.words) == (State.ERROR, "A: not asked: the site has no jaeger")


def test_what_has_nothing_to_look_for_may_be_empty() -> None:
    jaeger = {"datasource": {"type": "jaeger"}, "query": "$trace"}
    raw = board(
        panel(1, targets=[target("", **jaeger)], **needs(empty="until a trace is chosen")),
        panel(2, targets=[target("", **jaeger)]),
        templating={"list": [{"name": "trace", "type": "textbox", "query": ""}]},
    )
    assert said(raw, by_expr({})) == [
        (State.ALLOWED, "until a trace is chosen"),
        (State.EMPTY, "what it looks for is a variable without a value"),
    ]


def test_a_host_that_was_not_read_is_an_error() -> None:
    asked = Inquiry(SITE, [made(of("up"))], WINDOW)
    asked.close()
    (verdict,) = verdicts(asked)
    assert verdict.words == "A: not asked: mon1 is not in this run, or failed"


def with_job(query: str = 'up{job="$job"}') -> Raw:
    raw = of(query)
    raw["templating"]["list"].append(JOB)
    return raw


def test_a_variable_without_values_is_the_reason() -> None:
    empty = {"status": "success", "data": []}
    reply: Reply = lambda q: empty if q.kind == "values" else NOTHING  # noqa: E731
    assert said(with_job(), reply) == [(State.EMPTY, "variable job has no values")]
    refused: Reply = lambda q: "no such label" if q.kind == "values" else NOTHING  # noqa: E731
    assert said(with_job(), refused) == [(State.EMPTY, "variable job has no values: no such label")]


def test_values_of_variables_are_in_the_queries_of_panels() -> None:
    listed = {"status": "success", "data": ["shop", "web"]}
    answers = {'up{job="shop"}': vector({})}
    reply: Reply = lambda q: listed if q.kind == "values" else by_expr(answers)(q)  # noqa: E731
    assert [state for state, _ in said(with_job(), reply)] == [State.DATA]


def test_each_datasource_is_asked_where_it_is() -> None:
    both = board(
        panel(1, targets=[target("up")]),
        panel(2, targets=[target('{a="b"}', datasource=LOKI)]),
    )
    asked = Inquiry(SITE, [made(both)], WINDOW)
    urls = [
        found.at(question.path).local_url
        for question in asked.for_panels()
        if (found := asked.endpoint(question))
    ]
    assert [urlsplit(url).port for url in urls] == [9090, 3100]


def test_a_datasource_is_the_one_of_its_uid_else_the_first() -> None:
    site = two_and_three()
    hosts = [
        found.host if (found := datasource(site, "prometheus", uid)) else None
        for uid in ("prometheus-mon2", "Prometheus mon1", "${prometheus}", "", "thanos")
    ]
    assert hosts == ["mon2", "mon1", "mon1", "mon1", None]
    assert datasource(site, "loki", "") is None


def test_a_long_name_is_known_by_what_grafana_calls_it() -> None:
    host = "monitoring-number-one.south.example.org"
    site = compiled(on(host, "prometheus"), on("mon2", "prometheus"))
    found = datasource(site, "prometheus", uid_of("prometheus", host))
    assert found
    assert found.host == host


def test_a_datasource_that_is_no_component_of_the_site_is_not_asked() -> None:
    theirs = {"type": "prometheus", "uid": "thanos"}
    raw = board(panel(1, targets=[target("up", datasource=theirs)]))
    assert said(raw, by_expr({})) == [
        (State.FOREIGN, "is a query of 'thanos', which is no component of the site")
    ]


def test_only_names_of_metrics_that_are_asked_for_are_looked_for() -> None:
    asked = Inquiry(SITE, [made(of("sum(a) / b", "rate(c_total[5m])"))], WINDOW)
    asked.hear_panels(mock_answers(asked.for_panels(), by_expr({})))
    (question,) = asked.for_names()
    wanted = 'count by (__name__) ({__name__=~"a|b|c_total"})'
    assert parse_qs(urlsplit(question.path).query)["query"] == [wanted]


def test_reasons_are_looked_for_only_where_nothing_was_found() -> None:
    asked = Inquiry(SITE, [made(of("up", 'down{a="b"}'))], WINDOW)
    asked.hear_panels(mock_answers(asked.for_panels(), by_expr({"up": vector({})})))
    assert [question.expr for question in asked.for_reasons()] == ['count(down{a="b"})']


def test_metrics_that_are_nowhere_are_told() -> None:
    answers = {
        "up / down": vector({}),
        'count by (__name__) ({__name__=~"down|up"})': vector({"__name__": "up"}),
    }
    asked = inquiry(of("up / down"), by_expr(answers))
    assert absent_metrics(asked, asked.boards) == {"down"}
    assert absent_metrics(asked, []) == frozenset()


def test_metrics_that_begin_with_a_variable_are_not_looked_up() -> None:
    raw = of("${ns}_errors_total or up")
    raw["templating"]["list"].append({"name": "ns", "type": "constant", "query": "shop"})
    asked = inquiry(raw, by_expr({}))
    assert absent_metrics(asked, asked.boards) == {"up"}


def test_the_catalogue_knows_names_of_every_namespace_and_parts_of_histograms(
    tmp_path: Any,
) -> None:
    (tmp_path / "a.yml").write_text(
        'family: a\nmetrics: {"{ns}_score": gauge, "b_seconds": histogram, "c": summary}\n'
    )
    names = ["shop_score", "score", "b_seconds_bucket", "b_seconds", "c_sum", "c_bucket", "d"]
    assert uncatalogued(names, tmp_path) == ("c_bucket", "d", "score")


def test_our_catalogue_can_be_read() -> None:
    assert uncatalogued(["node_load5", "node_load6"], METRICS) == ("node_load6",)


def test_urls_are_read_in_as_few_commands_as_a_shell_takes() -> None:
    urls = [f"http://127.0.0.1/{number:04}/{'x' * 1000}" for number in range(200)]
    made = batches([*urls, *urls])
    assert [url for batch in made for url in batch] == urls
    assert len(made) == 4
    assert max(sum(len(url) + 6 for url in batch) for batch in made) <= 64_000
    assert batches([]) == ()


def test_scrapes_are_as_far_apart_as_the_slowest() -> None:
    assert scrape_seconds(SITE) == 15
    slow = compiled(on("mon1", "prometheus", prometheus={"scrape_interval": "1m"}))
    assert scrape_seconds(slow) == 60


@pytest.fixture
def output(monkeypatch: pytest.MonkeyPatch) -> io.StringIO:
    """What people see."""
    text = io.StringIO()
    monkeypatch.setattr(told, "screen", lambda: Console(file=text, width=200))
    monkeypatch.setattr(told, "failed_hosts", list)
    monkeypatch.setattr(told, "write", lambda run: None)
    return text


def run_of(asked: Inquiry) -> Run:
    return Run(SITE, Options.model_validate({}), {}, {}, inquiry=asked)


def test_the_report_names_every_panel_counts_and_says_what_to_do(output: io.StringIO) -> None:
    raw = board(
        panel(1, targets=[target("up")]),
        panel(2, targets=[target("down")]),
        panel(3, targets=[target("gone")], **needs(empty="no errors")),
        panel(4, targets=[target("bad")]),
        {**panel(5), "targets": [], "type": "text"},
    )
    run = run_of(inquiry(raw, by_expr({"up": vector({}), "bad": "too many samples"})))
    assert told.finish_dashboards(run) == 1
    lines = [" ".join(line.split()) for line in output.getvalue().splitlines()]
    assert "Panel 1 has data 1 series, 1 points" in lines
    assert "Panel 2 EMPTY no series of down" in lines
    assert "Panel 3 empty, allowed no errors" in lines
    assert "Panel 4 error A: too many samples" in lines
    assert (
        "5 panels of 1 dashboard: 1 have data, 1 are empty and may be, 1 are EMPTY and must not "
        "be, 1 could not be asked, 1 ask nothing."
    ) in lines
    assert [line.split(":")[0] for line in lines if line.startswith("Next")] == ["Next", "Next"]
    assert [(r.name, r.ok) for r in run.results] == [
        ("Panel 1", True),
        ("Panel 2", False),
        ("Panel 3", True),
        ("Panel 4", False),
    ]
    assert run.results[1].seen == "EMPTY: no series of down"
    assert run.results[1].where.endswith(":9090/ down")


def test_a_check_without_fault_says_so_and_ends_with_nothing(output: io.StringIO) -> None:
    asked = inquiry(of("up"), by_expr({"up": vector({}), NAMES: vector({"__name__": "up"})}))
    assert told.finish_dashboards(run_of(asked)) == 0
    assert "Every panel that must show something does." in output.getvalue()
    assert "Metrics that" not in output.getvalue()


@pytest.mark.parametrize("ours", [True, False])
def test_metrics_that_nobody_knows_are_named_and_ours_must_be_known(
    ours: bool, output: io.StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers = by_expr({"up / no_such": vector({}), NAMES: vector({"__name__": "up"})})
    asked = inquiry(of("up / no_such"), answers)
    monkeypatch.setattr(told, "library", lambda: asked.boards if ours else ())
    assert told.finish_dashboards(run_of(asked)) == (1 if ours else 0)
    assert "does not know: no_such" in (words := " ".join(output.getvalue().split()))
    assert ("correct the names of these metrics" in words) is ours


@pytest.mark.parametrize(
    ("uid", "said"),
    [
        ("stackwatch-nats", "'stackwatch-nats' is left out here: the site has nothing"),
        ("stackwatch-sistem", "Did you mean 'stackwatch-system'?"),
    ],
)
def test_a_dashboard_that_the_site_does_not_have_says_why(uid: str, said: str) -> None:
    run = Run(SITE, Options.model_validate({"dashboard": uid}), {}, {})
    with pytest.raises(PyinfraError, match=re.escape(said)):
        inquire(run)
