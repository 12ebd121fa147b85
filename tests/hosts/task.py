"""What the Ansible module ``stackwatch_hosts`` does, in this project's own Python.

Parameters come as JSON on standard input, the result goes to standard output. What is done is
said on standard error, and why it failed last.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

from docker.errors import DockerException

from tests.hosts import engine
from tests.hosts.errors import HostsError
from tests.hosts.folders import CHECKOUT
from tests.hosts.group import Group
from tests.hosts.hosts import down, up
from tests.hosts.topology import HostSpec

T = TypeVar("T")


def spec(host: Mapping[str, Any]) -> HostSpec:
    """A host as a playbook says it.

    Raises:
        HostsError: A key has a value of another type.
    """
    setup = _typed(host, "setup", str, "")
    packages = _typed(host, "packages", list, [])
    return HostSpec(
        name=host["name"],
        user=_typed(host, "user", str, "root"),
        docker=_typed(host, "docker", bool, False),
        packages=tuple(str(package) for package in packages),
        setup=Path(CHECKOUT, setup).read_text() if setup else "",
    )


def _typed(host: Mapping[str, Any], key: str, kind: type[T], default: T) -> T:
    """One key; text where a list belongs would be taken letter by letter."""
    value = host.get(key, default)
    if not isinstance(value, kind):
        raise HostsError(f"host {host['name']}: {key}: {value!r} is no {kind.__name__}")
    return value


def _running(group: str) -> set[str]:
    client = engine.connect()
    found = Group(client, group).containers() if client else []
    return {str(each.id) for each in found if each.status == "running"}


def present(parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Make a group consist of the given hosts."""
    group = parameters["group"]
    specs = [spec(host) for host in parameters["hosts"]]
    before = _running(group)
    made = up(group, specs)
    instances = [
        {
            "instance": host.name,
            "address": "127.0.0.1",
            "port": host.ssh_port,
            "user": host.user,
            "identity_file": str(host.key),
        }
        for host in made
    ]
    return {
        "changed": before != {host.container for host in made},
        "instances": instances,
        "known_hosts": str(made[0].known_hosts),
    }


def absent(parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Take a group down."""
    return {"changed": down(parameters["group"]) > 0}


TASKS = {"present": present, "absent": absent}


def main() -> int:
    """Do what standard input asks for; 1 if it cannot be done."""
    parameters = json.load(sys.stdin)
    try:
        result = TASKS[parameters["state"]](parameters)
    except (HostsError, DockerException, OSError) as error:
        print(error, file=sys.stderr)
        return 1
    print(json.dumps(result))
    return 0


if __name__ == "__main__":
    sys.exit(main())
