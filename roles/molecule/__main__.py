"""Run molecule's scenarios one after the other: ``python -m roles.molecule [ROLE ...]``.

What molecule says goes to ``build/molecule/ROLE.log``; here are its steps, and the log's end
where one fails.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

from roles.molecule.scenario import ROLES, ROOT, scenarios

LOGS = ROOT / "build" / "molecule"
_TAIL = 60
_COLOUR = re.compile(r"\x1b\[[0-9;]*m")
_STEP = re.compile(
    r"default \S (?P<step>\w+)[\]:] (?P<what>Executing|Executed: (?P<end>\w+).*)\s*$"
)
_TESTS = re.compile(r"^=+ (?P<tests>.*\b(?:passed|failed|error)\b.*) in [\d.]+s")

console = Console(highlight=False, soft_wrap=True)


@dataclass(frozen=True)
class Outcome:
    """How one scenario ended.

    Attributes:
        role: Its role.
        code: Molecule's exit code.
        seconds: How long it took.
        failed: The step it failed in, if it did.
        tests: What pytest counted.
    """

    role: str
    code: int
    seconds: float
    failed: str
    tests: str


def environment(role: str) -> Mapping[str, str]:
    """Variables of molecule's process."""
    programs = str(Path(sys.executable).parent)
    return {
        **os.environ,
        # It calls ansible-playbook and pytest by their names.
        "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": str(ROOT),
        "MOLECULE_EPHEMERAL_DIRECTORY": str(ROOT / ".stackwatch" / "molecule" / role),
        "NO_COLOR": "1",
        "ANSIBLE_NOCOLOR": "1",
    }


def _lines(process: subprocess.Popen[str], log: Path) -> Iterator[str]:
    assert process.stdout is not None  # noqa: S101  # it is a pipe
    with log.open("w") as file:
        for line in process.stdout:
            plain = _COLOUR.sub("", line)
            file.write(plain)
            file.flush()
            yield plain


def run(role: str) -> Outcome:
    """Run one scenario to its end."""
    log = LOGS / f"{role}.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    started = time.monotonic()
    base = ROOT / ".config" / "molecule" / "config.yml"
    process = subprocess.Popen(
        [Path(sys.executable).with_name("molecule"), "--base-config", base, "test"],
        cwd=ROLES / role,
        env=environment(role),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    failed = step = tests = ""
    for line in _lines(process, log):
        if found := _STEP.search(line):
            step = found["step"]
            if found["what"] == "Executing":
                console.print(f"{time.monotonic() - started:5.0f} s  {role}: {step}")
            elif found["end"] == "Failed":
                failed = failed or step
        elif found := _TESTS.match(line):
            tests = found["tests"]
    code = process.wait()
    seconds = time.monotonic() - started
    if code == 0 and not tests:
        # Nothing verified is nothing proven.
        code, failed = 1, "verify: no test ran"
    if code:
        console.print("".join(log.read_text().splitlines(keepends=True)[-_TAIL:]), markup=False)
    return Outcome(role, code, seconds, (failed or step) if code else "", tests)


def summary(outcomes: Sequence[Outcome]) -> Table:
    """What people see at the end."""
    table = Table("role", "result", "seconds", "tests", box=None)
    table.add_column("log", no_wrap=True, min_width=30)
    for each in outcomes:
        result = f"failed: {each.failed}" if each.code else "ok"
        log = str((LOGS / f"{each.role}.log").relative_to(ROOT))
        table.add_row(each.role, result, f"{each.seconds:.0f}", each.tests, log)
    return table


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the scenarios; 0 if every one is green, 2 where there is none of a name."""
    parser = argparse.ArgumentParser(prog="python -m roles.molecule", description=__doc__)
    parser.add_argument("roles", nargs="*", metavar="ROLE", help="default: all")
    asked = parser.parse_args(arguments).roles
    known = scenarios()
    unknown = sorted(set(asked) - set(known))
    if unknown or not known:
        console.print(f"no scenario: {', '.join(unknown)}; there are {', '.join(known)}")
        return 2
    outcomes = [run(role) for role in asked or known]
    console.print(summary(outcomes))
    return int(any(each.code for each in outcomes))


if __name__ == "__main__":
    sys.exit(main())
