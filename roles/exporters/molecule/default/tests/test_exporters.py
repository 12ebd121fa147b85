"""Every exporter tells a plausible value."""

from __future__ import annotations

from typing import Any

import pytest

from roles.molecule.exporters import Row, table
from roles.molecule.fixtures import curl, metric


@pytest.mark.parametrize("row", table(), ids=lambda row: row.name)
def test_it_tells_a_plausible_value(machine: Any, row: Row) -> None:
    value = metric(curl(machine, row.port, "/metrics"), row.series)
    assert row.least <= value <= row.most, f"{row.series} is {value}"


def test_memory_and_units_are_those_of_the_host(machine: Any) -> None:
    told = curl(machine, 9100, "/metrics")
    kibibytes = machine.check_output("awk '/^MemTotal:/ { print $2 }' /proc/meminfo")
    assert metric(told, "node_memory_MemTotal_bytes") == int(kibibytes) * 1024
    unit = 'name="stackwatch-node_exporter.service",state="active",type="exec"'
    assert metric(told, f"node_systemd_unit_state{{{unit}}}") == 1
