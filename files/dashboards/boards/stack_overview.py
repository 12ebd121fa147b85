"""Stack Overview: does the monitoring itself run, and is there room for what it keeps."""

from files.dashboards.model import Board, Column, Row
from files.dashboards.pages import ALERTS, ALL_ALERTS, ALL_LOGS, HOST, HOST_LOGS, SYSTEM
from files.dashboards.panels import (
    GREEN,
    RED,
    UP,
    bars,
    limits,
    lines,
    saturation,
    stat,
    states,
    table,
)
from files.dashboards.promql import increase
from files.dashboards.promql import rate as per_second
from files.dashboards.variables import ENVIRONMENT
from files.dashboards.vocabulary import FIRING, priorities

OF = '{environment=~"$environment"}'
BY = "component, environment, host, instance, job"
# Whether a target answers. A probe's own "up" is the prober's, whatever the endpoint said.
STATE = f"(probe_success{OF} or up{OF})"
# Each program tells its version in a series of its own kind. OpenTelemetry's label has a dot where
# names may be of any character, else an underscore. Spans that Jaeger counts have a target_info of
# the application, which is not Jaeger's.
TOLD = '{environment=~"$environment",exported_job=""}'
VERSION = f"""max by ({BY}, version) (
  {{__name__=~"[a-z_]+_build_info",environment=~"$environment",version!=""}}
  or
  label_join(target_info{TOLD}, "version", "", "service.version", "service_version")
  or
  label_join(cadvisor_version_info{OF}, "version", "", "cadvisorVersion")
)"""
TSDB = f"""(
  prometheus_tsdb_storage_blocks_bytes{OF}
  + prometheus_tsdb_head_chunks_storage_size_bytes
  + prometheus_tsdb_wal_storage_size_bytes
)"""
BADGER = f"""sum by (instance) (
  jaeger_storage_badger_size_bytes_lsm{OF} + jaeger_storage_badger_size_bytes_vlog
)"""
GIB = 1024**3

NOW = Row(
    "Now",
    (
        stat(
            "Down",
            "Targets of the inventory that do not answer.",
            f"count(up{OF} == 0) or vector(0)",
            trend=True,
            steps=((None, GREEN), (1, RED)),
        ),
        stat(
            "Targets",
            "Targets of the inventory that are scraped.",
            f"count(up{OF})",
        ),
        stat(
            "Probes that fail",
            "Health endpoints that do not answer as they should.",
            f"count(probe_success{OF} == 0) or vector(0)",
            trend=True,
            steps=((None, GREEN), (1, RED)),
            needs=("blackbox",),
        ),
        stat(
            "Firing alerts by priority",
            "P0: now. P1: urgent. P2: in business hours. P3: once a day.",
            priorities(FIRING),
            width=12,
            steps=((None, GREEN), (1, RED)),
            links=(ALERTS,),
        ),
    ),
)

COMPONENTS = Row(
    "Components",
    (
        table(
            "Components of the inventory",
            "Every target that the inventory gives: whether it answers (of a probe: whether its "
            "endpoint does), its version where it tells one, and how long a scrape of it takes.",
            (f"max by ({BY}) ({STATE})", VERSION, f"max by ({BY}) (scrape_duration_seconds{OF})"),
            {
                "component": "Component",
                "host": "Host",
                "instance": "Instance",
                "job": "Job",
                "Value #A": "State",
                "version": "Version",
                "Value #C": "Scrape duration",
            },
            show=(
                Column("Host", links=(HOST,)),
                Column("State", words=UP),
                Column("Scrape duration", "s", steps=limits(1, 5)),
            ),
            sort="Component",
            width=24,
            height=12,
        ),
        states(
            "Up and down",
            "Whether each target answered, over time; of probes, whether their endpoint did.",
            f"max by (component, instance) ({STATE})",
            "{{component}} {{instance}}",
            width=12,
            height=10,
        ),
        lines(
            "Scrape duration",
            "How long a scrape takes. It must stay well below the scrape interval of 15 s.",
            f"max by (component, instance) (scrape_duration_seconds{OF})",
            "{{component}} {{instance}}",
            unit="s",
            minimum=0.0,
            steps=limits(1, 5),
            height=10,
        ),
    ),
)

