"""NATS: what goes through it, what waits in it, who is connected."""

from files.dashboards.model import Board, Query, Row
from files.dashboards.pages import ALL_LOGS, APPLICATION
from files.dashboards.panels import GREEN, RED, lines, saturation, stat
from files.dashboards.promql import increase, rate
from files.dashboards.variables import ENVIRONMENT, of_label

OF = '{environment=~"$environment",instance=~"$instance"}'
STREAMS = '{environment=~"$environment",stream_name=~"$stream"}'
PER_STREAM = "max by (stream_name)"
PER_CONSUMER = "max by (stream_name, consumer_name)"
CONSUMER = "{{stream_name}} {{consumer_name}}"
NO_STREAMS = "no stream of JetStream"

INSTANCE = of_label("instance", "Server", "Of which servers", "gnatsd_varz_connections")
STREAM = of_label(
    "stream", "Stream", "Of which streams", "jetstream_stream_total_messages", "stream_name"
)

NOW = Row(
    "Now",
    (
        stat(
            "Messages in",
            "Messages per second from publishers. The objective is room for 1000.",
            rate(f"gnatsd_varz_in_msgs{OF}"),
            unit="mps",
            width=6,
        ),
        stat(
            "Waiting",
            "Messages that consumers have not been given yet.",
            f"sum({PER_CONSUMER} (jetstream_consumer_num_pending{STREAMS}))",
            steps=((None, GREEN), (1000, RED)),
            width=6,
            empty=NO_STREAMS,
        ),
        stat("Connections", "Clients connected.", f"sum(gnatsd_varz_connections{OF})", width=6),
        stat(
            "Slow consumers in 1 h",
            "Clients that were cut off within an hour, since they did not keep up.",
            increase(f"gnatsd_varz_slow_consumers{OF}", window="1h"),
            decimals=0,
            steps=((None, GREEN), (1, RED)),
            width=6,
        ),
    ),
)

THROUGHPUT = Row(
    "Throughput",
    (
        lines(
            "Messages",
            "Messages per second that servers take and give.",
            (
                Query(rate(f"gnatsd_varz_in_msgs{OF}", "instance"), "{{instance}} in"),
                Query(rate(f"gnatsd_varz_out_msgs{OF}", "instance"), "{{instance}} out"),
            ),
            unit="mps",
            minimum=0.0,
        ),
        lines(
            "Bytes",
            "Bytes per second that servers take and give.",
            (
                Query(rate(f"gnatsd_varz_in_bytes{OF}", "instance"), "{{instance}} in"),
                Query(rate(f"gnatsd_varz_out_bytes{OF}", "instance"), "{{instance}} out"),
            ),
            unit="Bps",
            minimum=0.0,
        ),
    ),
)

DEPTH = Row(
    "Depth and lag",
    (
        lines(
            "Stream depth",
            "Messages that each stream holds. Alert: more than 1000 for 10 min.",
            f"{PER_STREAM} (jetstream_stream_total_messages{STREAMS})",
            "{{stream_name}}",
            minimum=0.0,
            steps=((None, GREEN), (1000, RED)),
            shown="dashed",
            empty=NO_STREAMS,
        ),
        lines(
            "Stream size",
            "Bytes that each stream holds.",
            f"{PER_STREAM} (jetstream_stream_total_bytes{STREAMS})",
            "{{stream_name}}",
            unit="bytes",
            minimum=0.0,
            empty=NO_STREAMS,
        ),
        lines(
            "Consumer lag",
            "Messages that each consumer has not been given yet.",
            f"{PER_CONSUMER} (jetstream_consumer_num_pending{STREAMS})",
            CONSUMER,
            minimum=0.0,
            width=8,
            empty=NO_STREAMS,
        ),
        lines(
            "Not acknowledged",
            "Messages that each consumer was given and has not acknowledged.",
            f"{PER_CONSUMER} (jetstream_consumer_num_ack_pending{STREAMS})",
            CONSUMER,
            minimum=0.0,
            width=8,
            empty=NO_STREAMS,
        ),
        lines(
            "Given again",
            "Messages that a consumer was given more than once: it fails at them.",
            f"{PER_CONSUMER} (jetstream_consumer_num_redelivered{STREAMS})",
            CONSUMER,
            minimum=0.0,
            width=8,
            empty=NO_STREAMS,
        ),
    ),
)

SERVERS = Row(
    "Servers",
    (
        saturation(
            "Connections",
            "Clients connected, of those allowed.",
            f"gnatsd_varz_connections{OF} / (gnatsd_varz_max_connections > 0)",
            "{{instance}}",
            width=8,
        ),
        lines(
            "Subscriptions",
            "Subscriptions of all clients.",
            f"sum by (instance) (gnatsd_varz_subscriptions{OF})",
            "{{instance}}",
            minimum=0.0,
            width=8,
        ),
        lines(
            "Memory",
            "Memory of each server.",
            f"sum by (instance) (gnatsd_varz_mem{OF})",
            "{{instance}}",
            unit="bytes",
            minimum=0.0,
            width=8,
        ),
    ),
)

BOARD = Board(
    uid="stackwatch-nats",
    title="NATS",
    about="Throughput, depth of streams, lag of consumers, connections.",
    folder="Applications",
    needs=("nats",),
    variables=(ENVIRONMENT, INSTANCE, STREAM),
    links=(APPLICATION, ALL_LOGS),
    rows=(NOW, THROUGHPUT, DEPTH, SERVERS),
)
