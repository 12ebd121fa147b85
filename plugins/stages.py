"""The stages of the entry points, in pyinfra's terms."""

from __future__ import annotations

from pyinfra import host

from plugins import fulfilling, operations, preparing, report, session
from plugins.mistake import mistake
from plugins.paths import Paths
from plugins.problem import suggestion
from plugins.role import all_roles


def prepare() -> None:
    """Make this host itself what its roles need it to be, before any component comes."""
    run = session.current()
    wanted = {preparation.name for preparation in run.preparations(host.name)}
    for name in host.loop(sorted({p.role.name for p in run.site.preparations})):
        if name in wanted:
            preparing.prepare(name=f"Prepare {name}", preparation=name)


def converge() -> None:
    """Make every component of this host what the inventory says, one operation each."""
    run = session.current()
    session.at_exit(report.finish_deploy)
    placed = {rendered.name: rendered.component for rendered in run.rendered(host.name)}
    operations.send_programs(name="Send programs")
    # Every host walks the same list, so that pyinfra runs one component everywhere at a time.
    for component in host.loop(run.site.component_names):
        if component in placed:
            operations.converge(name=f"Converge {component}", component=component)
            if placed[component].wishes:
                fulfilling.settle(name=f"Settle {component}", component=component)


def prove() -> None:
    """Check what the run's option ``prove`` asks for; by default deeply only after a change."""
    asked = session.current().options.prove
    if asked != "off":
        operations.prove(name="Check units, health, targets, rules")
    if asked in ("auto", "deep"):
        _prove_deeply(always=asked == "deep")


def smoke() -> None:
    """Run every check, whatever changed or not."""
    session.at_exit(report.finish_smoke)
    operations.prove(name="Check units, health, targets, rules")
    _prove_deeply(always=True)


def _prove_deeply(always: bool) -> None:
    operations.prove(name="Check probes and the Watchdog", deep=True, always=always)
    operations.send_signals(name="Send an alert, a log line, a trace", always=always)


def check_dashboards() -> None:
    """Ask every datasource what the panels of dashboards ask; changes nothing.

    Raises:
        PyinfraError: The dashboard that ``--data dashboard=`` names is not there.
    """
    # Late: no other run has a use for what they bring.
    from plugins.dashboards import live, told  # noqa: PLC0415

    session.at_exit(told.finish_dashboards)
    rounds = live.inquire(session.current()).rounds
    for number in host.loop(range(1, rounds + 1)):
        live.ask_dashboards(name=f"Ask for variables, round {number}", round_="variables")
    live.ask_dashboards(name="Ask what panels ask", round_="panels")
    live.ask_dashboards(name="Ask which metrics there are", round_="names")
    live.ask_dashboards(name="Ask why panels are empty", round_="reasons")


def drift() -> None:
    """Tell what differs on this host; changes nothing."""
    session.at_exit(report.finish_drift)
    operations.tell_drift(name="Tell what differs")


def remove() -> None:
    """Remove the component that ``--data component=`` names.

    Raises:
        PyinfraError: No component is named, or the folder to purge is none of its own.
    """
    run = session.current()
    session.at_exit(report.finish_remove)
    name, purge = run.options.component, run.options.purge
    if not name:
        known = ", ".join(run.site.component_names)
        raise mistake(f"say which: remove.py --data component=NAME (known: {known})")
    if "/" in name or name.startswith("."):
        raise mistake(f"{name!r} is no component name")
    own = {Paths(name).storage}
    for rendered in run.rendered(host.name):
        if rendered.name == name:
            own |= {directory.path for directory in rendered.directories}
    if purge and purge not in own:
        raise mistake(f"purge={purge}: not a folder of {name}. {suggestion(purge, own, 'folders')}")
    operations.remove(name=f"Remove {name}", component=name, purge=purge)


def backup() -> None:
    """Copy what people made by hand in the programs of the site.

    Raises:
        PyinfraError: There are none.
    """
    from plugins.backup import finish, operations, stores  # noqa: PLC0415 (see check_dashboards)

    if not stores.stores(session.current().site):
        known = sorted(role.name for role in all_roles().values() if role.handmade)
        raise mistake(f"nothing to save: the site has none of {', '.join(known)}")
    session.at_exit(finish.finish_backup)
    operations.copy(name="Copy what people made by hand")


def restore() -> None:
    """Put back what the backup of ``--data from=`` has and the site lacks.

    Raises:
        PyinfraError: No backup is named.
    """
    from plugins.backup import finish, operations  # noqa: PLC0415 (see check_dashboards)

    if not session.current().options.from_:
        raise mistake("say which: restore.py --data from=backups/SITE/DATE")
    session.at_exit(finish.finish_restore)
    operations.put_back(name="Restore what people made by hand")


def pull_dashboard() -> None:
    """Write the dashboard of ``--data dashboard=`` into the site's own files.

    Raises:
        PyinfraError: None is named, or the site has no role that people make some in.
    """
    from plugins.backup import finish, operations, stores  # noqa: PLC0415 (see check_dashboards)

    run = session.current()
    if not run.options.dashboard:
        raise mistake("say which: pull_dashboard.py --data dashboard=UID_OR_TITLE")
    if not stores.galleries(run.site):
        known = sorted(r.name for r in all_roles().values() if r.handmade and r.handmade.dashboards)
        raise mistake(f"nothing to pull from: the site has no {' or '.join(known)}")
    session.at_exit(finish.finish_pull)
    operations.pull(name="Read the dashboard")
