"""Look at, fetch and verify artifacts: ``python -m plugins.artifacts --help``."""

from __future__ import annotations

import argparse
import platform
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from rich import box
from rich.console import Console
from rich.table import Table

from plugins.artifacts.lock import ARCHITECTURES, DEFAULT_LOCK, SOURCES, Lock
from plugins.artifacts.obtain import ArtifactPolicy, obtain, stored
from plugins.artifacts.store import DamagedError, Store
from plugins.model import Artifact, ArtifactError

if TYPE_CHECKING:
    from plugins.artifacts.pinning import Finding

MACHINES = {"x86_64": "amd64", "amd64": "amd64", "aarch64": "arm64", "arm64": "arm64"}
COLOURS = {
    "verified": "green",
    "filled": "green",
    "failed": "red",
    "error": "red",
    "not verified": "yellow",
    "no sha256": "yellow",
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command.

    Returns:
        0 if all that was asked for is true, 1 if not, 2 for a wrong command line or lock.
    """
    arguments = _parser().parse_args(argv)
    # Progress goes to stderr: the table alone can be piped.
    screen, notes = Console(), Console(stderr=True, highlight=False)
    try:
        lock = Lock.load(arguments.lock)
        for name in arguments.names:
            lock.entry(name)
        arguments.everything = not arguments.names
        arguments.names = arguments.names or list(lock.entries)
        code: int = arguments.run(arguments, lock, screen, notes)
    except ArtifactError as error:
        notes.print(str(error), style="red", markup=False, soft_wrap=True)
        return 2
    except KeyboardInterrupt:
        notes.print("interrupted; nothing half done is left in the store")
        return 130
    return code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m plugins.artifacts",
        description="The programs that stackwatch installs: pinned, verified, stored.",
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    listing = commands.add_parser("list", help="what is pinned, and what the store has")
    listing.set_defaults(run=_list)
    fetch = commands.add_parser("fetch", help="obtain artifacts into the store")
    fetch.set_defaults(run=_fetch)
    fetch.add_argument(
        "--source",
        action="append",
        choices=SOURCES,
        metavar="SOURCE",
        help=f"allowed source, again for more, in order ({', '.join(SOURCES)}; "
        "default: all, in this order)",
    )
    fetch.add_argument(
        "--architecture", action="append", choices=ARCHITECTURES, help="default: this machine's"
    )
    fetch.add_argument(
        "--mirror", metavar="URL", help="site mirror: serves <sha256>/<file name> or <file name>"
    )
    fetch.add_argument("--image-mirror", metavar="URL", help="registry that has upstream's images")
    fetch.add_argument(
        "--allow-missing",
        action="append",
        default=[],
        metavar="NAME",
        help="told and no failure where it cannot be had, as `site.allow_missing`; again for more",
    )
    locking = commands.add_parser(
        "lock",
        help="fill in each sha256 that is null, or verify those that are there",
        description="Without --check: download every file whose sha256 is null and write its "
        "digest into the lock file.",
    )
    locking.set_defaults(run=_lock)
    locking.add_argument(
        "--check",
        action="store_true",
        help="change nothing: download every pinned file and compare; what cannot "
        "be reached is reported and does not fail",
    )
    for command in (listing, fetch, locking):
        command.add_argument("names", nargs="*", metavar="NAME", help="default: all")
        command.add_argument(
            "--lock",
            type=Path,
            default=DEFAULT_LOCK,
            metavar="FILE",
            help="default: files/artifacts.lock.yaml",
        )
    for command in (listing, fetch):
        command.add_argument(
            "--store",
            type=Path,
            metavar="DIR",
            help="default: $STACKWATCH_STORE, else the user's cache folder",
        )
    for command in (fetch, locking):
        command.add_argument(
            "--debian-mirror",
            metavar="URL",
            help="root of a Debian mirror; default: from the apt sources",
        )
    return parser


def _list(arguments: argparse.Namespace, lock: Lock, screen: Console, notes: Console) -> int:
    store = Store(arguments.store) if arguments.store else Store.default()
    table = _table("artifact", "version", "programs", "source", "pinned", "in the store")
    remarks = []
    for name in arguments.names:
        entry = lock.entry(name)
        for source in SOURCES[1:]:  # a mirror has what the release has
            declared = entry.offered(source)
            if declared is None:
                continue
            pinned = [each for each in ARCHITECTURES if _is_pinned(lock, name, source, each)]
            kept = [_kept(lock, name, source, each, store) for each in pinned]
            table.add_row(
                name,
                lock.version(name, source),
                " ".join(entry.programs),
                source,
                " ".join(pinned) or "[red]none[/]",
                " ".join(filter(None, kept)) or "-",
            )
            if declared.note:
                remarks.append(f"{name}, {source}: {declared.note}")
    screen.print(table)
    for remark in remarks:
        screen.print(remark, markup=False, soft_wrap=True)
    notes.print(f"store: {store.root}", soft_wrap=True)
    return 0


def _kept(lock: Lock, name: str, source: str, architecture: str, store: Store) -> str:
    try:
        return architecture if stored(lock, name, source, architecture, store) else ""
    except DamagedError:
        return f"[red]{architecture} damaged[/]"


def _is_pinned(lock: Lock, name: str, source: str, architecture: str) -> bool:
    try:
        lock.pin(name, source, architecture)
    except ArtifactError:
        return False
    return True


def _fetch(arguments: argparse.Namespace, lock: Lock, screen: Console, notes: Console) -> int:
    store = Store(arguments.store) if arguments.store else Store.default()
    architectures = arguments.architecture or [_own_architecture()]
    policy = ArtifactPolicy(
        tuple(arguments.source or SOURCES),
        arguments.mirror,
        arguments.debian_mirror,
        arguments.image_mirror,
    )
    wanted = [(name, each) for name in arguments.names for each in architectures]
    unpinned = [
        (name, each)
        for name, each in wanted
        if arguments.everything
        and not any(_is_pinned(lock, name, source, each) for source in policy.sources)
    ]
    wanted = [pair for pair in wanted if pair not in unpinned]
    started = time.monotonic()

    def progress(line: str) -> None:
        notes.print(line, markup=False, soft_wrap=True)

    results = obtain(lock, wanted, policy, store, progress)
    table = _table("artifact", "architecture", "version", "source", "MB packed", "sha256")
    missing: list[bool] = []
    for (name, architecture), result in results.items():
        if isinstance(result, Artifact):
            size = f"{result.path.stat().st_size / 1e6:.1f}"
            table.add_row(
                name, architecture, result.version, result.source, size, result.sha256[:12]
            )
        else:
            allowed = name in arguments.allow_missing
            colour = "yellow" if allowed else "red"
            table.add_row(name, architecture, "", f"[{colour}]cannot be had[/]", "", "")
            notes.print(str(result), style=colour, markup=False, soft_wrap=True)
            missing.append(allowed)
    for name, architecture in unpinned:
        # Who asks for it by name, or places it, is told; all the others do not need it.
        table.add_row(name, architecture, lock.entry(name).version, "[yellow]not pinned[/]", "", "")
    screen.print(table)
    notes.print(
        f"{len(results) - len(missing)} of {len(results)} obtained in "
        f"{time.monotonic() - started:.1f} s",
        soft_wrap=True,
    )
    return 0 if all(missing) else 1


def _own_architecture() -> str:
    machine = platform.machine().lower()
    if machine not in MACHINES:
        raise ArtifactError(f"this machine is {machine}; say --architecture amd64 or arm64")
    return MACHINES[machine]


def _lock(arguments: argparse.Namespace, lock: Lock, screen: Console, notes: Console) -> int:
    # Late: it brings an HTTP client, which `list` has no use for.
    from plugins.artifacts import pinning  # noqa: PLC0415

    def progress(line: str) -> None:
        notes.print(line, markup=False, soft_wrap=True)

    work = pinning.check if arguments.check else pinning.fill
    findings = []
    with tempfile.TemporaryDirectory() as staging:
        for finding in work(
            lock, arguments.names, arguments.debian_mirror, Path(staging), progress
        ):
            findings.append(finding)
            place = finding.place
            progress(f"{finding.outcome}: {place.name} {place.source} {place.architecture}")
    if findings:
        screen.print(_findings_table(findings))
    else:
        screen.print("nothing to do: no sha256 in the lock is null")
    # Ten files of one server that is out of reach have one reason.
    for reason in dict.fromkeys(each.detail for each in findings if not each.is_digest):
        notes.print(reason, markup=False, soft_wrap=True)
    counts = {
        each.outcome: sum(other.outcome == each.outcome for other in findings) for each in findings
    }
    notes.print(", ".join(f"{count} {outcome}" for outcome, count in counts.items()))
    bad = {pinning.FAILED} | (set() if arguments.check else {pinning.UNVERIFIED})
    return 1 if bad & counts.keys() else 0


def _findings_table(findings: Sequence[Finding]) -> Table:
    table = _table("artifact", "source", "architecture", "outcome", "sha256")
    for finding in findings:
        place, colour = finding.place, COLOURS[finding.outcome]
        shown = finding.detail if finding.is_digest else place.sha256 or ""
        outcome = f"[{colour}]{finding.outcome}[/]"
        table.add_row(place.name, place.source, place.architecture, outcome, shown[:12])
    return table


def _table(name: str, *others: str) -> Table:
    table = Table(box=box.SIMPLE_HEAD)
    table.add_column(name, no_wrap=True)  # a name that is cut off cannot be typed again
    for other in others:
        table.add_column(other)
    return table


if __name__ == "__main__":
    sys.exit(main())
