"""Databases and cache: PostgreSQL, Redis, and both as the application sees them."""

from files.dashboards.model import Board, Query, Row
from files.dashboards.pages import ALL_LOGS, APPLICATION, JOB_LOGS, TIME_TRACES
from files.dashboards.panels import duration, errors, floors, lines, rate, saturation, stat
from files.dashboards.promql import rate as per_second
from files.dashboards.promql import share
from files.dashboards.variables import ENVIRONMENT, NAMESPACE

OF = '{environment=~"$environment"}'
QUERIES = "${namespace}_db_query_duration_seconds"
POSTGRESQL, REDIS = ("postgresql",), ("redis",)
DATABASE, CACHE = ("database_client",), ("cache_client",)
HITS = 'environment=~"$environment",result="hit"'

CLIENT = Row(
    "As the application sees them",
    (
        duration(
            "Query duration",
            "How long queries take. Objectives: p95 100 ms, p99 500 ms. Alerts: p95 1 s and 5 s.",
            QUERIES,
            OF,
            links=(TIME_TRACES,),
            needs=DATABASE,
        ),
        duration(
            "p95 by operation",
            "95 of 100 queries of an operation are faster.",
            QUERIES,
            OF,
            "operation",
            quantiles=(0.95,),
            links=(TIME_TRACES,),
            needs=DATABASE,
        ),
        errors(
            "Query errors",
            "Share of queries that failed, by operation.",
            f"${{namespace}}_db_query_errors_total{OF}",
            f"{QUERIES}_count{OF}",
            "operation",
            width=8,
            needs=DATABASE,
        ),
        saturation(
            "Pool",
            "Connections in use, of those the pool may open. Alerts: 80 % and 90 % for 5 min.",
            f"sum by (job, instance) (${{namespace}}_db_connections_active{OF})"
            f" / (sum by (job, instance) (${{namespace}}_db_pool_size{OF}) > 0)",
            "{{job}} {{instance}}",
            links=(JOB_LOGS,),
            width=8,
            needs=DATABASE,
        ),
        lines(
            "Cache hits",
            "Share of look-ups that were answered from each cache. Alert: below 80 % for 10 min.",
            share(
                per_second(f"${{namespace}}_cache_requests_total{{{HITS}}}", "cache"),
                per_second(f"${{namespace}}_cache_requests_total{OF}", "cache"),
            ),
            "{{cache}}",
            unit="percentunit",
            minimum=0.0,
            maximum=1.0,
            steps=floors(0.5, 0.8),
            shown="dashed",
            width=8,
            needs=CACHE,
        ),
    ),
)

