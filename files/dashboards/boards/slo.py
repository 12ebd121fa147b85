"""SLO: what was promised, and how much of it may still go wrong."""

from files.dashboards.model import Board, Column, Query, Row, Variable
from files.dashboards.pages import APPLICATION, JOB_LOGS, TIME_TRACES
from files.dashboards.panels import GREEN, ORANGE, RED, YELLOW, floors, lines, stat, table
from files.dashboards.promql import increase, rate, share
from files.dashboards.variables import ENVIRONMENT, NAMESPACE, SERVICE

OF = '{environment=~"$environment",job=~"$service"}'
FAILED = '{environment=~"$environment",job=~"$service",status=~"5.."}'
REQUESTS = "${namespace}_http_requests_total"
DURATION = "${namespace}_http_request_duration_seconds"
# What may go wrong, as a share of all. No objective of the list is 100 %, so it is never 0.
ALLOWED = "(1 - $objective / 100)"
PERIOD = "30d"
PERIOD_SECONDS = 30 * 24 * 3600
# A page: 14.4 x in 5 m and 1 h, or 6 x in 30 m and 6 h. A budget lasts its period at 1.
BURNING = ((None, GREEN), (1, YELLOW), (6, ORANGE), (14.4, RED))
LEFT = floors(0.1, 0.5)

OBJECTIVE = Variable(
    kind="custom",
    name="objective",
    label="Objective in %",
    about="Share of requests that must be answered well, over 30 days",
    values="99,99.5,99.9,99.95,99.99",
    default="99.9",
)


def failing(window: str, *labels: str) -> str:
    """The share of requests that failed within a window; nothing without requests."""
    return share(
        rate(REQUESTS + FAILED, *labels, window=window), rate(REQUESTS + OF, *labels, window=window)
    )


def burn(window: str, *labels: str) -> str:
    """How many times faster than allowed the budget is spent."""
    return f"({failing(window, *labels)}) / {ALLOWED}"


def slower(limit: str) -> str:
    """The share of requests slower than a limit that is a bucket's: slow is bad."""
    fast = f'{{environment=~"$environment",job=~"$service",le="{limit}"}}'
    every = rate(f"{DURATION}_count{OF}", "job", window="1h")
    return f"1 - {rate(f'{DURATION}_bucket{fast}', 'job', window='1h')} / ({every} > 0)"


REMAINING = f"1 - {burn(PERIOD, 'job')}"
SPARE = (
    f"{increase(REQUESTS + OF, window=PERIOD)} * {ALLOWED}"
    f" - ({increase(REQUESTS + FAILED, window=PERIOD)} or vector(0))"
)

NOW = Row(
    "Over 30 days",
    (
        stat(
            "Objective",
            "Share of requests that must be answered without 5xx, over 30 days.",
            "vector($objective / 100)",
            trend=True,
            unit="percentunit",
            decimals=2,
        ),
        stat(
            "Availability",
            "Share of requests of 30 days that were answered without 5xx, by service.",
            f"1 - ({failing(PERIOD, 'job')})",
            "{{job}}",
            unit="percentunit",
            decimals=3,
        ),
        stat(
            "Remaining budget",
            "Share of what may go wrong in 30 days that has not, by service. Below 0 the "
            "objective is missed.",
            REMAINING,
            "{{job}}",
            unit="percentunit",
            steps=LEFT,
        ),
        stat(
            "Remaining failures",
            "Requests that may still fail within these 30 days.",
            SPARE,
            decimals=0,
            steps=floors(0, 1),
        ),
        stat(
            "Remaining downtime",
            "How long everything may be down within these 30 days: 43.2 min of 99.9 % at first.",
            f"({REMAINING}) * {ALLOWED} * {PERIOD_SECONDS}",
            "{{job}}",
            unit="s",
            steps=floors(0, 600),
        ),
        stat(
            "Burn rate of 1 h",
            "How many times faster than allowed the budget was spent within the last hour.",
            burn("1h", "job"),
            "{{job}}",
            decimals=2,
            steps=BURNING,
            empty="no request within the last hour",
        ),
    ),
)

BURN = Row(
    "Burn rate",
    (
        lines(
            "Burn rate by window",
            "How many times faster than allowed the budget is spent, by window. A page: 14.4 x in "
            "5 m and 1 h, or 6 x in 30 m and 6 h.",
            tuple(
                Query(burn(window, "job"), f"{{{{job}}}} {window}")
                for window in ("5m", "30m", "1h", "6h")
            ),
            minimum=0.0,
            steps=BURNING,
            shown="dashed",
            links=(JOB_LOGS, TIME_TRACES),
        ),
        lines(
            "Budget over 30 days",
            "Share of the budget that remained at each moment, looking back 30 days.",
            REMAINING,
            "{{job}}",
            unit="percentunit",
            maximum=1.0,
            steps=LEFT,
            shown="dashed",
        ),
        table(
            "Services",
            "Availability, remaining budget and burn rate of each service.",
            (f"1 - ({failing(PERIOD, 'job')})", REMAINING, burn("1h", "job"), burn("6h", "job")),
            {
                "job": "Service",
                "Value #A": "Availability",
                "Value #B": "Remaining budget",
                "Value #C": "Burn rate 1 h",
                "Value #D": "Burn rate 6 h",
            },
            show=(
                Column("Availability", "percentunit"),
                Column("Remaining budget", "percentunit", steps=LEFT),
                Column("Burn rate 1 h", "short", steps=BURNING),
                Column("Burn rate 6 h", "short", steps=BURNING),
            ),
            sort="Remaining budget",
            width=24,
        ),
    ),
)

SPEED = Row(
    "Latency objectives",
    (
        lines(
            "Slower than 500 ms",
            "Share of requests of an hour slower than 500 ms. At most 1 % may be.",
            slower("0.5"),
            "{{job}}",
            unit="percentunit",
            minimum=0.0,
            steps=((None, GREEN), (0.01, RED)),
            shown="dashed",
        ),
        lines(
            "Slower than 200 ms",
            "Share of requests of an hour slower than 200 ms. At most 5 % may be.",
            slower("0.2"),
            "{{job}}",
            unit="percentunit",
            minimum=0.0,
            steps=((None, GREEN), (0.05, RED)),
            shown="dashed",
        ),
    ),
)

BOARD = Board(
    uid="stackwatch-slo",
    title="SLO",
    about="Objective, remaining budget and burn rate of each service, from its requests.",
    folder="Applications",
    needs=("application",),
    variables=(NAMESPACE, ENVIRONMENT, SERVICE, OBJECTIVE),
    links=(APPLICATION,),
    since="now-24h",
    rows=(NOW, BURN, SPEED),
)
