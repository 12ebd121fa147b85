"""Collecting roles: by folder, each with its own name and port."""

from __future__ import annotations

from types import ModuleType

import pytest
from pydantic import Field

from plugins.exporter import Exporter
from plugins.model import EndpointKind
from plugins.role import Context, RoleError, all_roles, collect
from plugins.settings import Port, RoleSettings
from tests.unit.sites import artifact, lone


def exporter(name: str, number: int) -> Exporter:
    class Settings(RoleSettings):
        port: Port = Field(number, description="TCP port")

    return Exporter(name=name, summary=name, settings=Settings, artifact=name)


def module(name: str, **bound: object) -> ModuleType:
    made = ModuleType(f"roles.{name}")
    made.__dict__.update(bound)
    return made


FIRST = module("first", ROLE=exporter("first", 9001))


@pytest.mark.parametrize(
    ("second", "fault"),
    [
        (module("second"), "roles.second binds no ROLE"),
        (
            module("second", ROLE=exporter("first", 9002)),
            "roles.second: there is already a role 'first'",
        ),
        (
            module("second", ROLE=exporter("second", 9001)),
            "roles.second: port 9001 is already 'first''s default",
        ),
    ],
)
def test_contradictions_are_refused(second: ModuleType, fault: str) -> None:
    with pytest.raises(RoleError) as error:
        collect([FIRST, second])
    assert str(error.value) == fault


def test_collects_exporters_and_roles() -> None:
    ready = exporter("second", 9002).role()
    found = collect([FIRST, module("second", ROLE=ready)])
    assert list(found) == ["first", "second"]
    assert found["second"] is ready
    assert (found["first"].name, found["first"].kind) == ("first", "exporter")


def test_this_checkout_has_its_roles() -> None:
    assert {"alertmanager", "blackbox", "node_exporter", "prometheus"} <= set(all_roles())
    assert list(all_roles()) == sorted(all_roles())
    assert [name for name, role in all_roles().items() if role.everywhere] == [
        "cadvisor",
        "node_exporter",
        "otelcol",
    ]


def test_a_context_finds_an_endpoint_by_kind() -> None:
    (placement,) = lone().placed("prometheus")
    got = artifact("prometheus")
    context = Context(placement.host, placement.settings, lone(), got, placement.endpoints)
    assert context.endpoint(EndpointKind.HEALTH).path == "/-/ready"
    with pytest.raises(LookupError, match="no peer endpoint on mon1"):
        context.endpoint(EndpointKind.PEER)


def test_an_exporter_may_take_address_and_port_apart_and_be_in_groups() -> None:
    class Settings(RoleSettings):
        port: Port = Field(9002, description="TCP port")

    made = Exporter(
        name="second",
        summary="second",
        settings=Settings,
        artifact="second",
        listen_flag="-address",
        port_flag="-port",
        groups=("docker",),
    ).role()
    (host, *_) = lone().hosts.values()
    said = Settings(listen="10.0.0.1")
    got = artifact("node_exporter")
    context = Context(host, said, lone(), got, made.endpoints(host, said))
    component = made.component(context)
    program, *flags = component.service.argv
    assert program.endswith("/second")
    assert flags == ["-address=10.0.0.1", "-port=9002"]
    assert component.account.groups == ("docker",)
