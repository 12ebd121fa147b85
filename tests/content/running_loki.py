"""A Loki as its role configures it, on this machine's loopback, for as long as a test needs it."""

from __future__ import annotations

import http.client
import json
import time
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from plugins.paths import Paths
from tests.content.running import LOOPBACK, free_ports, running
from tests.unit import sites

START_SECONDS = 120
REQUEST_SECONDS = 30

Sample = tuple[dict[str, str], float]


@dataclass(frozen=True)
class Lines:
    """Log lines as a collector sends them.

    Attributes:
        count: How many.
        body: The line.
        labels: Labels of their stream.
        beside: Structured metadata.
        ago: Age of the youngest in seconds; each further one is a millisecond older.
    """

    count: int
    body: str
    labels: Mapping[str, str]
    beside: Mapping[str, str] = field(default_factory=dict)
    ago: float = 10


def _attributes(values: Mapping[str, str]) -> list[dict[str, Any]]:
    return [{"key": key, "value": {"stringValue": value}} for key, value in values.items()]


@dataclass(frozen=True)
class RunningLoki:
    """A Loki that answers.

    Attributes:
        port: Where, on loopback.
        now: The moment that every line's age and every query counts from, Unix seconds.
    """

    port: int
    now: float

    def _ask(self, method: str, path: str, body: str | None = None) -> tuple[int, str]:
        connection = http.client.HTTPConnection(LOOPBACK, self.port, timeout=REQUEST_SECONDS)
        try:
            connection.request(method, path, body, {"Content-Type": "application/json"})
            answer = connection.getresponse()
            return answer.status, answer.read().decode()
        finally:
            connection.close()

    def ready(self) -> bool:
        try:
            return self._ask("GET", "/ready")[0] == 200
        except OSError:
            return False

    def push(self, lines: Iterable[Lines]) -> None:
        """Send lines over OTLP, and fail if one is refused."""
        streams: dict[tuple[tuple[str, str], ...], list[dict[str, Any]]] = defaultdict(list)
        for each in lines:
            youngest = int((self.now - each.ago) * 1e9)
            streams[tuple(sorted(each.labels.items()))] += [
                {
                    "timeUnixNano": str(youngest - number * 1_000_000),
                    "body": {"stringValue": each.body},
                    "attributes": _attributes(each.beside),
                }
                for number in range(each.count)
            ]
        resources = [
            {
                "resource": {"attributes": _attributes(dict(labels))},
                "scopeLogs": [{"logRecords": records}],
            }
            for labels, records in streams.items()
        ]
        status, said = self._ask("POST", "/otlp/v1/logs", json.dumps({"resourceLogs": resources}))
        assert status == 204, said

    def query(self, expr: str) -> list[Sample] | str:
        """What a metric query finds at the one moment; if it is refused, why."""
        asked = urlencode({"query": expr, "time": int(self.now * 1e9)})
        status, said = self._ask("GET", f"/loki/api/v1/query?{asked}")
        if status == 400:
            return said
        assert status == 200, f"{expr}\n{status} {said}"
        return [
            (sample["metric"], float(sample["value"][1]))
            for sample in json.loads(said)["data"]["result"]
        ]

    def rules(self) -> list[dict[str, Any]]:
        """What its ruler has loaded."""
        status, said = self._ask("GET", "/prometheus/api/v1/rules")
        assert status == 200, said
        groups = json.loads(said)["data"]["groups"]
        return [rule | {"group": group["name"]} for group in groups for rule in group["rules"]]


@contextmanager
def running_loki(program: Path, folder: Path) -> Iterator[RunningLoki]:
    """A Loki with the configuration and the rules that its role renders.

    Args:
        program: Loki itself.
        folder: Gets its configuration, its data and its log.
    """
    port, grpc_port = free_ports(2)
    settings = {
        "port": port,
        "grpc_port": grpc_port,
        "listen": LOOPBACK,
        # So that every rule is evaluated while somebody waits for it.
        "native": {"ruler": {"evaluation_interval": "1s"}},
    }
    site = sites.compiled(sites.on("log1", "loki", address=LOOPBACK, loki=settings))
    paths = Paths("loki")
    for file in sites.components(site, "log1")["loki"].files:
        path = folder / "config" / file.path
        path.parent.mkdir(parents=True, exist_ok=True)
        content = file.content.replace(paths.storage, str(folder / "data"))
        path.write_text(content.replace(paths.config, str(folder / "config")))
    (folder / "data").mkdir()
    command = (program, f"-config.file={folder / 'config' / 'loki.yml'}")
    loki = RunningLoki(port, time.time())
    with running(command, folder / "log", loki.ready, START_SECONDS):
        yield loki
