"""Settings of staging: short retention, everything to one channel."""

ssh_user = "deploy"
ssh_known_hosts_file = "inventories/known_hosts"
_sudo = True

environment = "staging"

site = {"groups": ["monitoring", "shop"]}

prometheus = {"memory_max": "2G", "retention_time": "7d", "retention_size": "10GB"}

alertmanager = {
    "route": {"receiver": "channel"},
    "routes": [
        {
            "receiver": "dead-man",
            "matchers": ['alertname="Watchdog"'],
            "group_interval": "1m",
            "repeat_interval": "1m",
        },
    ],
    "receivers": [
        {
            "name": "channel",
            "slack_configs": [{"api_url_file": "secret:slack", "channel": "#alerts-staging"}],
        },
        {
            "name": "dead-man",
            "webhook_configs": [{"url_file": "secret:dead-man", "send_resolved": False}],
        },
    ],
}
