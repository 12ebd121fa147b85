"""Settings of production: who is told what, how long things are kept."""

ssh_user = "deploy"
ssh_known_hosts_file = "inventories/known_hosts"
_sudo = True

environment = "production"

site = {
    "groups": ["monitoring", "shop", "database"],
    # By retention class; ours are 7d for debug, 30d for application, 1y for audit and security.
    "log_retention": {"application": "60d"},
    "runbook_base_url": "https://runbooks.example.org",
    # Where this site's programs come from; uncomment for a network with no way out.
    # "artifact_sources": ["mirror"],
    # "artifact_mirror": "https://mirror.example.org/stackwatch",
}

# Who logged in, and who was refused, from every host.
logs = [{"name": "ssh", "units": ["ssh.service"], "class": "security"}]

grafana = {
    "root_url": "https://grafana.example.org/",
    "native": {
        # People log in with the accounts they have; `secret:NAME` is one of grafana.secrets.
        "auth.generic_oauth": {
            "enabled": True,
            "client_id": "grafana",
            "client_secret": "secret:oauth",
            "scopes": "openid profile email groups",
            "auth_url": "https://login.example.org/authorize",
            "token_url": "https://login.example.org/token",
            "api_url": "https://login.example.org/userinfo",
            "role_attribute_path": "contains(groups[*], 'monitoring') && 'Admin' || 'Viewer'",
        },
    },
}

loki = {"memory_max": "8G", "external_url": "https://logs.example.org"}

prometheus = {
    "memory_max": "8G",
    "retention_time": "90d",
    "retention_size": "200GB",
    "external_url": "https://prometheus.example.org",
    "external_labels": {"cluster": "prod"},
    # Long-term storage, if you have one:
    # "remote_write": [{"url": "https://metrics.example.org/api/v1/push"}],
}

_pagerduty = {
    "routing_key_file": "secret:pagerduty",
    "severity": '{{ if eq .CommonLabels.severity "critical" }}critical{{ else }}warning{{ end }}',
}
_slack = {
    "api_url_file": "secret:slack",
    "channel": "#alerts",
    "send_resolved": True,
    "title": '{{ template "prod.slack.title" . }}',
    "text": '{{ template "prod.slack.text" . }}',
}
_email = {"to": "oncall@example.org", "auth_password_file": "secret:smtp"}

alertmanager = {
    "external_url": "https://alerts.example.org",
    "global": {
        "smtp_smarthost": "mail.example.org:587",
        "smtp_from": "alerts@example.org",
        "smtp_auth_username": "alerts@example.org",
    },
    # What no route knows goes to people, never to nobody.
    "route": {"receiver": "unrouted"},
    "routes": [
        # Proves from outside that alerting lives: the service there alarms when it stops coming.
        {
            "receiver": "dead-man",
            "matchers": ['alertname="Watchdog"'],
            "group_wait": "0s",
            "group_interval": "1m",
            "repeat_interval": "1m",
        },
        {"receiver": "nobody", "matchers": ['alertname="InfoInhibitor"']},
        {
            "receiver": "p0",
            "matchers": ['priority="P0"'],
            "group_wait": "10s",
            "repeat_interval": "1h",
        },
        {"receiver": "p1", "matchers": ['priority="P1"']},
        {
            "receiver": "p2",
            "matchers": ['priority="P2"'],
            "active_time_intervals": ["business-hours"],
        },
        # One mail a day with what is still true then: the interval is open once a day, and
        # within it nothing repeats.
        {
            "receiver": "p3",
            "matchers": ['priority="P3"'],
            "group_by": ["environment"],
            "group_interval": "30m",
            "repeat_interval": "20h",
            "active_time_intervals": ["morning"],
        },
    ],
    "receivers": [
        {"name": "unrouted", "slack_configs": [{**_slack, "channel": "#alerts-unrouted"}]},
        {
            "name": "dead-man",
            "webhook_configs": [{"url_file": "secret:dead-man", "send_resolved": False}],
        },
        {"name": "nobody"},
        {
            "name": "p0",
            "pagerduty_configs": [_pagerduty],
            "slack_configs": [_slack],
            "email_configs": [_email],
        },
        {"name": "p1", "pagerduty_configs": [_pagerduty], "slack_configs": [_slack]},
        {"name": "p2", "slack_configs": [_slack]},
        {"name": "p3", "email_configs": [_email]},
    ],
    "time_intervals": [
        {
            "name": "business-hours",
            "time_intervals": [
                {
                    "weekdays": ["monday:friday"],
                    "times": [{"start_time": "09:00", "end_time": "17:00"}],
                    # Without it hours are UTC. The host needs the package tzdata.
                    "location": "Europe/Berlin",
                }
            ],
        },
        {
            "name": "morning",
            "time_intervals": [
                {
                    "times": [{"start_time": "08:00", "end_time": "09:00"}],
                    "location": "Europe/Berlin",
                }
            ],
        },
    ],
    # Beside the role's own. A label is required on both sides, since two missing ones are equal.
    "inhibit_rules": [
        # A host that is gone takes along what runs on it.
        {
            "source_matchers": ['alertname="HostDown"', 'host=~".+"'],
            "target_matchers": ['alertname!="HostDown"', 'host=~".+"'],
            "equal": ["host"],
        },
        # A service that is down fails its probe too: one page, not two.
        {
            "source_matchers": ['alertname="ServiceDown"', 'host=~".+"', 'component=~".+"'],
            "target_matchers": ['alertname="HealthProbeFailed"', 'host=~".+"', 'component=~".+"'],
            "equal": ["host", "component"],
        },
    ],
}
