"""What people make in Alertmanager by hand: how it is kept and put back."""

from __future__ import annotations

from plugins.backup.kept import Kind
from roles.alertmanager import silences

KIND = Kind(silences.read, silences.plan)
