"""Production: two data centres and a third place that can still raise an alarm.

Copy it, put your hosts in, then:

    ansible-vault create inventories/vault/prod.yml     # the keys: see inventories/vault/README.md
    ssh-keyscan HOST... >> inventories/known_hosts      # compare the fingerprints first
    pyinfra inventories/prod.py deploy.py

Settings are in group_data/prod.py (this site) and group_data/<role>.py (every site).
"""

from pathlib import Path

from plugins.vault import vault

_HERE = Path(__file__).parent


def _host(name, address, datacenter, role):
    """A host: `ssh_hostname` is how you reach it, `address` how the others do."""
    data = {
        "ssh_hostname": f"{name}.example.org",
        "address": address,
        # They reach every metric and alert of the host.
        "labels": {"datacenter": datacenter, "role": role},
    }
    return name, data


# Secrets are read here and not in group_data/, which every inventory of this folder runs.
_SECRETS = vault(_HERE / "vault" / "prod.yml")

monitoring = (
    [
        _host("mon-fra-1", "10.10.0.11", "fra", "monitoring"),
        _host("mon-ams-1", "10.20.0.11", "ams", "monitoring"),
        _host("mon-hel-1", "10.30.0.11", "hel", "monitoring"),
    ],
    {
        "alertmanager": {"secrets": _SECRETS["alertmanager"]},
        "grafana": {
            "admin_password": _SECRETS["grafana"]["admin_password"],
            "secret_key": _SECRETS["grafana"]["secret_key"],
            "secrets": {"oauth": _SECRETS["grafana"]["oauth"]},
            # Two of them show the same, whichever people are sent to.
            "database": {
                "type": "postgres",
                "host": "10.10.0.31:5432",
                "ssl_mode": "require",
                "password": _SECRETS["grafana"]["database"],
            },
        },
    },
)

# Your own services: scraped and probed, not installed.
shop = (
    [
        _host("shop-fra-1", "10.10.0.21", "fra", "shop"),
        _host("shop-ams-1", "10.20.0.21", "ams", "shop"),
    ],
    {
        "logs": [
            {"name": "shop", "files": ["/var/log/shop/*.json"], "format": "json"},
            {"name": "payments", "files": ["/var/log/payments/payments.log"]},
        ],
        "services": [
            {"name": "shop", "port": 8080, "health": "/healthz", "labels": {"team": "shop"}},
            # It has no metrics yet: its health is probed all the same.
            {"name": "payments", "port": 8081, "metrics": None, "health": "/up"},
        ],
    },
)

database = (
    [_host("db-fra-1", "10.10.0.31", "fra", "database")],
    {
        "services": [{"name": "postgres", "port": 9187, "kind": "exporter"}],
        "logs": [
            {
                "name": "postgresql",
                "files": ["/var/log/postgresql/*.log"],
                "format": "postgresql",
                "timezone": "Europe/Berlin",
            }
        ],
    },
)

# Groups named like a role place it. Every host has node_exporter without being named.
prometheus = ["mon-fra-1", "mon-ams-1"]
# Three, so that two go on deciding together when a data centre is cut off.
alertmanager = ["mon-fra-1", "mon-ams-1", "mon-hel-1"]
blackbox = ["mon-fra-1", "mon-ams-1"]
# Logs and traces. With them every host has the collector, which ships its logs.
loki = ["mon-fra-1"]
jaeger = ["mon-ams-1"]
# What people look at; behind a proxy that knows the address in group_data/prod.py.
grafana = ["mon-fra-1", "mon-ams-1"]
