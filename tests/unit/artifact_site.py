"""A small site for artifact tests: an HTTP server on loopback, tiny archives, a lock."""

from __future__ import annotations

import gzip
import hashlib
import io
import lzma
import tarfile
import threading
import zipfile
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import yaml

from plugins.artifacts import ArtifactPolicy, Lock, Store, obtain
from plugins.model import Artifact, ArtifactError

TOOL = ("tool", "amd64")
PROGRAM = b"#!/bin/sh\necho tool 1.2.3\n"
CLIENT = b"#!/bin/sh\necho client 1.2.3\n"


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def tar_gz(members: Mapping[str, bytes]) -> bytes:
    return gzip.compress(tar(members), mtime=0)


def tar(members: Mapping[str, bytes]) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        for name, content in members.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return packed.getvalue()


def zipped(members: Mapping[str, bytes]) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return packed.getvalue()


def deb(
    members: Mapping[str, bytes],
    inner: str = "data.tar.xz",
    compress: Callable[[bytes], bytes] = lzma.compress,
) -> bytes:
    parts = {
        "debian-binary": b"2.0\n",
        "control.tar.xz": b"odd",  # an odd size must be padded
        inner: compress(tar(members)),
    }
    written = b"!<arch>\n"
    for name, content in parts.items():
        written += f"{name:<16}{0:<12}{0:<6}{0:<6}{100644:<8}{len(content):<10}`\n".encode()
        written += content + b"\n" * (len(content) % 2)
    return written


@dataclass
class Server:
    """What is served, and what was asked for.

    Attributes:
        url: Base URL.
        files: Path to content.
        cut: Path to how many of its bytes arrive before the connection ends, per request.
        status: Path to an HTTP status instead of a file.
        bearer: What must be shown below ``/v2/``, as registries want it.
        challenge: What else is said of how to log in.
        logins: Path to the login that was shown there last.
        requests: How often each path was asked for.
    """

    url: str = ""
    files: dict[str, bytes] = field(default_factory=dict)
    cut: dict[str, list[int]] = field(default_factory=dict)
    status: dict[str, int] = field(default_factory=dict)
    bearer: str = ""
    challenge: str = ""
    logins: dict[str, str] = field(default_factory=dict)
    requests: Counter[str] = field(default_factory=Counter)

    def answer(self, request: BaseHTTPRequestHandler) -> None:
        path = request.path
        self.requests[path] += 1
        self.logins[path] = request.headers.get("Authorization", "")
        status = self.status.get(path, 200 if path in self.files else 404)
        if self.bearer and path.startswith("/v2/"):
            status = status if self.logins[path] == f"Bearer {self.bearer}" else 401
        content = self.files.get(path, b"") if status == 200 else b""
        request.send_response(status)
        if status == 401:
            realm = f'Bearer realm="{self.url}/token",service="registry",scope="pull"'
            request.send_header("WWW-Authenticate", self.challenge or realm)
        request.send_header("Content-Length", str(len(content)))
        request.end_headers()
        cuts = self.cut.get(path)
        request.wfile.write(content[: cuts.pop(0)] if cuts else content)


@contextmanager
def serving() -> Iterator[Server]:
    """A server on a free port of loopback, in a thread."""
    server = Server()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            server.answer(self)

        def log_message(self, *_arguments: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as listening:
        server.url = f"http://127.0.0.1:{listening.server_port}"
        thread = threading.Thread(target=listening.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield server
        finally:
            listening.shutdown()
            thread.join()


ARCHIVE = tar_gz({"tool-1.2.3/tool": PROGRAM, "tool-1.2.3/client": CLIENT})
PACKAGE = deb({"./usr/bin/tool": PROGRAM, "./usr/bin/client": CLIENT})
RELEASE_PATH = "/dl/tool-1.2.3-amd64.tar.gz"
MIRROR_PATH = f"/mirror/{sha256(ARCHIVE)}/tool-1.2.3-amd64.tar.gz"
PLAIN_MIRROR_PATH = "/mirror/tool-1.2.3-amd64.tar.gz"
PACKAGE_PATH = "/debian/pool/main/t/tool_1.1%2Bds_amd64.deb"


def entry(upstream: str) -> dict[str, Any]:
    """The lock's entry of ``tool``: release and package for amd64, an unknown sum for arm64."""
    return {
        "version": "1.2.3",
        "programs": ["tool", "client"],
        "release": {
            "files": [
                {
                    "url": upstream + "/dl/tool-{version}-{architecture}.tar.gz",
                    "members": {"tool": "tool-{version}/tool", "client": "tool-{version}/client"},
                    "sha256": {"amd64": sha256(ARCHIVE), "arm64": None},
                }
            ]
        },
        "package": {
            "version": "1.1",
            "files": [
                {
                    "path": "pool/main/t/tool_{version}+ds_{architecture}.deb",
                    "members": {"tool": "usr/bin/tool", "client": "usr/bin/client"},
                    "sha256": {"amd64": sha256(PACKAGE)},
                }
            ],
        },
    }


def write_lock(folder: Path, entries: Mapping[str, Any]) -> Lock:
    path = folder / "artifacts.lock.yaml"
    path.write_text(yaml.safe_dump(dict(entries), sort_keys=False))
    return Lock.load(path)


def write_module(lock: Lock, name: str, go: str = "1.21") -> None:
    """A go.mod and go.sum for ``name`` beside the lock."""
    folder = lock.path.parent / "modules" / name
    folder.mkdir(parents=True)
    (folder / "go.mod").write_text(f"module stackwatch.invalid/build/{name}\n\ngo {go}\n")
    (folder / "go.sum").write_text("")


def policy(server: Server, *sources: str) -> ArtifactPolicy:
    chosen = sources or ("mirror", "release", "package")
    return ArtifactPolicy(chosen, server.url + "/mirror/", server.url + "/debian")


def one(
    lock: Lock, chosen: ArtifactPolicy, store: Store, said: list[str] | None = None
) -> Artifact | ArtifactError:
    return obtain(lock, [TOOL], chosen, store, (said if said is not None else []).append)[TOOL]


def got(result: Artifact | ArtifactError) -> Artifact:
    assert isinstance(result, Artifact), result
    return result
