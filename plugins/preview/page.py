"""The report: one HTML file that needs nothing else, and cannot be broken by what it shows.

Whatever was read is text (:mod:`plugins.preview.markup`) or compressed JSON; and the page forbids
itself any script but its own and any address (https://www.w3.org/TR/CSP3/).
"""

from __future__ import annotations

import base64
import json
import zlib
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import cache
from hashlib import sha256
from pathlib import Path

from plugins.dashboards.document import Grid, Panel, Variable
from plugins.dashboards.substitution import Value, Values
from plugins.preview import charts, panels
from plugins.preview.charts import GAP, ROW, Chart
from plugins.preview.drawn import NOTHING
from plugins.preview.layout import placed
from plugins.preview.markup import Markup, element, joined
from plugins.preview.report import Linked, Rendering, Report, View, anchor

ALL = "all"
_MOST_CHOSEN = 12
_HERE = Path(__file__).parent


@cache
def _own(name: str) -> str:
    return (_HERE / name).read_text()


def _moment(seconds: int, form: str = "%Y-%m-%d %H:%M:%S") -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime(form)


def _range(report: Report) -> str:
    same_day = _moment(report.start, "%F") == _moment(report.end, "%F")
    return f"{_moment(report.start)} to {_moment(report.end, '%T' if same_day else '%F %T')} UTC"


def _script(content: str) -> Markup:
    return Markup(f"<script>{content}</script>")


def _policy(scripts: Sequence[str]) -> str:
    """Nothing is loaded, and only these scripts run. BokehJS makes functions for tooltips."""
    sums = (base64.b64encode(sha256(script.encode()).digest()).decode() for script in scripts)
    allowed = " ".join(f"'sha256-{each}'" for each in sums)
    return (
        f"default-src 'none'; script-src {allowed} 'unsafe-eval'; style-src 'unsafe-inline'; "
        "img-src data: blob:; base-uri 'none'; form-action 'none'"
    )


def _packed(drawn: Sequence[tuple[str, Chart]]) -> Markup:
    """Charts of a dashboard, compressed: their times are the same many times over."""
    content = [[place, chart.content] for place, chart in drawn]
    plain = json.dumps(content, separators=(",", ":")).encode()
    packed = base64.b64encode(zlib.compress(plain, 9)).decode()
    return Markup(f'<script type="application/octet-stream">{packed}</script>')


def _several(value: Value) -> tuple[str, ...]:
    return (value,) if isinstance(value, str) else value


def _titled(title: str, values: Values) -> str:
    """A title with the chosen values of the variables in it."""
    for name in sorted(values, key=len, reverse=True):
        chosen = " + ".join(_several(values[name]))
        for written in (f"${{{name}}}", f"[[{name}]]", f"${name}"):
            title = title.replace(written, chosen)
    return title


def _panel(view: View, grid: Grid, place: str) -> tuple[Markup, Chart | None]:
    """One panel with its heading, and its chart if it has one."""
    drawn = panels.draw(view)
    canvas = element("div", class_="chart", id=place) if drawn.chart else NOTHING
    heading = _titled(view.panel.title, view.values)
    style = (
        f"grid-column:{grid.x + 1}/span {grid.w};grid-row:{grid.y + 1}/span {grid.h};"
        f"--high:{grid.h * (ROW + GAP) - GAP}px"
    )
    made = element(
        "article",
        element("h3", heading, title=view.panel.description or None) if heading else NOTHING,
        element("div", canvas, drawn.body, class_="body"),
        element("p", drawn.note, class_="remark") if drawn.note else NOTHING,
        class_="panel drawing" if drawn.chart else "panel",
        style=style,
    )
    return made, drawn.chart


def _row(panel: Panel, grid: Grid, values: Values) -> Markup:
    style = f"grid-column:1/-1;grid-row:{grid.y + 1}/span {max(grid.h, 1)}"
    return element("h3", _titled(panel.title, values), class_="row", style=style)


