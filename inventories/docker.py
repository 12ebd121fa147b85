"""The demo on Docker: three test hosts on this machine, each with an engine of its own.

`make demo RUNTIME=docker` makes them. The roles are the ones of demo.py; what is different is
said in group_data/docker.py.
"""

import json
from pathlib import Path

from plugins.vault import Secret

_FILE = Path(".stackwatch/hosts/docker/hosts.json")
if not _FILE.exists():
    raise SystemExit(
        f"{_FILE} is missing: `make demo RUNTIME=docker` makes the hosts this inventory names"
    )


def _host(name):
    made = next(host for host in json.loads(_FILE.read_text()) if host["name"] == name)
    connection = {key: value for key, value in made.items() if key.startswith("ssh_")}
    return name, {
        **connection,
        "address": made["address"],
        "ssh_strict_host_key_checking": "yes",
        "_sudo": made["ssh_user"] != "root",
    }


# mon1 watches, web1 and web2 are watched. node_exporter and cadvisor are on every host without
# being named, and so is the collector that ships its logs and takes its traces.
# Anybody may know this one: a site of yours has its secrets in a vault, see staging.py and prod.py.
monitoring = ([_host("mon1")], {"grafana": {"admin_password": Secret("stackwatch-demo")}})
web = [_host("web1"), _host("web2")]

prometheus = ["mon1"]
alertmanager = ["mon1"]
blackbox = ["mon1"]
loki = ["mon1"]
jaeger = ["mon1"]
grafana = ["mon1"]

# A real service with PostgreSQL and Redis beside it, to have something to see.
reference_app = ["web1"]
reference_worker = ["web1"]
