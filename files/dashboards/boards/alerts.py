"""Alerts and notifications: what fires, who was told, and what is silenced."""

from files.dashboards.model import Board, Column, Query, Row
from files.dashboards.pages import ALL_LOGS, HOST, STACK
from files.dashboards.panels import GREEN, RED, YELLOW, lines, listing, rate, stat, table
from files.dashboards.promql import increase
from files.dashboards.promql import rate as per_second
from files.dashboards.variables import ENVIRONMENT
from files.dashboards.vocabulary import (
    ALERT_LIST,
    COLORS,
    FIRING,
    PENDING,
    WATCHDOG,
    priorities,
)

OF = '{environment=~"$environment"}'
MANAGER = ("alertmanager",)
SENT = "alertmanager_notifications_total"
NOT_SENT = "alertmanager_notifications_failed_total"

NOW = Row(
    "Now",
    (
        stat(
            "Firing by priority",
            "P0: now. P1: urgent. P2: in business hours. P3: once a day.",
            priorities(FIRING),
            steps=((None, GREEN), (1, RED)),
            width=12,
        ),
        stat(
            "Pending",
            "Alerts whose condition holds, and not for long enough yet.",
            f"count({PENDING}) or vector(0)",
            trend=True,
            steps=((None, GREEN), (1, YELLOW)),
            width=3,
        ),
        stat(
            "Silences",
            "Silences in force.",
            'max(alertmanager_silences{environment=~"$environment",state="active"})',
            width=3,
            needs=MANAGER,
        ),
        stat(
            "Failures in 24 h",
            "Notifications that did not reach their receiver within a day.",
            increase(NOT_SENT + OF, window="24h"),
            steps=((None, GREEN), (1, RED)),
            decimals=0,
            width=3,
            needs=MANAGER,
        ),
        stat(
            "Watchdog",
            "1: the alert that always fires does. Without it nothing else would be told.",
            f"count({WATCHDOG}) or vector(0)",
            trend=True,
            steps=((None, RED), (1, GREEN)),
            width=3,
        ),
    ),
)

FIRE = Row(
    "Alerts",
    (
        table(
            "Firing",
            "Every alert that fires, the most urgent first, and how many: each file system of a "
            "host is one.",
            (f"count by (priority, severity, alertname, component, host, instance) ({FIRING})",),
            {
                "priority": "Priority",
                "severity": "Severity",
                "alertname": "Alert",
                "component": "Component",
                "host": "Host",
                "instance": "Instance",
                "Value #A": "Number",
            },
            show=(Column("Priority", words=COLORS), Column("Host", links=(HOST,))),
            sort="Priority",
            width=16,
            height=10,
            empty="no alert fires",
        ),
        listing(
            "alertlist",
            "Alert list",
            "Alerts as Grafana sees them in all its datasources, by priority.",
            ALERT_LIST,
            width=8,
            height=10,
            empty="no alert fires",
        ),
        lines(
            "Firing over time",
            "Alerts that fired, by priority.",
            priorities(FIRING),
            minimum=0.0,
            decimals=0,
            width=24,
        ),
    ),
)

TOLD = Row(
    "Notifications",
    (
        rate(
            "Notifications sent",
            "Notifications per minute, by way.",
            f"60 * ({per_second(SENT + OF, 'integration')}"
            f" and sum by (integration) ({SENT}{OF}) > 0)",
            "{{integration}}",
            unit="opm",
            width=8,
            needs=MANAGER,
            empty="nothing had to be told since Alertmanager's start",
        ),
        lines(
            "Notification failures",
            "Notifications per minute that failed, by way and reason. Alert: 1 % for 10 min.",
            f"60 * ({per_second(NOT_SENT + OF, 'integration', 'reason')}"
            f" and sum by (integration, reason) ({NOT_SENT}{OF}) > 0)",
            "{{integration}} {{reason}}",
            unit="opm",
            minimum=0.0,
            width=8,
            needs=MANAGER,
            empty="no notification has failed since Alertmanager's start",
        ),
        lines(
            "From Prometheus to Alertmanager",
            "Alerts per second that Prometheus sent, dropped, and holds back.",
            (
                Query(
                    per_second(f"prometheus_notifications_sent_total{OF}", "instance"),
                    "{{instance}} sent",
                ),
                Query(
                    per_second(f"prometheus_notifications_dropped_total{OF}", "instance"),
                    "{{instance}} dropped",
                ),
            ),
            unit="cps",
            minimum=0.0,
            width=8,
            needs=MANAGER,
        ),
    ),
)

# Every member of a cluster knows all silences and alerts: their sum would be several times as many.
QUIET = Row(
    "Silences and cluster",
    (
        lines(
            "Silences",
            "Silences by state. One that is forgotten hides what it was not made for.",
            f"max by (state) (alertmanager_silences{OF})",
            "{{state}}",
            minimum=0.0,
            decimals=0,
            width=8,
            needs=MANAGER,
        ),
        lines(
            "Alerts in Alertmanager",
            "Alerts that Alertmanager tells of, and those silenced or inhibited.",
            f"max by (state) (alertmanager_alerts{OF})",
            "{{state}}",
            minimum=0.0,
            decimals=0,
            width=8,
            needs=MANAGER,
        ),
        lines(
            "Cluster members",
            "Alertmanagers that each one sees. All must see the same number.",
            f"alertmanager_cluster_members{OF}",
            "{{instance}}",
            minimum=0.0,
            decimals=0,
            width=8,
            needs=MANAGER,
            empty="a single Alertmanager has no cluster",
        ),
    ),
)

BOARD = Board(
    uid="stackwatch-alerts",
    title="Alerts and notifications",
    about="What fires by priority, what was told and what was not, what is silenced.",
    folder="Stack",
    needs=("prometheus",),
    variables=(ENVIRONMENT,),
    links=(STACK, ALL_LOGS),
    since="now-6h",
    rows=(NOW, FIRE, TOLD, QUIET),
)
