"""The stack on this machine's own Docker Engine, without SSH: `make demo RUNTIME=local`.

Everything is put where deploy.py puts it on any host: accounts, /etc/stackwatch,
/var/lib/stackwatch. remove.py takes it away again.
"""

import os
import socket
from pathlib import Path

from plugins.vault import Secret


def _address():
    """The address of this machine that containers reach it by; nothing is sent."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.connect(("192.0.2.1", 9))
        return probe.getsockname()[0]


# A machine without systemd has no journal to log into, so there nothing can ship the logs.
_JOURNAL = Path("/run/systemd/system").is_dir()

monitoring = [
    (
        "@local",
        {
            "address": _address(),
            "_sudo": os.geteuid() != 0,
            "container_logs": "journald" if _JOURNAL else "json-file",
            # Anybody may know this one: change it before anybody else reaches this machine.
            "grafana": {"admin_password": Secret("stackwatch-demo")},
        },
    )
]

prometheus = ["@local"]
alertmanager = ["@local"]
blackbox = ["@local"]
loki = ["@local"]
jaeger = ["@local"]
grafana = ["@local"]
