"""The one exception of the test hosts."""

from __future__ import annotations


class HostsError(Exception):
    """Test hosts could not be built, started or removed; the message says why and what helps."""
