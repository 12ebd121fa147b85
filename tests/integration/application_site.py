"""A site with the reference application on one host, and all that stores its signals on another."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests import hosts
from tests.integration.conftest import FAST, STORES
from tests.integration.project import ROOT, Project
from tests.integration.runtime import ServiceDriver

PACKAGES = ("python3", "postgresql", "redis-server")
# What has a network of its own reaches it by the host's address.
_SHARE_REDIS = """
sed -i 's/^bind .*/bind 0.0.0.0/; s/^protected-mode yes/protected-mode no/' /etc/redis/redis.conf
systemctl restart redis-server
"""
_SETUP = ROOT / "files" / "apps" / "reference" / "prepare-host.sh"


@contextmanager
def deployed(runtime: ServiceDriver, folder: Path, group: str) -> Iterator[Project]:
    """The site on fresh hosts ``mon1`` and ``app1``, gone afterwards.

    Args:
        runtime: How its components run.
        folder: For its inventory.
        group: Of its hosts.
    """
    setup = _SETUP.read_text() + _SHARE_REDIS
    specs = (runtime.host("mon1"), runtime.host("app1", packages=PACKAGES, setup=setup))
    hosts.down(group)
    machines = {machine.name: machine for machine in hosts.up(group, specs)}
    redis = {"redis_url": f"redis://{machines['app1'].address}:6379/0"}
    project = Project(
        folder,
        machines,
        groups={
            **{role: ["mon1"] for role in STORES},
            "reference_app": ["app1"],
            "reference_worker": ["app1"],
        },
        everyone={
            "environment": "test",
            "prometheus": dict(FAST),
            "reference_app": redis,
            "reference_worker": redis,
        },
        runtime=runtime,
    )
    project.deploy()
    yield project
    hosts.down(group)
