"""The site of a scenario: its platforms, where tests/hosts put them."""

from typing import Any

from roles.molecule import scenario as _scenario
from tests import hosts as _hosts


def _host(made: _hosts.TestHost) -> tuple[str, dict[str, Any]]:
    connection = {k: v for k, v in made.connection().items() if k.startswith("ssh_")}
    return made.name, {
        **connection,
        "address": made.address,
        "ssh_strict_host_key_checking": "yes",
        "_sudo": made.user != "root",
        **_scenario.own(made.name),
    }


everything = [_host(made) for made in _hosts.load(_scenario.group())]
globals().update(_scenario.placed())
