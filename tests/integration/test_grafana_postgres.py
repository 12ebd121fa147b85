"""Two real Grafanas with one PostgreSQL: what is made in one is in the other, and in one backup."""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import yaml

from tests.hosts import TestHost
from tests.integration import grafana, releases
from tests.integration.application_site import PACKAGES
from tests.integration.grafana import Api, dashboard
from tests.integration.machine import on
from tests.integration.project import Code, Project
from tests.integration.runtime import ServiceDriver

ARCHIVE = grafana.named()
pytestmark = pytest.mark.skipif(ARCHIVE is None, reason=grafana.MISSING)

SHOWN = ("mon1", "mon2")
DATABASE_PASSWORD = 'da$$ta$HOME"#;`%x)é'  # noqa: S105  # a dummy
SECRET_KEY = "signs-and-$eals"  # noqa: S105  # a dummy
# Whoever comes over the network logs in with a password.
_SERVER = """
systemctl start postgresql.service
folder=$(echo /etc/postgresql/*/main)
echo "listen_addresses = '*'" >"$folder/conf.d/listen.conf"
echo 'host grafana grafana all scram-sha-256' >>"$folder/pg_hba.conf"
systemctl restart postgresql.service
"""


def _serve(machine: TestHost) -> None:
    """Make Grafana's user and database, as whoever runs the server would."""
    on(machine, _SERVER)
    for statement in (
        f"CREATE ROLE grafana LOGIN PASSWORD '{DATABASE_PASSWORD}'",
        "CREATE DATABASE grafana OWNER grafana",
    ):
        on(machine, f"runuser -u postgres -- psql -qc {shlex.quote(statement)}")


@pytest.fixture(scope="module")
def site(
    group: Callable[..., dict[str, TestHost]],
    runtime: ServiceDriver,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Project]:
    """Two hosts with Grafana, and a third with their database."""
    assert ARCHIVE is not None
    folder = tmp_path_factory.mktemp(f"postgres-{runtime.name}")
    machines = group(
        f"grafdb-{runtime.name}",
        *(runtime.host(name) for name in SHOWN),
        runtime.host("db1", packages=PACKAGES),
    )
    _serve(machines["db1"])
    secrets = {
        "admin": grafana.PASSWORD,
        "database": DATABASE_PASSWORD,
        "key": SECRET_KEY,
    }
    vault = grafana.sealed(folder / "vault", secrets)
    lock = folder / "site.lock.yaml"
    lock.write_text(yaml.safe_dump(ARCHIVE.pinned()))
    with releases.served(ARCHIVE.path.read_bytes(), name=ARCHIVE.path.name) as url:
        project = Project(
            folder,
            machines,
            groups={"prometheus": ["mon1"], "grafana": list(SHOWN)},
            everyone={
                "environment": "test",
                "prometheus": {"scrape_interval": "3s", "evaluation_interval": "3s"},
                "grafana": {
                    "admin_password": Code(f"{vault}['admin']"),
                    "secret_key": Code(f"{vault}['key']"),
                    "database": {
                        "host": f"{machines['db1'].address}:5432",
                        "password": Code(f"{vault}['database']"),
                    },
                },
                "site": {"artifact_lock": str(lock), "artifact_mirror": url.rpartition("/")[0]},
            },
            runtime=runtime,
        )
        # Both start at once with an empty database, and every check holds.
        project.deploy()
        yield project


@pytest.fixture
def apis(site: Project) -> tuple[Api, ...]:
    return tuple(Api(site.machines[name], grafana.PASSWORD) for name in SHOWN)


def test_what_is_made_in_one_is_in_the_other(site: Project, apis: tuple[Api, ...]) -> None:
    first, second = apis
    body = {"dashboard": json.loads(dashboard("by-hand", "By hand")), "overwrite": True}
    code, said = first.status("/api/dashboards/db", "POST", body)
    assert code == 200, said
    assert second.dashboards()["by-hand"]["title"] == "By hand"
    count = "SELECT count(*) FROM dashboard WHERE uid = 'by-hand'"
    asked = f"runuser -u postgres -- psql -qtAd grafana -c {shlex.quote(count)}"
    assert on(site.machines["db1"], asked) == "1"


def test_a_second_run_changes_nothing(site: Project) -> None:
    before = [site.runtime.process(site.machines[name], "grafana") for name in SHOWN]
    assert site.deploy().changed() == {}
    after = [site.runtime.process(site.machines[name], "grafana") for name in SHOWN]
    assert after == before


def test_both_are_one_store_of_a_backup(
    site: Project, apis: tuple[Api, ...], tmp_path: Path
) -> None:
    body = {"dashboard": json.loads(dashboard("kept", "Kept")), "overwrite": True}
    assert apis[1].status("/api/dashboards/db", "POST", body)[0] == 200
    outcome = site.run("backup.py", "--data", f"backup_dir={tmp_path}")
    assert outcome.code == 0, outcome.output
    (saved,) = tmp_path.glob("*/*/grafana/*/dashboards/kept.json")
    assert saved.parts[-3] == "mon1"
    assert apis[0].status("/api/dashboards/uid/kept", "DELETE")[0] == 200
    put_back = site.run("restore.py", "--data", f"from={saved.parents[3]}")
    assert put_back.code == 0, put_back.output
    assert apis[1].dashboards()["kept"]["title"] == "Kept"


def test_the_password_of_the_database_is_shown_nowhere(site: Project) -> None:
    for name in SHOWN:
        told = "journalctl --no-pager -o cat; cat /proc/[0-9]*/cmdline /proc/[0-9]*/environ; true"
        seen = on(site.machines[name], told)
        assert "sqlstore" in seen
        assert "da$$ta" not in seen
