"""``jsonData`` of the types of datasources that are known here.

What is known has its type; what is not known passes, since a later Grafana may know it.
"""

# ruff: noqa: N815  # the names are Grafana's

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from plugins.settings import Settings


class Options(BaseModel):
    """What every type has."""

    model_config = ConfigDict(extra="allow", frozen=True, strict=True)

    httpHeaderName1: str | None = None
    tlsAuth: bool | None = None
    tlsAuthWithCACert: bool | None = None
    tlsSkipVerify: bool | None = None
    serverName: str | None = None
    timeout: int | None = None
    oauthPassThru: bool | None = None
    keepCookies: list[str] | None = None
    manageAlerts: bool | None = None
    alertmanagerUid: str | None = None


class ExemplarDestination(Settings):
    """From an exemplar's label to the datasource that has its trace."""

    name: str
    datasourceUid: str | None = None
    url: str | None = None
    urlDisplayLabel: str | None = None


class DerivedField(Settings):
    """From a part of a log line to the datasource that has its trace."""

    name: str
    matcherRegex: str
    matcherType: Literal["regex", "label"] | None = None
    datasourceUid: str | None = None
    url: str | None = None
    urlDisplayLabel: str | None = None
    targetBlank: bool | None = None


class Tag(Settings):
    """An attribute of a span, and what its value stands under elsewhere."""

    key: str
    value: str | None = None


class TracesToLogs(Settings):
    """From a span to its log lines."""

    datasourceUid: str
    spanStartTimeShift: str | None = None
    spanEndTimeShift: str | None = None
    tags: list[Tag] = Field([])
    filterByTraceID: bool | None = None
    filterBySpanID: bool | None = None
    customQuery: bool | None = None
    query: str | None = None


class NamedQuery(Settings):
    """A query behind a link."""

    name: str
    query: str


class TracesToMetrics(Settings):
    """From a span to the metrics of its service."""

    datasourceUid: str
    spanStartTimeShift: str | None = None
    spanEndTimeShift: str | None = None
    tags: list[Tag] = Field([])
    queries: list[NamedQuery] = Field([])


class Switch(Settings):
    """Something that is on or off."""

    enabled: bool


class PrometheusOptions(Options):
    """https://grafana.com/docs/grafana/latest/datasources/prometheus/configure/"""

    httpMethod: Literal["GET", "POST"] | None = None
    timeInterval: str | None = None
    queryTimeout: str | None = None
    cacheLevel: Literal["Low", "Medium", "High", "None"] | None = None
    incrementalQuerying: bool | None = None
    disableMetricsLookup: bool | None = None
    disableRecordingRules: bool | None = None
    customQueryParameters: str | None = None
    prometheusType: Literal["Prometheus", "Cortex", "Mimir", "Thanos"] | None = None
    prometheusVersion: str | None = None
    exemplarTraceIdDestinations: list[ExemplarDestination] = Field([])


class LokiOptions(Options):
    """https://grafana.com/docs/grafana/latest/datasources/loki/"""

    maxLines: int | str | None = None
    predefinedOperations: str | None = None
    derivedFields: list[DerivedField] = Field([])


class JaegerOptions(Options):
    """https://grafana.com/docs/grafana/latest/datasources/jaeger/"""

    tracesToLogsV2: TracesToLogs | None = None
    tracesToMetrics: TracesToMetrics | None = None
    nodeGraph: Switch | None = None
    spanBar: dict[str, Any] | None = None
    traceIdTimeParams: Switch | None = None


class AlertmanagerOptions(Options):
    """https://grafana.com/docs/grafana/latest/datasources/alertmanager/"""

    implementation: Literal["prometheus", "mimir", "cortex"] | None = None
    handleGrafanaManagedAlerts: bool | None = None


class ElasticsearchOptions(Options):
    """https://grafana.com/docs/grafana/latest/datasources/elasticsearch/"""

    index: str | None = None
    interval: Literal["Hourly", "Daily", "Weekly", "Monthly", "Yearly"] | None = None
    timeField: str | None = None
    maxConcurrentShardRequests: int | None = None
    logMessageField: str | None = None
    logLevelField: str | None = None
    includeFrozen: bool | None = None
    dataLinks: list[dict[str, Any]] | None = None


OPTIONS: Mapping[str, type[Options]] = {
    "alertmanager": AlertmanagerOptions,
    "elasticsearch": ElasticsearchOptions,
    "jaeger": JaegerOptions,
    "loki": LokiOptions,
    "prometheus": PrometheusOptions,
}
