"""The Docker Engine answers, with its configuration, and runs a container."""

from __future__ import annotations

import json
from typing import Any

SOCKET = "/var/run/docker.sock"
# A program of the host with its libraries: no registry is needed.
CONTAINER = """
docker image inspect counting:1 >/dev/null 2>&1 ||
  tar -ch /usr/bin/expr $(ldd /usr/bin/expr | grep -o '/[^ ]*') 2>/dev/null |
    docker import - counting:1 >/dev/null
docker run --rm --log-driver none counting:1 /usr/bin/expr 6 '*' 7
"""


def _told(machine: Any, path: str) -> Any:
    asked = f"curl -fsS -m 10 --unix-socket {SOCKET} http://localhost{path}"
    return json.loads(machine.check_output(asked))


def test_it_answers_with_ours_and_with_what_was_said(machine: Any) -> None:
    told = _told(machine, "/info")
    assert (told["LiveRestoreEnabled"], told["LoggingDriver"]) == (True, "journald")
    assert told["Labels"] == ["rack=r7"]


def test_it_is_the_distributions_and_starts_at_boot(machine: Any) -> None:
    version = _told(machine, "/version")["Version"]
    assert machine.package("docker.io").version.startswith(version.partition("+")[0])
    unit = machine.service("docker.service")
    assert (unit.is_running, unit.is_enabled) == (True, True)


def test_a_container_runs(machine: Any) -> None:
    assert machine.check_output(CONTAINER).split() == ["42"]


def test_its_configuration_is_nobodys_but_roots_to_write(machine: Any) -> None:
    file = machine.file("/etc/docker/daemon.json")
    assert (file.user, file.group, file.mode) == ("root", "root", 0o644)
    assert json.loads(file.content_string)["labels"] == ["rack=r7"]
