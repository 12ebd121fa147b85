"""Loki on real hosts: it deletes in time, alerts, and does not lose what it stored."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime, timedelta
from uuid import uuid4

from tests.hosts import TestHost
from tests.integration.machine import get, on, until
from tests.integration.project import Project
from tests.integration.signals import entry, lines, stamp, start_loki, write


def chunks(machine: TestHost) -> set[int]:
    """When the chunks on Loki's disk begin, in Unix milliseconds.

    A chunk's name is its first and last time and a checksum, in hexadecimal, then in base64.
    """
    names = on(machine, "find /var/lib/stackwatch/loki/chunks/fake -type f -printf '%f\\n'")
    return {int(base64.b64decode(name).split(b":")[0], 16) for name in names.split()}


def test_old_debug_lines_are_deleted_and_audit_lines_are_not(signals: Project) -> None:
    mon1, web1 = signals.machines["mon1"], signals.machines["web1"]
    token = uuid4().hex
    debug, info, audit = (datetime.now(UTC) - timedelta(days=2, seconds=n) for n in range(3))
    # A service of its own: Loki refuses what is hours older than the newest of its stream.
    write(
        web1,
        f"/var/log/archive/{token}.log",
        json.dumps({"time": debug.isoformat(), "level": "debug", "message": token}),
        json.dumps({"time": info.isoformat(), "level": "info", "message": token}),
        json.dumps({"time": audit.isoformat(), "audit": "data_access", "message": token}),
        json.dumps({"time": stamp(), "level": "error", "message": token}),
    )
    write(web1, "/var/log/shop/young.log", entry(level="debug", message=token))

    def classes(service: str) -> list[str]:
        query = f'{{service="{service}"}} |= "{token}"'
        return sorted(line.labels["class"] for line in lines(mon1, query, days=3))

    until(lambda: classes("archive") == ["application"], 20, "the new line, which stands last")
    until(lambda: classes("shop") == ["debug"], 20, "the young debug line")
    # Loki does not ask its memory for old lines: they are found when they are on disk.
    on(mon1, "curl -fsS -X POST http://127.0.0.1:3100/flush")
    signals.runtime.stop(mon1, "loki")
    start_loki(signals)
    everything = ["application", "application", "audit", "debug"]
    until(lambda: classes("archive") == everything, 60, "all four lines")
    began = {
        name: int(at.timestamp() * 1000)
        for name, at in (("debug", debug), ("info", info), ("audit", audit))
    }
    assert set(began.values()) <= chunks(mon1)
    signals.everyone = {
        **signals.everyone,
        "loki": {**signals.everyone["loki"], "compaction_interval": "2s"},
    }
    signals.deploy("--data", "prove=quick")
    # On the disk: for some minutes Loki still answers from what it keeps in memory. It sweeps
    # once a minute what it has marked.
    until(lambda: began["debug"] not in chunks(mon1), 180, "the old debug line gone")
    assert {began["info"], began["audit"]} <= chunks(mon1)
    assert classes("shop") == ["debug"]


def test_a_log_based_alert_reaches_the_alertmanager(signals: Project) -> None:
    mon1, web1 = signals.machines["mon1"], signals.machines["web1"]
    rules = signals.drop_ins / "log_rules"
    rules.mkdir(parents=True, exist_ok=True)
    (rules / "shop.yml").write_text(
        """
groups:
  - name: shop
    rules:
      - alert: ShopOnFire
        expr: sum by (service) (count_over_time({service="shop"} |= "on fire" [5m])) > 0
        labels: {severity: critical, priority: P1, team: shop}
        annotations: {summary: The shop is on fire}
"""
    )
    outcome = signals.deploy()
    assert outcome.changed() == {"loki": {"mon1"}}
    assert "loki (reload)" in outcome.output
    write(web1, "/var/log/shop/fire.log", entry(message="the shop is on fire"))
    path = "/api/v2/alerts?filter=alertname%3D%22ShopOnFire%22"
    alerts = until(lambda: get(mon1, path, 9093), 60, "the alert in Alertmanager")
    assert alerts[0]["labels"]["service"] == "shop"
    (rules / "shop.yml").unlink()
    signals.deploy()
    loaded = get(mon1, "/prometheus/api/v1/rules", 3100)["data"]["groups"]
    assert "shop" not in {group["name"] for group in loaded}


def test_bad_log_rules_are_refused_before_anything_is_swapped(signals: Project) -> None:
    mon1 = signals.machines["mon1"]
    rules = signals.drop_ins / "log_rules"
    rules.mkdir(parents=True, exist_ok=True)
    broken = "groups: [{name: x, rules: [{alert: A, expr: 'sum(rate({a=\"b\"}[1m)) > 1'}]}]\n"
    (rules / "broken.yml").write_text(broken)
    before = on(mon1, "readlink /etc/stackwatch/loki/live")
    outcome = signals.run("deploy.py")
    (rules / "broken.yml").unlink()
    assert outcome.code != 0
    assert "refused by lokitool" in outcome.output
    assert "missing closing ']' in duration" in outcome.output
    assert on(mon1, "readlink /etc/stackwatch/loki/live") == before


def test_a_schema_change_is_refused_before_anything_is_touched(signals: Project) -> None:
    mon1 = signals.machines["mon1"]
    signals.everyone = {
        **signals.everyone,
        "prometheus": {**signals.everyone["prometheus"], "scrape_interval": "4s"},
        "loki": {
            **signals.everyone["loki"],
            "periods": [{"from": "2024-04-01", "prefix": "other_"}],
        },
    }
    before = on(mon1, "cd /etc/stackwatch; readlink loki/live prometheus/live")
    outcome = signals.run("deploy.py")
    assert outcome.code != 0
    assert "index of the schema period from 2024-04-01 is another" in outcome.output
    assert "would not be found again" in outcome.output
    assert on(mon1, "cd /etc/stackwatch; readlink loki/live prometheus/live") == before


def test_a_period_from_a_day_to_come_is_taken(signals: Project) -> None:
    mon1 = signals.machines["mon1"]
    periods = [{"from": "2024-04-01"}, {"from": "2999-01-01", "prefix": "later_"}]
    signals.everyone = {
        **signals.everyone,
        "loki": {**signals.everyone["loki"], "periods": periods},
    }
    outcome = signals.deploy()
    assert outcome.changed() == {"loki": {"mon1"}}
    assert "later_" in get(mon1, "/config", 3100)
