"""Panels of text: logs, traces, alerts, links to dashboards, and text."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime

from plugins.dashboards.queries import LogLine, TraceSummary
from plugins.preview import units
from plugins.preview.drawn import Drawn
from plugins.preview.fields import options
from plugins.preview.markup import Markup, element, joined
from plugins.preview.report import View, anchor

MOST_LINES = 200
MOST_CHARACTERS = 2000
_LEVELS: Mapping[str, str] = {
    "emergency": "critical",
    "alert": "critical",
    "critical": "critical",
    "crit": "critical",
    "fatal": "critical",
    "error": "error",
    "err": "error",
    "warning": "warning",
    "warn": "warning",
    "info": "info",
    "notice": "info",
    "information": "info",
    "debug": "debug",
    "trace": "debug",
}
_SEVERITIES = {"critical": "critical", "warning": "warning", "info": "info"}
_HEADING = re.compile(r"#{1,6} ")


def level(line: LogLine) -> str:
    """The level of a line as the page colours it; unknown ones are plain."""
    for name in ("level", "detected_level", "severity", "severity_text"):
        if name in line.labels:
            return _LEVELS.get(line.labels[name].lower(), "unknown")
    return "unknown"


def _clock(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%m-%d %H:%M:%S.%f")[:-3]


def _line(line: LogLine) -> Markup:
    left = len(line.line) - MOST_CHARACTERS
    more = element("em", f" … {left} more characters") if left > 0 else Markup("")
    origin = " ".join(line.labels[name] for name in ("service", "host") if name in line.labels)
    ids = " ".join(
        f"{name}={line.labels[name]}"
        for name in ("requestId", "traceId", "entityId")
        if line.labels.get(name)
    )
    return element(
        "li",
        element("time", _clock(line.time)),
        element("b", line.labels.get("level", "")),
        element("span", origin),
        element(
            "code",
            line.line[:MOST_CHARACTERS],
            more,
            element("small", ids) if ids else Markup(""),
        ),
        class_=f"level-{level(line)}",
    )


def logs(view: View) -> Drawn:
    """Lines of logs with their level, in the order that the panel says."""
    newest = options(view.panel).get("sortOrder") != "Ascending"
    every = sorted(
        (line for result in view.results for line in result.lines),
        key=lambda line: line.time,
        reverse=newest,
    )
    left = len(every) - MOST_LINES
    note = f"{MOST_LINES} of {len(every)} lines" if left > 0 else ""
    return Drawn(element("ol", *map(_line, every[:MOST_LINES]), class_="logs"), note=note)


def _trace(trace: TraceSummary, longest: float) -> Markup:
    share = trace.seconds / longest if longest else 0.0
    bar = element("b", style=f"width:{share:.1%};background:var(--accent)")
    wrong = f"{trace.errors} failed" if trace.errors else ""
    return element(
        "tr",
        element("td", _clock(trace.start), class_="text"),
        element("td", trace.service, class_="text"),
        element("td", trace.name, class_="text"),
        element("td", element("span", bar, class_="bar"), class_="gauge"),
        element("td", units.written(trace.seconds, "s")),
        element("td", str(trace.spans)),
        element("td", wrong, class_="level-error"),
        element("td", element("code", trace.trace), class_="text"),
    )


def traces(view: View) -> Drawn:
    """Traces with their duration and id, the newest first."""
    every = sorted(
        (trace for result in view.results for trace in result.traces),
        key=lambda trace: trace.start,
        reverse=True,
    )
    longest = max((trace.seconds for trace in every), default=0.0)
    heads = ("Start", "Service", "Operation", "", "Duration", "Spans", "", "Trace id")
    left = ("Start", "Service", "Operation", "Trace id")
    head = element(
        "thead",
        element("tr", *(element("th", h, class_="text" if h in left else None) for h in heads)),
    )
    rows = joined(_trace(trace, longest) for trace in every[:MOST_LINES])
    note = f"{MOST_LINES} of {len(every)} traces" if len(every) > MOST_LINES else ""
    return Drawn(element("table", head, element("tbody", rows), class_="data"), note=note)


def alertlist(view: View) -> Drawn:
    """Alerts that fire, the most urgent first."""
    order = list(_SEVERITIES)
    every = [series.labels for result in view.results for series in result.series]
    every.sort(
        key=lambda alert: (
            order.index(alert["severity"]) if alert.get("severity") in order else len(order),
            alert.get("alertname", ""),
            sorted(alert.items()),
        )
    )
    items = []
    for alert in every:
        known = ("alertname", "severity", "alertstate", "__name__", "priority")
        rest = " ".join(f"{k}={v}" for k, v in sorted(alert.items()) if k not in known)
        severity = alert.get("severity", "none")
        said = (alert.get("priority"), severity, alert.get("alertstate"))
        words = " ".join(each for each in said if each and each != "none")
        items.append(
            element(
                "li",
                element("b", words),
                element("strong", alert.get("alertname", "")),
                element("span", rest),
                class_=f"level-{_SEVERITIES.get(severity, 'unknown')}",
            )
        )
    return Drawn(element("ul", *items, class_="alerts"))


def dashlist(view: View) -> Drawn:
    """Links to the other dashboards of the report that the panel's options ask for."""
    said = options(view.panel)
    tags = set(said.get("tags") or ())
    words = str(said.get("query") or "").lower()
    chosen = [
        other for other in view.others if tags <= set(other.tags) and words in other.title.lower()
    ]
    folders: dict[str, list[Markup]] = {}
    for other in chosen:
        link = element("a", other.title, href=f"#{anchor(other.uid)}")
        folders.setdefault(other.folder, []).append(element("li", link))
    body = (joined((element("h4", name), element("ul", *all_))) for name, all_ in folders.items())
    return Drawn(element("div", *body, class_="dashlist"))


def text(view: View) -> Drawn:
    """Text as it was written; headings and paragraphs are told apart, HTML is shown as text."""
    said = str(options(view.panel).get("content") or "")
    parts = []
    for paragraph in re.split(r"\n\s*\n", said.strip()):
        head, _, rest = paragraph.partition("\n")
        heading = _HEADING.match(head) is not None
        if heading:
            parts.append(element("h4", head.lstrip("# ")))
        if not heading or rest:
            parts.append(element("p", rest if heading else paragraph))
    return Drawn(element("div", *parts, class_="prose"))
