"""PromQL, parsed: whether it is some, and which metrics it names."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import promql_parser as promql

from plugins.dashboards.judges import judged

# Their enumeration has no hash.
_SIGNS = (
    (promql.MatchOp.Equal, "="),
    (promql.MatchOp.NotEqual, "!="),
    (promql.MatchOp.Re, "=~"),
    (promql.MatchOp.NotRe, "!~"),
)


@cache
def fault(expression: str) -> str:
    """Why an expression is no PromQL; empty if it is."""
    try:
        promql.parse(expression)
    except ValueError as error:
        return str(error)
    return ""


def accepted(expression: str, promtool: Path) -> bool:
    """Whether Prometheus' own checker takes what the parser here, which is older, does not.

    Raises:
        UnjudgedError: It does not run here.
    """
    command = (str(promtool), "check", "rules", "--lint=none")
    return judged(command, (("query", expression),))[0] == 0


def _selectors(expression: str) -> Iterator[promql.VectorSelector]:
    found: list[promql.VectorSelector] = []

    def visit(node: promql.Expr) -> bool:
        if isinstance(node, promql.VectorSelector):
            found.append(node)
        return True

    promql.walk(promql.parse(expression), visit)
    return iter(found)


def metrics(expression: str) -> frozenset[str]:
    """Names of the metrics that an expression selects by name; not those by a pattern.

    Raises:
        ValueError: It is no PromQL.
    """
    names = set()
    for selector in _selectors(expression):
        written = [
            matcher.value
            for matcher in selector.matchers.matchers
            if matcher.name == "__name__" and matcher.op == promql.MatchOp.Equal
        ]
        names |= {selector.name} if selector.name else set(written)
    return frozenset(names)


def _sign(operator: promql.MatchOp) -> str:
    return next(sign for known, sign in _SIGNS if known == operator)


def selectors(expression: str) -> tuple[str, ...]:
    """The selectors of an expression, as text, without spans of time and offsets.

    Raises:
        ValueError: It is no PromQL.
    """
    found = []
    for selector in _selectors(expression):
        matchers = ",".join(
            f"{m.name}{_sign(m.op)}{json.dumps(m.value)}" for m in selector.matchers.matchers
        )
        found.append(f"{selector.name or ''}{{{matchers}}}" if matchers else str(selector.name))
    return tuple(dict.fromkeys(found))
