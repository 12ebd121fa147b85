"""Every host with the reference application: the logs of what it stands on."""

reference_app = {
    "logs": [
        {"name": "postgresql", "files": ["/var/log/postgresql/*.log"], "format": "postgresql"},
        {"name": "redis", "files": ["/var/log/redis/*.log"]},
    ],
}
