"""Grafana: shows metrics, logs and traces of the whole site, wired to each other."""

from __future__ import annotations

from dataclasses import dataclass, replace

from plugins.dashboards.site import SiteDashboard, site_dashboards
from plugins.handmade import Handmade
from plugins.model import (
    Component,
    Credentials,
    Endpoint,
    EndpointKind,
    Hardening,
    ManagedFile,
    OnChange,
    Problem,
    Reload,
    Service,
    SiteError,
)
from plugins.rehearsal import Rehearsal
from plugins.role import Context, Role, limited, own_endpoints
from plugins.site import Host
from roles.grafana.checks import checks_of
from roles.grafana.configuration import (
    ADMIN_PASSWORD,
    DASHBOARDS,
    PATHS,
    configuration,
    secret_files,
)
from roles.grafana.datasources import Datasource, datasources
from roles.grafana.organisation import wishes
from roles.grafana.provisioned import dashboard_files, datasource_files, unused
from roles.grafana.rehearsal import rehearsals
from roles.grafana.settings import Settings

NAME = "grafana"


def _shared(settings: Settings) -> dict[str, str]:
    """The label of Grafanas that keep what people make in one place."""
    database = settings.database
    if database is None or database.local:
        return {}
    return {"shared": f"{database.host}/{database.name}"}


def endpoints(host: Host, settings: Settings) -> tuple[Endpoint, ...]:
    """Where Grafana answers; its API with the administrator's login."""
    path = settings.path
    served = own_endpoints(
        NAME,
        host,
        settings,
        {
            EndpointKind.METRICS: f"{path}/metrics",
            EndpointKind.HEALTH: f"{path}/api/health",
            EndpointKind.UI: f"{path}/",
        },
    )
    (api,) = own_endpoints(NAME, host, settings, {EndpointKind.API: f"{path}/"})
    login = Credentials(settings.admin_user, ADMIN_PASSWORD)
    return *served, replace(api, credentials=login, labels=_shared(settings))


def _reload(context: Context) -> Reload:
    """Datasources first: dashboards refer to them."""
    api = context.endpoint(EndpointKind.API)
    reloads = (
        api.at(f"{api.path}api/admin/provisioning/{what}/reload")
        for what in ("datasources", "dashboards")
    )
    return Reload(signal="", posts=tuple(reloads))


@dataclass(frozen=True)
class Rendered:
    """Everything that Grafana reads on one host.

    Attributes:
        files: Its files.
        wired: Its datasources.
        shown: Its dashboards.
    """

    files: tuple[ManagedFile, ...]
    wired: tuple[Datasource, ...]
    shown: tuple[SiteDashboard, ...]


def _rendered(context: Context) -> Rendered:
    """What Grafana reads.

    Raises:
        SiteError: Settings, datasources or dashboards that Grafana would refuse.
    """
    settings: Settings = context.settings
    problems: list[Problem] = []
    wired = datasources(context.site, context.host, settings, context.reach)
    known = {key: each.type for each in wired for key in (each.uid, each.name)}
    shown = site_dashboards(context.site, problems, known)
    first = next((each.path for each in shown if each.uid == settings.home_dashboard), "")
    home = f"{DASHBOARDS}/{first}" if first else ""
    authority = context.endpoint(EndpointKind.UI).authority
    configured = configuration(settings, authority, home, problems)
    files = (
        ManagedFile("grafana.ini", configured, on_change=OnChange.RESTART),
        *datasource_files(wired, problems),
        *dashboard_files(shown, problems),
        *unused(),
        *secret_files(settings, problems),
    )
    if problems:
        raise SiteError(tuple(problems))
    return Rendered(files, wired, shown)


def component(context: Context) -> Component:
    """Grafana on one host.

    Raises:
        SiteError: Settings, datasources or dashboards that Grafana would refuse.
    """
    settings: Settings = context.settings
    made = _rendered(context)
    api, health = context.endpoint(EndpointKind.API), context.endpoint(EndpointKind.HEALTH)
    return context.component(
        NAME,
        Service(
            argv=(
                f"{PATHS.programs}/bin/grafana",
                "server",
                f"--homepath={PATHS.programs}",
                f"--config={PATHS.config}/grafana.ini",
                *settings.flags,
            ),
            description="Grafana",
            health=health,
            reload=_reload(context),
            start_timeout=settings.start_timeout,
            hardening=limited(Hardening(tasks_max=2048), settings),
        ),
        files=made.files,
        checks=checks_of(api, health, made.wired, made.shown, context.artifact.version),
        wishes=tuple(wishes(api, settings)),
    )


def rehearse(context: Context) -> tuple[Rehearsal, ...]:
    """What Grafana would ask; everything that it would read is rendered first.

    Raises:
        SiteError: Settings, datasources or dashboards that Grafana would refuse.
    """
    made = _rendered(context)
    return rehearsals(made.wired, made.shown)


ROLE = Role(
    name=NAME,
    summary="shows metrics, logs and traces of the whole site, wired to each other",
    settings=Settings,
    artifact=NAME,
    kind="backend",
    endpoints=endpoints,
    component=component,
    log_format="json",
    rehearse=rehearse,
    handmade=Handmade(("dashboards", "annotations"), "roles.grafana.backup", dashboards=True),
    shows_datasources=True,
)
