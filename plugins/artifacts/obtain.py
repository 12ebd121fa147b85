"""Obtain artifacts: from the store, else from the allowed sources in the site's order."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from plugins.artifacts.lock import ARCHITECTURES, SOURCES, Lock, NotOfferedError
from plugins.artifacts.store import DamagedError, Progress, Store
from plugins.model import Artifact, ArtifactError

if TYPE_CHECKING:
    from plugins.artifacts.sources import Source

SLOW = 2.0  # seconds after which a finished step is worth a line


@dataclass(frozen=True)
class ArtifactPolicy:
    """Where a site's artifacts may come from.

    Attributes:
        sources: Allowed sources, the preferred one first.
        mirror: Base URL of the site's mirror of upstream releases.
        debian_mirror: Base URL of a Debian mirror; None reads the controller's apt sources.
        image_mirror: Base URL of a registry that has upstream's images; None asks upstream's.

    Raises:
        ArtifactError: An unknown source.
    """

    sources: tuple[str, ...] = SOURCES
    mirror: str | None = None
    debian_mirror: str | None = None
    image_mirror: str | None = None

    def __post_init__(self) -> None:
        unknown = [source for source in self.sources if source not in SOURCES]
        if unknown or not self.sources:
            raise ArtifactError(f"unknown artifact sources {unknown}; choose from {list(SOURCES)}")


def obtain(
    lock: Lock,
    wanted: Iterable[tuple[str, str]],
    policy: ArtifactPolicy,
    store: Store,
    progress: Progress,
) -> dict[tuple[str, str], Artifact | ArtifactError]:
    """Obtain every wanted artifact, and go on when one fails.

    What the store has, from the most preferred source it has, is returned without any
    network: a site keeps what it runs until the lock changes or the store is emptied.

    Args:
        lock: The pins.
        wanted: (name, architecture) pairs.
        policy: Sources and mirrors.
        store: Where deliverables are kept.
        progress: Receives a line for anything that takes over two seconds or went wrong.

    Returns:
        Per pair the artifact, or the error that says what each source answered.
    """
    results: dict[tuple[str, str], Artifact | ArtifactError] = {}
    for name, architecture in dict.fromkeys(wanted):
        try:
            lock.entry(name)
            if architecture not in ARCHITECTURES:
                raise ArtifactError(
                    f"{name}: unknown architecture {architecture!r}; "
                    f"choose from {list(ARCHITECTURES)}"
                )
            attempt = _Attempt(lock, name, architecture, policy, store, progress)
            results[name, architecture] = attempt.result()
        except ArtifactError as error:
            results[name, architecture] = error
        except OSError as error:
            results[name, architecture] = ArtifactError(
                f"{name}: the store {store.root} cannot be used: {error}; "
                "free space or set STACKWATCH_STORE to another folder"
            )
    return results


def stored(lock: Lock, name: str, source: str, architecture: str, store: Store) -> Artifact | None:
    """What the store has of one source; never the network.

    Raises:
        DamagedError: It has it, and it is broken.
    """
    try:
        pin = lock.pin(name, source, architecture)
    except ArtifactError:
        return None  # not pinned: whoever fetches it is told so
    return store.lookup(pin)


@dataclass(frozen=True)
class _Attempt:
    """One artifact for one architecture."""

    lock: Lock
    name: str
    architecture: str
    policy: ArtifactPolicy
    store: Store
    progress: Progress

    def result(self) -> Artifact:
        """From the store or a source."""
        return self._stored_whole() or self._fetched()

    def _stored_whole(self) -> Artifact | None:
        try:
            return self.stored()
        except DamagedError as error:
            self.progress(str(error))
            return None

    def stored(self) -> Artifact | None:
        """What the store has, from the most preferred source.

        Raises:
            DamagedError: It is broken; a less preferred source would be a silent change.
        """
        for source in self.policy.sources:
            artifact = stored(self.lock, self.name, source, self.architecture, self.store)
            if artifact is not None:
                return artifact
        return None

    def _fetched(self) -> Artifact:
        """Try the sources in order."""
        what = f"{self.name} {self.architecture}"
        answers: dict[str, ArtifactError] = {}
        for source in self.policy.sources:
            try:
                return self._from(source)
            except ArtifactError as error:
                answers[source] = error
                # What stands in the final error, and what was never on offer, is no news.
                news = not isinstance(error, NotOfferedError)
                if news and source != self.policy.sources[-1]:
                    self.progress(f"{what}: {source}: {error}")
        raise self._failure(answers)

    def _from(self, source: str) -> Artifact:
        """Ask one source; of several processes one asks, the others wait and use its result."""
        pin = self.lock.pin(self.name, source, self.architecture)
        what = f"{self.name} {self.architecture}: another run is fetching it from {source}; waiting"
        with self.store.locked(f"fetch-{pin}", lambda: self.progress(what)):
            with contextlib.suppress(DamagedError):
                if (artifact := self.store.lookup(pin)) is not None:
                    return artifact
            return self._added(pin, source)

    def _added(self, pin: str, source: str) -> Artifact:
        # Imported late: an HTTP client costs 0.1 s, which a run that changes nothing would pay.
        from plugins.artifacts import sources  # noqa: PLC0415

        started = time.monotonic()
        request = sources.Request(
            self.lock,
            self.name,
            self.architecture,
            self.policy.mirror,
            self.policy.debian_mirror,
            self.policy.image_mirror,
            self.progress,
        )
        version = self.lock.version(self.name, source)
        with self.store.staging() as staging:
            programs = _sources()[source](request, staging)
            artifact = self.store.add(
                pin,
                name=self.name,
                version=version,
                source=source,
                architecture=self.architecture,
                programs=programs,
                of_tree=self.lock.programs_of_tree(self.name, source),
            )
        took = time.monotonic() - started
        locked = self.lock.entry(self.name).version
        other = f" (not {locked}, the locked release)" if version != locked else ""
        if took >= SLOW or other:
            what = f"{self.name} {version} {self.architecture}"
            self.progress(f"{what}: obtained from {source}{other} in {took:.1f} s")
        return artifact

    def _failure(self, answers: Mapping[str, ArtifactError]) -> ArtifactError:
        version = self.lock.entry(self.name).version
        lines = [f"{self.name} {version} ({self.architecture}) could not be obtained:"]
        lines += [f"  {source}: {error}" for source, error in answers.items()]
        left_out = [source for source in SOURCES if source not in self.policy.sources]
        if left_out:
            lines.append(f"  not allowed by this site: {', '.join(left_out)}")
        lines.append(
            "Set a mirror that serves the release, allow or repair another source, or run "
            f"`python -m plugins.artifacts fetch {self.name}` where one is reachable and copy "
            f"its store to {self.store.root}."
        )
        return ArtifactError("\n".join(lines))


def _sources() -> Mapping[str, Source]:
    from plugins.artifacts import module, python, sources  # noqa: PLC0415 (see _added)

    return {
        "mirror": sources.mirror,
        "release": sources.release,
        "image": sources.image,
        "module": module.build,
        "package": sources.package,
        "python": python.build,
    }