STORES = Row(
    "Stores against their retention",
    (
        saturation(
            "Prometheus: size",
            "What the TSDB takes of what it may: 50 GB unless set otherwise. The oldest go.",
            f"{TSDB} / (prometheus_tsdb_retention_limit_bytes > 0)",
            "{{instance}}",
            width=8,
            links=(HOST_LOGS,),
        ),
        lines(
            "Prometheus: bytes",
            "What the TSDB takes on disk: blocks, head and write-ahead log.",
            TSDB,
            "{{instance}}",
            unit="bytes",
            minimum=0.0,
            width=8,
        ),
        bars(
            "Prometheus: age",
            "Age of the oldest sample, of the 30 days that samples are kept unless set otherwise.",
            f"time() - prometheus_tsdb_lowest_timestamp_seconds{OF}",
            "{{instance}}",
            unit="s",
            maximum=30.0 * 24 * 3600,
            width=8,
        ),
        lines(
            "Loki: received in 24 h",
            "Bytes of lines that Loki took within a day, before it compresses them.",
            increase(f"loki_distributor_bytes_received_total{OF}", "instance", window="24h"),
            "{{instance}}",
            unit="bytes",
            minimum=0.0,
            width=8,
            needs=("loki",),
        ),
        lines(
            "Loki: stored in 30 days",
            "Bytes of chunks that Loki wrote within its usual retention. 50 GiB are planned.",
            increase(f"loki_ingester_chunk_stored_bytes_total{OF}", "instance", window="30d"),
            "{{instance}}",
            unit="bytes",
            minimum=0.0,
            steps=limits(40.0 * GIB, 50.0 * GIB),
            shown="dashed",
            width=8,
            needs=("loki",),
            empty="until Loki has written its first chunk, up to two hours after its start",
        ),
        lines(
            "Jaeger: size",
            "Length of Jaeger's files on its own disk, a step of 2 GiB for each it begins; what is "
            "in use is less. Traces go after 7 days unless set otherwise.",
            BADGER,
            "{{instance}}",
            unit="bytes",
            minimum=0.0,
            width=8,
            needs=("jaeger",),
            empty="a Jaeger that keeps its traces in a search engine",
        ),
        lines(
            "Elasticsearch: size",
            "What indices take on disk, by cluster.",
            f"sum by (cluster) (elasticsearch_indices_store_size_bytes{OF})",
            "{{cluster}}",
            unit="bytes",
            minimum=0.0,
            width=8,
            needs=("elasticsearch",),
        ),
        saturation(
            "Elasticsearch: disk",
            "How full the disks of its nodes are. At 85 % it gives them no more shards, "
            "at 95 % it refuses writes.",
            f"1 - elasticsearch_filesystem_data_available_bytes{OF}"
            " / (elasticsearch_filesystem_data_size_bytes > 0)",
            "{{cluster}} {{name}}",
            warn=0.85,
            critical=0.95,
            width=8,
            needs=("elasticsearch",),
        ),
    ),
)

FLOW = Row(
    "What comes in",
    (
        lines(
            "Samples",
            "Samples per second that Prometheus takes in.",
            per_second(f"prometheus_tsdb_head_samples_appended_total{OF}", "instance"),
            "{{instance}}",
            unit="cps",
            minimum=0.0,
            width=6,
        ),
        lines(
            "Series",
            "Series that Prometheus holds in memory.",
            f"sum by (instance) (prometheus_tsdb_head_series{OF})",
            "{{instance}}",
            minimum=0.0,
            width=6,
        ),
        lines(
            "Lines",
            "Lines of logs per second that collectors take in, by host.",
            per_second(f"otelcol_receiver_accepted_log_records_total{OF}", "host"),
            "{{host}}",
            unit="cps",
            minimum=0.0,
            width=6,
            needs=("otelcol",),
        ),
        lines(
            "Collectors' queues",
            "What waits in collectors for a store, of what may wait. Alert: 80 % for 5 min.",
            f"max by (host, exporter, data_type) (otelcol_exporter_queue_size{OF}"
            " / (otelcol_exporter_queue_capacity > 0))",
            "{{host}} {{exporter}} {{data_type}}",
            unit="percentunit",
            minimum=0.0,
            maximum=1.0,
            steps=limits(0.5, 0.8),
            shown="dashed",
            width=6,
            needs=("otelcol",),
        ),
    ),
)

BOARD = Board(
    uid="stackwatch-stack",
    title="Stack Overview",
    about="Every component of the inventory, the alerts that fire, and the room that stores have.",
    folder="Stack",
    needs=("prometheus",),
    variables=(ENVIRONMENT,),
    links=(ALL_ALERTS, SYSTEM, ALL_LOGS),
    rows=(NOW, COMPONENTS, STORES, FLOW),
)
