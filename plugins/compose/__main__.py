"""Write a Compose file for each host of containers: ``python -m plugins.compose --help``.

No host is connected to. Programs are obtained, since images are named by what is in them.
"""

from __future__ import annotations

import argparse
import shutil
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.resources import files as resources
from pathlib import Path

import click
from pyinfra.api.exceptions import PyinfraError
from rich.console import Console

from plugins.compiler import compile_site
from plugins.compose.readme import readme
from plugins.compose.services import PREPARE, files, needs, project
from plugins.listing import read
from plugins.model import ArtifactError, Problem, SiteError
from plugins.role import RoleError, all_roles
from plugins.run import Run, begin
from plugins.runtimes.docker import Container
from plugins.site import Site

COMPOSE = "compose.yaml"


@dataclass(frozen=True)
class Wanted:
    """What is to be written.

    Attributes:
        output: The folder of all sites.
        with_secrets: Secrets too.
        with_images: Images too.
    """

    output: Path
    with_secrets: bool = False
    with_images: bool = False


def _put(path: Path, content: str, mode: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    # Never open to others, not even for a moment.
    path.touch(mode=int(mode, 8))
    path.write_text(content, encoding="utf-8")
    path.chmod(int(mode, 8))


def _emptied(folder: Path) -> None:
    """Make a folder of ours anew.

    Raises:
        SiteError: It is somebody else's.
    """
    if folder.exists() and any(folder.iterdir()) and not (folder / COMPOSE).is_file():
        what = f"{folder} holds something else: there is no {COMPOSE} in it"
        raise SiteError((Problem("--output", what, "Name another folder"),))
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)


def write(run: Run, host: str, containers: Sequence[Container], wanted: Wanted) -> Path:
    """Write the folder of one host, in place of what an earlier time wrote there.

    Args:
        run: The compiled site.
        host: Inventory name.
        containers: Of the host, at least one.
        wanted: What is to be written, and where.

    Returns:
        The folder.

    Raises:
        SiteError: There is somebody else's.
    """
    site = run.site.name
    folder = wanted.output / site / host
    _emptied(folder)
    _put(folder / COMPOSE, project(site, containers), "0644")
    _put(folder / "needs", needs(containers), "0644")
    _put(folder / PREPARE, (resources(__package__) / PREPARE).read_text(), "0755")
    told = readme(
        *(site, host, run.site.hosts[host].address, containers),
        with_secrets=wanted.with_secrets,
        with_images=wanted.with_images,
    )
    _put(folder / "README.md", told, "0644")
    for container in containers:
        for path, content, mode, secret in files(container):
            if not secret or wanted.with_secrets:
                _put(folder / path, content, "0600" if secret else mode)
        # It is mounted, whether anything is configured or not.
        (folder / "config" / container.name).mkdir(parents=True, exist_ok=True)
        if wanted.with_images:
            _image(container, folder / "images" / f"{container.name}.tar")
    return folder


def _image(container: Container, path: Path) -> None:
    path.parent.mkdir(exist_ok=True)
    with path.open("wb") as stream:
        stream.writelines(container.image.pieces())


def _of_containers(site: Site, names: Sequence[str], say: Callable[[str], None]) -> tuple[str, ...]:
    """Those of the hosts that run containers."""
    unknown = [name for name in names if name not in site.hosts]
    if unknown:
        what = f"no host of this inventory is named {', '.join(map(repr, unknown))}"
        raise SiteError((Problem("--host", what, f"Choose from {', '.join(site.hosts)}"),))
    chosen = []
    for name in names or site.hosts:
        if site.hosts[name].runtime == Container.runtime and site.on(name):
            chosen.append(name)
        else:
            say(f"{name}: it runs no containers, nothing is written for it")
    if not chosen:
        remedy = "Say runtime = 'docker' for a host, a group or all of them"
        raise SiteError((Problem("runtime", "no host runs containers", remedy),))
    return tuple(chosen)


def export(
    inventory: Path, names: Sequence[str], wanted: Wanted, say: Callable[[str], None]
) -> tuple[Path, ...]:
    """Write the folders of an inventory's hosts of containers.

    Args:
        inventory: The inventory file.
        names: Hosts to write; empty for all.
        wanted: What is to be written, and where.
        say: Called with a line of progress.

    Raises:
        SiteError: With every mistake in the inventory; or it has no such host.
    """
    declared = read(inventory)
    hosts = _of_containers(compile_site(declared, all_roles()), names, say)
    run = begin(declared, {}, hosts, say)
    return tuple(
        write(run, host, [r for r in run.rendered(host) if isinstance(r, Container)], wanted)
        for host in hosts
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m plugins.compose",
        description="Write a Compose file for each host of an inventory that runs containers, with "
        "its configuration and a README. Connects to no host.",
        epilog="Exit codes: 0 written; 1 the inventory has mistakes; 2 wrong usage.",
    )
    parser.add_argument("inventory", type=Path, metavar="INVENTORY", help="the inventory file")
    parser.add_argument(
        "--host", action="append", default=[], metavar="NAME", help="this host alone; repeatable"
    )
    parser.add_argument(
        "--output",
        type=Path,
        default=Path("build/compose"),
        metavar="FOLDER",
        help="write FOLDER/<site>/<host>/ (default: build/compose)",
    )
    parser.add_argument("--images", action="store_true", help="write the images too, to be loaded")
    parser.add_argument(
        "--with-secrets", action="store_true", help="write secret files too, mode 0600"
    )
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Write what is asked for.

    Returns:
        0, or 1 if the inventory has mistakes or a program cannot be had.
    """
    parser = _parser()
    asked = parser.parse_args(argv)
    if not asked.inventory.is_file():
        parser.error(f"{asked.inventory}: no such file")
    notes = Console(stderr=True, highlight=False)
    wanted = Wanted(asked.output, asked.with_secrets, asked.images)

    def say(line: str) -> None:
        notes.print(line, markup=False, soft_wrap=True)

    try:
        for folder in export(asked.inventory, asked.host, wanted, say):
            print(folder)
    except SiteError as error:
        for problem in error.problems:
            say(f"- {problem}")
        return 1
    except click.ClickException as error:  # what pyinfra makes of a mistake in an inventory
        error.show()
        return 1
    except (ArtifactError, PyinfraError, RoleError) as error:
        say(str(error))
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
