"""Every exporter tells a plausible value."""

from __future__ import annotations

from typing import Any

import pytest

from roles.molecule.exporters import Row, table
from roles.molecule.fixtures import curl, metric
from roles.molecule.services import service
from tests.integration.machine import until


@pytest.mark.parametrize("row", table(), ids=lambda row: row.name)
def test_it_tells_a_plausible_value(machine: Any, row: Row) -> None:
    value = metric(curl(machine, row.port, "/metrics"), row.series)
    assert row.least <= value <= row.most, f"{row.series} is {value}"


# A program that is on the host, whatever the exporter: an image of it needs no registry.
CONTAINER = """
docker inspect watched >/dev/null 2>&1 || {
  %s | docker import - watched:1 >/dev/null
  docker run -d --name watched --network none --memory 64m --label stackwatch.component=watched \\
    --label other=unseen watched:1 /node_exporter >/dev/null
}
docker inspect watched --format '{{.Id}}'
"""


def test_a_container_is_told_with_its_name_its_limit_and_the_labels_asked_for(machine: Any) -> None:
    packed = service("web1", "node_exporter").packed("node_exporter")
    id_ = machine.check_output(CONTAINER.replace("%s", packed))
    labels = (
        f'container_label_stackwatch_component="watched",id="/docker/{id_}",image="watched:1",'
        'name="watched"'
    )

    used = f"container_memory_working_set_bytes{{{labels}}}"
    told = until(lambda: text if used in (text := curl(machine, 8085, "/metrics")) else "")
    assert 2**18 < metric(told, used) < 64 * 2**20
    assert metric(told, f"container_spec_memory_limit_bytes{{{labels}}}") == 64 * 2**20


def test_memory_and_units_are_those_of_the_host(machine: Any) -> None:
    told = curl(machine, 9100, "/metrics")
    kibibytes = machine.check_output("awk '/^MemTotal:/ { print $2 }' /proc/meminfo")
    assert metric(told, "node_memory_MemTotal_bytes") == int(kibibytes) * 1024
    runs = service("web1", "node_exporter")
    unit = f'node_systemd_unit_state{{name="{runs.unit}",state="active",type="{runs.type}"}}'
    assert metric(told, unit) == 1
