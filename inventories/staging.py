"""Staging: the smallest whole site, one of each.

Its secrets are an EXAMPLE: dummy values, and the password beside them is public. Make your own
with `ansible-vault create inventories/vault/staging.yml` before you use it.
"""

from pathlib import Path

from plugins.vault import vault

_VAULT = Path(__file__).parent / "vault"
_SECRETS = vault(_VAULT / "example.yml", _VAULT / "example-password")

monitoring = (
    [("staging-mon-1", {"ssh_hostname": "staging-mon-1.example.org", "address": "10.90.0.11"})],
    {
        "alertmanager": {"secrets": _SECRETS["alertmanager"]},
        "grafana": _SECRETS["grafana"],
    },
)

shop = (
    [("staging-shop-1", {"ssh_hostname": "staging-shop-1.example.org", "address": "10.90.0.21"})],
    {"services": [{"name": "shop", "port": 8080, "health": "/healthz"}]},
)

prometheus = ["staging-mon-1"]
alertmanager = ["staging-mon-1"]
blackbox = ["staging-mon-1"]
loki = ["staging-mon-1"]
jaeger = ["staging-mon-1"]
grafana = ["staging-mon-1"]
