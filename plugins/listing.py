"""Tell which roles there are, or what an inventory becomes: ``python -m plugins.listing --help``.

No host is connected to, no program fetched.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import click
import yaml
from pyinfra.api import State
from pyinfra.api.exceptions import PyinfraError
from pyinfra.context import ctx_state
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from plugins.artifacts import Lock
from plugins.compiler import Declared, compile_site, components_of
from plugins.declared import read_inventory
from plugins.experiment import Experiment, Wiring, by_itself, required, stand_in
from plugins.model import ArtifactError, Component, ManagedFile, Problem, SiteError
from plugins.options import Options
from plugins.paths import Paths
from plugins.role import Role, RoleError, all_roles
from plugins.site import Site

_LOG_WIDTH = 200


def _wires_to(wiring: Wiring | None, role: Role, experiment: Experiment) -> str:
    if role.prepares:
        return "-"
    if wiring is None:
        return f"[yellow]unknown without {', '.join(required(role))}[/]"
    told = []
    for kind, names in wiring.items():
        offering = [n for n in experiment.site.component_names if kind in experiment.kinds(n)]
        others = [name for name in names if name != role.name]
        whom = ", ".join(others + ["its own kind"] * (role.name in names))
        told.append(f"{kind} of {'all' if others and list(names) == offering else whom}")
    return "; ".join(told) or "-"


def _program(role: Role, lock: Lock) -> str:
    if role.prepares:
        return "packages"
    if role.artifact not in lock.entries:
        return f"[red]{role.artifact} is not in {lock.path.name}[/]"
    artifact = stand_in(lock, role.artifact)
    return f"{artifact.name} {artifact.version}"


def roles_table(roles: Mapping[str, Role], lock: Lock) -> Table:
    """Every role: what it is, where it listens, what it installs, what it wires to."""
    experiment = Experiment.of(roles, lock)
    table = _table("role", "kind", "port", "everywhere", "program", "endpoints", "wires to")
    for role in roles.values():
        table.add_row(
            role.name,
            role.kind,
            str(role.port or "-"),
            by_itself(role),
            _program(role, lock),
            " ".join(experiment.kinds(role.name)),
            _wires_to(experiment.wiring(role.name), role, experiment),
        )
    return table


def read(path: Path) -> Declared:
    """Read an inventory file the way the pyinfra command does.

    Raises:
        PyinfraError: The file cannot be read.
    """
    # It makes sockets cooperative in the whole process, so only who needs it imports it.
    from pyinfra_cli import inventory as cli  # noqa: PLC0415

    with ctx_state.use(State()):
        inventory = cli.make_inventory_from_files(str(path), cwd=str(Path.cwd()))
    return read_inventory(inventory, path, Options.names())


def components(site: Site, lock: Lock) -> tuple[Component, ...]:
    """Every component of a site, rendered without its program.

    Raises:
        SiteError: With every mistake found while rendering.
    """
    artifacts = {
        (p.role.artifact, p.host.architecture): stand_in(lock, p.role.artifact, p.host.architecture)
        for p in site.placements
    }
    made: list[Component] = []
    problems: list[Problem] = []
    for host in site.hosts:
        try:
            made += components_of(site, artifacts, host)
        except SiteError as error:
            problems += error.problems
    if problems:
        raise SiteError(tuple(dict.fromkeys(problems)))
    return tuple(made)


def hosts_table(site: Site, made: Iterable[Component]) -> Table:
    """Host, component, addresses; the users' own services too."""
    table = _table("host", "component", "address")
    rows = [(c.host, c.name, ", ".join(_addresses(c))) for c in made]
    rows += [(p.host.name, f"{p.role.name} (of the host itself)", "-") for p in site.preparations]
    for host in site.hosts.values():
        rows += [
            (host.name, f"{s.name} (your own)", f"{host.address}:{s.port}") for s in host.services
        ]
    for row in sorted(rows):
        table.add_row(*map(escape, row))
    return table


