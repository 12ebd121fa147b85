"""Logs: how much is written, what went wrong, and every line of one request."""

from files.dashboards.model import Board, Column, Query, Row, Transformation
from files.dashboards.pages import ALL_TRACES, APPLICATION, LINE_LOGS, ONE_REQUEST, ONE_TRACE
from files.dashboards.panels import RED, lines, logs, stat, tabled
from files.dashboards.variables import of_stream, textbox

# Requests are told by structured metadata, not by labels. An empty box fits every line.
OF = '{service=~"$service",environment=~"$environment",host=~"$host",level=~"$level"}'
WRONG = '{service=~"$service",environment=~"$environment",host=~"$host",level=~"error|fatal"}'
CHOSEN = ' | requestId=~"${requestId}.*" | entityId=~"${entityId}.*" | traceId=~"${traceId}.*"'
SEARCH = OF + " |= `${search}`" + CHOSEN


def volume(selector: str, label: str) -> Query:
    """Lines per second, by label."""
    return Query(
        f"sum by ({label}) (rate({selector} [$__interval]))", f"{{{{{label}}}}}", source="loki"
    )


VOLUME = Row(
    "Volume",
    (
        lines(
            "Volume by level",
            "Lines per second by level.",
            volume(OF, "level"),
            unit="cps",
            minimum=0.0,
            stacked=True,
        ),
        lines(
            "Volume by service",
            "Lines per second by service. One that suddenly writes much has something to say.",
            volume(OF, "service"),
            unit="cps",
            minimum=0.0,
            stacked=True,
            links=(LINE_LOGS,),
        ),
        lines(
            "Errors by service",
            "Lines per second of level error and fatal. Alert: 20 % of a service's lines.",
            volume(WRONG, "service"),
            unit="cps",
            minimum=0.0,
            links=(LINE_LOGS,),
            empty="nothing of level error or fatal was written",
            width=16,
        ),
        stat(
            "Errors",
            "Lines of level error and fatal in the chosen time.",
            Query(
                f"sum(count_over_time({WRONG} [$__range]))", "errors", source="loki", instant=True
            ),
            steps=((None, "green"), (1, RED)),
            width=8,
            height=8,
            empty="nothing of level error or fatal was written",
        ),
    ),
)

ERRORS = Row(
    "Errors",
    (
        logs(
            "Error stream",
            "Lines of level error and fatal, the newest first.",
            WRONG + CHOSEN,
            empty="nothing of level error or fatal was written",
        ),
    ),
)

SEARCHED = Row(
    "Search",
    (
        logs(
            "Lines",
            "Lines that hold the text and belong to the request, entity and trace above.",
            SEARCH,
            height=16,
        ),
        tabled(
            "Requests and traces",
            "Lines that belong to a trace. Its id leads to it, a request's to all of its lines.",
            Query(SEARCH + ' | traceId!=""', source="loki", native={"maxLines": 100}),
            {
                "Time": "Time",
                "service": "Service",
                "level": "Level",
                "requestId": "Request",
                "entityId": "Entity",
                "traceId": "Trace",
                "Line": "Line",
            },
            before=(Transformation("extractFields", {"source": "labels", "format": "json"}),),
            show=(Column("Request", links=(ONE_REQUEST,)), Column("Trace", links=(ONE_TRACE,))),
            height=12,
            empty="no line belongs to a trace: nothing that is traced was asked",
        ),
    ),
)

BOARD = Board(
    uid="stackwatch-logs",
    title="Logs",
    about="Volume by level and service, errors, and a search by request, entity and trace.",
    folder="Logs and traces",
    needs=("loki",),
    variables=(
        of_stream("service", "Service", "Of which services", optional=False),
        of_stream("environment", "Environment", "Of which environments"),
        of_stream("host", "Host", "Of which hosts"),
        of_stream("level", "Level", "Of which levels"),
        textbox("requestId", "Request", "Id of a request, or its beginning"),
        textbox("entityId", "Entity", "Id of an entity, or its beginning"),
        textbox("traceId", "Trace", "Id of a trace, or its beginning"),
        textbox("search", "Text", "Text that lines must hold"),
    ),
    links=(APPLICATION, ALL_TRACES),
    rows=(VOLUME, ERRORS, SEARCHED),
)
