"""Logs on real hosts: shipped once, redacted, found, alerted on, deleted in time."""

from __future__ import annotations

import json
import shlex
import time
from datetime import timedelta
from uuid import uuid4

import pytest

from tests import hosts
from tests.hosts import TestHost
from tests.integration.machine import on, until
from tests.integration.project import Project
from tests.integration.runtime import kill
from tests.integration.signals import (
    counted,
    entry,
    holds,
    lines,
    stamp,
    start_loki,
    stream_labels,
    write,
)

STATE = "/var/lib/stackwatch/otelcol"


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


@pytest.mark.only("systemd", "it is about the search, and runs the program by hand")
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


@pytest.mark.only(
    "systemd", "minutes; the queue is the program's, and kills are below for every runtime"
)
def test_ten_thousand_lines_arrive_once_through_an_outage_and_a_kill(signals: Project) -> None:
    mon1, web1 = signals.machines["mon1"], signals.machines["web1"]
    run = uuid4().hex[:8]
    signals.runtime.stop(mon1, "loki")
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
    # Taken over from the file, which goes: from here on only the queue on disk has them.
    taken = 'otelcol_receiver_accepted_log_records_total.*receiver="file_log.shop"'
    metric = f"curl -fsS http://127.0.0.1:8888/metrics | awk '/{taken}/ {{ print $2 }}'"
    until(lambda: int(float(on(web1, metric) or 0)) >= 10000, 30, "every line in the queue")
    on(web1, f"rm /var/log/shop/{run}.log")
    before = signals.runtime.process(web1, "otelcol")
    kill(signals.runtime, web1, "otelcol")
    start_loki(signals)
    query = f'{{service="shop"}} |= "\\"run\\":\\"{run}\\""'
    until(lambda: counted(mon1, query) >= 10000, 120, "every line in Loki")
    assert signals.runtime.process(web1, "otelcol") != before
    numbers = sorted(json.loads(line.text)["n"] for line in lines(mon1, query))
    assert numbers == list(range(10000))
    assert counted(mon1, query) == 10000


def test_lines_that_are_hours_late_arrive(signals: Project) -> None:
    """As after a long outage, or where two files of a source are read one after the other."""
    mon1, web1 = signals.machines["mon1"], signals.machines["web1"]
    token = uuid4().hex
    late = [stamp(timedelta(hours=hours)) for hours in (2.5, 2, 1.5, 1)]
    write(web1, "/var/log/shop/now.log", entry(message=token))
    query = f'{{service="shop"}} |= "{token}"'
    until(lambda: counted(mon1, query) == 1, 20, "the line of now")
    texts = [json.dumps({"time": at, "level": "info", "message": token}) for at in late]
    write(web1, f"/var/log/shop/{token}.log", *texts)
    until(lambda: counted(mon1, query, "4h") == 5, 20, "the late lines")


def test_a_time_that_is_still_to_come_does_not_cost_the_line(signals: Project) -> None:
    mon1, web1 = signals.machines["mon1"], signals.machines["web1"]
    token = uuid4().hex
    write(web1, "/var/log/shop/zone.log", entry(time=stamp(timedelta(hours=-3)), message=token))
    (found,) = until(lambda: lines(mon1, f'{{service="shop"}} |= "{token}"'), 20, "the line")
    assert abs(found.time - time.time_ns()) < 60 * 10**9


def test_a_link_among_the_logs_leads_to_nobodys_secrets(signals: Project) -> None:
    mon1, web1 = signals.machines["mon1"], signals.machines["web1"]
    token = uuid4().hex
    on(web1, f"echo 'secret {token}' >/etc/{token} && chmod 600 /etc/{token}")
    on(web1, f"mkdir -p /var/log/legacy && ln -s /etc/{token} /var/log/legacy/{token}.log")
    # A file that comes after it is shipped: the link was passed by.
    write(web1, f"/var/log/legacy/z{token}.log", f"{stamp()} INFO after {token}")
    until(lambda: counted(mon1, f'{{service="legacy"}} |= "after {token}"') == 1, 20)
    until(lambda: counted(mon1, '{service="otelcol", host="web1"}') > 0, 20)
    found = lines(mon1, f'{{service="legacy"}} |= "{token}"')
    on(web1, f"rm /etc/{token} /var/log/legacy/{token}.log")
    assert [f"secret {token}" in line.text for line in found] == [False]


def test_what_comes_over_otlp_is_redacted_and_may_not_choose_its_class(signals: Project) -> None:
    mon1, web1 = signals.machines["mon1"], signals.machines["web1"]
    token, secret = uuid4().hex, f"s3cret{uuid4().hex}"
    attributes = {
        "class": "forever",
        "service": "forged",
        "db.url": f"postgres://u:{secret}@h/db",
        "nested": {"apiKey": secret},
    }

    def value(of: object) -> dict[str, object]:
        if isinstance(of, dict):
            return {"kvlistValue": {"values": [pair(k, v) for k, v in of.items()]}}
        return {"stringValue": of}

    def pair(key: str, of: object) -> dict[str, object]:
        return {"key": key, "value": value(of)}

    record = {
        "timeUnixNano": str(time.time_ns()),
        "severityNumber": 17,
        "body": value({"message": f"{token} password={secret}", "token": secret}),
        "attributes": [pair(k, v) for k, v in attributes.items()],
    }
    resource = {"attributes": [pair("service.name", "guest"), pair("class", "forever")]}
    body = {"resourceLogs": [{"resource": resource, "scopeLogs": [{"logRecords": [record]}]}]}
    on(
        web1,
        "curl -fsS -m 10 -H 'Content-Type: application/json' http://127.0.0.1:4318/v1/logs "
        f"-d {shlex.quote(json.dumps(body))}",
    )
    (found,) = until(lambda: lines(mon1, f'{{service="guest"}} |= "{token}"'), 20, "the record")
    assert (found.labels["class"], found.labels["level"]) == ("application", "error")
    assert secret not in found.text
    assert not any(secret in label for label in found.labels.values())


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
