"""What of its host a container sees, and how words reach the shell that makes it."""

from __future__ import annotations

import shlex
from collections.abc import Iterable
from dataclasses import dataclass

from plugins.model import Component, Directory
from plugins.paths import Paths

HOST_ROOT = "/host"
# What programs linked against the host's libraries, and programs of the host, find of it.
_PROGRAMS = (
    "/usr",
    "/etc/alternatives",
    "/etc/group",
    "/etc/ld.so.cache",
    "/etc/localtime",
    "/etc/machine-id",
    "/etc/nsswitch.conf",
    "/etc/passwd",
)
_CERTIFICATES = "/etc/ssl/certs"


@dataclass(frozen=True, order=True)
class Mount:
    """One folder or file of the host, inside the container.

    Attributes:
        target: Its path there.
        source: Its path on the host.
        writable: Whether the container may write.
        optional: Left out where the host has none.
        slave: File systems mounted below it later appear in the container too.
    """

    target: str
    source: str
    writable: bool = False
    optional: bool = False
    slave: bool = False

    @property
    def word(self) -> str:
        """The value of ``--mount``."""
        words = ["type=bind", _field(f"source={self.source}"), _field(f"target={self.target}")]
        words += [] if self.writable else ["readonly"]
        return ",".join([*words, *(["bind-propagation=rslave"] if self.slave else [])])


def _field(text: str) -> str:
    """One field of a line of CSV, which is what engines read ``--mount`` as."""
    doubled = text.replace('"', '""')
    return f'"{doubled}"' if "," in text or doubled != text else text


def _own(target: str, *, writable: bool = False, optional: bool = False) -> Mount:
    return Mount(target, target, writable, optional)


def mounts(
    component: Component, directories: Iterable[Directory], capable: bool
) -> tuple[Mount, ...]:
    """Everything of its host that a container sees, by where it sees it.

    Args:
        component: Whose container it is.
        directories: Where it writes.
        capable: It is handed capabilities, which a program of the host does.
    """
    view, paths = component.service.view, Paths(component.name)
    found = [_own(paths.etc), _own(_CERTIFICATES, optional=True)]
    found += [_own(d.path, writable=d.writable) for d in directories]
    found += [_own(path, optional=True) for path in view.files]
    found += [_own(path, writable=True, optional=True) for path in view.sockets]
    # A distribution's programs are linked against its libraries, and so may a release's be.
    artifact = component.artifact
    if view.programs or capable or artifact.source == "package" or artifact.dynamic:
        found += [_own(path, optional=True) for path in _PROGRAMS]
    if view.root:
        found.append(Mount(HOST_ROOT, "/", slave=True))
    by_target: dict[str, Mount] = {}
    for mount in found:
        by_target.setdefault(mount.target, mount)
    return tuple(sorted(by_target.values()))


def lines(words: Iterable[str]) -> str:
    """One word a line, quoted for a shell; ``?PATH WORD`` is left out where there is no PATH."""
    written = []
    for word in words:
        if not word.isprintable():
            raise ValueError(f"a container cannot be given the control characters of {word!r}")
        needed, word_itself = "", word
        path, optional, mount = word.partition(" --mount=")
        if optional and path.startswith("?/"):
            # A shell splits the line at its first space.
            needed = path.replace("\\", "\\0134").replace(" ", "\\0040")
            word_itself = f"--mount={mount}"
        written.append(f"{needed or '-'} {shlex.quote(word_itself)}")
    return "\n".join(written) + "\n"
