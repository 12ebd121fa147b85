"""A web server on loopback with releases of a program that are broken in chosen ways."""

from __future__ import annotations

import hashlib
import io
import tarfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import yaml


def release(program: str, content: bytes) -> bytes:
    """An upstream archive with one program in it."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as tar:
        entry = tarfile.TarInfo(f"release/{program}")
        entry.size, entry.mode = len(content), 0o755
        tar.addfile(entry, io.BytesIO(content))
    return packed.getvalue()


@contextmanager
def served(body: bytes, announced: int | None = None, name: str = "") -> Iterator[str]:
    """Serve one body; its URL.

    Args:
        body: What is sent.
        announced: Content-Length to announce; more than there is makes a cut-off download.
        name: The only file that is there; by default any is.
    """

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:  # the name http.server calls
            if name and self.path != f"/{name}":
                self.send_error(404)
                return
            self.send_response(200)
            self.send_header("Content-Length", str(announced or len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/{name or 'release.tar.gz'}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@dataclass(frozen=True)
class Release:
    """A program at an address.

    Attributes:
        name: Of it.
        version: Of it.
        url: Where it is served.
        body: What the lock says it is; what is served may be something else.
    """

    name: str
    version: str
    url: str
    body: bytes

    def pinned(self) -> dict[str, Any]:
        """Its entry in a lock file."""
        file = {
            "url": self.url,
            "members": {self.name: f"release/{self.name}"},
            "sha256": {"amd64": hashlib.sha256(self.body).hexdigest()},
        }
        return {
            "version": self.version,
            "programs": [self.name],
            "release": {"files": [file]},
        }


def lock_file(folder: Path, *releases: Release) -> Path:
    """A site's own lock file that pins programs to what is served."""
    path = folder / "site.lock.yaml"
    path.write_text(yaml.safe_dump({each.name: each.pinned() for each in releases}))
    return path
