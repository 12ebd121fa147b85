"""What a panel becomes."""

from __future__ import annotations

from dataclasses import dataclass

from plugins.preview.charts import Chart
from plugins.preview.markup import Markup

NOTHING = Markup("")


@dataclass(frozen=True)
class Drawn:
    """What a panel becomes: HTML, and a chart if it has one.

    Attributes:
        body: The panel's content; beside a chart, its legend.
        chart: Drawn above the body.
        note: What a reader must know, for example that not everything is shown.
    """

    body: Markup
    chart: Chart | None = None
    note: str = ""
