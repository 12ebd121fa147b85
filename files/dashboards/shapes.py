"""The SDK's builder of each panel type, with the options that are the same everywhere."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from grafana_foundation_sdk.builders import (
    bargauge,
    common,
    dashboard,
    dashboardlist,
    gauge,
    heatmap,
    logs,
    stat,
    statetimeline,
    table,
    text,
    timeseries,
)
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.models import common as shared
from grafana_foundation_sdk.models import dashboard as models
from grafana_foundation_sdk.models import heatmap as heatmaps

from files.dashboards.model import Kind, Panel

Drawn = Builder[models.Panel]


def _legend(panel: Panel) -> common.VizLegendOptions:
    return (
        common.VizLegendOptions()
        .display_mode(shared.LegendDisplayMode.LIST)
        .placement(shared.LegendPlacement.BOTTOM)
        .show_legend(True)
        .calcs([])
    )


def _last() -> common.ReduceDataOptions:
    return common.ReduceDataOptions().calcs(["lastNotNull"]).values(False)


def _timeseries(panel: Panel) -> Drawn:
    stacking = shared.StackingMode.NORMAL if panel.stacked else shared.StackingMode.NONE
    return (
        timeseries.Panel()
        .legend(_legend(panel))
        .tooltip(
            common.VizTooltipOptions()
            .mode(shared.TooltipDisplayMode.MULTI)
            .sort(shared.SortOrder.DESCENDING)
        )
        .draw_style(shared.GraphDrawStyle.LINE)
        # The line of a stacked series that is 0 would lie on what is below it, in its own colour.
        .line_width(0 if panel.stacked else 1)
        .fill_opacity(70 if panel.stacked else 5)
        .show_points(shared.VisibilityMode.NEVER)
        .span_nulls(False)
        .stacking(common.StackingConfig().mode(stacking).group("A"))
        .thresholds_style(
            common.GraphThresholdsStyleConfig().mode(shared.GraphThresholdsStyleMode(panel.shown))
        )
    )


def _stat(panel: Panel) -> Drawn:
    return (
        stat.Panel()
        .reduce_options(_last())
        .color_mode(shared.BigValueColorMode.VALUE)
        .graph_mode(shared.BigValueGraphMode.AREA)
        .text_mode(shared.BigValueTextMode.AUTO)
        .orientation(shared.VizOrientation.AUTO)
    )


def _gauge(panel: Panel) -> Drawn:
    return gauge.Panel().reduce_options(_last()).show_threshold_markers(True)


def _bargauge(panel: Panel) -> Drawn:
    return (
        bargauge.Panel()
        .reduce_options(_last())
        .display_mode(shared.BarGaugeDisplayMode.BASIC)
        .orientation(shared.VizOrientation.HORIZONTAL)
    )


def _table(panel: Panel) -> Drawn:
    return table.Panel().show_header(True).cell_height(shared.TableCellHeight.SM).filterable(True)


def _heatmap(panel: Panel) -> Drawn:
    colors = (
        heatmap.HeatmapColorOptions()
        .mode(heatmaps.HeatmapColorMode.SCHEME)
        .scheme("Oranges")
        .steps(64)
        .exponent(0.5)
        .fill("dark-orange")
    )
    return (
        heatmap.Panel()
        .calculate(False)
        .color(colors)
        .y_axis(heatmap.YAxisConfig().unit(panel.unit))
        .mode(shared.TooltipDisplayMode.SINGLE)
        .exemplars_color("rgba(255,0,255,0.7)")
        .show_legend()
    )


def _logs(panel: Panel) -> Drawn:
    return (
        logs.Panel()
        .show_time(True)
        .wrap_log_message(True)
        .enable_log_details(True)
        .sort_order(shared.LogsSortOrder.DESCENDING)
        .dedup_strategy(shared.LogsDedupStrategy.NONE)
    )


def _states(panel: Panel) -> Drawn:
    return (
        statetimeline.Panel()
        .legend(_legend(panel))
        .show_value(shared.VisibilityMode.NEVER)
        .merge_values(True)
        .fill_opacity(80)
        .row_height(0.8)
    )


def _named(kind: Kind) -> Callable[[Panel], Drawn]:
    """For panel types that the SDK has no builder of."""
    return lambda panel: dashboard.Panel().type(kind)


SHAPES: Mapping[Kind, Callable[[Panel], Drawn]] = {
    "timeseries": _timeseries,
    "stat": _stat,
    "gauge": _gauge,
    "bargauge": _bargauge,
    "table": _table,
    "heatmap": _heatmap,
    "logs": _logs,
    "traces": _named("traces"),
    "alertlist": _named("alertlist"),
    "dashlist": lambda panel: dashboardlist.Panel(),
    "text": lambda panel: text.Panel(),
    "state-timeline": _states,
}
