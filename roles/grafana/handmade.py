"""What people made in a Grafana: its folders, their dashboards, annotations.

https://grafana.com/docs/grafana/latest/developers/http_api/
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import count
from typing import Annotated, Any
from urllib.parse import quote, urlencode

from pydantic import BaseModel, BeforeValidator, Field

from plugins.backup.kept import ApiError, Copy, FromApi, got, parsed, shaped
from plugins.calls import Ask, Call

# The most that one page of the search may hold.
_PAGE = 5000
_ANNOTATIONS = 10_000
# What Grafana itself counts and numbers; it belongs to one database.
_COUNTED = ("id", "version", "iteration")
OUR_TAG = "stackwatch"
OUR_PREFIX = "stackwatch-"

# Grafana writes null where nothing is.
Words = Annotated[str, BeforeValidator(lambda value: value or "")]
Tags = Annotated[tuple[str, ...], BeforeValidator(lambda value: value or ())]
Number = Annotated[int, BeforeValidator(lambda value: value or 0)]


class Hit(FromApi):
    """One line of a search: a folder or a dashboard."""

    uid: str
    title: str
    type: str
    tags: Tags = ()
    folder: Words = Field("", alias="folderUid")

    @property
    def is_folder(self) -> bool:
        """False for a dashboard."""
        return self.type == "dash-folder"

    @property
    def ours(self) -> bool:
        """Whether a deploy brings it. A copy that somebody made of one has another uid."""
        return self.uid.startswith(OUR_PREFIX) and OUR_TAG in self.tags


class Folder(FromApi):
    """A folder of dashboards."""

    uid: str
    title: str
    parent: Words = Field("", alias="parentUid")


class Dashboard(FromApi):
    """A dashboard with the folder it is in; none is the one that Grafana calls General."""

    folder: Words = Field("", alias="folderUid")
    folder_title: Words = Field("", alias="folderTitle")
    provisioned: bool = Field(False, exclude=True)
    model: dict[str, Any] = Field(alias="dashboard")

    @property
    def uid(self) -> str:
        """What Grafana knows it by."""
        return str(self.model["uid"])

    @property
    def title(self) -> str:
        """What people know it by."""
        return str(self.model["title"])


class Annotation(FromApi):
    """A mark in time, on a panel, on a dashboard, or on all."""

    time: int
    time_end: Number = Field(0, alias="timeEnd")
    text: Words = ""
    tags: Tags = ()
    dashboard: Words = Field("", alias="dashboardUID")
    panel: Number = Field(0, alias="panelId")
    data: dict[str, Any] | None = None

    @property
    def identity(self) -> tuple[object, ...]:
        """Two with the same are one."""
        return self.time, self.text, self.dashboard, self.panel


def version(ask: Ask) -> str:
    """Of Grafana, which answers this to everybody.

    Raises:
        ApiError: It does not answer.
    """
    (health,) = got(ask, Call("/api/health"))
    return str(health.get("version") or "unknown")


def search(ask: Ask) -> tuple[Hit, ...]:
    """Every folder and dashboard of the organisation.

    Raises:
        ApiError: It is refused.
    """
    hits: list[Hit] = []
    for number in count(1):
        (page,) = got(ask, Call(f"/api/search?{urlencode({'limit': _PAGE, 'page': number})}"))
        hits += [shaped(Hit, each, "/api/search") for each in page]
        if len(page) < _PAGE:
            break
    return tuple(hit for hit in hits if hit.type in ("dash-db", "dash-folder"))


def cleaned(model: Mapping[str, Any]) -> dict[str, Any]:
    """A dashboard without what Grafana numbers itself."""
    return {key: value for key, value in model.items() if key not in _COUNTED}


def dashboards(ask: Ask, uids: Iterable[str]) -> dict[str, Dashboard]:
    """Dashboards by uid; those that are not there are left out.

    Raises:
        ApiError: One cannot be read.
    """
    asked = {uid: Call(f"/api/dashboards/uid/{quote(uid, safe='')}") for uid in uids}
    found = {}
    answers = ask(tuple(asked.values()))
    for (uid, call), answer in zip(asked.items(), answers, strict=True):
        if answer.status == 404:
            continue
        body = parsed(call, answer)
        values = {**body["meta"], "dashboard": cleaned(body["dashboard"])}
        found[uid] = shaped(Dashboard, values, call.path)
    return found


def marks(ask: Ask) -> tuple[Annotation, ...]:
    """Every annotation that people or programs made; not those that alert rules leave.

    Raises:
        ApiError: They cannot be read, or not all of them.
    """
    limit, before = _ANNOTATIONS, -1
    while True:
        query = urlencode({"type": "annotation", "limit": limit})
        (found,) = got(ask, Call(f"/api/annotations?{query}"))
        if len(found) < limit:
            break
        if len(found) <= before:
            raise ApiError(f"/api/annotations: there are more than the {len(found)} that it gives")
        # There are no pages: https://grafana.com/docs/grafana/latest/developers/http_api/annotations/
        limit, before = limit * 10, len(found)
    whole = (shaped(Annotation, each, "/api/annotations") for each in found)
    return tuple(sorted(whole, key=lambda each: tuple(map(str, each.identity))))


def folders(hits: Iterable[Hit]) -> tuple[Folder, ...]:
    """The folders of a search, with the folders they are in."""
    found = (Folder(uid=h.uid, title=h.title, parent=h.folder) for h in hits if h.is_folder)
    return tuple(sorted(found, key=lambda folder: folder.uid))


def file_name(uid: str) -> str:
    """The file of a dashboard in a backup; Grafana's uids are names of files, mostly."""
    return f"dashboards/{quote(uid, safe='')}.json"


def read(ask: Ask) -> Copy:
    """Everything to keep of a Grafana.

    Raises:
        ApiError: Something cannot be read.
    """
    running, hits = version(ask), search(ask)
    theirs = [hit.uid for hit in hits if not hit.is_folder and not hit.ours]
    made = {u: d for u, d in dashboards(ask, theirs).items() if not d.provisioned}
    notes, where = marks(ask), folders(hits)
    files: dict[str, Any] = {file_name(uid): _kept(each) for uid, each in made.items()}
    files["folders.json"] = [_kept(each) for each in where]
    files["annotations.json"] = [_kept(each) for each in notes]
    counts = {"dashboards": len(made), "folders": len(where), "annotations": len(notes)}
    return Copy(running, counts, files)


def _kept(each: BaseModel) -> dict[str, Any]:
    return each.model_dump(mode="json", by_alias=True, exclude_none=True)
