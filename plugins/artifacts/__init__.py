"""Artifacts: pinned in a lock, verified before they are trusted, kept in a store."""

from plugins.artifacts.lock import DEFAULT_LOCK, SOURCES, Lock, LockError, NotOfferedError
from plugins.artifacts.obtain import ArtifactPolicy, obtain
from plugins.artifacts.store import Store, unpacked

__all__ = [
    "DEFAULT_LOCK",
    "SOURCES",
    "ArtifactPolicy",
    "Lock",
    "LockError",
    "NotOfferedError",
    "Store",
    "obtain",
    "unpacked",
]
