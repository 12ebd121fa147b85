"""Fetch one file over HTTP into a staging path and verify its sha256 before anyone uses it."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

import httpx

from plugins.artifacts.store import Progress
from plugins.model import ArtifactError

# A site without a way out must notice in seconds, a slow mirror must not be cut off.
TIMEOUT = httpx.Timeout(connect=5, read=30, write=10, pool=5)
FIRST_REPORT = 2.0  # seconds until a download is worth a line
NEXT_REPORT = 5.0
ATTEMPTS = 2  # a connection lost half way is tried once more, for it rarely happens twice
CHUNK = 1 << 20  # bytes

# Host and port that could not be connected to in this process, with the reason.
_unreachable: dict[str, str] = {}


class UnreachableError(ArtifactError):
    """No connection to the server, or it could not serve right now."""


class LoginWantedError(UnreachableError):
    """The server answers to those who log in.

    Attributes:
        challenge: How, as its header ``WWW-Authenticate`` says.
    """

    def __init__(self, message: str, challenge: str) -> None:
        self.challenge = challenge
        super().__init__(message)


class NotServedError(ArtifactError):
    """The server answered that it does not have the file."""


class TruncatedError(ArtifactError):
    """The connection ended before the whole file had arrived."""


class WrongDigestError(ArtifactError):
    """A whole file arrived, and it is not the one that was pinned."""


@dataclass
class Meter:
    """Says at most every few seconds how far something is."""

    progress: Progress
    label: str
    started: float = field(default_factory=time.monotonic)
    due: float = field(default_factory=lambda: time.monotonic() + FIRST_REPORT)

    def tick(self, got: int, total: int | None) -> None:
        """Report ``got`` bytes of ``total`` if a report is due."""
        now = time.monotonic()
        if now >= self.due:
            self.due = now + NEXT_REPORT
            of = f" of {total / 1e6:.0f}" if total else ""
            self.progress(f"{self.label}: {got / 1e6:.0f}{of} MB, {now - self.started:.0f} s")


def shown(url: str) -> str:
    """A URL for people: without a user and password."""
    try:
        parsed = httpx.URL(url)
    except httpx.InvalidURL:
        return "a mirror that is no URL"
    return str(parsed.copy_with(username=None, password=None)) if parsed.userinfo else url


def download(
    url: str,
    sha256: str | None,
    target: Path,
    progress: Progress,
    headers: Mapping[str, str] | None = None,
    most: int | None = None,
) -> str:
    """Stream ``url`` to ``target`` and verify it.

    Args:
        url: What to fetch; a user name and password in it are used and never shown.
        sha256: Expected digest; None only to learn it, for ``make lock``.
        target: Where to write; left incomplete when this raises.
        progress: Receives a line every few seconds.
        headers: Further ones of the request.
        most: Bytes that it may have; one more, and it is not the pinned file.

    Returns:
        The digest of what arrived, hexadecimal.

    Raises:
        UnreachableError: No connection, a refusal by a proxy, or a server error.
        LoginWantedError: The server wants a login, or another one.
        NotServedError: The server does not have it.
        TruncatedError: Less arrived than the server announced, twice.
        WrongDigestError: It is another file than the pinned one.
    """
    try:
        parsed = httpx.URL(url)
    except httpx.InvalidURL as error:
        raise UnreachableError(f"not a URL: {error}") from error
    told = shown(url)
    server = f"{parsed.host}:{parsed.port or parsed.scheme}"
    if server in _unreachable:
        raise UnreachableError(f"{parsed.host} {_unreachable[server]}")
    for attempt in range(1, ATTEMPTS + 1):
        try:
            got = _stream(parsed, target, Meter(progress, told), headers or {}, most)
            break
        except TruncatedError as error:
            if attempt == ATTEMPTS:
                raise
            progress(f"{error}; trying once more")
        except httpx.HTTPError as error:  # no connection, or no answer to the request
            _unreachable[server] = f"cannot be reached ({error or type(error).__name__})"
            raise UnreachableError(f"{told}: {parsed.host} {_unreachable[server]}") from error
    if sha256 is not None and got != sha256:
        raise WrongDigestError(f"{told}: wrong sha256: expected {sha256}, got {got}")
    return got


def _stream(
    url: httpx.URL,
    target: Path,
    meter: Meter,
    further: Mapping[str, str],
    most: int | None,
) -> str:
    # identity: a .tar.gz must arrive as the bytes that were pinned, not as a decoded stream
    headers = {"Accept-Encoding": "identity", "User-Agent": "stackwatch", **further}
    with (
        httpx.stream("GET", url, headers=headers, timeout=TIMEOUT, follow_redirects=True) as reply,
        target.open("wb") as stream,
    ):
        if reply.status_code != httpx.codes.OK:
            what = f"{meter.label}: HTTP {reply.status_code} {reply.reason_phrase}"
            # Of the server itself: whoever it sends us on to has no say in who we are.
            if reply.status_code == httpx.codes.UNAUTHORIZED and reply.url.host == url.host:
                raise LoginWantedError(what, reply.headers.get("WWW-Authenticate", ""))
            gone = reply.status_code in (httpx.codes.NOT_FOUND, httpx.codes.GONE)
            raise NotServedError(what) if gone else UnreachableError(what)
        announced = reply.headers.get("Content-Length", "")
        total = int(announced) if announced.isdigit() else None
        return _write(reply, stream, total, meter, most)


def _write(
    reply: httpx.Response,
    stream: BinaryIO,
    total: int | None,
    meter: Meter,
    most: int | None,
) -> str:
    hashed = hashlib.sha256()
    got = 0
    try:
        for chunk in reply.iter_raw(CHUNK):
            stream.write(chunk)
            hashed.update(chunk)
            got += len(chunk)
            if most is not None and got > most:
                raise WrongDigestError(f"{meter.label}: more than the {most} bytes it may have")
            meter.tick(got, total)
    except (httpx.RemoteProtocolError, httpx.ReadError, httpx.ReadTimeout) as error:
        # reply.num_bytes_downloaded and not got: the last part never filled a chunk
        expected = f"{total} bytes" if total is not None else "more"
        raise TruncatedError(
            f"{meter.label}: truncated download: expected {expected}, got "
            f"{reply.num_bytes_downloaded} bytes"
        ) from error
    return hashed.hexdigest()
