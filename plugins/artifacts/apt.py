"""Where the Debian mirror of this machine is, read from its apt sources."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

APT = Path("/etc/apt")
# Suites of Debian's own archive; third parties name their suites after codenames too, so the
# candidates are ordered by how much they look like Debian's, and each file has its sha256.
SUITES = re.compile(
    r"^(?:(?:old){0,2}stable|testing|unstable|sid|buster|bullseye|bookworm|trixie|forky)"
    r"(?:-updates|-backports)?$"
)
ONE_LINE = re.compile(
    r"^deb\s+(?:\[[^\]]*\]\s+)?(?P<uri>\S+)\s+(?P<suite>\S+)\s+(?P<components>.+)$"
)


def debian_mirrors(apt: Path = APT) -> tuple[str, ...]:
    """Base URLs that may serve Debian's ``pool/``, the likeliest first.

    Args:
        apt: The folder with ``sources.list`` and ``sources.list.d``.

    Returns:
        URLs without a slash at the end; empty on a machine without apt.
    """
    found: dict[str, None] = {}
    for file in [apt / "sources.list", *sorted((apt / "sources.list.d").glob("*"))]:
        if not file.is_file() or file.suffix not in (".list", ".sources"):
            continue
        text = file.read_text(encoding="utf-8", errors="replace")
        read = _deb822 if file.suffix == ".sources" else _one_line
        for uri, suites, components in read(text):
            if "main" in components and any(SUITES.match(suite) for suite in suites):
                found.update(dict.fromkeys(_urls(uri)))
    return tuple(sorted(found, key=lambda url: not url.endswith("/debian")))


def _one_line(text: str) -> Iterator[tuple[str, list[str], list[str]]]:
    for line in text.splitlines():
        if match := ONE_LINE.match(line.split("#", 1)[0].strip()):
            yield match["uri"], [match["suite"]], match["components"].split()


def _deb822(text: str) -> Iterator[tuple[str, list[str], list[str]]]:
    plain = "\n".join(line for line in text.splitlines() if not line.startswith("#"))
    for stanza in re.split(r"\n\s*\n", plain):
        folded = re.sub(r"\n[ \t]+", " ", stanza)
        pairs = (line.split(":", 1) for line in folded.splitlines() if ":" in line)
        fields = {key.strip().lower(): value.split() for key, value in pairs}
        if "deb" not in fields.get("types", []) or fields.get("enabled") == ["no"]:
            continue
        for uri in fields.get("uris", []):
            yield uri, fields.get("suites", []), fields.get("components", [])


def _urls(uri: str) -> Iterator[str]:
    """The URL itself, or those in the list that a ``mirror+file:`` names (cloud images do)."""
    if uri.startswith(("http://", "https://")):
        yield uri.rstrip("/")
    elif uri.startswith("mirror+file:"):
        listed = Path(uri.removeprefix("mirror+file:"))
        if listed.is_file():
            for line in listed.read_text(encoding="utf-8").splitlines():
                first = line.split("#", 1)[0].split()
                if first and first[0].startswith(("http://", "https://")):
                    yield first[0].rstrip("/")
