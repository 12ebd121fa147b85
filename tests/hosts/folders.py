"""Where test hosts keep what they write, and the locks that keep two runs apart."""

from __future__ import annotations

import fcntl
import hashlib
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.hosts.progress import console

CHECKOUT = Path(__file__).resolve().parents[2]


def state_folder() -> Path:
    """Return this checkout's `.stackwatch/` (or STACKWATCH_STATE), which git ignores."""
    folder = Path(os.environ.get("STACKWATCH_STATE") or CHECKOUT / ".stackwatch").absolute()
    folder.mkdir(parents=True, exist_ok=True)
    ignore = folder / ".gitignore"
    if not ignore.exists():
        # Keys are kept here: the folder ignores itself wherever it is put.
        ignore.write_text("*\n")
    return folder


def group_folder(group: str) -> Path:
    """Return the folder of one group's key, known hosts and `hosts.json`; it may not exist yet."""
    return state_folder() / "hosts" / group


def cache_folder() -> Path:
    """Return the folder that every checkout of this account shares (STACKWATCH_CACHE overrides)."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    folder = Path(os.environ.get("STACKWATCH_CACHE") or Path(base) / "stackwatch").absolute()
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def checkout_id() -> str:
    """Return a short id of this checkout.

    Two clones on one machine share its engine; without this, `up demo` in one would replace the
    hosts of `up demo` in the other.
    """
    return hashlib.sha256(str(state_folder()).encode()).hexdigest()[:8]


@contextmanager
def locked(path: Path, what: str) -> Iterator[None]:
    """Hold an exclusive lock on `path`, saying what is waited for if another process has it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            console.print(f"waiting: another process is {what}")
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def machine_lock() -> Path:
    """Return the lock on choosing subnets and ports, which all checkouts of a machine share."""
    return Path(tempfile.gettempdir()) / f"stackwatch-hosts-{os.getuid()}.lock"
