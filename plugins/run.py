"""One run: the compiled site, what was changed, what was checked."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from plugins.artifacts import ArtifactPolicy, Lock, LockError, Store, obtain
from plugins.checks import CheckResult
from plugins.compare import Difference
from plugins.compiler import Declared, compile_site, components_of, rehearsals_of
from plugins.delivery import Inbox
from plugins.experiment import stand_in
from plugins.layers import Layer, validate
from plugins.model import Artifact, ArtifactError, Problem, SiteError
from plugins.options import Options
from plugins.preparation import Preparation, asked, paths
from plugins.problem import suggestion
from plugins.rehearsal import Rehearsal
from plugins.rendering import RUNTIMES, tools
from plugins.role import all_roles
from plugins.runtimes.rendered import Rendered
from plugins.site import Placement, Site
from plugins.state import HostState

if TYPE_CHECKING:
    from plugins.backup.kept import Copy, Restored
    from plugins.backup.pulled import Pulled
    from plugins.dashboards.inquiry import Inquiry


@dataclass(frozen=True)
class Change:
    """One component that was changed on one host in this run."""

    host: str
    component: str
    action: str
    reasons: tuple[str, ...]


@dataclass
class Run:
    """The state of one run; the only thing here that is not frozen.

    Attributes:
        site: The compiled site.
        options: What the command line asks.
        artifacts: (name, architecture) to the verified program.
        left_out: Roles left out because their program could not be had, with the reason.
        rehearsed: Of those, what can be rehearsed on their hosts without it, with a stand-in.
        changed: Components changed so far.
        results: Checks evaluated so far.
        drift: Host to what differs.
        contents: Host to the content of files that differ, by path; never of secret ones.
        inbox: Where synthetic alerts arrive.
        copies: (store, host) to what was read for a backup, or why it was not.
        restored: Store to what became of it.
        pulled: (store, host) to the dashboard that was asked for, or why there is none.
        finish: Called with the run when pyinfra ends; see :func:`plugins.session.at_exit`.
        states: Host to its state as last read, and in which phase.
        inquiry: What is asked for the panels of dashboards, once it is.
    """

    site: Site
    options: Options
    artifacts: Mapping[tuple[str, str], Artifact]
    left_out: Mapping[str, str]
    rehearsed: tuple[tuple[Placement, Artifact], ...] = ()
    changed: list[Change] = field(default_factory=list)
    results: list[CheckResult] = field(default_factory=list)
    drift: dict[str, list[Difference]] = field(default_factory=dict)
    contents: dict[str, Mapping[str, str]] = field(default_factory=dict)
    inbox: Inbox = field(default_factory=Inbox)
    copies: dict[tuple[str, str], Copy | str] = field(default_factory=dict)
    restored: dict[str, Restored] = field(default_factory=dict)
    pulled: dict[tuple[str, str], Pulled | str] = field(default_factory=dict)
    finish: Callable[[Run], int] = lambda run: 0
    states: dict[tuple[str, bool], HostState] = field(default_factory=dict)
    inquiry: Inquiry | None = None
    _rendered: dict[str, tuple[Rendered, ...]] = field(default_factory=dict)
    _rehearsals: dict[str, Mapping[str, tuple[Rehearsal, ...]]] = field(default_factory=dict)
    _preparations: dict[str, tuple[Preparation, ...]] = field(default_factory=dict)

    def rendered(self, host: str) -> tuple[Rendered, ...]:
        """The components of one host as its runtime wants them, made once.

        Raises:
            SiteError: A role refuses its settings or drop-in files.
        """
        if host not in self._rendered:
            placements = {placement.role.name: placement for placement in self.site.on(host)}
            render = RUNTIMES[self.site.hosts[host].runtime].render
            self._rendered[host] = tuple(
                render(component, placements[component.role], self.artifacts)
                for component in components_of(self.site, self.artifacts, host)
            )
        return self._rendered[host]

    def folders(self, host: str) -> tuple[str, ...]:
        """Data folders of a host that its roles add, which its state must show too.

        Files that its preparations want are looked at the same way.
        """
        directories = (d for r in self.rendered(host) for d in r.component.directories)
        files = paths(self.preparations(host))
        return tuple(sorted({*files, *(directory.path for directory in directories)}))

    def preparations(self, host: str) -> tuple[Preparation, ...]:
        """What the roles of one host want of the host itself, made once.

        Raises:
            SiteError: A role refuses its settings.
        """
        if host not in self._preparations:
            self._preparations[host] = tuple(
                p.role.prepares(p.host, p.settings)
                for p in self.site.preparations
                if p.host.name == host and p.role.prepares
            )
        return self._preparations[host]

    def rehearsals(self, host: str) -> Mapping[str, tuple[Rehearsal, ...]]:
        """What the roles left out of a host would ask, by role, made once.

        Raises:
            SiteError: A role refuses its settings or drop-in files.
        """
        if host not in self._rehearsals:
            self._rehearsals[host] = {
                placement.role.name: rehearsals_of(self.site, placement, artifact)
                for placement, artifact in self.rehearsed
                if placement.host.name == host
            }
        return self._rehearsals[host]

    def asked(self, host: str) -> tuple[tuple[str, str], ...]:
        """What the state of a host must tell of them."""
        return asked(self.preparations(host))


def _options(values: Mapping[str, Any]) -> Options:
    said = {key: value for key, value in values.items() if key in Options.names()}
    options, problems = validate(Options, said, (Layer("command line --data", said),), "")
    if options is None:
        raise SiteError(tuple(problems))
    return options


def _left_out(
    site: Site, failed: Mapping[tuple[str, str], ArtifactError]
) -> dict[tuple[str, str], str]:
    """(role, architecture) pairs to leave out; problems for those that must not be missing."""
    allowed = set(site.settings.allow_missing)
    problems, left_out = [], {}
    for name in allowed - set(all_roles()):
        remedy = suggestion(name, all_roles(), "roles")
        problems.append(Problem("site.allow_missing", f"unknown role {name!r}", remedy))
    for placement in site.placements:
        role, architecture = placement.role, placement.host.architecture
        error = failed.get((role.artifact, architecture))
        if error is None or (role.name, architecture) in left_out:
            continue
        left_out[role.name, architecture] = str(error)
        if role.name not in allowed:
            remedy = f"Or go on without it: site.allow_missing = [{role.name!r}]"
            problems.append(Problem(f"artifact {role.artifact}", str(error), remedy))
    for needed in sorted(tools(site.hosts.values()) & failed.keys()):
        remedy = "Every container needs it; or say runtime = 'systemd'"
        problems.append(Problem(f"artifact {needed[0]}", str(failed[needed]), remedy))
    if problems:
        raise SiteError(tuple(dict.fromkeys(problems)))
    return left_out


def _lock(site: Site) -> Lock:
    """The lock of this checkout, with the site's own entries where it has some."""
    own = site.settings.artifact_lock
    try:
        return Lock.load().overlaid(Path(own)) if own else Lock.load()
    except LockError as error:
        raise SiteError(tuple(error.problems)) from error


