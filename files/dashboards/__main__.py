"""Write the dashboards as JSON: ``python -m files.dashboards``."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from files.dashboards import committed


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m files.dashboards", description=__doc__)
    parser.add_argument(
        "--check", action="store_true", help="write nothing; tell stale files, exit 1 if any"
    )
    return parser


def main(argv: Sequence[str] | None = None, folder: Path = committed.FOLDER) -> int:
    """Write or check the files.

    Args:
        argv: Command line; default: the process's.
        folder: Where they are.

    Returns:
        0 if all are current now, 1 if not.
    """
    check: bool = _parser().parse_args(argv).check
    found = committed.compare(folder)
    if check:
        for name in found.names:
            print(f"{name}: is stale. Run `make dashboards`", file=sys.stderr)
        return 1 if found.names else 0
    committed.apply(found, folder)
    for name in found.written:
        print(f"{name}: written")
    for name in found.removed:
        print(f"{name}: removed")
    return 0


if __name__ == "__main__":
    sys.exit(main())
