"""Logs on real hosts: shipped once, redacted, found, alerted on, deleted in time."""

from __future__ import annotations

import base64
import json
import shlex
import time
from datetime import UTC, datetime, timedelta
from uuid import uuid4

from tests import hosts
from tests.hosts import TestHost
from tests.integration.project import Project, get, on, until
from tests.integration.signals import counted, holds, lines, stream_labels

READY = "http://127.0.0.1:3100/ready"
STATE = "/var/lib/stackwatch/otelcol"


def stamp(ago: timedelta = timedelta()) -> str:
    return (datetime.now(UTC) - ago).isoformat(timespec="microseconds").replace("+00:00", "Z")


def write(machine: TestHost, path: str, *texts: str) -> None:
    """Append lines to a log file that its owner alone may read."""
    folder = path.rpartition("/")[0]
    joined = "".join(f"{text}\n" for text in texts)
    on(
        machine,
        f"umask 077; mkdir -p {folder}; printf %s {shlex.quote(joined)} >>{path}",
    )


def start_loki(machine: TestHost) -> None:
    on(machine, "systemctl start stackwatch-loki")
    until(lambda: hosts.run(machine, ["curl", "-fs", READY])[0] == 0, 90, "Loki to be ready")


def entry(**fields: object) -> str:
    return json.dumps({"time": stamp(), "level": "info", **fields})


def test_a_line_is_found_within_ten_seconds_labelled_and_without_its_secret(
    signals: Project,
) -> None:
    token, secret = uuid4().hex, f"s3cret{uuid4().hex}"
    mon1, web1 = signals.machines["mon1"], signals.machines["web1"]
    # The secret stands first in a new file: the collector notes the beginning of every file.
    line = json.dumps(
        {
            "password": secret,
            "time": stamp(),
            "level": "warning",
            "message": f"login with token={secret} failed",
            "headers": {"Authorization": f"Bearer {secret}"},
            "requestId": token,
            "entity_id": "e-7",
            "traceId": "0af7651916cd43dd8448eb211c80319c",
        }
    )
    started = time.monotonic()
    write(web1, f"/var/log/shop/{token}.log", line)
    query = f'{{service="shop", host="web1"}} | requestId="{token}"'
    (found,) = until(lambda: lines(mon1, query), 10, "the line in Loki")
    assert time.monotonic() - started < 10
    labels = found.labels
    assert {k: labels[k] for k in ("service", "environment", "host", "level", "class")} == {
        "service": "shop",
        "environment": "test",
        "host": "web1",
        "level": "warn",
        "class": "application",
    }
    assert labels["entityId"] == "e-7"
    assert labels["traceId"] == "0af7651916cd43dd8448eb211c80319c"
    assert labels["log_file_path"] == f"/var/log/shop/{token}.log"
    known = {"service", "environment", "host", "level", "class"}
    assert stream_labels(mon1, '{service=~".+"}') == known
    assert secret not in found.text
    body = json.loads(found.text)
    assert body["password"] == "[REDACTED]"  # noqa: S105
    assert body["message"] == "login with token=[REDACTED] failed"
    # Not by asking for it: Loki logs what it is asked, and the log is shipped.
    assert not any(secret in line.text for line in lines(mon1, '{service=~".+"}', days=0.1))
    assert holds(web1, STATE, secret) == []
    assert holds(mon1, "/var/lib/stackwatch/loki", secret) == []


def test_the_search_for_secrets_finds_one_where_the_state_is_not_sealed(
    signals: Project, tmp_path: object
) -> None:
    """A control: without it the test above could not fail."""
    web1, secret = signals.machines["web1"], f"s3cret{uuid4().hex}"
    configuration = """
extensions: {file_storage: {directory: /tmp/control/state, create_directory: true}}
receivers: {file_log: {include: [/tmp/control/*.log], start_at: beginning, storage: file_storage}}
exporters: {debug: {}}
service:
  extensions: [file_storage]
  telemetry: {metrics: {level: none}}
  pipelines: {logs: {receivers: [file_log], exporters: [debug]}}
"""
    on(web1, f"mkdir -p /tmp/control; echo 'password={secret}' >/tmp/control/a.log")
    on(web1, f"cat >/tmp/control/c.yml <<'E'\n{configuration}E")
    program = "/opt/stackwatch/otelcol/current/otelcol --config=/tmp/control/c.yml"
    on(web1, f"{program} >/tmp/control/out 2>&1 & echo $! >/tmp/control/pid")
    try:
        found = until(lambda: _quietly(web1, secret), 30, "the control to find the secret")
        assert found == ["/tmp/control/state/receiver_filelog_"]  # noqa: S108  # a host's own
    finally:
        on(web1, "kill $(cat /tmp/control/pid); rm -rf /tmp/control")


