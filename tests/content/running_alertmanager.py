"""An Alertmanager on this machine's loopback, for as long as a test needs it."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from tests.content.running import LOOPBACK, free_ports, running

START_SECONDS = 30
REQUEST_SECONDS = 10
CONFIGURATION = "route: {receiver: nobody}\nreceivers: [{name: nobody}]\n"


@dataclass(frozen=True)
class RunningAlertmanager:
    """An Alertmanager that answers.

    Attributes:
        port: Where, on loopback.
    """

    port: int

    def _ask(self, method: str, path: str, body: Any = None) -> Any:
        sent = None if body is None else json.dumps(body).encode()
        url = f"http://{LOOPBACK}:{self.port}{path}"
        headers = {"Content-Type": "application/json"}
        asked = urllib.request.Request(url, sent, headers, method=method)
        with urllib.request.urlopen(asked, timeout=REQUEST_SECONDS) as answer:  # noqa: S310
            said = answer.read()
        return json.loads(said) if said else None

    def ready(self) -> bool:
        try:
            self._ask("GET", "/api/v2/status")
        except OSError:
            return False
        return True

    def silence(
        self, comment: str, starts: timedelta, ends: timedelta, **more: Mapping[str, Any]
    ) -> str:
        """Make a silence of one label, beginning and ending so long from now; its id."""
        now = datetime.now(UTC)
        matcher = {"name": "alertname", "value": "Dis(k|c)", "isRegex": True, "isEqual": False}
        body = {
            "matchers": [matcher | more, {"name": "team", "value": "a b", "isRegex": False}],
            "startsAt": (now + starts).isoformat(),
            "endsAt": (now + ends).isoformat(),
            "createdBy": "somebody",
            "comment": comment,
        }
        return str(self._ask("POST", "/api/v2/silences", body)["silenceID"])

    def expire(self, silence: str) -> None:
        """End a silence now."""
        self._ask("DELETE", f"/api/v2/silence/{silence}")

    def silences(self, *states: str) -> list[dict[str, Any]]:
        """Silences in some states, by comment."""
        found = self._ask("GET", "/api/v2/silences")
        kept = [each for each in found if each["status"]["state"] in states]
        return sorted(kept, key=lambda each: str(each["comment"]))


@contextmanager
def running_alertmanager(program: Path, folder: Path) -> Iterator[RunningAlertmanager]:
    """One that is alone.

    Args:
        program: Alertmanager itself.
        folder: Gets its configuration, its data and its log.
    """
    folder.mkdir(parents=True)
    (port,) = free_ports(1)
    (folder / "alertmanager.yml").write_text(CONFIGURATION)
    command = (
        program,
        f"--config.file={folder / 'alertmanager.yml'}",
        f"--storage.path={folder / 'data'}",
        f"--web.listen-address={LOOPBACK}:{port}",
        "--cluster.listen-address=",
    )
    alertmanager = RunningAlertmanager(port)
    with running(command, folder / "log", alertmanager.ready, START_SECONDS):
        yield alertmanager
