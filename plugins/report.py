"""What a person sees at the end of a run: components, checks, what failed, what to do next."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sized
from dataclasses import asdict
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from pyinfra.context import ctx_state
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from plugins import drift
from plugins.checks import CheckResult
from plugins.compare import Difference
from plugins.model import EndpointKind
from plugins.rehearsal import component_name
from plugins.run import Run
from plugins.site import Placement

_ROWS = 60
_DRIFTED = 3
_LOG_WIDTH = 200


def screen() -> Console:
    """Where people read it."""
    # Standard error: standard output belongs to pyinfra's --json. NO_COLOR is rich's own.
    console = Console(stderr=True, highlight=False)
    if not console.is_terminal:
        # In a log nothing folds at a width that nobody has.
        console.width = _LOG_WIDTH
    return console


def count(things: Sized, word: str) -> str:
    """A number of things, in words."""
    return f"{len(things)} {word}{'' if len(things) == 1 else 's'}"


def failed_hosts() -> list[str]:
    """Names of the hosts that failed in this run."""
    state = ctx_state.get()
    return sorted(host.name for host in getattr(state, "failed_hosts", ()))


def _health(results: Iterable[CheckResult], host: str, component: str) -> str:
    own = [r for r in results if (r.host, r.component) == (host, component)]
    if not own:
        return "[dim]not checked[/]"
    bad = [r for r in own if not r.ok]
    if bad:
        return f"[red]{len(bad)} of {len(own)} checks fail[/]"
    return f"[green]healthy[/] ({len(own)} checks)"


def component_table(run: Run, hosts: Iterable[str]) -> Table:
    """Host, component, version, where its program came from, health."""
    table = Table(box=None, header_style="bold", pad_edge=False)
    for column in ("host", "component", "version", "source", "health"):
        table.add_column(column)
    for host in hosts:
        for rendered in run.rendered(host):
            artifact = rendered.component.artifact
            health = _health(run.results, host, rendered.name)
            table.add_row(host, rendered.name, artifact.version, artifact.source, health)
        for role in run.rehearsals(host):
            health = _health(run.results, host, component_name(role))
            table.add_row(host, role, "[yellow]not installed[/]", "-", health)
    return table


def _check_table(results: Iterable[CheckResult]) -> Table:
    table = Table(box=None, header_style="bold", pad_edge=False)
    for column in ("", "host", "component", "check", "where", "seen"):
        table.add_column(column, overflow="fold")
    for r in results:
        mark = "[green]ok[/]" if r.ok else "[red]FAIL[/]"
        table.add_row(mark, r.host, r.component, r.name, escape(r.where), escape(r.seen))
    return table


# What XML 1.0 cannot hold at all: https://www.w3.org/TR/xml/#charsets
_NO_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def junit(results: Iterable[CheckResult]) -> str:
    """The checks as JUnit XML, a suite a host."""
    root = ElementTree.Element("testsuites")
    suites: dict[str, ElementTree.Element] = {}
    for r in results:
        if r.host not in suites:
            suites[r.host] = ElementTree.SubElement(root, "testsuite", name=r.host)
        case = ElementTree.SubElement(
            suites[r.host], "testcase", classname=f"{r.host}.{r.component}", name=r.name
        )
        if not r.ok:
            message = f"{r.where}: expected {r.expected}, saw {r.seen}"
            ElementTree.SubElement(case, "failure", message=_NO_XML.sub("\ufffd", message))
    for suite in suites.values():
        suite.set("tests", str(len(suite)))
        suite.set("failures", str(len(suite.findall("testcase/failure"))))
    return ElementTree.tostring(root, encoding="unicode", xml_declaration=True) + "\n"


def _told(differences: Iterable[Difference], contents: Mapping[str, str]) -> list[dict[str, Any]]:
    return [
        {
            "component": d.component,
            "subject": d.subject,
            "what": d.what,
            "alien": d.alien,
            "lines": list(drift.lines([d], contents)),
        }
        for d in differences
    ]


def as_json(run: Run, hosts: Iterable[str], failed: Iterable[str]) -> str:
    """The run for programs: its hosts, what was changed, what was checked, what differs."""
    told = {
        "hosts": list(hosts),
        "failed": list(failed),
        "changed": [asdict(change) for change in run.changed],
        "checks": [asdict(result) for result in run.results],
        "drift": {h: _told(found, run.contents.get(h, {})) for h, found in run.drift.items()},
    }
    return json.dumps(told, indent=1) + "\n"


def write(run: Run) -> None:
    """Write the files that the run's options ask for."""
    if run.options.junit:
        Path(run.options.junit).write_text(junit(run.results))
    if run.options.report:
        Path(run.options.report).write_text(as_json(run, _hosts(run), failed_hosts()))


def _tell_changes(console: Console, run: Run) -> None:
    if not run.changed:
        state = ctx_state.get()
        if state.is_executing:
            console.print("Nothing changed.")
        elif not state.check_for_changes:
            # pyinfra takes -y to mean that nobody wants to know beforehand.
            console.print("Nothing was looked at: -y skips that. Use --dry without -y.")
        return
    hosts = {change.host for change in run.changed}
    console.print(f"Changed: {count(run.changed, 'component')} on {count(hosts, 'host')}")
    for change in run.changed[:_ROWS]:
        console.print(f"  {change.host}: {change.component} ({change.action})")