def _quietly(machine: TestHost, secret: str) -> list[str]:
    code, _ = hosts.run(machine, ["test", "-d", "/tmp/control/state"])  # noqa: S108
    return holds(machine, "/tmp/control/state", secret) if code == 0 else []  # noqa: S108


def test_a_traceback_is_one_entry(signals: Project) -> None:
    mon1, web1 = signals.machines["mon1"], signals.machines["web1"]
    token = uuid4().hex
    now = stamp().replace("T", " ").removesuffix("Z")
    traceback = (
        f"{now} ERROR {token} request failed\nTraceback (most recent call last):\n"
        '  File "app.py", line 3, in <module>\n    run()\nValueError: bad\n'
        f"{now} INFO {token} next"
    )
    write(web1, "/var/log/legacy/app.log", *traceback.split("\n"))
    found = until(
        lambda: (got := lines(mon1, f'{{service="legacy"}} |= "{token}"'))[1:] and got, 20
    )
    assert sorted((line.labels["level"], line.text.count("\n")) for line in found) == [
        ("error", 4),
        ("info", 0),
    ]


def test_ten_thousand_lines_arrive_once_through_an_outage_and_a_kill(signals: Project) -> None:
    mon1, web1 = signals.machines["mon1"], signals.machines["web1"]
    run = uuid4().hex[:8]
    on(mon1, "systemctl stop stackwatch-loki")
    stopped = time.monotonic()
    on(
        web1,
        f"""mkdir -p /var/log/shop; cat >/run/writer.sh <<'E'
number=0
while [ $number -lt 10000 ]; do
  end=$((number + 50))
  while [ $number -lt $end ]; do
    printf '{{"time":"%s","level":"info","run":"{run}","n":%d}}\\n' "$(date -u +%FT%T.%NZ)" $number
    number=$((number + 1))
  done >>/var/log/shop/{run}.log
  sleep 0.2
done
touch /run/writer.done
E
rm -f /run/writer.done; setsid sh /run/writer.sh >/dev/null 2>&1 &""",
    )
    until(lambda: hosts.run(web1, ["test", "-e", "/run/writer.done"])[0] == 0, 120, "the writer")
    until(lambda: time.monotonic() - stopped > 60, 70, "a minute without Loki")
    before = on(web1, "systemctl show -p MainPID --value stackwatch-otelcol")
    on(web1, f"kill -KILL {before}")
    start_loki(mon1)
    query = f'{{service="shop"}} |= "\\"run\\":\\"{run}\\""'
    until(lambda: counted(mon1, query) >= 10000, 120, "every line in Loki")
    assert on(web1, "systemctl show -p MainPID --value stackwatch-otelcol") != before
    numbers = sorted(json.loads(line.text)["n"] for line in lines(mon1, query))
    assert numbers == list(range(10000))
    assert counted(mon1, query) == 10000


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
    on(mon1, "curl -fsS -X POST http://127.0.0.1:3100/flush; systemctl stop stackwatch-loki")
    start_loki(mon1)
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


def test_smoke_finds_a_line_and_a_trace_and_leaves_nothing_else(signals: Project) -> None:
    web1 = signals.machines["web1"]
    # Its own journal and state aside, which the line and the trace went through.
    listed = (
        "find / -xdev -newer /run/mark -type f -not -path '/var/log/journal/*' "
        "-not -path '/var/lib/stackwatch/otelcol/*'"
    )
    on(web1, "touch /run/mark")
    outcome = signals.run("smoke.py")
    assert outcome.code == 0, outcome.output
    assert "a log line is found in loki on mon1" in outcome.output
    assert "a trace is found in jaeger on mon1" in outcome.output
    assert on(web1, f"{listed} || true") == ""
    assert on(web1, "ls /var/log/stackwatch/smoke") == ""


def test_no_change_is_two_commands_a_host_with_every_signal(signals: Project) -> None:
    outcome = signals.deploy("--debug")
    assert "Nothing changed." in outcome.output
    assert [outcome.executed(name) for name in ("mon1", "web1")] == [2, 2]
    assert outcome.uploads() == 0
