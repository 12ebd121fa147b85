"""Logs out of the journal: of units, of containers, and of the stack's own components."""

from __future__ import annotations

import json
import re
from uuid import uuid4

import pytest

from tests.hosts import TestHost
from tests.integration.machine import on, until
from tests.integration.project import STORES, Project
from tests.integration.runtime import kill
from tests.integration.signals import Line, counted, lines

# What stands in a line of a component, whichever way it writes them, to the label it gets.
LEVEL = re.compile(r"""\blevel"?[=:]\s*"?(debug|info|warn|error)""", re.I)


@pytest.mark.parametrize("component", [*STORES, "otelcol", "node_exporter"])
def test_lines_of_a_component_have_its_name_and_their_own_level(
    signals: Project, component: str
) -> None:
    mon1 = signals.machines["mon1"]
    query = f'{{service="{component}", host="mon1"}}'

    def told() -> list[tuple[str, Line]]:
        """Lines that name their level, and that level."""
        found = lines(mon1, query)
        named = [(LEVEL.search(line.text), line) for line in found]
        return [(match[1].lower(), line) for match, line in named if match]

    signals.runtime.restart(mon1, component)
    found = until(told, 30, f"lines of {component} in Loki")
    assert {line.labels["class"] for _, line in found} <= {"application", "debug"}
    assert {line.labels["environment"] for _, line in found} == {"test"}
    wrong = [(level, line.labels["level"], line.text) for level, line in found]
    assert [each for each in wrong if each[0] != each[1]] == []


@pytest.mark.only("docker", "an engine calls an error what a container writes to its second output")
def test_a_container_of_somebody_elses_is_shipped_when_said(signals: Project) -> None:
    mon1, web1, token = signals.machines["mon1"], signals.machines["web1"], uuid4().hex
    image = signals.runtime.version(web1, "node_exporter")
    said = [{"name": "guest", "containers": ["guest"], "format": "json"}]
    signals.everyone["logs"] = [*signals.everyone["logs"], *said]
    signals.deploy("--data", "prove=off")
    line = json.dumps({"level": "warn", "message": token})
    run = "docker run --rm --name guest --log-driver=journald --log-opt=tag=guest --entrypoint"
    on(web1, f"{run} /busybox {image} sh -c 'echo \"$0\" >&2' '{line}'")
    query = f'{{service="guest", host="web1"}} |= "{token}"'
    (found,) = until(lambda: lines(mon1, query), 20, "the line of the container")
    assert (found.text, found.labels["level"]) == (line, "warn")


def test_journal_lines_arrive_once_through_kills(signals: Project) -> None:
    mon1, web1 = signals.machines["mon1"], signals.machines["web1"]
    run = uuid4().hex[:8]
    line = f'{{\\"run\\":\\"{run}\\",\\"n\\":$n}}'
    script = (
        f'n=0; while [ $n -lt 3000 ]; do echo "{line}"; n=$((n + 1)); '
        "[ $((n % 50)) != 0 ] || sleep 0.15; done"
    )
    on(web1, f"cat >/run/loud.sh <<'E'\n{script}\nE")
    on(web1, "systemd-run --quiet --unit=loud sh /run/loud.sh")
    killed = ""
    for _ in range(3):
        # Another one each time, not the one that was killed before it is found to be gone.
        killed = until(lambda: _another(signals, web1, killed), 30, "the collector to run")  # noqa: B023
        kill(signals.runtime, web1, "otelcol")
    query = f'{{service="loud"}} |= "\\"run\\":\\"{run}\\""'
    until(lambda: counted(mon1, query) >= 3000, 120, lambda: f"{counted(mon1, query)} of 3000")
    numbers = [json.loads(line.text)["n"] for line in lines(mon1, query)]
    assert sorted(numbers) == list(range(3000))
    assert counted(mon1, query) == 3000


def _another(signals: Project, machine: TestHost, former: str) -> str:
    """The collector that runs, if it is not the former one."""
    found = signals.runtime.process(machine, "otelcol")
    return found if found != former else ""


def test_a_long_journal_message_is_whole_and_its_level_read(signals: Project) -> None:
    mon1, web1 = signals.machines["mon1"], signals.machines["web1"]
    token = uuid4().hex
    message = json.dumps({"level": "error", "message": token, "stack": "x" * 10_000})
    on(web1, f"echo '{message}' >/run/long; systemd-run --quiet --wait --unit=loud cat /run/long")
    query = f'{{service="loud", host="web1"}} |= "{token}"'
    (found,) = until(lambda: lines(mon1, query), 20, "the long message")
    assert (found.text, found.labels["level"]) == (message, "error")
