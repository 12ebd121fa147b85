"""Judge what a component answered, one kind of check each. Pure functions."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from plugins.answers import Answer
from plugins.model import Check, CheckKind

Verdict = tuple[bool, str, str]


def _json(answer: Answer) -> Any:
    """The parsed body of a successful answer, else None (status and body say why)."""
    try:
        return json.loads(answer.body) if answer.status == 200 else None
    except ValueError:
        return None


def _seen(answer: Answer) -> str:
    words = " ".join(answer.body.split())[:200]
    return f"HTTP {answer.status} {words}".strip() if answer.status else words or "no answer"


def _http(answer: Answer, check: Check) -> Verdict:
    ok = 200 <= answer.status < 300
    return ok, "HTTP 2xx", f"HTTP {answer.status}" if ok else _seen(answer)


def _proxied(answer: Answer, check: Check) -> Verdict:
    """An API answered; a page is what some stores have for every path that they do not know."""
    wanted = "HTTP 2xx with JSON"
    if not 200 <= answer.status < 300:
        return False, wanted, _seen(answer)
    try:
        json.loads(answer.body)
    except ValueError:
        return False, wanted, f"no JSON: {_seen(answer)}"
    return True, wanted, f"HTTP {answer.status}"


def _listed(names: Iterable[str]) -> str:
    listed = sorted(names)
    more = f" and {len(listed) - 5} more" if len(listed) > 5 else ""
    return ", ".join(listed[:5]) + more


def _targets(answer: Answer, check: Check) -> Verdict:
    """Every expected target is there and none is down; one not scraped yet is told.

    After a start or a reload a target has no health until its next scrape.
    """
    return _target_verdict(answer, check, accepted=frozenset({"up", "unknown"}))


def _targets_up(answer: Answer, check: Check) -> Verdict:
    """Every expected target is there and was scraped with success."""
    return _target_verdict(answer, check, accepted=frozenset({"up"}))


def _target_verdict(answer: Answer, check: Check, accepted: frozenset[str]) -> Verdict:
    wanted = f"{len(check.expected)} targets up"
    body = _json(answer)
    if body is None:
        return False, wanted, _seen(answer)
    expected = frozenset(check.expected)
    found = {
        name: target
        for target in body["data"]["activeTargets"]
        if (name := f"{target['labels']['job']} {target['labels']['instance']}") in expected
    }
    bad = [
        f"{name} is {target['health']}: {target['lastError'] or 'not scraped yet'}"
        for name, target in found.items()
        if target["health"] not in accepted
    ]
    missing = expected - found.keys()
    faults = [f"missing: {_listed(missing)}"] if missing else []
    faults += [_listed(bad)] if bad else []
    up = sum(target["health"] == "up" for target in found.values())
    waiting = f", {len(found) - up} not scraped yet" if up < len(found) else ""
    return not faults, wanted, "; ".join(faults) or f"{up} up{waiting}"


def _rules(answer: Answer, check: Check) -> Verdict:
    """Every expected rule group is loaded and no rule of any group fails."""
    wanted = f"{len(check.expected)} rule groups loaded"
    body = _json(answer)
    if body is None:
        return False, wanted, _seen(answer)
    groups = {group["name"]: group for group in body["data"]["groups"]}
    missing = set(check.expected) - groups.keys()
    failing = [
        f"{rule['name']}: {rule.get('lastError', '')}"
        for group in groups.values()
        for rule in group["rules"]
        if rule["health"] == "err"
    ]
    faults = [f"not loaded: {_listed(missing)}"] if missing else []
    faults += [f"failing: {_listed(failing)}"] if failing else []
    return not faults, wanted, "; ".join(faults) or f"{len(groups)} loaded"


def _alertmanagers(answer: Answer, check: Check) -> Verdict:
    wanted = f"{len(check.expected)} Alertmanagers: {_listed(check.expected)}"
    body = _json(answer)
    if body is None:
        return False, wanted, _seen(answer)
    active = {entry["url"] for entry in body["data"]["activeAlertmanagers"]}
    missing = set(check.expected) - active
    return not missing, wanted, f"missing {_listed(missing)}" if missing else _listed(active)


def _members(answer: Answer, check: Check) -> Verdict:
    """The cluster of an Alertmanager is ready and has as many members as the site says."""
    wanted = f"{check.expected[0]} cluster members"
    body = _json(answer)
    if body is None:
        return False, wanted, _seen(answer)
    cluster = body["cluster"]
    members = len(cluster.get("peers") or [])
    ok = members == int(check.expected[0]) and cluster["status"] == "ready"
    return ok, f"{wanted}, ready", f"{members} members, {cluster['status']}"


def _watchdog(answer: Answer, check: Check) -> Verdict:
    wanted = f"alert {_listed(check.expected)} firing"
    body = _json(answer)
    if not isinstance(body, list):
        return False, wanted, _seen(answer)
    firing = {alert["labels"]["alertname"] for alert in body}
    missing = set(check.expected) - firing
    return not missing, wanted, f"not there: {_listed(missing)}" if missing else "firing"


def _probes(answer: Answer, check: Check) -> Verdict:
    wanted = f"{len(check.expected)} probes succeed"
    body = _json(answer)
    if body is None:
        return False, wanted, _seen(answer)
    value = {r["metric"]["instance"]: r["value"][1] for r in body["data"]["result"]}
    bad = [url for url in check.expected if value.get(url) != "1"]
    return not bad, wanted, f"not successful: {_listed(bad)}" if bad else f"{len(value)} succeed"


def _datasource(answer: Answer, check: Check) -> Verdict:
    """The health check of a datasource; ``expected`` says whether its type must have one."""
    if answer.status == 404 and not check.expected:
        return True, "its health", "its type has no health check"
    body = json.loads(answer.body) if answer.status in (200, 400) else None
    if body is None:
        return False, "its health is OK", _seen(answer)
    words = f"{body['status']}: {body['message']}".strip(": ")
    return (answer.status, body["status"]) == (200, "OK"), "its health is OK", words


def _dashboards(answer: Answer, check: Check) -> Verdict:
    """Every dashboard is there with its mark, so it is the one that was rendered."""
    wanted = f"{len(check.expected)} dashboards as rendered"
    body = _json(answer)
    if body is None:
        return False, wanted, _seen(answer)
    tags = {each["uid"]: each["tags"] for each in body}
    expected = dict(each.split(" ") for each in check.expected)
    missing = expected.keys() - tags.keys()
    other = [uid for uid, mark in expected.items() if uid in tags and mark not in tags[uid]]
    faults = [f"missing: {_listed(missing)}"] if missing else []
    faults += [f"not as rendered: {_listed(other)}"] if other else []
    return not faults, wanted, "; ".join(faults) or f"{len(expected)} as rendered"


def _queries(answer: Answer, check: Check) -> Verdict:
    """Every query is answered, with data or without."""
    wanted = f"{len(check.expected)} queries answered"
    # One that fails makes the status of all of them.
    body = json.loads(answer.body) if answer.status in (200, 207, 400) else None
    if body is None:
        return False, wanted, _seen(answer)
    results = body["results"]
    missing = set(check.expected) - results.keys()
    failed = [f"{name}: {each['error']}" for name, each in results.items() if each.get("error")]
    faults = [f"not answered: {_listed(missing)}"] if missing else []
    faults += [_listed(failed)] if failed else []
    return not faults, wanted, "; ".join(faults) or f"{len(results)} answered"


JUDGES: Mapping[CheckKind, Callable[[Answer, Check], Verdict]] = {
    CheckKind.HTTP: _http,
    CheckKind.TARGETS: _targets,
    CheckKind.TARGETS_UP: _targets_up,
    CheckKind.RULES: _rules,
    CheckKind.ALERTMANAGERS: _alertmanagers,
    CheckKind.MEMBERS: _members,
    CheckKind.WATCHDOG: _watchdog,
    CheckKind.PROBES: _probes,
    CheckKind.DATASOURCE: _datasource,
    CheckKind.PROXIED: _proxied,
    CheckKind.DASHBOARDS: _dashboards,
    CheckKind.QUERIES: _queries,
}


def verdict(answer: Answer, check: Check) -> Verdict:
    """Judge one answer by the kind of its check.

    Returns:
        Whether it holds, what was expected and what was seen, in words.
    """
    login = check.endpoint.credentials
    if answer.status == 401 and login:
        # Some programs take a password over at their first start, and never again.
        seen = f"HTTP 401: {login.username!r} has another password there than the inventory says"
        return False, f"the login of {login.username!r}", seen
    try:
        return JUDGES[check.kind](answer, check)
    except (AttributeError, IndexError, KeyError, TypeError, ValueError):
        # Some JSON, but of another form: another program has the port.
        return False, f"an answer of {check.endpoint.component}", _seen(answer)
