"""The stage of preview.py: ask what the panels ask, and write the report when the run ends."""

from __future__ import annotations

import importlib.util

from pyinfra import host

from plugins import session
from plugins.dashboards import live
from plugins.mistake import mistake

_POINTS = 120


def preview() -> None:
    """Ask every datasource what the panels of dashboards ask, and show the answers as a file.

    Raises:
        PyinfraError: The charting library or the browser is not installed, or the dashboard that
            ``--data dashboard=`` names is not there.
    """
    run = session.current()
    if importlib.util.find_spec("bokeh") is None:
        raise mistake(
            "preview.py draws with Bokeh, which is not installed. Install the group `preview` of "
            "pyproject.toml: .venv/bin/pip install 'bokeh~=3.9'"
        )
    from plugins.preview import writing  # noqa: PLC0415  # it imports Bokeh

    if run.options.png:
        writing.require_browser()
    session.at_exit(writing.finish_preview)
    rounds = live.inquire(run, points=_POINTS).rounds
    for number in host.loop(range(1, rounds + 1)):
        live.ask_dashboards(name=f"Ask for variables, round {number}", round_="variables")
    live.ask_dashboards(name="Ask what panels ask", round_="panels")
    live.ask_dashboards(name="Ask which alerts fire", round_="alerts")
