"""Redactions in the form of Alloy's ``stage.replace``.

The stage gives what each capturing group matches to a template and puts what comes out in its
place. So the whole match is the one group, and the template is the redaction itself: whatever its
groups are, the result is what every other shipper makes of the line.
https://grafana.com/docs/alloy/latest/reference/components/loki/loki.process/#stagereplace
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence

from plugins.redaction import redactions, suspicion, uncaptured
from roles.alloy.syntax import Block


def _quoted(text: str) -> str:
    """A text as a literal of Go's templates, which know JSON's escapes."""
    return json.dumps(text, ensure_ascii=False)


def stages(more_keys: Sequence[str]) -> Iterator[Block]:
    """Stages that take secrets out of a line.

    Args:
        more_keys: Patterns of further keys whose values are secret.
    """
    for each in redactions(more_keys):
        replaced = f"{_quoted(each.pattern)} .Value {_quoted(each.replacement)}"
        yield Block(
            "stage.replace",
            attributes={
                "expression": f"({uncaptured(each.pattern)})",
                "replace": f"{{{{ regexReplaceAll {replaced} }}}}",
            },
        )


def guarded(more_keys: Sequence[str]) -> Block:
    """The same stages behind one cheap look at the line.

    What goes through them and what passes by may change places: not for lines that are put
    together afterwards.

    Args:
        more_keys: Patterns of further keys whose values are secret.
    """
    selector = f'{{service=~".+"}} |~ {_quoted(suspicion(more_keys))}'
    return Block("stage.match", attributes={"selector": selector}, blocks=list(stages(more_keys)))