def _addresses(component: Component) -> list[str]:
    return list(dict.fromkeys(endpoint.authority for endpoint in component.endpoints))


def jobs_table(made: Iterable[Component]) -> Table:
    """Scrape jobs, native and drop-in ones too, as rendered; who scrapes alike stands together."""
    scrapers: dict[tuple[str, str], list[str]] = {}
    for component in made:
        for file in component.files:
            for job in _scrape_configs(file):
                row = (str(job["job_name"]), _targets(job, component))
                scrapers.setdefault(row, []).append(component.host)
    table = _table("job", "targets", "scraped by")
    for (name, targets), hosts in sorted(scrapers.items()):
        table.add_row(escape(name), targets, escape(", ".join(hosts)))
    return table


def _scrape_configs(file: ManagedFile) -> list[dict[str, Any]]:
    if "scrape_configs" not in file.content or not file.path.endswith(".yml"):
        return []
    content = yaml.safe_load(file.content)
    listed = content.get("scrape_configs") if isinstance(content, dict) else None
    return listed if isinstance(listed, list) else []


def _targets(job: Mapping[str, Any], component: Component) -> str:
    """How many targets a job has: ``3``, or ``3 and discovered ones``."""
    own = {f"{Paths(component.name).hot}/{file.path}": file.content for file in component.files}
    groups = list(job.get("static_configs", []))
    discovered = False
    for key, configs in job.items():
        if key == "file_sd_configs":
            files = [file for config in configs for file in config["files"]]
            groups += [group for file in files if file in own for group in json.loads(own[file])]
            discovered |= any(file not in own for file in files)
        elif key.endswith("_sd_configs"):
            discovered = True
    count = sum(len(group["targets"]) for group in groups)
    if not discovered:
        return str(count)
    return f"{count} and discovered ones" if count else "discovered"


def _table(*columns: str) -> Table:
    table = Table(box=None, header_style="bold", pad_edge=False)
    for column in columns:
        table.add_column(column, overflow="fold")
    return table


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m plugins.listing",
        description="The roles there are and what each wires to; or, with --inventory, what an "
        "inventory becomes. Connects to no host.",
        epilog="Exit codes: 0 told; 1 the roles or the inventory have mistakes; 2 wrong usage.",
    )
    parser.add_argument(
        "--inventory",
        type=Path,
        metavar="PATH",
        help="tell hosts, components, addresses and scrape jobs of this inventory",
    )
    return parser


def _tell(inventory: Path | None, console: Console) -> None:
    lock = Lock.load()
    if inventory is None:
        roles = all_roles()
        console.print(roles_table(roles, lock))
        for role in roles.values():
            if not role.prepares:
                lock.entry(role.artifact)
        return
    site = compile_site(read(inventory), all_roles())
    made = components(site, lock)
    console.print(hosts_table(site, made))
    console.print()
    console.print(jobs_table(made))


def main(argv: Sequence[str] | None = None) -> int:
    """Tell what is asked for.

    Returns:
        0, or 1 if the roles, the lock or the inventory have mistakes.
    """
    parser = _parser()
    inventory: Path | None = parser.parse_args(argv).inventory
    if inventory is not None and not inventory.is_file():
        parser.error(f"--inventory {inventory}: no such file")
    console, notes = Console(highlight=False), Console(stderr=True, highlight=False)
    if not console.is_terminal:
        console.width = _LOG_WIDTH  # in a pipe nothing folds at a width that nobody has
    try:
        _tell(inventory, console)
    except SiteError as error:
        for problem in error.problems:
            notes.print(f"- {problem}", markup=False, soft_wrap=True)
        return 1
    except click.ClickException as error:  # what pyinfra makes of a mistake in an inventory
        error.show()
        return 1
    except (ArtifactError, PyinfraError, RoleError) as error:
        notes.print(str(error), markup=False, soft_wrap=True)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