def _tell_checks(console: Console, run: Run) -> None:
    bad = [result for result in run.results if not result.ok]
    if bad:
        console.print(f"\n[bold red]{len(bad)} of {len(run.results)} checks fail:[/]")
        for r in bad:
            where = f"{r.host}: {r.component}: {r.name}: {r.where}"
            console.print(escape(f"  {where}\n    expected {r.expected}\n    saw      {r.seen}"))
    elif run.results:
        console.print(f"All {len(run.results)} checks hold.")


def tell_failed(console: Console) -> None:
    """Say which hosts failed, if any did, and what to do next."""
    failed = failed_hosts()
    if failed:
        console.print(f"[bold red]Failed hosts: {', '.join(failed)}[/] (reasons above)")
        console.print("Next: mend the cause and run again; a run always continues from what is.")


def _hosts(run: Run) -> list[str]:
    state = ctx_state.get()
    return [host.name for host in state.inventory if state.is_host_in_limit(host)]


def _tell_interfaces(console: Console, run: Run) -> None:
    interfaces = [p for p in run.site.placements if _interface(p)]
    if interfaces:
        console.print("\nOpen:")
    for placement in interfaces[:_ROWS]:
        artifact = run.artifacts[placement.role.artifact, placement.host.architecture]
        note = f"  ({artifact.note})" if artifact.note else ""
        where = f"{placement.role.name} on {placement.host.name}: {_interface(placement)}"
        console.print(escape(f"  {where}{note}"))


def _interface(placement: Placement) -> str:
    urls = (e.url for e in placement.endpoints if e.kind is EndpointKind.UI)
    return next(urls, "")


def left_out(run: Run) -> Iterator[str]:
    """What was left out and why, and what was done in its place."""
    rehearsed = {placement.role.name for placement, _ in run.rehearsed}
    for role, reason in run.left_out.items():
        yield f"Left out: {role}: {reason}"
        if role not in rehearsed:
            continue
        own = [r for r in run.results if r.component == component_name(role)]
        asked = (
            ", and its hosts asked what it would ask: "
            f"{sum(r.ok for r in own)} of {len(own)} checks hold"
            if own
            else "; smoke.py asks from its hosts what it would ask"
        )
        yield (
            f"  {role} was NOT installed and does NOT run. In its place its configuration was "
            f"rendered and checked{asked}."
        )


def _tell_left_out(console: Console, run: Run) -> None:
    for line in left_out(run):
        console.print(escape(line), style="yellow")


def finish_deploy(run: Run) -> int:
    """Tell what a deploy did and what holds now; 0, pyinfra's exit code stands."""
    console, hosts = screen(), _hosts(run)
    write(run)
    console.print()
    if sum(len(run.rendered(host)) for host in hosts) <= _ROWS:
        console.print(component_table(run, hosts))
        console.print()
    _tell_changes(console, run)
    _tell_checks(console, run)
    _tell_left_out(console, run)
    tell_failed(console)
    if not failed_hosts():
        _tell_interfaces(console, run)
    return 0


def finish_smoke(run: Run) -> int:
    """Tell every check; 0, a failed check has failed its host already."""
    console = screen()
    write(run)
    console.print()
    shown = run.results if len(run.results) <= _ROWS else [r for r in run.results if not r.ok]
    console.print(_check_table(shown))
    _tell_checks(console, run)
    _tell_left_out(console, run)
    tell_failed(console)
    return 0


def _tell_next(console: Console, differences: list[Difference]) -> None:
    alien = [difference for difference in differences if difference.alien]
    if len(alien) < len(differences):
        console.print("Next: deploy.py makes them what the inventory says.")
    if alien:
        console.print("Next: take what no inventory names away with remove.py, or name it.")


def finish_drift(run: Run) -> int:
    """Tell what differs; 3 if something does and every host could be read."""
    console = screen()
    write(run)
    drifted = {host: found for host, found in run.drift.items() if found}
    for host, differences in sorted(drifted.items()):
        console.print(f"\n[bold]{host}[/]: {count(differences, 'difference')}")
        for line in drift.lines(differences, run.contents.get(host, {})):
            console.print(escape(line))
    console.print()
    tell_failed(console)
    if drifted:
        found = [difference for each in drifted.values() for difference in each]
        told = f"{count(found, 'difference')} on {count(drifted, 'host')}."
        console.print(f"[bold yellow]{told}[/]")
        _tell_next(console, [d for found in drifted.values() for d in found])
    elif run.drift:
        console.print(f"No drift: {len(run.drift)} hosts are as the inventory says.")
    return 0 if failed_hosts() or not drifted else _DRIFTED


def finish_remove(run: Run) -> int:
    """Tell what was removed; 0, pyinfra's exit code stands."""
    console = screen()
    _tell_changes(console, run)
    for change in run.changed:
        if any(p.role.name == change.component for p in run.site.on(change.host)):
            console.print(
                f"Note: {change.host} still gets {change.component} from the inventory; "
                "the next deploy installs it again unless you take it out there."
            )
    tell_failed(console)
    return 0
