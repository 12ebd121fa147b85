"""Prometheus: scrapes, probes and alerts on everything the site has."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from plugins.layers import merge_native
from plugins.model import (
    Check,
    CheckKind,
    Component,
    Endpoint,
    EndpointKind,
    Hardening,
    ManagedFile,
    OnChange,
    Problem,
    Proof,
    Reload,
    Service,
    SiteError,
    Validator,
)
from plugins.native import to_yaml
from plugins.paths import Paths
from plugins.role import Context, Role, limited, own_endpoints
from plugins.rule_files import group_names, release_of
from plugins.settings import (
    LATER_EXTENDS,
    Duration,
    Labels,
    MemorySize,
    Native,
    Port,
    Printable,
    RoleSettings,
    Size,
)
from plugins.site import Host, Site
from plugins.wiring import PROBE_JOB, Target, probe_targets, scrape_targets, target_file
from roles.prometheus import jobs, rules
from roles.prometheus.datasource import DATASOURCE

NAME = "prometheus"
PATHS = Paths(NAME)


class Settings(RoleSettings):
    """Settings of Prometheus."""

    port: Port = Field(9090, description="TCP port of API and interface")
    memory_max: MemorySize = Field("4G", description="memory limit of the service, systemd size")
    # Replaying a large write-ahead log after a crash takes minutes.
    start_timeout: int = Field(300, ge=1, description="seconds to become ready after a start")
    scrape_interval: Duration = Field("15s", description="how often targets are scraped")
    evaluation_interval: Duration = Field("15s", description="how often rules are evaluated")
    probe_interval: Duration = Field("30s", description="how often health endpoints are probed")
    probe_module: str = Field("http_2xx", description="blackbox module for health endpoints")
    retention_time: Duration = Field("30d", description="how long samples are kept")
    retention_size: Size = Field("50GB", description="how much samples may take, the oldest go")
    external_labels: Labels = Field({}, description="labels of everything that leaves it")
    remote_write: list[Native] = Field(
        [], description="native remote_write entries", json_schema_extra=LATER_EXTENDS
    )
    agent: bool = Field(False, description="agent mode: scrape and forward, keep and rule nothing")
    external_url: Printable = Field("", description="URL people reach it by, for links in alerts")
    scrape_configs: list[Native] = Field(
        [], description="native scrape configs beside the derived", json_schema_extra=LATER_EXTENDS
    )
    native: Native = Field(
        {}, description="native prometheus.yml, merged over ours", json_schema_extra=LATER_EXTENDS
    )


def endpoints(host: Host, settings: Settings) -> tuple[Endpoint, ...]:
    """Where Prometheus answers."""
    paths = {EndpointKind.METRICS: "/metrics", EndpointKind.HEALTH: "/-/ready"}
    if not settings.agent:
        # An agent answers no queries and evaluates no rules: nobody asks it for anything.
        paths |= {EndpointKind.API: "/", EndpointKind.UI: "/"}
    return own_endpoints(NAME, host, settings, paths)


def _external_labels(context: Context) -> dict[str, str]:
    site, settings = context.site, context.settings
    labels = {"site": site.name, **settings.external_labels}
    if len(site.placed(NAME)) > 1:
        labels.setdefault("replica", context.host.name)
    return labels


def _alerting(site: Site) -> dict[str, Any]:
    targets = sorted(
        endpoint.authority for endpoint in site.endpoints(EndpointKind.API, "alertmanager")
    )
    if not targets:
        return {}
    return {
        # Replicas send the same alert; without the label Alertmanager sees one, not two.
        "alert_relabel_configs": [{"regex": "replica", "action": "labeldrop"}],
        "alertmanagers": [{"static_configs": [{"targets": targets}]}],
    }


def _configuration(context: Context, wired: list[dict[str, Any]]) -> dict[str, Any]:
    settings: Settings = context.settings
    ours: dict[str, Any] = {
        "global": {
            "scrape_interval": settings.scrape_interval,
            "external_labels": _external_labels(context),
        },
        "scrape_configs": wired + settings.scrape_configs,
    }
    if settings.remote_write:
        ours["remote_write"] = settings.remote_write
    if not settings.agent:
        ours["global"]["evaluation_interval"] = settings.evaluation_interval
        ours["rule_files"] = ["rules/*.yml"]
        alerting = _alerting(context.site)
        if alerting:
            ours["alerting"] = alerting
    merged: dict[str, Any] = merge_native(ours, settings.native)
    return merged


def _arguments(context: Context) -> tuple[str, ...]:
    settings: Settings = context.settings
    arguments = [
        f"{PATHS.programs}/prometheus",
        f"--config.file={PATHS.config}/prometheus.yml",
        f"--web.listen-address={settings.listen}:{settings.port}",
        # The trace of a slow request is one click away from its histogram.
        "--enable-feature=exemplar-storage",
    ]
    if settings.external_url:
        arguments.append(f"--web.external-url={settings.external_url}")
    if settings.agent:
        # Before 3.0 the agent was a feature flag, and is refused by that name since.
        major = int(context.artifact.version.split(".")[0])
        flag = "--agent" if major >= 3 else "--enable-feature=agent"
        arguments += [flag, f"--storage.agent.path={PATHS.storage}"]
    else:
        arguments += [
            f"--storage.tsdb.path={PATHS.storage}",
            f"--storage.tsdb.retention.time={settings.retention_time}",
            f"--storage.tsdb.retention.size={settings.retention_size}",
        ]
    return (*arguments, *settings.flags)


def _target_files(targets: tuple[Target, ...]) -> tuple[ManagedFile, ...]:
    by_job: dict[str, list[Target]] = {}
    for target in targets:
        by_job.setdefault(target.job, []).append(target)
    return tuple(
        ManagedFile(f"targets/{job}.json", target_file(own), on_change=OnChange.NOTHING)
        for job, own in sorted(by_job.items())
    )


def _checks(
    context: Context, targets: tuple[Target, ...], groups: tuple[str, ...]
) -> tuple[Check, ...]:
    site = context.site
    api = context.endpoint(EndpointKind.HEALTH)
    expected = tuple(f"{t.job} {t.labels.get('instance', t.address)}" for t in targets)
    found = api.at("/api/v1/targets?state=active")
    checks = [
        Check("is ready", CheckKind.HTTP, context.endpoint(EndpointKind.HEALTH)),
        Check("targets known", CheckKind.TARGETS, found, expected),
        Check("targets up", CheckKind.TARGETS_UP, found, expected),
    ]
    if context.settings.agent:
        return tuple(checks)
    alertmanagers = tuple(
        e.at("/api/v2/alerts").url for e in site.endpoints(EndpointKind.API, "alertmanager")
    )
    probed = tuple(t.address for t in targets if t.job == PROBE_JOB)
    checks.append(Check("rules loaded", CheckKind.RULES, api.at("/api/v1/rules"), groups))
    if alertmanagers:
        wired = api.at("/api/v1/alertmanagers")
        checks.append(Check("Alertmanagers found", CheckKind.ALERTMANAGERS, wired, alertmanagers))
    if probed:
        query = api.at("/api/v1/query?query=probe_success")
        checks.append(Check("probes succeed", CheckKind.PROBES, query, probed))
    return tuple(checks)


def component(context: Context) -> Component:
    """Prometheus on one host, wired to the whole site.

    Raises:
        SiteError: A drop-in file of the site is not valid.
    """
    settings, site = context.settings, context.site
    problems: list[Problem] = []
    blackbox = jobs.nearest_blackbox(site, context.host)
    probes = probe_targets(site, settings.probe_module) if blackbox else ()
    targets = (*scrape_targets(site), *probes)
    wired = jobs.scrape_configs(targets, blackbox, settings.probe_interval)
    wired += jobs.drop_in_jobs(site, problems)
    configuration = to_yaml(_configuration(context, wired))
    rule_files = () if settings.agent else rules.rule_files(site, targets, problems)
    if problems:
        raise SiteError(tuple(problems))
    own = (ManagedFile("prometheus.yml", configuration), *rule_files)
    release = release_of(own)
    contains: tuple[tuple[str, str], ...] = ()
    if not settings.agent:
        own += (rules.release_file(release),)
        contains = (("/api/v1/rules?type=record", release),)
    check = ("{bin}/promtool", "check", "config", *(["--agent"] if settings.agent else []))
    return context.component(
        NAME,
        Service(
            argv=_arguments(context),
            description="Prometheus",
            health=context.endpoint(EndpointKind.HEALTH),
            reload=Reload(
                proof=Proof(
                    "prometheus_config_last_reload_successful",
                    "prometheus_config_last_reload_success_timestamp_seconds",
                    contains,
                )
            ),
            start_timeout=settings.start_timeout,
            # It has to write its block files out on the way down.
            stop_timeout=120,
            hardening=limited(Hardening(tasks_max=2048), settings),
        ),
        files=(*own, *_target_files(targets)),
        validators=(Validator((*check, "{config}/prometheus.yml")),),
        checks=_checks(context, targets, group_names(own, rules.FOLDER)),
    )


ROLE = Role(
    name=NAME,
    summary="scrapes, probes and alerts on everything the site has",
    settings=Settings,
    artifact=NAME,
    kind="backend",
    endpoints=endpoints,
    component=component,
    datasource=DATASOURCE,
)
