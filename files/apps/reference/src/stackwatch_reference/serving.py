"""A server that ends with exit code 0 when it is told to stop."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import Generator
from typing import TYPE_CHECKING

import uvicorn

if TYPE_CHECKING:
    from starlette.types import ASGIApp

# As long as the slowest request may take.
_GRACE_SECONDS = 10


class _Server(uvicorn.Server):
    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        # uvicorn raises the signal once more at the end, so that an ordinary stop would look
        # like a death by signal.
        loop = asyncio.get_running_loop()
        signals = (signal.SIGTERM, signal.SIGINT)
        for number in signals:
            loop.add_signal_handler(number, self.handle_exit, number, None)
        try:
            yield
        finally:
            for number in signals:
                loop.remove_signal_handler(number)


def serve(app: ASGIApp, *, listen: str, port: int) -> None:
    """Serve until SIGTERM or SIGINT; requests in flight are ended first.

    Raises:
        SystemExit: It could not start, for example since the port is taken.
    """
    config = uvicorn.Config(
        app,
        host=listen,
        port=port,
        # Logging is set up already, and the middleware writes an entry for each request.
        log_config=None,
        access_log=False,
        server_header=False,
        lifespan="on",
        timeout_graceful_shutdown=_GRACE_SECONDS,
    )
    server = _Server(config)
    asyncio.run(server.serve())
    if not server.started:
        raise SystemExit(1)
