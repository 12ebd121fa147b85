"""Home: what is wrong now, and where to look."""

from files.dashboards.drawing import TAG
from files.dashboards.model import Board, Column, Query, Row
from files.dashboards.pages import ALERTS, ALL_ALERTS, ALL_LOGS, APPLICATION, HOST, STACK
from files.dashboards.panels import GREEN, RED, limits, listing, stat, table
from files.dashboards.variables import ENVIRONMENT
from files.dashboards.vocabulary import ALERT_LIST, COLORS, FIRING, priorities

OF = '{environment=~"$environment"}'
REAL = (
    '{environment=~"$environment",'
    'fstype!~"tmpfs|ramfs|devtmpfs|overlay|squashfs|erofs|iso9660|udf|efivarfs|fuse.lxcfs"}'
)

NOW = Row(
    "Now",
    (
        stat(
            "Firing alerts by priority",
            "P0: now. P1: urgent. P2: in business hours. P3: once a day.",
            priorities(FIRING),
            steps=((None, GREEN), (1, RED)),
            width=12,
            links=(ALERTS,),
        ),
        stat(
            "Down",
            "Targets of the inventory that do not answer.",
            f"count(up{OF} == 0) or vector(0)",
            trend=True,
            steps=((None, GREEN), (1, RED)),
            width=3,
        ),
        stat(
            "Hosts",
            "Hosts that tell of themselves.",
            f"count(node_uname_info{OF})",
            width=3,
            needs=("node_exporter",),
        ),
        stat(
            "Fullest disk",
            "The file system with the least free space of its size.",
            f"max(1 - node_filesystem_avail_bytes{REAL} / (node_filesystem_size_bytes > 0))",
            unit="percentunit",
            steps=limits(0.8, 0.9),
            width=3,
            needs=("node_exporter",),
        ),
        stat(
            "Error lines in 1 h",
            "Lines of logs of level error and fatal within the last hour.",
            Query(
                'sum(count_over_time({environment=~"$environment",level=~"error|fatal"} [1h]))',
                "lines",
                source="loki",
                instant=True,
            ),
            steps=limits(1, 100),
            width=3,
            empty="nothing of level error or fatal was written",
        ),
    ),
)

LISTS = Row(
    "What is wrong, and where to look",
    (
        table(
            "Firing",
            "Every alert that fires, the most urgent first, and how many: each file system of a "
            "host is one.",
            (f"count by (priority, alertname, component, host) ({FIRING})",),
            {
                "priority": "Priority",
                "alertname": "Alert",
                "component": "Component",
                "host": "Host",
                "Value #A": "Number",
            },
            show=(
                Column("Priority", words=COLORS),
                Column("Alert", links=(ALERTS,)),
                Column("Host", links=(HOST,)),
            ),
            sort="Priority",
            width=8,
            height=14,
            empty="no alert fires",
        ),
        listing(
            "alertlist",
            "Alert list",
            "Alerts as Grafana sees them in all its datasources, by priority.",
            ALERT_LIST,
            width=8,
            height=14,
            empty="no alert fires",
        ),
        listing(
            "dashlist",
            "Dashboards",
            "The dashboards of this stack.",
            {
                "tags": [TAG],
                "showSearch": True,
                "showStarred": False,
                "showRecentlyViewed": False,
                "showHeadings": False,
                "showFolderNames": True,
                "maxItems": 50,
                "keepTime": True,
                "includeVars": False,
                "query": "",
            },
            width=8,
            height=14,
        ),
    ),
)

BOARD = Board(
    uid="stackwatch-home",
    title="Home",
    about="What is wrong now, and where to look.",
    folder="Stack",
    needs=("prometheus",),
    variables=(ENVIRONMENT,),
    links=(STACK, APPLICATION, ALL_ALERTS, ALL_LOGS),
    rows=(NOW, LISTS),
)
