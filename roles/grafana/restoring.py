"""What of a copy a Grafana lacks, and the requests that bring it there."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from plugins.backup.kept import Copy, Plan, Step, Wish, shaped
from plugins.calls import Ask, Call
from roles.grafana import handmade
from roles.grafana.handmade import Annotation, Dashboard, Folder, Hit

_SHOWN = 40


@dataclass
class _Planning:
    """A plan while it grows.

    Attributes:
        folders: uid of a folder in the backup to the one that stands for it.
        there: uids of the dashboards that will be there.
    """

    folders: dict[str, str] = field(default_factory=dict)
    there: set[str] = field(default_factory=set)
    steps: list[Step] = field(default_factory=list)
    left: list[str] = field(default_factory=list)
    same: int = 0


def _parents_first(folders: Iterable[Folder]) -> list[Folder]:
    waiting = {folder.uid: folder for folder in folders}
    ordered: list[Folder] = []
    while waiting:
        ready = [f for f in waiting.values() if f.parent not in waiting]
        # Folders in a circle are no folders of Grafana's; as they come, then.
        for folder in ready or list(waiting.values()):
            ordered.append(waiting.pop(folder.uid))
    return ordered


def _plan_folders(plan: _Planning, kept: Iterable[Folder], found: Sequence[Hit]) -> None:
    uids = {hit.uid for hit in found}
    # Provisioning makes folders by their titles, and each time with another uid.
    titles = {(hit.title, hit.folder): hit.uid for hit in found}
    for folder in _parents_first(kept):
        parent = plan.folders.get(folder.parent, folder.parent)
        there = folder.uid if folder.uid in uids else titles.get((folder.title, parent))
        plan.folders[folder.uid] = there or folder.uid
        if there:
            plan.same += 1
            continue
        body = {"uid": folder.uid, "title": folder.title}
        if parent:
            body["parentUid"] = parent
        plan.steps.append(Step(f"folder {folder.title!r}", Call("/api/folders", "POST", body)))


def _saving(wanted: Dashboard, folder: str, replaces: bool, wish: Wish) -> Call:
    body = {
        "dashboard": {**wanted.model, "id": None},
        # Where no dashboard has its uid, this would replace another one of the same title.
        "overwrite": replaces,
        "message": f"restored from {wish.source}",
    }
    if folder:
        body["folderUid"] = folder
    return Call("/api/dashboards/db", "POST", body)


def _plan_dashboards(
    plan: _Planning, kept: Iterable[Dashboard], found: Mapping[str, Dashboard], wish: Wish
) -> None:
    for wanted in kept:
        folder = plan.folders.get(wanted.folder, wanted.folder)
        what = f"dashboard {wanted.title!r} ({wanted.uid})"
        there = found.get(wanted.uid)
        plan.there.add(wanted.uid)
        if there and there.provisioned:
            plan.left.append(f"{what}: it is provisioned by now")
        elif there and (there.model, there.folder) == (wanted.model, folder):
            plan.same += 1
        elif there and not wish.overwrite:
            plan.left.append(
                f"{what}: the one that is there differs; --data overwrite=true replaces it"
            )
        else:
            plan.steps.append(Step(what, _saving(wanted, folder, there is not None, wish)))


def _plan_annotations(
    plan: _Planning, kept: Iterable[Annotation], found: Iterable[Annotation]
) -> None:
    there = {annotation.identity for annotation in found}
    for wanted in kept:
        what = f"annotation {wanted.text[:_SHOWN]!r}"
        if wanted.identity in there:
            plan.same += 1
        elif wanted.dashboard and wanted.dashboard not in plan.there:
            # Grafana would take it, for all dashboards.
            plan.left.append(f"{what}: its dashboard {wanted.dashboard} is not there")
        else:
            there.add(wanted.identity)
            body = wanted.model_dump(mode="json", by_alias=True, exclude_defaults=True)
            plan.steps.append(Step(what, Call("/api/annotations", "POST", body)))


def plan(copy: Copy, ask: Ask, wish: Wish) -> Plan:
    """What of a copy a Grafana lacks; folders come before what is in them.

    Raises:
        ApiError: What is there cannot be read.
    """
    hits = handmade.search(ask)
    kept = [
        shaped(Dashboard, content, path)
        for path, content in sorted(copy.files.items())
        if path.startswith("dashboards/")
    ]
    growing = _Planning(there={hit.uid for hit in hits if not hit.is_folder})
    folders = [shaped(Folder, each, "folders.json") for each in copy.files["folders.json"]]
    _plan_folders(growing, folders, [hit for hit in hits if hit.is_folder])
    there = [dashboard.uid for dashboard in kept if dashboard.uid in growing.there]
    _plan_dashboards(growing, kept, handmade.dashboards(ask, there), wish)
    notes = [
        shaped(Annotation, each, "annotations.json") for each in copy.files["annotations.json"]
    ]
    _plan_annotations(growing, notes, handmade.marks(ask))
    return Plan(tuple(growing.steps), tuple(growing.left), growing.same)
