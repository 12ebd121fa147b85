"""A host's containers as a Compose file.

https://github.com/compose-spec/compose-spec/blob/main/spec.md
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import yaml

from plugins.runtimes.docker import (
    ACCOUNT,
    GID,
    GROUPS,
    NETWORK,
    OWNER,
    TMPFS,
    UID,
    Container,
)
from plugins.runtimes.mounts import Mount

PREPARE = "prepare.sh"
OPTIONAL = "x-optional-volumes"
_SECOND = 1_000_000_000
_HEADER = """\
# Written by `python -m plugins.compose`, which replaces what is edited here; see README.md.
# What only the host knows is filled in by prepare.sh: numbers of accounts (.env) and which of
# {optional} there are (compose.override.yaml).
"""


def _escaped(word: str) -> str:
    """A text as it stands where ``$`` starts a variable."""
    return word.replace("$", "$$")


def variable(*words: str) -> str:
    """The name of a variable in ``.env``."""
    return "_".join(["STACKWATCH", *(re.sub(r"[^A-Za-z0-9]", "_", w).upper() for w in words)])


def _asked(*words: str) -> str:
    return f"${{{variable(*words)}:?run {PREPARE} first}}"


def _numbered(container: Container, word: str) -> str:
    """A word, with variables for the numbers of the component's account."""
    known = {UID: "UID", GID: "GID", GROUPS: "GROUPS"}
    written = _escaped(word)
    for placeholder, name in known.items():
        written = written.replace(placeholder, _asked(container.name, name))
    return written


def _duration(nanoseconds: int) -> str:
    return f"{nanoseconds // _SECOND}s"


def _health(container: Container) -> dict[str, Any]:
    """The image's own check, for whoever reads."""
    check = json.loads(container.image.config)["config"]["Healthcheck"]
    return {
        "test": [_escaped(word) for word in check["Test"]],
        "interval": _duration(check["Interval"]),
        "timeout": _duration(check["Timeout"]),
        "start_period": _duration(check["StartPeriod"]),
        "start_interval": _duration(check["StartInterval"]),
        "retries": check["Retries"],
    }


def _volume(container: Container, mount: Mount) -> dict[str, Any]:
    # What is configured lies beside the Compose file, everything else is the host's.
    own = mount.target == container.paths.etc
    volume: dict[str, Any] = {
        "type": "bind",
        "source": f"./config/{container.name}" if own else _escaped(mount.source),
        "target": _escaped(mount.target),
    }
    if not mount.writable:
        volume["read_only"] = True
    # An engine would make a folder of whatever is missing.
    volume["bind"] = {"create_host_path": False}
    if mount.slave:
        volume["bind"]["propagation"] = "rslave"
    return volume


def _ports(container: Container) -> Iterator[dict[str, Any]]:
    for inside, address, port in container.ports:
        target, _, protocol = inside.partition("/")
        published = {"target": int(target), "published": str(port), "protocol": protocol}
        yield {**published, **({"host_ip": address} if address else {})}


def _limits(container: Container) -> dict[str, Any]:
    service = container.component.service
    limits: dict[str, Any] = {"pids_limit": service.hardening.tasks_max}
    if container.memory:
        limits |= {"mem_limit": container.memory, "memswap_limit": container.memory}
    return {**limits, "stop_grace_period": f"{service.stop_timeout}s"}


def _placed(container: Container) -> dict[str, Any]:
    """Its networks, and what of the host's it shares."""
    shares: dict[str, Any] = (
        {"network_mode": "host"} if container.host_network else {"networks": [NETWORK]}
    )
    ports = list(_ports(container))
    if ports:
        shares["ports"] = ports
    if container.component.service.view.processes:
        shares["pid"] = "host"
    return shares


def _confined(container: Container) -> dict[str, Any]:
    confined: dict[str, Any] = {
        "user": _numbered(container, container.user),
        "read_only": True,
        "cap_drop": ["ALL"],
        "security_opt": ["no-new-privileges"],
        "tmpfs": [f"{path}:{options}" for path, options in TMPFS.items()],
    }
    if container.granted:
        confined["cap_add"] = list(container.granted)
    groups = container.component.account.groups
    if groups:
        confined["group_add"] = [_asked("group", name) for name in groups]
    return confined


def service(container: Container) -> dict[str, Any]:
    """One container as a service of a Compose file."""
    mounts = container.mounts
    account = container.component.account
    made: dict[str, Any] = {
        "image": container.image.tag,
        "pull_policy": "never",
        "container_name": container.container,
        "command": [_numbered(container, word) for word in container.argv],
        "environment": {n: _escaped(v) for n, v in sorted(container.environment.items())},
        **_confined(container),
        **_placed(container),
        "volumes": [_volume(container, mount) for mount in mounts if not mount.optional],
        "healthcheck": _health(container),
        "restart": "always",
        **_limits(container),
        "logging": {"driver": container.logs, "options": dict(container.log_options)},
        "labels": {OWNER: container.name, ACCOUNT: account.user},
    }
    optional = [mount.target for mount in mounts if mount.optional]
    return made | ({OPTIONAL: optional} if optional else {})


class _Dumper(yaml.SafeDumper):
    """Without references from one place to another: people read it."""

    def ignore_aliases(self, data: Any) -> bool:
        """True: nothing is an alias."""
        return True


def project(site: str, containers: Sequence[Container]) -> str:
    """A Compose file.

    Args:
        site: Name of the site.
        containers: Of one host.
    """
    listed: Mapping[str, Any] = {
        "name": "stackwatch",
        "x-site": site,
        "services": {container.name: service(container) for container in containers},
    }
    if not all(container.host_network for container in containers):
        labels = {"stackwatch.network": "yes"}
        networks = {NETWORK: {"name": NETWORK, "external": False, "labels": labels}}
        listed = {**listed, "networks": networks}
    dumped: str = yaml.dump(listed, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=1000)
    return _HEADER.format(optional=OPTIONAL) + dumped


def needs(containers: Iterable[Container]) -> str:
    """What prepare.sh makes and looks for, a line each, its words separated by tabs."""
    lines: list[tuple[str, ...]] = []
    for container in containers:
        account = container.component.account
        lines.append(("account", container.name, account.user, " ".join(account.groups) or "-"))
        for directory in container.directories:
            owner = directory.owner or account.user
            lines.append(("folder", directory.mode, owner, directory.path))
        for path in secret_paths(container):
            lines.append(("secret", account.user, path))
        for mount in container.mounts:
            if mount.optional:
                read_only = str(not mount.writable).lower()
                lines.append(("mount", container.name, read_only, mount.source, mount.target))
    return "".join("\t".join(line) + "\n" for line in lines)


def files(container: Container) -> Iterator[tuple[str, str, str, bool]]:
    """Configuration files: (path beside the Compose file, content, mode, whether it is secret)."""
    for folder, listed in (("live", container.release), ("hot", container.hot)):
        for file in listed:
            path = f"config/{container.name}/{folder}/{file.path}"
            yield path, file.content, file.mode, file.secret


def secret_paths(container: Container) -> tuple[str, ...]:
    """Where its secrets are expected, beside the Compose file."""
    return tuple(path for path, _, _, secret in files(container) if secret)
