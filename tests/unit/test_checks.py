"""Proving: a host's answers are read whole, and judged in words."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from pyinfra.api.exceptions import FactProcessError

from plugins.answers import Answer, Answers, Asked, StackwatchAnswers, parse_answers
from plugins.checks import DEEP, DONE, asked, judge, judge_services, questions
from plugins.judges import JUDGES
from plugins.model import Check, CheckKind, Component, Credentials, Endpoint, EndpointKind
from plugins.runtimes.systemd import Unit
from tests.unit.recorded import output
from tests.unit.sites import components, lone

COMPONENTS = components(lone(), "mon1")
PROMETHEUS = COMPONENTS["prometheus"]
ENDPOINT = Endpoint("prometheus", "mon1", EndpointKind.API, "10.0.0.1", 9090, "/api")


def test_recorded_answers() -> None:
    said = parse_answers(output("check_mon1.txt"))
    names = ("alertmanager", "blackbox", "node_exporter", "prometheus")
    assert said.units == {f"stackwatch-{name}.service": "active (running)" for name in names}
    assert [answer.status for answer in said.answers] == [200, 200, 0, 404, 200, 200, 200]
    assert json.loads(said.answers[0].body)[0] == {"name": "stackwatch-smoke"}
    assert said.answers[1].body.strip() == "Prometheus Server is Ready."
    assert said.answers[2].body.startswith("curl: (7) Failed to connect to 127.0.0.1 port 1")
    assert said.answers[3].body.strip() == "404 page not found"
    assert said.answers[6].body.startswith("modules:\n    # shortened\n    http_2xx:\n")


@pytest.mark.parametrize(
    ("lines", "answers"),
    [
        ([], ()),
        (["#answer 0 200"], (Answer(200, ""),)),
        (
            ["#answer 0 200", " # HELP up", " #answer 1 500", " #end"],
            (Answer(200, "# HELP up\n#answer 1 500\n#end"),),
        ),
        (["#answer 0 200", " a", " ", "  b"], (Answer(200, "a\n\n b"),)),
        (["#answer 0 204", "#answer 1 200", " x"], (Answer(204, ""), Answer(200, "x"))),
        (
            ["#answer 0 000", " curl: (28) Operation timed out", " "],
            (Answer(0, "curl: (28) Operation timed out\n"),),
        ),
    ],
)
def test_answers(lines: list[str], answers: tuple[Answer, ...]) -> None:
    assert parse_answers(["#units", *lines, "#end"]) == Answers({}, answers)


def test_units_in_any_order_of_their_properties() -> None:
    shown = ["SubState=failed", "Id=a.service", "NRestarts=4", "ActiveState=failed", ""]
    shown += ["ActiveState=active", "SubState=running", "NRestarts=0", "Id=b.service"]
    said = parse_answers(["#units", *shown, "#end"])
    assert said.units == {"a.service": "failed (failed)", "b.service": "active (running)"}


@pytest.mark.parametrize("kept", [0, 1, 10, -1])
def test_answers_that_were_cut_off_are_refused(kept: int) -> None:
    with pytest.raises(FactProcessError, match="cut off"):
        parse_answers(output("check_mon1.txt")[:kept])


TARGETS = ("node web1:9100", "node web2:9100")


def targets(**health: str) -> Any:
    active = [
        {
            "labels": {"job": "node", "instance": f"{host}:9100"},
            "health": said.split(" ")[0],
            "lastError": said.partition(" ")[2],
        }
        for host, said in health.items()
    ]
    return {"data": {"activeTargets": active}}


def rules(*names: str, **errors: str) -> Any:
    listed = [{"name": n, "health": "err", "lastError": e} for n, e in errors.items()]
    listed.append({"name": "fine", "health": "ok"})
    return {"data": {"groups": [{"name": name, "rules": listed} for name in names]}}


def alertmanagers(*urls: str) -> Any:
    return {"data": {"activeAlertmanagers": [{"url": url} for url in urls]}}


def members(count: int, status: str = "ready") -> Any:
    peers = [{"name": str(number)} for number in range(count)] or None
    return {"cluster": {"status": status, "peers": peers}}


def alerts(*names: str) -> Any:
    return [{"labels": {"alertname": name}} for name in names]


def probes(**values: str) -> Any:
    result = [{"metric": {"instance": i}, "value": [1.5, v]} for i, v in values.items()]
    return {"data": {"result": result}}


# What Grafana answers; these are mocks of its HTTP API, shortened, in the forms that
# https://grafana.com/docs/grafana/latest/developer-resources/api-reference/http-api/ shows.
def mock_health(status: str, message: str = "") -> Any:
    return {"status": status, "message": message}


def mock_search(**marks: str) -> Any:
    return [
        {"id": 1, "uid": uid, "title": uid, "type": "dash-db", "tags": ["stackwatch", mark]}
        for uid, mark in marks.items()
    ]


def mock_query(*names: str, **errors: str) -> Any:
    fine = {name: {"status": 200, "frames": [{"schema": {}, "data": {}}]} for name in names}
    bad = {name: {"status": 400, "error": said, "frames": []} for name, said in errors.items()}
    return {"results": {**fine, **bad}}


K = CheckKind
CASES: list[tuple[CheckKind, tuple[str, ...], Any, bool, str]] = [
    (K.HTTP, (), "fine", True, "HTTP 200"),
    (K.TARGETS, TARGETS, targets(web1="up", web2="up"), True, "2 up"),
    (K.TARGETS, TARGETS, targets(web1="up", web2="up", web3="down x"), True, "2 up"),
    (K.TARGETS, TARGETS, targets(web1="up"), False, "missing: node web2:9100"),
    (K.TARGETS, TARGETS, targets(), False, "missing: node web1:9100, node web2:9100"),
    (
        *(K.TARGETS, TARGETS, targets(web1="up", web2="down refused"), False),
        "node web2:9100 is down: refused",
    ),
    (K.TARGETS, TARGETS, targets(web1="up", web2="unknown"), True, "1 up, 1 not scraped yet"),
    (
        K.TARGETS,
        tuple(f"j {n}" for n in range(7)),
        targets(),
        False,
        "missing: j 0, j 1, j 2, j 3, j 4 and 2 more",
    ),
    (K.TARGETS_UP, TARGETS, targets(web1="up", web2="up"), True, "2 up"),
    (
        *(K.TARGETS_UP, TARGETS, targets(web1="up", web2="unknown"), False),
        "node web2:9100 is unknown: not scraped yet",
    ),
    (
        *(K.TARGETS_UP, TARGETS, targets(web2="down 500"), False),
        "missing: node web1:9100; node web2:9100 is down: 500",
    ),
    (K.RULES, ("a", "b"), rules("a", "b", "c"), True, "3 loaded"),
    (K.RULES, ("a", "b"), rules("a"), False, "not loaded: b"),
    (K.RULES, ("a",), rules("a", Bad="division"), False, "failing: Bad: division"),
    (K.RULES, ("a", "b"), rules("a", Bad="x"), False, "not loaded: b; failing: Bad: x"),
    (K.ALERTMANAGERS, ("u1", "u2"), alertmanagers("u2", "u1"), True, "u1, u2"),
    (K.ALERTMANAGERS, ("u1", "u2"), alertmanagers("u2"), False, "missing u1"),
    (K.MEMBERS, ("3",), members(3), True, "3 members, ready"),
    (K.MEMBERS, ("3",), members(2), False, "2 members, ready"),
    (K.MEMBERS, ("3",), members(0, "disabled"), False, "0 members, disabled"),
    (K.WATCHDOG, ("Watchdog",), alerts("Watchdog", "Other"), True, "firing"),
    (K.WATCHDOG, ("Watchdog",), alerts("Other"), False, "not there: Watchdog"),
    (K.WATCHDOG, ("Watchdog",), alerts(), False, "not there: Watchdog"),
    (K.PROBES, ("u1", "u2"), probes(u1="1", u2="1", u3="0"), True, "3 succeed"),
    (K.PROBES, ("u1", "u2"), probes(u1="1", u2="0"), False, "not successful: u2"),
    (K.PROBES, ("u1", "u2"), probes(u1="1"), False, "not successful: u2"),
    (K.DATASOURCE, ("must",), mock_health("OK", "working"), True, "OK: working"),
    (K.DATASOURCE, ("must",), mock_health("ERROR", "refused"), False, "ERROR: refused"),
    (K.PROXIED, (), "fine", True, "HTTP 200"),
    (
        K.DASHBOARDS,
        ("a sw-1", "b sw-2"),
        mock_search(a="sw-1", b="sw-2", c="x"),
        True,
        "2 as rendered",
    ),
    (K.DASHBOARDS, ("a sw-1", "b sw-2"), mock_search(a="sw-1"), False, "missing: b"),
    (K.DASHBOARDS, ("a sw-1",), mock_search(a="sw-0"), False, "not as rendered: a"),
    (K.QUERIES, ("a", "b"), mock_query("a", "b"), True, "2 answered"),
    (K.QUERIES, ("a", "b"), mock_query("a"), False, "not answered: b"),
    (K.QUERIES, ("a", "b"), mock_query("a", b="parse error"), False, "b: parse error"),
]


def verdict(kind: CheckKind, expected: tuple[str, ...], answer: Answer) -> tuple[bool, str]:
    check = Check("a check", kind, ENDPOINT, expected)
    (result,) = judge("mon1", [(PROMETHEUS, check)], Answers({}, (answer,)))
    assert (result.host, result.component, result.name) == ("mon1", "prometheus", "a check")
    assert result.where == "http://10.0.0.1:9090/api"
    assert result.expected
    return result.ok, result.seen


@pytest.mark.parametrize(("kind", "expected", "body", "ok", "seen"), CASES)
def test_verdicts(
    kind: CheckKind, expected: tuple[str, ...], body: Any, ok: bool, seen: str
) -> None:
    assert verdict(kind, expected, Answer(200, json.dumps(body))) == (ok, seen)


@pytest.mark.parametrize(("kind", "expected", "body"), [case[:3] for case in CASES if case[3]])
def test_a_good_body_does_not_make_up_for_the_status(
    kind: CheckKind, expected: tuple[str, ...], body: Any
) -> None:
    ok, seen = verdict(kind, expected, Answer(500, json.dumps(body)))
    assert not ok
    assert seen.startswith("HTTP 500 ")


def test_every_kind_of_check_is_judged_and_has_a_case_each_way() -> None:
    assert JUDGES.keys() | DONE == set(CheckKind)
    assert {kind for kind, *_, ok, _ in CASES if ok} == JUDGES.keys()
    assert {kind for kind, *_, ok, _ in CASES if not ok} == JUDGES.keys() - {K.HTTP, K.PROXIED}


@pytest.mark.parametrize("kind", JUDGES)
@pytest.mark.parametrize(
    ("answer", "seen"),
    [
        (Answer(500, "broken\n  inside"), "HTTP 500 broken inside"),
        (Answer(503, ""), "HTTP 503"),
        (Answer(301, "moved"), "HTTP 301 moved"),
        (Answer(0, "curl: (7) refused"), "curl: (7) refused"),
        (Answer(0, ""), "no answer"),
        (Answer(500, "x" * 900), "HTTP 500 " + "x" * 200),
    ],
)
def test_answers_that_are_no_success(kind: CheckKind, answer: Answer, seen: str) -> None:
    assert verdict(kind, ("3",), answer) == (False, seen)


def test_a_page_is_no_answer_of_an_api_behind_the_proxy() -> None:
    ok, seen = verdict(K.PROXIED, (), Answer(200, "<html>any path</html>"))
    assert (ok, seen) == (False, "no JSON: HTTP 200 <html>any path</html>")


@pytest.mark.parametrize("kind", [kind for kind in JUDGES if kind not in (K.HTTP, K.PROXIED)])
@pytest.mark.parametrize(
    "body",
    [
        *("<html>login</html>", "", "null", "5", '"text"', "{}", '{"data": null}', "[1]", "[{}]"),
        '{"status": "error", "error": "x"}',
        '{"data": {"activeTargets": [5], "groups": [5]}}',
        '{"data": {"activeAlertmanagers": [5], "result": [5]}}',
        '{"cluster": null}',
    ],
)
def test_bodies_of_another_form_never_raise(kind: CheckKind, body: str) -> None:
    ok, seen = verdict(kind, ("3",), Answer(200, body))
    assert not ok
    assert seen == f"HTTP 200 {body}".strip()


def test_an_answer_that_is_missing_is_no_success() -> None:
    check = Check("a check", K.HTTP, ENDPOINT)
    (result,) = judge("mon1", [(PROMETHEUS, check)], Answers())
    assert (result.ok, result.seen) == (False, "not asked")


@pytest.mark.parametrize(
    ("units", "ok", "seen"),
    [
        ({"stackwatch-prometheus.service": "active (running)"}, True, "active (running)"),
        ({"stackwatch-prometheus.service": "failed (failed)"}, False, "failed (failed)"),
        ({"stackwatch-prometheus.service": "active (exited)"}, False, "active (exited)"),
        ({}, False, "not there"),
    ],
)
def test_units_are_judged(units: dict[str, str], ok: bool, seen: str) -> None:
    (result,) = judge_services("mon1", [Unit(PROMETHEUS)], Answers(units))
    assert (result.ok, result.seen, result.name) == (ok, seen, "unit runs")


def kinds(pairs: tuple[tuple[Component, Check], ...]) -> set[CheckKind]:
    return {check.kind for _, check in pairs}


def test_quick_checks_and_deep_ones_are_asked_apart_and_all_of_them() -> None:
    quick, deep = (asked(COMPONENTS.values(), deep=deep) for deep in (False, True))
    assert kinds(quick) == {K.HTTP, K.TARGETS, K.RULES, K.ALERTMANAGERS}
    assert kinds(deep) == {K.TARGETS_UP, K.PROBES, K.WATCHDOG} < DEEP
    every = [(c.name, check.name) for c in COMPONENTS.values() for check in c.checks]
    found = [(c.name, check.name) for c, check in (*quick, *deep)]
    assert {*every} - {*found} == {("alertmanager", "an alert is delivered")}
    assert len(every) == len({*every}) == len(found) + 1


def test_questions_ask_for_bodies_only_where_they_are_read() -> None:
    check = Check("x", K.RULES, ENDPOINT)
    health = Check("y", K.HTTP, ENDPOINT)
    pairs = ((PROMETHEUS, check), (PROMETHEUS, health))
    made = questions(pairs)
    assert made == (
        Asked("body", "http://127.0.0.1:9090/api"),
        Asked("status", "http://127.0.0.1:9090/api"),
    )
    command = StackwatchAnswers().command((("body", "http://h/?a=1&b='"), ("status", "u")))
    assert command.startswith(
        """set -- body 'http://h/?a=1&b='"'"'' '' '' '' status u '' '' ''\n"""
    )


def test_a_question_logs_in_and_posts_where_its_check_says_so() -> None:
    login = Credentials("admin", "/secrets/password")
    check = Check("x", K.QUERIES, replace(ENDPOINT, credentials=login), ("a",), body="{}")
    (made,) = questions(((PROMETHEUS, check),))
    assert made == ("body", "http://127.0.0.1:9090/api", "admin", "/secrets/password", "{}")


@pytest.mark.parametrize("status", [207, 400])
def test_one_query_that_fails_does_not_hide_which(status: int) -> None:
    body = json.dumps(mock_query("a", b="parse error"))
    assert verdict(K.QUERIES, ("a", "b"), Answer(status, body)) == (False, "b: parse error")


def test_the_health_of_a_datasource_is_told_whatever_the_status() -> None:
    body = json.dumps(mock_health("ERROR", "connection refused"))
    assert verdict(K.DATASOURCE, ("must",), Answer(400, body)) == (
        False,
        "ERROR: connection refused",
    )


@pytest.mark.parametrize(("expected", "ok"), [((), True), (("must",), False)])
def test_only_what_people_declare_may_have_no_health_check(
    expected: tuple[str, ...], ok: bool
) -> None:
    assert verdict(K.DATASOURCE, expected, Answer(404, '{"message": "x"}'))[0] == ok


@pytest.mark.parametrize("kind", JUDGES)
def test_a_refused_login_is_told_as_what_it_is(kind: CheckKind) -> None:
    login = replace(ENDPOINT, credentials=Credentials("admin", "/secrets/password"))
    check = Check("a check", kind, login, ("a b",))
    (result,) = judge("mon1", [(PROMETHEUS, check)], Answers({}, (Answer(401, "{}"),)))
    assert not result.ok
    assert result.seen.startswith("HTTP 401: 'admin' has another password there")


def test_a_cluster_that_settles_is_not_ready_yet() -> None:
    body = json.dumps({"cluster": {"status": "settling", "peers": [{}, {}]}})
    settling = verdict(CheckKind.MEMBERS, ("2",), Answer(200, body))
    assert settling == (False, "2 members, settling")
    ready = Answer(200, body.replace("settling", "ready"))
    assert verdict(CheckKind.MEMBERS, ("2",), ready) == (True, "2 members, ready")
