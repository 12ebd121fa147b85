"""A site with the reference application on one host, and all that stores its signals on another."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from tests.hosts import HostSpec, TestHost
from tests.integration.project import FAST, ROOT, STORES, Project
from tests.integration.runtime import ServiceDriver

PACKAGES = ("python3", "postgresql", "redis-server")
# What has a network of its own reaches it by the host's address.
_SHARE_REDIS = """
sed -i 's/^bind .*/bind 0.0.0.0/; s/^protected-mode yes/protected-mode no/' /etc/redis/redis.conf
systemctl restart redis-server
"""
_SETUP = ROOT / "files" / "apps" / "reference" / "prepare-host.sh"


def specs(runtime: ServiceDriver) -> tuple[HostSpec, ...]:
    """Its hosts: ``mon1`` stores, ``app1`` has the application, its database and its cache."""
    setup = _SETUP.read_text() + _SHARE_REDIS
    return runtime.host("mon1"), runtime.host("app1", packages=PACKAGES, setup=setup)


def deployed(runtime: ServiceDriver, folder: Path, machines: Mapping[str, TestHost]) -> Project:
    """The site on fresh hosts.

    Args:
        runtime: How its components run.
        folder: For its inventory.
        machines: Its hosts by name.
    """
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
    return project
