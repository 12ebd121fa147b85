"""Texts kept beside the tests: goldens that must come out the same, and hosts' recorded words.

``STACKWATCH_GOLDEN=write pytest tests/unit`` writes the goldens anew; read the diff.
"""

from __future__ import annotations

import os
from pathlib import Path

_HERE = Path(__file__).parent


def golden(name: str, text: str) -> tuple[str, str]:
    """What is kept under a name and what came out, to be compared by the test."""
    path = _HERE / "golden" / f"{name}.golden"
    if os.environ.get("STACKWATCH_GOLDEN") == "write":
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return path.read_text(), text


def output(name: str) -> list[str]:
    """Lines a host printed, as pyinfra hands them to a fact."""
    return (_HERE / "recordings" / name).read_text().splitlines()
