"""Run molecule's scenarios one after the other: ``python -m roles.molecule [ROLE[/SCENARIO] ...]``.

Each is run in every runtime, units and containers, unless one of them is asked for.
What molecule says goes to ``build/molecule/SCENARIO-RUNTIME.log``; here are its steps, and the
log's end where one fails. A scenario whose program cannot be had is skipped, and said to be.
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

from roles.molecule import obtainable
from roles.molecule.scenario import LEFT_OUT, ROLES, ROOT, RUNTIMES, Scenario, asked_for, scenarios

LOGS = ROOT / "build" / "molecule"
_TAIL = 60
_COLOUR = re.compile(r"\x1b\[[0-9;]*m")
_STEP = re.compile(r"\w+ \S (?P<step>\w+)[\]:] (?P<what>Executing|Executed: (?P<end>\w+).*)\s*$")
_TESTS = re.compile(r"^=+ (?P<tests>.*\b(?:passed|failed|error)\b.*) in [\d.]+s")

console = Console(highlight=False, soft_wrap=True)


@dataclass(frozen=True)
class Outcome:
    """How one scenario ended.

    Attributes:
        scenario: Which one.
        code: Molecule's exit code.
        seconds: How long it took.
        failed: The step it failed in, if it did.
        tests: What pytest counted.
        skipped: Why it was not run, if it was not.
    """

    scenario: Scenario
    code: int = 0
    seconds: float = 0
    failed: str = ""
    tests: str = ""
    skipped: str = ""

    @property
    def log(self) -> Path:
        """What molecule said."""
        return log(self.scenario)

    @property
    def result(self) -> str:
        """How it ended, in a few words."""
        if self.skipped:
            return "skipped"
        return f"failed: {self.failed}" if self.code else "ok"


def log(scenario: Scenario) -> Path:
    """Where molecule's words go."""
    return LOGS / f"{scenario.slug}-{scenario.runtime}.log"


def environment(scenario: Scenario) -> Mapping[str, str]:
    """Variables of molecule's process."""
    programs = str(Path(sys.executable).parent)
    return {
        **os.environ,
        # It calls ansible-playbook and pytest by their names.
        "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": str(ROOT),
        "MOLECULE_EPHEMERAL_DIRECTORY": str(ROOT / ".stackwatch" / "molecule" / scenario.slug),
        "STACKWATCH_RUNTIME": scenario.runtime,
        "NO_COLOR": "1",
        "ANSIBLE_NOCOLOR": "1",
    }


def _lines(process: subprocess.Popen[str], into: Path) -> Iterator[str]:
    assert process.stdout is not None  # noqa: S101  # it is a pipe
    with into.open("w") as file:
        for line in process.stdout:
            plain = _COLOUR.sub("", line)
            file.write(plain)
            file.flush()
            yield plain


def run(scenario: Scenario) -> Outcome:
    """Run one scenario to its end, unless it cannot be run."""
    if reason := obtainable.missing(scenario):
        console.print(f"  skipped  {scenario.title}: {reason}", markup=False)
        return Outcome(scenario, skipped=reason)
    LOGS.mkdir(parents=True, exist_ok=True)
    started = time.monotonic()
    molecule = Path(sys.executable).with_name("molecule")
    base = ROOT / ".config" / "molecule" / "config.yml"
    process = subprocess.Popen(
        [molecule, "--base-config", base, "test", "--scenario-name", scenario.name],
        cwd=ROLES / scenario.role,
        env=environment(scenario),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    failed = step = tests = ""
    for line in _lines(process, log(scenario)):
        if found := _STEP.search(line):
            step = found["step"]
            if found["what"] == "Executing":
                console.print(f"{time.monotonic() - started:5.0f} s  {scenario.title}: {step}")
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
        last = log(scenario).read_text().splitlines(keepends=True)[-_TAIL:]
        console.print("".join(last), markup=False)
    return Outcome(scenario, code, seconds, (failed or step) if code else "", tests)


def summary(outcomes: Sequence[Outcome]) -> Table:
    """What people see at the end."""
    table = Table("scenario", "result", "seconds", "tests", box=None)
    for each in outcomes:
        row = (each.scenario.title, each.result, f"{each.seconds:.0f}", each.tests)
        table.add_row(*row)
    return table


def counted(outcomes: Sequence[Outcome]) -> str:
    """The last lines: how many ran, failed and were skipped, and why these were."""
    skipped = [each for each in outcomes if each.skipped]
    failed = [each for each in outcomes if each.code]
    seconds = sum(each.seconds for each in outcomes)
    ran = len(outcomes) - len(skipped)
    first = f"{ran} ran in {seconds:.0f} s, {len(failed)} failed, {len(skipped)} skipped"
    reasons = [f"  skipped  {each.scenario.title}: {each.skipped}" for each in skipped]
    logs = [f"  failed   {each.scenario.title}: {each.log.relative_to(ROOT)}" for each in failed]
    return "\n".join([first, *reasons, *logs])


def more(chosen: Sequence[Scenario]) -> list[Scenario]:
    """Further scenarios of the roles that were chosen, in runtimes that were."""
    roles, runtimes = ({getattr(each, of) for each in chosen} for of in ("role", "runtime"))
    known = [each for each in scenarios() if each.runtime in runtimes]
    return [each for each in known if each.role in roles and each not in chosen]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the scenarios.

    Returns:
        0 if every one that can run is green, 1 if one is not or none can run, 2 where there is
        none of a name.
    """
    parser = argparse.ArgumentParser(prog="python -m roles.molecule", description=__doc__)
    parser.add_argument("roles", nargs="*", metavar="ROLE[/SCENARIO]", help="default: all")
    parser.add_argument("--runtime", choices=RUNTIMES, help="default: each")
    said = parser.parse_args(arguments)
    runtimes = (said.runtime,) if said.runtime else RUNTIMES
    known = scenarios(runtimes)
    found = {word: asked_for(word, runtimes) for word in said.roles}
    unknown = sorted(word for word, meant in found.items() if not meant)
    if unknown or not known:
        there = ", ".join(dict.fromkeys(each.word for each in known))
        console.print(f"no scenario: {', '.join(unknown)}; there are {there}")
        return 2
    chosen = list(dict.fromkeys(each for meant in found.values() for each in meant))
    left_out = {} if chosen else {each: LEFT_OUT.get(each.title, "") for each in known}
    outcomes = [run(each) for each in chosen or known if not left_out.get(each)]
    console.print(summary(outcomes))
    console.print(counted(outcomes), markup=False)
    for each, reason in left_out.items():
        if reason:
            console.print(f"  left out  {each.title}: {reason}", markup=False)
    for each in more(chosen):
        console.print(f"  not asked for  {each.title}", markup=False)
    # Nothing that ran is nothing proven.
    return int(any(each.code for each in outcomes) or all(each.skipped for each in outcomes))


if __name__ == "__main__":
    sys.exit(main())
