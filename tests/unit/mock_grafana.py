"""A Grafana mocked at its HTTP boundary: the part of its API that backups use.

Forms, order and refusals are what a Grafana 9.4.0 was seen to answer, cut to what is used here.
https://grafana.com/docs/grafana/v9.4/developers/http_api/
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from threading import Thread
from typing import Any
from urllib.parse import parse_qs, urlsplit

USER, PASSWORD = "admin", 'a "difficult\\ $word'
VERSION = "9.4.0"
Said = tuple[int, Any]


@dataclass
class Stored:
    """A dashboard in the mock's database."""

    id: int
    model: dict[str, Any]
    folder: str
    provisioned: bool = False


@dataclass
class MockGrafana:
    """What the mock holds, and what it was asked to change.

    Attributes:
        folders: uid to title.
        dashboards: By uid.
        annotations: As they are listed.
        written: (path, body) of every request that is no GET.
        down: Paths that answer with an error of the server.
    """

    folders: dict[str, str] = field(default_factory=dict)
    dashboards: dict[str, Stored] = field(default_factory=dict)
    annotations: list[dict[str, Any]] = field(default_factory=list)
    written: list[tuple[str, Any]] = field(default_factory=list)
    down: set[str] = field(default_factory=set)
    port: int = 0
    _ids: Iterator[int] = field(default_factory=lambda: count(1))

    def add(self, model: Mapping[str, Any], folder: str = "", provisioned: bool = False) -> None:
        """Put a dashboard into the database."""
        number = next(self._ids)
        whole = {**model, "id": number, "version": 1}
        self.dashboards[model["uid"]] = Stored(number, whole, folder, provisioned)

    def note(self, time: int, text: str, dashboard: str = "", panel: int = 0, **more: Any) -> None:
        """Put an annotation into the database."""
        there = self.dashboards.get(dashboard)
        self.annotations.append(
            {
                "id": next(self._ids),
                "alertId": 0,
                "alertName": "",
                "dashboardId": there.id if there else 0,
                "dashboardUID": dashboard if there else None,
                "panelId": panel,
                "userId": 0,
                "newState": "",
                "prevState": "",
                "created": 1763762400000,
                "updated": 1763762400000,
                "time": time,
                "timeEnd": time,
                "text": text,
                "tags": [],
                "login": USER,
                "email": "admin@localhost",
                "avatarUrl": "/public/img/user_profile.png",
                "data": {},
                **more,
            }
        )

    def answer(self, method: str, target: str, login: str, body: Any) -> Said:
        """Status and JSON of one request."""
        url = urlsplit(target)
        query = {key: values[-1] for key, values in parse_qs(url.query).items()}
        if url.path in self.down:
            return 500, {"message": "Internal server error", "traceID": ""}
        if (method, url.path) == ("GET", "/api/health"):
            return 200, {"commit": "0000000", "database": "ok", "version": VERSION}
        if login != base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode():
            return 401, {"message": "invalid username or password", "traceID": ""}
        if method != "GET":
            self.written.append((url.path, body))
        kinds: Mapping[tuple[str, str], Callable[[], Said]] = {
            ("GET", "/api/search"): lambda: self._search(query),
            ("GET", "/api/annotations"): lambda: self._listed(query),
            ("POST", "/api/folders"): lambda: self._make_folder(body),
            ("POST", "/api/dashboards/db"): lambda: self._save(body),
            ("POST", "/api/annotations"): lambda: self._annotate(body),
        }
        if (method, url.path) in kinds:
            return kinds[method, url.path]()
        head, _, uid = url.path.rpartition("/")
        if (method, head) == ("GET", "/api/dashboards/uid"):
            return self._dashboard(uid)
        return 404, {"message": "Not found"}

    def _search(self, query: Mapping[str, str]) -> Said:
        limit, page = int(query.get("limit", 1000)), int(query.get("page", 1))
        if limit > 5000:
            words = (
                "Limit is above maximum allowed (5000), use page parameter to access hits beyond"
            )
            return 422, {"message": f"{words} limit"}
        hits: list[dict[str, Any]] = [
            {
                "id": number,
                "uid": uid,
                "title": title,
                "uri": f"db/{title.lower()}",
                "url": f"/dashboards/f/{uid}/{title.lower()}",
                "slug": "",
                "type": "dash-folder",
                "tags": [],
                "isStarred": False,
                "sortMeta": 0,
            }
            for number, (uid, title) in enumerate(self.folders.items(), 1000)
        ]
        for uid, stored in self.dashboards.items():
            hit = {
                "id": stored.id,
                "uid": uid,
                "title": stored.model["title"],
                "uri": f"db/{uid}",
                "url": f"/d/{uid}/{uid}",
                "slug": "",
                "type": "dash-db",
                "tags": stored.model.get("tags", []),
                "isStarred": False,
                "sortMeta": 0,
            }
            if stored.folder:
                hit |= {"folderUid": stored.folder, "folderTitle": self.folders[stored.folder]}
            hits.append(hit)
        return 200, hits[(page - 1) * limit : page * limit]

    def _dashboard(self, uid: str) -> Said:
        stored = self.dashboards.get(uid)
        if stored is None:
            return 404, {"message": "Dashboard not found", "traceID": ""}
        meta = {
            "type": "db",
            "canSave": True,
            "slug": uid,
            "version": stored.model["version"],
            "isFolder": False,
            "folderUid": stored.folder,
            "folderTitle": self.folders.get(stored.folder, "General"),
            "provisioned": stored.provisioned,
            "provisionedExternalId": f"Team/{uid}.json" if stored.provisioned else "",
        }
        return 200, {"meta": meta, "dashboard": stored.model}

    def _listed(self, query: Mapping[str, str]) -> Said:
        found = self.annotations
        if query.get("type") == "annotation":
            found = [each for each in found if each["alertId"] == 0]
        found = sorted(found, key=lambda each: (each["timeEnd"], each["time"]), reverse=True)
        return 200, found[: int(query.get("limit", 100))]

    def _make_folder(self, body: Mapping[str, Any]) -> Said:
        if body["title"] in self.folders.values() or body["uid"] in self.folders:
            words = "a folder or dashboard in the general folder with the same name already exists"
            return 409, {"message": words}
        self.folders[body["uid"]] = body["title"]
        return 200, {"id": next(self._ids), "uid": body["uid"], "title": body["title"]}

    def _save(self, body: Mapping[str, Any]) -> Said:
        model, folder = body["dashboard"], body.get("folderUid", "")
        there = self.dashboards.get(model["uid"])
        if folder and folder not in self.folders:
            return 400, {"message": "Folder not found", "traceID": ""}
        if there and there.provisioned:
            return 400, {"message": "Cannot save provisioned dashboard"}
        if there and not body.get("overwrite"):
            words = "The dashboard has been changed by someone else"
            return 412, {"message": words, "status": "version-mismatch"}
        for uid, other in self.dashboards.items():
            named = (other.model["title"], other.folder) == (model["title"], folder)
            if named and uid != model["uid"]:
                words = "A dashboard with the same name in the folder already exists"
                return 412, {"message": words, "status": "name-exists"}
        self.add(model, folder)
        return 200, {"status": "success", "uid": model["uid"], "version": 1}

    def _annotate(self, body: Mapping[str, Any]) -> Said:
        if not body.get("text"):
            return 400, {"message": "Failed to save annotation"}
        end = body.get("timeEnd") or body["time"]
        tags = body.get("tags", [])
        where = body.get("dashboardUID", ""), body.get("panelId", 0)
        self.note(body["time"], body["text"], *where, timeEnd=end, tags=tags)
        return 200, {"message": "Annotation added", "id": self.annotations[-1]["id"]}


@contextmanager
def mock_grafana() -> Iterator[MockGrafana]:
    """A mock that answers on a loopback port."""
    mock = MockGrafana()

    class Handler(BaseHTTPRequestHandler):
        def _serve(self) -> None:
            sent = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            login = (self.headers.get("Authorization") or "").removeprefix("Basic ")
            body = json.loads(sent) if sent else None
            status, said = mock.answer(self.command, self.path, login, body)
            told = json.dumps(said).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(told)))
            self.end_headers()
            self.wfile.write(told)

        do_GET = do_POST = _serve  # noqa: N815  # the server's own names

        def log_message(self, format: str, *args: Any) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        mock.port = server.server_port
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        thread.start()
        try:
            yield mock
        finally:
            server.shutdown()
            thread.join()
