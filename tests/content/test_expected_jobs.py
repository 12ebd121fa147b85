"""The alert that is generated from an inventory fires for a job without any target."""

from __future__ import annotations

import subprocess
from pathlib import Path

import yaml

from plugins.wiring import Target
from roles.prometheus.rules import rule_files
from tests.unit.sites import three_hosts

BASE = "https://runbooks.example.org"


def _alert(job: str) -> dict[str, object]:
    return {
        "exp_labels": {
            "severity": "critical",
            "priority": "P1",
            "team": "platform",
            "job": job,
        },
        "exp_annotations": {
            "summary": f"Job {job} has no target",
            "description": f"The inventory expects job {job}, Prometheus scrapes none of it.",
            "runbook_url": f"{BASE}/expected-job-absent",
        },
    }


def test_expected_job_absent_fires_for_the_absent_job_alone(tmp_path: Path, promtool: Path) -> None:
    targets = (Target("api", "a:1", {}), Target("web", "b:1", {}))
    rendered = {file.path: file for file in rule_files(three_hosts(), targets, [])}
    (tmp_path / "rules.yml").write_text(rendered["rules/expected_jobs.yml"].content)
    test = {
        "rule_files": ["rules.yml"],
        "evaluation_interval": "1m",
        "tests": [
            {
                "interval": "1m",
                # A target that is down is still a target: only absence counts.
                "input_series": [
                    {"series": 'up{job="web",instance="b:1"}', "values": "0x30"},
                    {"series": 'up{job="api",instance="a:1"}', "values": "1x5 _x20"},
                ],
                "alert_rule_test": [
                    {"eval_time": "5m", "alertname": "ExpectedJobAbsent", "exp_alerts": []},
                    {
                        "eval_time": "20m",
                        "alertname": "ExpectedJobAbsent",
                        "exp_alerts": [_alert("api")],
                    },
                ],
            }
        ],
    }
    (tmp_path / "test.yml").write_text(yaml.safe_dump(test))
    command = [str(promtool), "test", "rules", str(tmp_path / "test.yml")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
