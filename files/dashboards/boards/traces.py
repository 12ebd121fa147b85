"""Traces: how services perform by their spans, and what one request did where."""

from urllib.parse import quote

from files.dashboards.model import Board, Column, Link, Query, Row
from files.dashboards.pages import ALL_LOGS, APPLICATION, ONE_TRACE, SPAN_LOGS, TRACE_LOGS
from files.dashboards.panels import errors, limits, lines, rate, table, tabled, traces
from files.dashboards.promql import quantile, share
from files.dashboards.promql import rate as per_second
from files.dashboards.variables import of_label, textbox

# What Jaeger's spanmetrics connector counts of every span, by service and operation.
CALLS = "traces_span_metrics_calls_total"
DURATION = "traces_span_metrics_duration_milliseconds_bucket"
OF = '{service_name=~"$service"}'
FAILED = '{service_name=~"$service",status_code="STATUS_CODE_ERROR"}'
WRONG = '{status_code="STATUS_CODE_ERROR"}'
RANGE = "$__range"

# The first is what the dashboard opens with: not the stack's own, which come when it is asked.
THEIRS = f'{CALLS}{{service_name!~"jaeger|stackwatch-smoke"}}'
SERVICE = of_label("service", "Service", "Whose spans", THEIRS, "service_name", multi=False)
# Grafana's own page for a datasource. Variables are filled in before a browser sees it.
PANE = (
    '{"jaeger":{"datasource":"${jaeger}","queries":'
    '[{"refId":"A","queryType":"search","service":"${service}"}]}}'
)
EXPLORE = Link("Jaeger", f"/explore?schemaVersion=1&panes={quote(PANE, safe='${}')}")

SERVICES = Row(
    "All services",
    (
        rate(
            "Span rate",
            "Spans per second by service, as Jaeger takes them in.",
            per_second(CALLS, "service_name"),
            "{{service_name}}",
            unit="cps",
        ),
        errors(
            "Errors",
            "Share of spans that ended with an error, by service.",
            CALLS + WRONG,
            CALLS,
            "service_name",
        ),
    ),
)

PERFORMANCE = Row(
    "Service performance: ${service}",
    (
        rate(
            "Span rate by operation",
            "Spans per second of the chosen service, by operation.",
            per_second(CALLS + OF, "span_name"),
            "{{span_name}}",
            unit="cps",
            width=8,
            links=(SPAN_LOGS,),
        ),
        errors(
            "Errors by operation",
            "Share of spans of the chosen service that ended with an error.",
            CALLS + FAILED,
            CALLS + OF,
            "span_name",
            width=8,
            links=(SPAN_LOGS,),
        ),
        lines(
            "p95 by operation",
            "95 of 100 spans of an operation take less.",
            (
                Query(
                    quantile(0.95, DURATION + OF, "span_name"),
                    "{{span_name}}",
                    exemplars=True,
                ),
            ),
            unit="ms",
            minimum=0.0,
            width=8,
            links=(SPAN_LOGS,),
        ),
        table(
            "Operations",
            "Rate, errors and durations of each operation in the chosen time, the slowest first.",
            (
                per_second(CALLS + OF, "span_name", "span_kind", window=RANGE),
                share(
                    per_second(CALLS + FAILED, "span_name", "span_kind", window=RANGE),
                    per_second(CALLS + OF, "span_name", "span_kind", window=RANGE),
                ),
                quantile(0.5, DURATION + OF, "span_name", "span_kind", window=RANGE),
                quantile(0.95, DURATION + OF, "span_name", "span_kind", window=RANGE),
            ),
            {
                "span_name": "Operation",
                "span_kind": "Kind",
                "Value #A": "Rate",
                "Value #B": "Errors",
                "Value #C": "p50",
                "Value #D": "p95",
            },
            show=(
                Column("Rate", "cps"),
                Column("Errors", "percentunit", steps=limits(0.005, 0.05)),
                Column("p50", "ms"),
                Column("p95", "ms", steps=limits(1000, 2000)),
            ),
            sort="p95",
            descending=True,
            unit="ms",
            width=24,
        ),
    ),
)

FOUND = Row(
    "Traces",
    (
        tabled(
            "Traces of the service",
            "Traces of the chosen service and time. Choose one to see it below.",
            Query(
                "",
                source="jaeger",
                format="table",
                native={"queryType": "search", "service": "${service}", "limit": 50},
            ),
            {
                "Trace ID": "Trace",
                "Trace name": "Name",
                "Start time": "Start",
                "Duration": "Duration",
            },
            show=(Column("Trace", links=(ONE_TRACE, TRACE_LOGS)), Column("Duration", "µs")),
            height=10,
        ),
        traces(
            "Trace",
            "Every span of the trace whose id stands above.",
            "${traceId}",
            height=14,
            empty="until a trace is chosen",
        ),
    ),
)

JAEGER = Row(
    "Jaeger itself",
    (
        lines(
            "Spans taken in",
            "Spans per second that Jaeger accepted, refused, and failed to store.",
            (
                Query(
                    per_second('otelcol_receiver_accepted_spans_total{job="jaeger"}', "host"),
                    "{{host}} accepted",
                ),
                Query(
                    per_second('otelcol_receiver_refused_spans_total{job="jaeger"}', "host"),
                    "{{host}} refused",
                ),
                Query(
                    per_second('otelcol_exporter_send_failed_spans_total{job="jaeger"}', "host"),
                    "{{host}} not stored",
                ),
            ),
            unit="cps",
            minimum=0.0,
        ),
        lines(
            "Storage requests",
            "Requests to the store per second, by operation and result.",
            per_second("jaeger_storage_requests_total", "operation", "result"),
            "{{operation}} {{result}}",
            unit="reqps",
            minimum=0.0,
            empty="nobody has asked for a trace since Jaeger's start",
        ),
    ),
)

BOARD = Board(
    uid="stackwatch-traces",
    title="Traces",
    about="Spans, errors and durations by service and operation, and traces themselves.",
    folder="Logs and traces",
    needs=("jaeger",),
    variables=(SERVICE, textbox("traceId", "Trace", "Id of the trace to show")),
    links=(APPLICATION, ALL_LOGS, EXPLORE),
    rows=(SERVICES, PERFORMANCE, FOUND, JAEGER),
)