def _choice(variable: Variable, value: Value) -> str:
    """What is chosen of a variable, in words."""
    everything = variable.raw.get("allValue")
    if variable.include_all and everything and value == everything:
        return "All"
    chosen = [each for each in _several(value) if each]
    left = len(chosen) - _MOST_CHOSEN
    return ", ".join(chosen[:_MOST_CHOSEN]) + (f" and {left} more" if left > 0 else "")


def _chosen(variables: Sequence[Variable], values: Values) -> Markup:
    items = [
        element("li", element("b", each.name), _choice(each, values[each.name]) or "nothing")
        for each in variables
        if each.name in values and (values[each.name] or each.type != "textbox")
    ]
    return element("ul", *items, class_="chosen") if items else NOTHING


def _dashboard(rendering: Rendering, report: Report, others: tuple[Linked, ...]) -> Markup:
    dashboard, values = rendering.dashboard, rendering.values
    made, drawn = [], []
    for number, (panel, grid) in enumerate(placed(dashboard)):
        if panel.type == "row":
            made.append(_row(panel, grid, values))
            continue
        place = f"c-{dashboard.uid}-{number}"
        results = rendering.results.get(panel.id, ())
        markup, chart = _panel(View(panel, results, report, values, others), grid, place)
        made.append(markup)
        if chart:
            drawn.append((place, chart))
    return element(
        "section",
        element("h2", dashboard.title, element("small", dashboard.folder)),
        _chosen(dashboard.variables, values),
        element("div", *made, class_="grid"),
        _packed(drawn) if drawn else NOTHING,
        class_="dashboard",
        id=anchor(dashboard.uid),
    )


def _menu(others: Sequence[Linked]) -> Markup:
    folders: dict[str, list[Markup]] = {}
    for other in others:
        link = element("a", other.title, href=f"#{anchor(other.uid)}")
        folders.setdefault(other.folder, []).append(element("li", link))
    parts = [
        part
        for name, links in folders.items()
        for part in (element("h2", name), element("ul", *links))
    ]
    if len(others) > 1:
        everything = element("a", "Everything, to print", href=f"#{ALL}")
        parts += [element("h2", "Report"), element("ul", element("li", everything))]
    return element("nav", *parts)


def _facts(report: Report) -> Markup:
    facts = {
        "Time": _range(report),
        "Made": f"{_moment(report.made)} UTC",
        "By": report.version,
    }
    return element(
        "dl", *(element("div", element("dt", k), element("dd", v)) for k, v in facts.items())
    )


def page(renderings: Sequence[Rendering], report: Report) -> str:
    """The whole report as one HTML file; equal for equal arguments.

    Args:
        renderings: The dashboards, in the order of the menu.
        report: What is said of all of them.
    """
    others = tuple(
        Linked(r.dashboard.uid, r.dashboard.title, r.dashboard.folder, r.dashboard.tags)
        for r in renderings
    )
    title = f"{report.site}: dashboards, {_range(report)}"
    scripts = (charts.library(), _own("page.js"))
    head = element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", http_equiv="Content-Security-Policy", content=_policy(scripts)),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("title", title),
        Markup(f"<style>{_own('page.css')}</style>"),
    )
    side = element(
        "div",
        element("h1", report.site),
        element("p", "Dashboards", class_="of"),
        _facts(report),
        _menu(others),
    )
    warnings = [element("p", note, class_="note") for note in report.notes]
    scriptless = (
        Markup("<noscript>")
        + element(
            "p",
            "Charts are drawn by a script of this page; numbers, tables and lists are not.",
            class_="note",
        )
        + Markup("</noscript>")
    )
    main = element(
        "main",
        *warnings,
        Markup(scriptless),
        *(_dashboard(each, report, others) for each in renderings),
    )
    whole = element("div", element("aside", side, class_="side"), main, class_="page")
    body = element("body", whole, joined(map(_script, scripts)))
    return "<!DOCTYPE html>\n" + element("html", head, body, lang="en") + "\n"
