"""What another container is needed for, and what not."""

from __future__ import annotations

from dataclasses import replace

import pytest

from plugins.model import Account, Component, Directory, ManagedFile, OnChange, Reload
from plugins.runtimes.docker import Container
from tests.unit.container_states import ALPHA, alpha, hardened, made_of, with_service, words


def with_file(file: ManagedFile) -> Component:
    kept = tuple(f for f in alpha().files if f.path != file.path)
    return replace(alpha(), files=(*kept, file))


SERVICE = alpha().service
OTHER_IMAGE = replace(ALPHA.image, layers=ALPHA.image.layers[:2])
Changed = tuple[Container, bool]
CHANGES: dict[str, Changed] = {
    "nothing": (made_of(alpha()), False),
    "reloaded file": (made_of(with_file(ManagedFile("index.html", "other"))), False),
    "watched file": (
        made_of(with_file(ManagedFile("targets/a.json", "[1]", OnChange.NOTHING))),
        False,
    ),
    "checks": (made_of(replace(alpha(), checks=(), validators=())), False),
    "start timeout": (made_of(with_service(alpha(), start_timeout=61)), False),
    "reload signal": (made_of(with_service(alpha(), reload=Reload("USR1"))), False),
    "restart file": (
        made_of(with_file(ManagedFile("start.conf", "twice\n", OnChange.RESTART))),
        True,
    ),
    "no reload": (made_of(with_service(alpha(), reload=None)), True),
    "flag": (made_of(with_service(alpha(), argv=(*SERVICE.argv, "--more"))), True),
    "environment": (made_of(with_service(alpha(), environment={"TOLD": "less"})), True),
    "memory": (hardened(capabilities=SERVICE.hardening.capabilities, tasks_max=32), True),
    "stop timeout": (made_of(with_service(alpha(), stop_timeout=31)), True),
    "folder": (made_of(replace(alpha(), directories=(Directory("/srv/more"),))), True),
    "group": (made_of(replace(alpha(), account=Account("alpha", ("adm", "shop")))), True),
    "address": (
        made_of(replace(alpha(), endpoints=tuple(replace(e, bind="") for e in alpha().endpoints))),
        True,
    ),
    "image": (replace(ALPHA, image=OTHER_IMAGE), True),
    "version": (replace(ALPHA, image=replace(ALPHA.image, version="9")), True),
    "network": (replace(ALPHA, host_network=True), True),
}


@pytest.mark.parametrize(("container", "anew"), CHANGES.values(), ids=CHANGES.keys())
def test_spec_changes_exactly_when_another_container_is_needed(
    container: Container, anew: bool
) -> None:
    assert (container.spec != ALPHA.spec) == anew
    assert f"--label=stackwatch.spec={container.spec}" in words(container)
    assert len(container.spec) == 16
