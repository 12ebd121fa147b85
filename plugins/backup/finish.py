"""The end of a backup, a restore, a pull: what is written here, and what people see."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

from pyinfra.context import ctx_state
from rich.console import Console
from rich.markup import escape

from plugins.backup import folder
from plugins.backup.kept import Copy, Restored, Store
from plugins.backup.pulled import Pulled, PullError, put
from plugins.backup.stores import matched, stores
from plugins.report import left_out, screen, tell_failed
from plugins.role import all_roles
from plugins.run import Run

_FAILED = 1


def _in_limit(store: Store) -> bool:
    state = ctx_state.get()
    hosts = {host.name for host in state.inventory if state.is_host_in_limit(host)}
    return any(member.host in hosts for member in store.members)


def collected(
    wanted: tuple[Store, ...], found: Mapping[tuple[str, str], Copy | str]
) -> tuple[dict[str, Copy], list[str]]:
    """One copy of each store, and in words what there is none of.

    Args:
        wanted: The stores that were to be read.
        found: (store, host) to what was read there, or why it was not.
    """
    copies, missing = {}, []
    for store in wanted:
        answers = {m.host: found.get((store.name, m.host)) for m in store.members}
        whole = [answer for answer in answers.values() if isinstance(answer, Copy)]
        if whole:
            copies[store.name] = whole[0]
            continue
        reasons = (f"{host}: {answer or 'not reached'}" for host, answer in answers.items())
        missing.append(f"{store.name} ({'; '.join(reasons)})")
    return copies, missing


def _tell_stores(console: Console, run: Run, wanted: tuple[Store, ...]) -> None:
    for store in stores(run.site):
        if store not in wanted:
            console.print(escape(f"Left out by --limit: {store.name}"), style="yellow")
    placed = {store.role for store in stores(run.site)}
    for role in all_roles().values():
        if role.handmade and role.name not in placed:
            words = f"No {role.name} on this site: no {', no '.join(role.handmade.what)}."
            console.print(escape(words), style="yellow")
    for line in left_out(run):
        console.print(escape(line), style="yellow")


def finish_backup(run: Run) -> int:
    """Write the backup; 1 if something could not be read, whatever else was saved."""
    console = screen()
    console.print()
    if not ctx_state.get().is_executing:
        console.print("Nothing was read and nothing saved.")
        return 0
    wanted = tuple(store for store in stores(run.site) if _in_limit(store))
    copies, missing = collected(wanted, run.copies)
    _tell_stores(console, run, wanted)
    try:
        code = _save(console, run, copies, missing)
    except OSError as error:
        console.print(escape(f"Nothing was saved: {error}"), style="bold red")
        code = _FAILED
    tell_failed(console)
    return code


def _save(console: Console, run: Run, copies: Mapping[str, Copy], missing: list[str]) -> int:
    """Write what there is, then prune.

    Raises:
        OSError: It cannot be written.
    """
    for words in missing:
        console.print(escape(f"Missing: {words}"), style="bold red")
    if not copies:
        console.print("Nothing was saved.", style="bold red")
        return _FAILED
    root, site = Path(run.options.backup_dir), run.site.name
    path = folder.write(root, site, datetime.now(UTC), copies, missing)
    for name, copy in sorted(copies.items()):
        counts = ", ".join(f"{what} {number}" for what, number in copy.counts.items())
        console.print(escape(f"{name} ({copy.version}): {counts}"))
    console.print(escape(f"{'Incomplete: ' if missing else ''}{path}"), style="bold")
    if missing:
        return _FAILED
    for gone in folder.prune(root / site, run.options.keep) if run.options.keep else ():
        console.print(escape(f"Removed: {gone}"))
    return 0


def _tell_restored(console: Console, name: str, restored: Restored, done: bool) -> None:
    plan = restored.plan
    failed = f", {len(restored.failed)} refused" if restored.failed else ""
    number = len(plan.steps) - len(restored.failed)
    words = f"{number} {'restored' if done else 'to restore'}, {plan.same} there already{failed}"
    console.print(escape(f"{name} (through {restored.host}): {words}"))
    for reason in restored.failed:
        console.print(escape(f"  refused: {reason}"), style="bold red")
    for reason in plan.left:
        console.print(escape(f"  left out: {reason}"), style="yellow")


def finish_restore(run: Run) -> int:
    """Tell what was put back; 0, what was refused has failed its host already."""
    console, state = screen(), ctx_state.get()
    console.print()
    if not state.is_executing and not state.check_for_changes:
        console.print("Nothing was looked at: -y skips that. Use --dry without -y.")
        return 0
    backup = folder.read(Path(run.options.from_ or ""))
    console.print(escape(f"Backup of {backup.manifest.site}, {backup.manifest.made}"))
    there = matched(backup, stores(run.site))
    for name, copy in backup.copies.items():
        if not any(copy is used for used in there.values()):
            console.print(escape(f"Left out: {name}: not on this site"), style="yellow")
    for name, restored in sorted(run.restored.items()):
        _tell_restored(console, name, restored, state.is_executing)
    unread = sorted(there.keys() - run.restored.keys())
    for name in unread:
        console.print(escape(f"Not restored: {name}"), style="bold red")
    if not unread and not any(restored.plan.steps for restored in run.restored.values()):
        console.print("Nothing changed.")
    tell_failed(console)
    return 0


def finish_pull(run: Run) -> int:
    """Write the dashboard that was read; 1 if there is none, or it has no place."""
    console = screen()
    console.print()
    if not ctx_state.get().is_executing:
        console.print("Nothing was read and nothing written.")
        return 0
    try:
        path, became = put(_one(run), run.site.files / "dashboards")
    except (PullError, OSError) as error:
        console.print(escape(str(error)), style="bold red")
        tell_failed(console)
        return _FAILED
    console.print(escape(f"{path}: {became}"), style="bold")
    console.print("Next: look at it, commit it, and deploy: it is provisioned under the same uid,")
    console.print("read-only from then on; what the file says replaces what Grafana has.")
    tell_failed(console)
    return 0


def _one(run: Run) -> Pulled:
    """The dashboard, as one Grafana of the site has it.

    Raises:
        PullError: None has it, or more than one.
    """
    found = {store: each for (store, _), each in run.pulled.items() if isinstance(each, Pulled)}
    if not found:
        reasons = (f"{store}: {words}" for (store, _), words in sorted(run.pulled.items()))
        raise PullError("; ".join(reasons) or "none was reached")
    if len(set(found.values())) > 1:
        raise PullError(f"{', '.join(sorted(found))} all have it: say which with --limit HOST")
    return next(iter(found.values()))
