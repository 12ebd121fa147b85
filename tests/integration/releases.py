"""A web server on loopback with releases of a program that are broken in chosen ways."""

from __future__ import annotations

import hashlib
import io
import tarfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import yaml


def release(program: str, content: str) -> bytes:
    """An upstream archive with one program in it, a script."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as tar:
        entry = tarfile.TarInfo(f"release/{program}")
        entry.size, entry.mode = len(content.encode()), 0o755
        tar.addfile(entry, io.BytesIO(content.encode()))
    return packed.getvalue()


@contextmanager
def served(body: bytes, announced: int | None = None) -> Iterator[str]:
    """Serve one body at any path; its URL.

    Args:
        body: What is sent.
        announced: Content-Length to announce; more than there is makes a cut-off download.
    """

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:  # the name http.server calls
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
        yield f"http://127.0.0.1:{server.server_port}/release.tar.gz"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def lock_file(folder: Path, name: str, version: str, url: str, body: bytes) -> Path:
    """A site's own lock file that pins one program to what is served."""
    pinned = {
        name: {
            "version": version,
            "programs": [name],
            "release": {
                "files": [
                    {
                        "url": url,
                        "members": {name: f"release/{name}"},
                        "sha256": {"amd64": hashlib.sha256(body).hexdigest()},
                    }
                ]
            },
        }
    }
    path = folder / f"{name}-{version}.lock.yaml"
    path.write_text(yaml.safe_dump(pinned))
    return path
