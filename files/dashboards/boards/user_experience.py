"""User experience: what people wait for, see and get."""

from files.dashboards.model import Board, Panel, Row
from files.dashboards.pages import ALL_TRACES, APPLICATION, BUSINESS, JOB_LOGS, TIME_TRACES
from files.dashboards.panels import bars, duration, floors, limits, lines, rate
from files.dashboards.promql import average, increase, quantile
from files.dashboards.promql import rate as per_second
from files.dashboards.variables import ENVIRONMENT, NAMESPACE

OF = '{environment=~"$environment"}'
SIZE = "${namespace}_http_response_size_bytes"


def waiting(title: str, about: str, family: str, limit: float) -> Panel:
    """How long a piece of work takes that a person waits for."""
    return duration(
        title,
        about,
        f"${{namespace}}_{family}_duration_seconds",
        OF,
        quantiles=(0.5, 0.95),
        steps=limits(limit / 2, limit),
        shown="dashed",
        needs=("jobs",),
    )


BOARD = Board(
    uid="stackwatch-experience",
    title="User experience",
    about="How long people wait, what they look at, how much they are sent.",
    folder="Applications",
    needs=("application|business|jobs",),
    variables=(NAMESPACE, ENVIRONMENT),
    links=(APPLICATION, BUSINESS, ALL_TRACES),
    rows=(
        Row(
            "What people wait for",
            (
                waiting(
                    "Creation p95",
                    "95 of 100 characters are created faster. Alert: 300 s for 5 min.",
                    "character_creation",
                    300.0,
                ),
                waiting(
                    "Level-up p95",
                    "95 of 100 level-ups are faster. Alert: 120 s for 5 min.",
                    "level_up",
                    120.0,
                ),
                duration(
                    "Answer p95",
                    "95 of 100 requests are answered faster, by service. The objective is 200 ms.",
                    "${namespace}_http_request_duration_seconds",
                    OF,
                    "job",
                    quantiles=(0.95,),
                    steps=limits(0.2, 1),
                    shown="dashed",
                    width=24,
                    links=(JOB_LOGS, TIME_TRACES),
                    needs=("application",),
                ),
            ),
        ),
        Row(
            "What people see",
            (
                rate(
                    "Page views by page",
                    "Pages viewed per second.",
                    per_second(f"page_views_total{OF}", "page_name"),
                    "{{page_name}}",
                    unit="cps",
                    needs=("business",),
                ),
                bars(
                    "Page views by page and user",
                    "Pages viewed in the chosen time, by kind of user.",
                    increase(f"page_views_total{OF}", "page_name", "user_type"),
                    "{{page_name}} {{user_type}}",
                    decimals=0,
                    needs=("business",),
                ),
            ),
        ),
        Row(
            "What people are sent",
            (
                lines(
                    "Response size p95 by path",
                    "95 of 100 answers are smaller.",
                    quantile(0.95, f"{SIZE}_bucket{OF}", "path"),
                    "{{path}}",
                    unit="bytes",
                    minimum=0.0,
                    width=8,
                    needs=("application",),
                ),
                lines(
                    "Mean response size",
                    "Mean size of answers, by service.",
                    average(SIZE, OF, "job"),
                    "{{job}}",
                    unit="bytes",
                    minimum=0.0,
                    width=8,
                    needs=("application",),
                ),
                lines(
                    "Cache hit ratio",
                    "Share of the last 1000 look-ups that were hits. Alert: below 80 % for 10 min.",
                    f"avg by (job) (cache_hit_ratio{OF})",
                    "{{job}}",
                    unit="percentunit",
                    minimum=0.0,
                    maximum=1.0,
                    steps=floors(0.5, 0.8),
                    shown="dashed",
                    width=8,
                    needs=("cache_client",),
                ),
            ),
        ),
    ),
)
