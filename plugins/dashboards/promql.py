"""PromQL, parsed: whether it is some, and which metrics it names."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

import promql_parser as promql


@cache
def fault(expression: str) -> str:
    """Why an expression is no PromQL; empty if it is."""
    try:
        promql.parse(expression)
    except ValueError as error:
        return str(error)
    return ""


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
