"""Judge dashboard files: `python -m plugins.dashboards lint [FILE...]`."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from plugins.dashboards import logql
from plugins.dashboards.document import Dashboard, DashboardError, library, read
from plugins.dashboards.judges import UnjudgedError
from plugins.dashboards.lint import Finding, lint, lint_logql


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m plugins.dashboards",
        description="Judge dashboards without asking any datasource.",
        epilog="Exit codes: 0 nothing is wrong; 1 something is; 2 wrong usage.",
    )
    commands = parser.add_subparsers(dest="command", required=True)
    lints = commands.add_parser("lint", help="units, legends, grid, links, queries that parse...")
    lints.add_argument("files", nargs="*", type=Path, help="dashboards; default: all of ours")
    return parser


def _read(files: Sequence[Path]) -> tuple[list[Dashboard], list[str]]:
    """The dashboards of some files, and why others are none."""
    found, faults = [], []
    for file in files:
        try:
            found.append(read(file))
        except DashboardError as error:
            faults += [str(problem) for problem in error.problems]
    return found, faults


def _logql(dashboards: Sequence[Dashboard]) -> tuple[Finding, ...]:
    if not any(t.datasource == "loki" for d in dashboards for p in d.panels for t in p.targets):
        return ()
    try:
        return lint_logql(dashboards, logql.lokitool())
    except UnjudgedError as error:
        print(f"note: LogQL was not judged: {error}", file=sys.stderr)
        return ()


def main(argv: Sequence[str] | None = None) -> int:
    """Lint dashboards.

    Args:
        argv: Command line; default: the process's.

    Returns:
        0 if nothing is wrong, 1 if something is.
    """
    files: list[Path] = _parser().parse_args(argv).files
    try:
        ours = library()
    except DashboardError as error:
        print(error)
        return 1
    dashboards, faults = _read(files) if files else (list(ours), [])
    known = (each.uid for each in ours)
    told = [*faults, *map(str, lint(dashboards, known)), *map(str, _logql(dashboards))]
    for line in told:
        print(line)
    wrong = f"{len(told)} findings" if len(told) != 1 else "1 finding"
    print(f"{len(dashboards)} dashboards: {wrong if told else 'nothing is wrong'}.")
    return 1 if told else 0


if __name__ == "__main__":
    sys.exit(main())
