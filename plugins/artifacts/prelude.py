"""How a packed Python program starts: this file is the ``__main__.py`` of its archive.

It unpacks the archive once, for a C extension cannot be imported from a zip, and runs the entry
from there. Only the standard library, and nothing that an older Python cannot parse: it must be
able to say that it is too old. :mod:`plugins.artifacts.python` packs it.

Every process locks the tree it runs from, shared, until it ends. Who unpacks another version
removes the trees that nobody has locked.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import runpy
import sys
import zipimport
from pathlib import Path

# Where to unpack; C extensions are mapped from there, so it must not be mounted noexec.
UNPACK = "STACKWATCH_UNPACK"
ARCHIVE = Path(__file__).parent


def main() -> None:
    """Run the entry of the archive this file is in."""
    about = json.loads(zipimport.zipimporter(str(ARCHIVE)).get_data("about.json"))
    version = f"{sys.version_info[0]}.{sys.version_info[1]}"
    if version not in about["interpreters"]:
        has = ", ".join(about["interpreters"])
        _give_up(f"this Python is {version}, and the program is packed for {has}")
    if os.uname().machine != about["machine"]:
        _give_up(f"packed for {about['machine']}, and this machine is {os.uname().machine}")
    try:
        tree = _tree(about["entry"], f"{about['entry']}-{about['key']}-{version}", version)
    except OSError as error:
        _give_up(f"cannot unpack: {error}; set {UNPACK} to a folder that this account can write")
    # Its own packages and the standard library: what else the host has installed is another's.
    rest = [path for path in sys.path[1:] if not path.endswith(("site-packages", "dist-packages"))]
    sys.path[:] = [str(tree), *rest]
    runpy.run_module(about["entry"], run_name="__main__", alter_sys=True)


def _tree(entry: str, name: str, version: str) -> Path:
    folder = _folder()
    target = folder / name
    while not _held(target):
        if _unpacked(folder, entry, target, version):
            _remove_others(folder, entry, target)
    return target


def _folder() -> Path:
    if UNPACK in os.environ or "XDG_CACHE_HOME" in os.environ:
        named = os.environ.get(UNPACK)
        folder = Path(named) if named else Path(os.environ["XDG_CACHE_HOME"], "stackwatch")
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        return folder.resolve()
    # Late, as below: only a start that unpacks needs them.
    import atexit  # noqa: PLC0415
    import shutil  # noqa: PLC0415
    import tempfile  # noqa: PLC0415

    private, owner = Path(tempfile.mkdtemp(prefix="stackwatch-")), os.getpid()

    def remove() -> None:
        if os.getpid() == owner:  # a forked child ends earlier than its parent
            shutil.rmtree(private, ignore_errors=True)

    atexit.register(remove)
    return private


def _held(tree: Path) -> bool:
    """Lock a tree for as long as this process lives; whether there is one."""
    handle = _locked(tree, fcntl.LOCK_SH)
    if handle is None:
        return False
    if os.fstat(handle).st_uid not in (0, os.geteuid()):
        _give_up(f"{tree} belongs to another account, its code is not run; remove it")
    return True


def _locked(tree: Path, how: int) -> int | None:
    """An open, locked folder; None if it is gone by the time it is locked."""
    try:
        handle = os.open(tree, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    except FileNotFoundError:
        return None
    try:
        fcntl.flock(handle, how)
        if os.path.samestat(os.fstat(handle), tree.stat()):
            return handle
    except (FileNotFoundError, BlockingIOError):
        pass
    os.close(handle)
    return None


def _unpacked(folder: Path, entry: str, target: Path, version: str) -> bool:
    """Unpack and move to ``target`` in one step; False if another process was faster."""
    import shutil  # noqa: PLC0415
    import tempfile  # noqa: PLC0415
    import zipfile  # noqa: PLC0415

    fresh = Path(tempfile.mkdtemp(prefix=f".{entry}-", dir=folder))
    handle = _locked(fresh, fcntl.LOCK_SH)
    if handle is None:  # taken for a stale one by another process
        return False
    try:
        with zipfile.ZipFile(ARCHIVE) as archive:
            for member in archive.infolist():
                part, _, name = member.filename.partition("/")
                if part not in ("any", version):
                    continue
                path = fresh / name
                path.parent.mkdir(parents=True, exist_ok=True)
                with archive.open(member) as packed, path.open("xb") as plain:
                    shutil.copyfileobj(packed, plain)
        os.sync()  # the name must not reach the disk before the content does
        fresh.rename(target)
    except OSError:
        shutil.rmtree(fresh, ignore_errors=True)
        os.close(handle)
        if target.is_dir():
            return False
        raise
    return True


def _remove_others(folder: Path, entry: str, target: Path) -> None:
    """Remove trees of this entry that no process has locked, and what crashed unpacks left."""
    import shutil  # noqa: PLC0415

    for tree in [*folder.glob(f"{entry}-*"), *folder.glob(f".{entry}-*")]:
        with contextlib.suppress(OSError):
            handle = None if tree == target else _locked(tree, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if handle is not None:
                # Renamed first: half a tree must never have a whole one's name.
                gone = tree.with_name(f".{entry}-gone-{os.getpid()}-{tree.name.lstrip('.')}")
                tree.rename(gone)
                shutil.rmtree(gone, ignore_errors=True)
                os.close(handle)


def _give_up(why: str) -> None:
    sys.exit(f"{ARCHIVE.name}: {why}")


if __name__ == "__main__":
    main()
