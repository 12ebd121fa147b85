"""What people make in Grafana by hand: how it is kept, put back, and pulled into files."""

from __future__ import annotations

from plugins.backup.kept import Kind
from roles.grafana import handmade, pulling, restoring

KIND = Kind(handmade.read, restoring.plan, pulling.pull)