POSTGRES = Row(
    "PostgreSQL",
    (
        saturation(
            "Connections",
            "Connections in use, of those allowed. Alert: 80 % for 5 min.",
            f"sum by (instance) (pg_stat_database_numbackends{OF})"
            " / on (instance) (max by (instance) (pg_settings_max_connections) > 0)",
            "{{instance}}",
            width=8,
            needs=POSTGRESQL,
        ),
        lines(
            "Connections by state",
            "What connections do. Idle ones in a transaction hold locks.",
            f"sum by (instance, state) (pg_stat_activity_count{OF})",
            "{{instance}} {{state}}",
            minimum=0.0,
            stacked=True,
            width=8,
            needs=POSTGRESQL,
        ),
        lines(
            "Transactions",
            "Transactions per second that were committed and rolled back.",
            (
                Query(per_second(f"pg_stat_database_xact_commit{OF}", "datname"), "{{datname}}"),
                Query(
                    per_second(f"pg_stat_database_xact_rollback{OF}", "datname"),
                    "{{datname}} rolled back",
                ),
            ),
            unit="ops",
            minimum=0.0,
            width=8,
            needs=POSTGRESQL,
        ),
        lines(
            "Slow queries",
            "Age of the longest running transaction, by database. What is slow now, not what was.",
            f"max by (instance, datname) (pg_stat_activity_max_tx_duration{OF})",
            "{{instance}} {{datname}}",
            unit="s",
            minimum=0.0,
            steps=((None, "green"), (1, "yellow"), (5, "red")),
            shown="dashed",
            width=8,
            needs=POSTGRESQL,
        ),
        lines(
            "Replication lag",
            "How far a replica is behind its primary.",
            f"pg_replication_lag_seconds{OF} and pg_replication_is_replica == 1",
            "{{instance}}",
            unit="s",
            minimum=0.0,
            steps=((None, "green"), (10, "yellow"), (60, "red")),
            shown="dashed",
            width=8,
            needs=POSTGRESQL,
            empty="no PostgreSQL here is a replica",
        ),
        lines(
            "Blocks from memory",
            "Share of blocks that were read from PostgreSQL's own memory, by database.",
            share(
                per_second(f"pg_stat_database_blks_hit{OF}", "datname"),
                f"({per_second(f'pg_stat_database_blks_hit{OF}', 'datname')}"
                f" + {per_second(f'pg_stat_database_blks_read{OF}', 'datname')})",
            ),
            "{{datname}}",
            unit="percentunit",
            minimum=0.0,
            maximum=1.0,
            width=8,
            needs=POSTGRESQL,
        ),
    ),
)

CACHES = Row(
    "Redis",
    (
        stat(
            "Redis up",
            "Redis that the exporter reaches.",
            f"sum(redis_up{OF})",
            width=4,
            height=8,
            needs=REDIS,
        ),
        lines(
            "Memory",
            "Memory in use. Where there is a limit, alert: 90 % of it for 5 min.",
            (
                Query(f"redis_memory_used_bytes{OF}", "{{instance}} used"),
                Query(f"redis_memory_max_bytes{OF} > 0", "{{instance}} limit"),
            ),
            unit="bytes",
            minimum=0.0,
            width=10,
            needs=REDIS,
        ),
        lines(
            "Hits",
            "Share of look-ups that found their key.",
            share(
                per_second(f"redis_keyspace_hits_total{OF}", "instance"),
                f"({per_second(f'redis_keyspace_hits_total{OF}', 'instance')}"
                f" + {per_second(f'redis_keyspace_misses_total{OF}', 'instance')})",
            ),
            "{{instance}}",
            unit="percentunit",
            minimum=0.0,
            maximum=1.0,
            steps=floors(0.5, 0.8),
            shown="dashed",
            width=10,
            needs=REDIS,
        ),
        lines(
            "Evictions",
            "Keys per second that were thrown out to make room, and that expired.",
            (
                Query(
                    per_second(f"redis_evicted_keys_total{OF}", "instance"), "{{instance}} evicted"
                ),
                Query(
                    per_second(f"redis_expired_keys_total{OF}", "instance"), "{{instance}} expired"
                ),
            ),
            unit="ops",
            minimum=0.0,
            width=8,
            needs=REDIS,
        ),
        rate(
            "Commands",
            "Commands per second.",
            per_second(f"redis_commands_processed_total{OF}", "instance"),
            "{{instance}}",
            unit="ops",
            width=8,
            needs=REDIS,
        ),
        saturation(
            "Clients",
            "Connected clients, of those allowed.",
            f"redis_connected_clients{OF} / (redis_max_clients > 0)",
            "{{instance}}",
            width=8,
            needs=REDIS,
        ),
    ),
)

BOARD = Board(
    uid="stackwatch-databases",
    title="Databases and cache",
    about="Connections, transactions, slow queries, replication, memory, hits and evictions.",
    folder="Applications",
    needs=("postgresql|redis|database_client|cache_client",),
    variables=(NAMESPACE, ENVIRONMENT),
    links=(APPLICATION, ALL_LOGS),
    rows=(CLIENT, POSTGRES, CACHES),
)