def _noted(lock: Lock, artifact: Artifact) -> Artifact:
    """An artifact with what the lock says its source's build lacks."""
    declared = lock.entries[artifact.name].offered(artifact.source)
    if declared is None:
        return artifact
    return replace(artifact, note=declared.note or "", lacks=frozenset(declared.lacks))


def begin(
    declared: Declared,
    said: Mapping[str, Any],
    hosts: tuple[str, ...],
    say: Callable[[str], None],
) -> Run:
    """Compile a site, obtain its programs and render the hosts of this run.

    Args:
        declared: The inventory as written.
        said: What the command line overrides.
        hosts: The hosts this run is limited to.
        say: Called with a line of progress for whatever takes long.

    Raises:
        SiteError: With every mistake in the inventory and every program that cannot be had.
    """
    options = _options(said)
    site = compile_site(declared, all_roles())
    programs = {(p.role.artifact, p.host.architecture) for p in site.placements}
    wanted = sorted(programs | tools(site.hosts.values()))
    lock = _lock(site)
    policy = ArtifactPolicy(
        sources=tuple(site.settings.artifact_sources),
        mirror=site.settings.artifact_mirror,
        image_mirror=site.settings.artifact_image_mirror,
    )
    obtained = obtain(lock, wanted, policy, Store.default(), say)
    failed = {key: got for key, got in obtained.items() if isinstance(got, ArtifactError)}
    left_out = _left_out(site, failed)
    run = Run(
        site.without(left_out),
        options,
        {key: _noted(lock, got) for key, got in obtained.items() if isinstance(got, Artifact)},
        {role: reason for (role, _), reason in left_out.items()},
        tuple(
            (p, stand_in(lock, p.role.artifact, p.host.architecture))
            for p in site.placements
            if p.role.rehearse and (p.role.name, p.host.architecture) in left_out
        ),
    )
    problems: list[Problem] = []
    for host in hosts:
        for made in (run.rendered, run.rehearsals, run.preparations):
            try:
                made(host)
            except SiteError as error:
                problems += error.problems
    if problems:
        raise SiteError(tuple(dict.fromkeys(problems)))
    return run
