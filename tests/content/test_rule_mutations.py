"""The tests of the rules notice every small change of a rule.

Each rule is changed in one place (a number, a comparison, a duration, a label matcher, an
operator), and ``promtool test rules`` must then fail. A mutant that survives is a case that the
test file beside the rule does not have.
"""

from __future__ import annotations

import copy
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

RULES_DIR = Path(__file__).resolve().parents[2] / "files" / "rules"
# The Watchdog is a constant: there is nothing in it to change.
LEFT_OUT = "watchdog.yml"
RULES = sorted(
    path
    for path in RULES_DIR.glob("*.yml")
    if not path.name.endswith(".test.yml") and path.name != LEFT_OUT
)

# promtool makes a small database for every case: in memory, without collecting garbage, and on one
# core each, since as many run at a time as there are cores.
QUICK = {"GOGC": "off", "GOMAXPROCS": "1"}
MEMORY = Path("/dev/shm")  # noqa: S108 (promtool makes its own folders in it)
if MEMORY.is_dir():
    QUICK["TMPDIR"] = str(MEMORY)

# What a comparison becomes: the other direction, and the same with the boundary moved.
COMPARISONS = {
    ">": ("<", ">="),
    "<": (">", "<="),
    ">=": ("<=", ">"),
    "<=": (">=", "<"),
    "==": ("!=",),
    "!=": ("==",),
}
WORDS = {"and": "or", "or": "and", "sum": "max", "max": "min", "min": "max", "avg": "max"}
NEGATED = {"=": "!=", "!=": "=", "=~": "!~", "!~": "=~"}

STRING = re.compile(r'"[^"]*"')
MATCHER = re.compile(r'(?P<label>\w+)(?P<operator>=~|!~|!=|=)"(?P<value>[^"]*)"')
RANGE = re.compile(r"(?<=\[)\w+(?=\])")
COMPARISON = re.compile(r"==|!=|>=|<=|>|<")
NUMBER = re.compile(r"(?<![\w.\[])\d+(?:\.\d+)?(?![\w.])")
WORD = re.compile(rf"\b(?:{'|'.join(WORDS)})\b")


@dataclass(frozen=True)
class Mutant:
    """One rules file with one change.

    Attributes:
        what: The alert, its severity and the change, for the reader of a failure.
        text: The whole changed file.
    """

    what: str
    text: str


def doubled(duration: str) -> str:
    """Double every part of a duration: ``5m`` becomes ``10m``."""
    return re.sub(r"\d+", lambda match: str(2 * int(match[0])), duration)


def replaced(expr: str, match: re.Match[str], text: str) -> tuple[str, str]:
    """Return what was changed, and the expression with the match replaced."""
    around = " ".join(expr[max(0, match.start() - 24) : match.end()].split())
    return f"{around} -> {text}", expr[: match.start()] + text + expr[match.end() :]


def mutated_matchers(expr: str) -> Iterator[tuple[str, str]]:
    """Negate and widen every label matcher, and drop every alternative of a pattern."""
    for match in MATCHER.finditer(expr):
        label, operator, value = match["label"], match["operator"], match["value"]
        yield replaced(expr, match, f'{label}{NEGATED[operator]}"{value}"')
        yield replaced(expr, match, f'{label}=~".*"')
        alternatives = value.split("|") if "~" in operator and "|" in value else []
        for dropped in alternatives:
            kept = "|".join(other for other in alternatives if other != dropped)
            yield replaced(expr, match, f'{label}{operator}"{kept}"')


def mutated_expressions(expr: str) -> Iterator[tuple[str, str]]:
    """Yield every change of an expression: what it was, and the changed expression."""
    # Same length, so that positions hold; nothing inside a string is a number or an operator.
    bare = STRING.sub(lambda match: '"' + "_" * (len(match[0]) - 2) + '"', expr)
    bare = re.sub(r"\{[^}]*\}", lambda match: "{" + "_" * (len(match[0]) - 2) + "}", bare)

    def is_guard(position: int) -> bool:
        """Tell whether ``> 0`` stands inside parentheses: it guards a denominator.

        Its boundary cannot be observed: NaN compares false with or without it.
        """
        return bare.count("(", 0, position) > bare.count(")", 0, position)

    yield from mutated_matchers(expr)
    for match in RANGE.finditer(bare):
        yield replaced(expr, match, doubled(match[0]))
    for match in COMPARISON.finditer(bare):
        flipped = COMPARISONS[match[0]]
        for other in flipped[:1] if is_guard(match.start()) else flipped:
            yield replaced(expr, match, other)
    for match in NUMBER.finditer(bare):
        before = bare[: match.start()].rstrip()
        if before.endswith("vector(") or (before.endswith(">") and is_guard(match.start())):
            continue
        yield replaced(expr, match, str(2 * float(match[0]) or 1))
    for match in WORD.finditer(bare):
        yield replaced(expr, match, WORDS[match[0]])


def mutated_rules(rule: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield every change of a rule: what it was, and the changed rule."""
    for what, expr in mutated_expressions(rule["expr"]):
        yield what, rule | {"expr": expr}
    for key in ("for", "keep_firing_for"):
        if key in rule:
            yield f"{key} doubled", rule | {key: doubled(rule[key])}
            yield f"{key} removed", {name: rule[name] for name in rule if name != key}


def mutants(path: Path) -> Iterator[Mutant]:
    """Yield every mutant of a rules file, one change each."""
    document = yaml.safe_load(path.read_text())
    for group_index, group in enumerate(document["groups"]):
        for rule_index, rule in enumerate(group["rules"]):
            name = f"{rule['alert']} ({rule['labels']['severity']})"
            for what, changed in mutated_rules(rule):
                mutant = copy.deepcopy(document)
                mutant["groups"][group_index]["rules"][rule_index] = changed
                yield Mutant(f"{name}: {what}", yaml.safe_dump(mutant))


def passes(promtool: Path, tests: Path, *options: str) -> bool:
    """Tell whether a test file passes with the rules beside it.

    Raises:
        AssertionError: promtool does not take the rules at all, so that it proves nothing.
    """
    done = subprocess.run(
        [promtool, "test", "rules", *options, tests],
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | QUICK,
    )
    output = done.stdout + done.stderr
    noticed = any(sign in output for sign in ("exp:", "execution", ", err: "))
    assert done.returncode == 0 or noticed, output
    return done.returncode == 0


@pytest.mark.parametrize("path", RULES, ids=lambda path: path.name)
def test_every_mutant_is_noticed(path: Path, promtool: Path, tmp_path: Path) -> None:
    tests = path.with_name(f"{path.stem}.test.yml")
    # Most mutants die in the first case, which is far quicker than the whole file.
    first = f"^{re.escape(yaml.safe_load(tests.read_text())['tests'][0]['name'])}$"

    def place(folder: str, text: str) -> Path:
        (tmp_path / folder).mkdir()
        (tmp_path / folder / path.name).write_text(text)
        return Path(shutil.copy(tests, tmp_path / folder))

    def survives(numbered: tuple[int, Mutant]) -> bool:
        copied = place(str(numbered[0]), numbered[1].text)
        return passes(promtool, copied, f"--run={first}") and passes(promtool, copied)

    assert passes(promtool, place("original", yaml.safe_dump(yaml.safe_load(path.read_text()))))
    found = list(mutants(path))
    assert found
    with ThreadPoolExecutor(max_workers=os.cpu_count()) as pool:
        survived = list(pool.map(survives, enumerate(found)))
    survivors = [mutant.what for mutant, alive in zip(found, survived, strict=True) if alive]
    assert not survivors
