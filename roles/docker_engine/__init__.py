"""Docker Engine: installed where a host has none, and configured."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, StringConstraints

from plugins.layers import merge_native
from plugins.model import Problem, SiteError
from plugins.preparation import Preparation, Preparer, Repository, SystemFile
from plugins.settings import Native, PlainUrl
from plugins.settings import Settings as Frozen
from plugins.site import Host

NAME = "docker_engine"
CONFIGURATION = "/etc/docker/daemon.json"
# Containers go on running while their engine is restarted, and their output is in the journal.
OURS: Mapping[str, Any] = {"live-restore": True, "log-driver": "journald"}
# Debian 13 has the client apart from the engine.
PACKAGES: Mapping[str, tuple[str, ...]] = {
    "debian": ("docker.io", "docker-cli", "iptables"),
    "upstream": ("docker-ce", "docker-ce-cli", "containerd.io"),
}
_ARMOR = "-----BEGIN PGP PUBLIC KEY BLOCK-----"
_REPOSITORY_WORDS = 3

# https://www.debian.org/doc/debian-policy/ch-controlfields.html#package, and a version
PackageName = Annotated[
    str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9+.-]+(=[A-Za-z0-9.+:~-]+)?$")
]


def _repository(value: str) -> str:
    words = value.split()
    if len(words) < _REPOSITORY_WORDS or not words[0].startswith(("http://", "https://")):
        raise ValueError("write its URL, the suite and components, as in sources.list")
    return value


class Settings(Frozen):
    """Settings of the Docker Engine."""

    source: Literal["debian", "upstream"] = Field(
        "debian", description="whose packages: the distribution's, or another `repository`'s"
    )
    packages: list[PackageName] = Field(
        [], description="packages instead of the source's own; `name=version` pins one"
    )
    repository: Annotated[PlainUrl, AfterValidator(_repository)] | None = Field(
        None, description="for `upstream`: URL, suite and components of its apt repository"
    )
    key_file: str | None = Field(
        None, description="for `upstream`: file with its armored key, on the controller"
    )
    engine: Native = Field({}, description="native daemon.json, merged over ours")


def _problems(settings: Settings) -> list[Problem]:
    said = {"repository": settings.repository, "key_file": settings.key_file}
    if settings.source == "debian":
        remedy = f'Say {NAME}.source = "upstream", or take it out'
        return [
            Problem(f"{NAME}.{key}", "is not used by the distribution's packages", remedy)
            for key, value in said.items()
            if value
        ]
    return [
        Problem(f"{NAME}.{key}", "is missing, and upstream's packages need it", remedy)
        for key, remedy in (
            ("repository", 'Say "https://download.docker.com/linux/debian trixie stable"'),
            ("key_file", "Download its key, compare the fingerprint, name the file"),
        )
        if not said[key]
    ]


def _key(path: str) -> str:
    try:
        key = Path(path).expanduser().read_text(encoding="ascii")
    except (OSError, UnicodeDecodeError) as error:
        key, what = "", f"{path} cannot be read: {error}"
    else:
        what = f"{path} holds no armored key"
    if _ARMOR not in key:
        remedy = "Name a file that begins with BEGIN PGP PUBLIC KEY BLOCK"
        raise SiteError((Problem(f"{NAME}.key_file", what, remedy),))
    return key


def _keeps_its_data(found: str, wanted: str) -> str | None:
    """Another data folder is another engine: without its images, volumes and containers."""
    try:
        before = json.loads(found)
    except ValueError:
        return None
    was = before.get("data-root") if isinstance(before, dict) else None
    told = json.loads(wanted).get("data-root")
    if was == told or was is None:
        return None
    return (
        f"the engine keeps its data in {was}, and would not find it in {told or 'its default'}: "
        f'say {NAME}.engine = {{"data-root": {was!r}}}, or move the data and edit the file'
    )


def prepares(host: Host, settings: Settings) -> Preparation:
    """A Docker Engine on one host.

    Raises:
        SiteError: A source is not said in full, or its key cannot be read.
    """
    problems = _problems(settings)
    if problems:
        raise SiteError(tuple(problems))
    repository = None
    if settings.repository and settings.key_file:
        url, suite, *components = settings.repository.split()
        repository = Repository(NAME, url, suite, tuple(components), _key(settings.key_file))
    engine = merge_native(OURS, settings.engine)
    live = ("sh", "-c", "docker info -f '{{.LiveRestoreEnabled}}' | grep -qx true")
    return Preparation(
        name=NAME,
        programs=("dockerd", "docker"),
        packages=tuple(settings.packages) or PACKAGES[settings.source],
        service="docker",
        files=(
            SystemFile(
                CONFIGURATION,
                json.dumps(engine, indent=2) + "\n",
                check=("dockerd", "--validate", "--config-file={file}"),
                refuse=_keeps_its_data,
            ),
        ),
        repository=repository,
        # An engine that had no live-restore takes it over by a reload, and the containers stay.
        reloaded=live if engine.get("live-restore") is True else (),
    )


ROLE = Preparer(
    name=NAME,
    summary="a Docker Engine where a host has none, and its configuration",
    settings=Settings,
    prepares=prepares,
)
