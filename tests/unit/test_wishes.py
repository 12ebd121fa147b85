"""What no file can say: looked at, made where it is lacking, refusals told."""

from __future__ import annotations

import json
from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import pytest

from plugins import fulfilling
from plugins.answers import Answer
from plugins.calls import Call
from plugins.endpoint import Endpoint
from plugins.wishes import WishError, fulfil
from tests.unit.grafana_site import grafana, grafana_site


class MockApi:
    """Grafana's API as far as organisation and teams go, in the shapes of its documentation."""

    def __init__(
        self, name: str = "Main Org.", teams: Sequence[str] = (), status: int = 200
    ) -> None:
        self.name = name
        self.teams = list(teams)
        self.status = status
        self.batches: list[list[Call]] = []

    def asker(self, endpoint: Endpoint) -> Any:
        assert endpoint.credentials
        return self.answer

    def answer(self, calls: Sequence[Call]) -> tuple[Answer, ...]:
        self.batches.append(list(calls))
        return tuple(self._one(call) for call in calls)

    def _one(self, call: Call) -> Answer:
        if call.method == "GET":
            teams = [{"id": 1, "name": name, "memberCount": 0} for name in self.teams]
            told = {"id": 1, "name": self.name, "teams": teams, "totalCount": len(teams)}
            return Answer(200, json.dumps(told))
        if self.status == 200 and call.path == "/api/org":
            self.name = call.body["name"]
        elif self.status == 200:
            self.teams.append(call.body["name"])
        return Answer(self.status, json.dumps({"message": "words"}))


def wishes(**said: Any) -> Any:
    return grafana(grafana_site(**said)).wishes


BOTH = {"organisation": "Example", "teams": ["shop", "ops"]}


def test_what_is_lacking_is_made_and_the_second_time_nothing() -> None:
    api = MockApi(teams=["ops", "by hand"])
    done = list(fulfil(wishes(**BOTH), api.asker))
    assert done == ["the organisation is 'Example'", "teams are there"]
    assert (api.name, api.teams) == ("Example", ["ops", "by hand", "shop"])
    api.batches.clear()
    assert list(fulfil(wishes(**BOTH), api.asker)) == []
    # One command looks at all of it.
    assert [len(batch) for batch in api.batches] == [2]


def test_without_a_wish_nobody_is_asked() -> None:
    api = MockApi()
    assert wishes() == ()
    assert list(fulfil((), api.asker)) == []
    assert api.batches == []


def test_what_another_made_meanwhile_is_there() -> None:
    assert list(fulfil(wishes(teams=["shop"]), MockApi(status=409).asker)) == ["teams are there"]


@pytest.mark.parametrize("status", [400, 403, 500])
def test_a_refusal_is_told_with_its_words(status: int) -> None:
    with pytest.raises(WishError, match=f'teams are there: HTTP {status} {{"message": "words"}}'):
        list(fulfil(wishes(teams=["shop"]), MockApi(status=status).asker))


@pytest.mark.parametrize(
    "answer", [Answer(401, "{}"), Answer(200, "<html>"), Answer(200, "[]"), Answer(0, "refused")]
)
def test_an_answer_that_tells_nothing_is_an_error(answer: Answer) -> None:
    with pytest.raises(WishError, match="the organisation is 'X': "):
        list(fulfil(wishes(organisation="X"), lambda endpoint: lambda calls: (answer,)))


@pytest.mark.parametrize(("status", "changed"), [(200, ["teams are there"]), (500, [])])
def test_a_wish_that_is_refused_fails_its_host(
    status: int, changed: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    component = grafana(grafana_site(teams=["A"]))
    rendered = SimpleNamespace(name="grafana", component=component)
    run = SimpleNamespace(changed=[], rendered=lambda _: [rendered])
    api = MockApi(status=status)
    monkeypatch.setattr(fulfilling, "session", SimpleNamespace(current=lambda: run))
    monkeypatch.setattr(fulfilling, "state", SimpleNamespace(is_executing=True))
    monkeypatch.setattr(fulfilling, "host", SimpleNamespace(name="mon1"))
    monkeypatch.setattr(fulfilling, "asker", lambda _, endpoint: api.asker(endpoint))
    failing = list(fulfilling.settle._inner(component="grafana"))
    assert len(failing) == (0 if changed else 1)
    assert [each.reasons for each in run.changed] == ([tuple(changed)] if changed else [])
