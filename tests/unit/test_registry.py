"""A registry that is none is told, and images go another way."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from plugins.runtimes.registry import Registry, RegistryError
from tests.unit.container_states import ALPHA


class MockWebServer(BaseHTTPRequestHandler):
    """Something that answers HTTP and is no registry."""

    def _answer(self, code: int) -> None:
        self.send_response(code)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def do_HEAD(self) -> None:
        self._answer(404)

    def do_POST(self) -> None:
        self._answer(202)

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@pytest.fixture
def web() -> Iterator[str]:
    with HTTPServer(("127.0.0.1", 0), MockWebServer) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_what_answers_and_is_no_registry_is_told(web: str) -> None:
    with pytest.raises(RegistryError, match=f"{web}: its answer has no 'Location', it is none"):
        Registry(web).provide([ALPHA.image])


def test_nobody_there_is_told() -> None:
    with pytest.raises(RegistryError, match=r"http://127\.0\.0\.1:1: .*refused"):
        Registry("http://127.0.0.1:1").provide([ALPHA.image])


def test_an_image_is_pulled_by_its_digest_and_nothing_else() -> None:
    registry = Registry("http://10.0.0.1:5000")
    assert registry.reference(ALPHA.image) == f"10.0.0.1:5000/stackwatch/alpha@{ALPHA.image.digest}"
    assert ALPHA.image.digest.startswith("sha256:")
