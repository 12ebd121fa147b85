"""The Alertmanager and blackbox roles: configuration, cluster, secrets, proof of a reload."""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import SecretStr

from plugins.model import CheckKind, Component, OnChange, SiteError
from plugins.site import Site
from roles.alertmanager import INHIBITION, configuration_hash
from tests.unit.recorded import golden, output
from tests.unit.sites import compiled, components, file, lone, on, three_hosts, two_and_three


def alertmanager(site: Site, host: str = "mon1") -> Component:
    return components(site, host)["alertmanager"]


def configured(**said: Any) -> dict[str, Any]:
    component = alertmanager(lone(alertmanager=said))
    parsed: dict[str, Any] = yaml.safe_load(file(component, "alertmanager.yml").content)
    return parsed


@pytest.mark.parametrize(
    ("folder", "make", "host"),
    [("three_hosts", three_hosts, "mon1"), ("two_and_three", two_and_three, "mon3.example.org")],
)
def test_configuration_is_the_golden_one(folder: str, make: Callable[[], Site], host: str) -> None:
    content = file(alertmanager(make(), host), "alertmanager.yml").content
    kept, made = golden(f"{folder}/{host}/alertmanager.yml", content)
    assert made == kept


def test_blackbox_configuration_is_the_golden_one() -> None:
    content = file(components(three_hosts(), "mon1")["blackbox"], "blackbox.yml").content
    kept, made = golden("three_hosts/mon1/blackbox.yml", content)
    assert made == kept


def test_blackbox_modules_and_native_keys_are_merged_over_ours() -> None:
    said = {
        "modules": {"http_2xx": {"timeout": "9s"}, "mine": {"prober": "icmp"}},
        "native": {"modules": {"http_2xx": {"http": {"method": "HEAD"}}}},
    }
    content = file(components(lone(blackbox=said), "mon1")["blackbox"], "blackbox.yml").content
    modules = yaml.safe_load(content)["modules"]
    assert modules["http_2xx"] == {
        "prober": "http",
        "timeout": "9s",
        "http": {"preferred_ip_protocol": "ip4", "method": "HEAD"},
    }
    assert modules["mine"] == {"prober": "icmp"}
    assert "tcp" in modules


@pytest.mark.parametrize(
    ("host", "flags"),
    [
        (
            "mon1",
            [
                "--cluster.listen-address=0.0.0.0:9094",
                "--cluster.advertise-address=10.0.0.1:9094",
                "--cluster.peer=10.0.0.2:9094",
                "--cluster.peer=mon3.example.org:9094",
            ],
        ),
        (
            "mon3.example.org",
            [
                "--cluster.listen-address=0.0.0.0:9094",
                "--cluster.peer=10.0.0.1:9094",
                "--cluster.peer=10.0.0.2:9094",
            ],
        ),
    ],
)
def test_members_of_a_cluster_know_the_others(host: str, flags: list[str]) -> None:
    component = alertmanager(two_and_three(), host)
    found = [word for word in component.service.argv if word.startswith("--cluster")]
    assert found == flags
    (members,) = (check for check in component.checks if check.kind is CheckKind.MEMBERS)
    assert members.expected == ("3",)


def test_one_alone_has_no_cluster() -> None:
    component = alertmanager(lone())
    assert "--cluster.listen-address=" in component.service.argv
    assert CheckKind.MEMBERS not in {check.kind for check in component.checks}


@pytest.mark.parametrize(("groups", "watched"), [(("prometheus",), True), ((), False)])
def test_the_watchdog_needs_a_prometheus(groups: tuple[str, ...], watched: bool) -> None:
    site = compiled(on("mon1", "alertmanager", *groups))
    kinds = {check.kind for check in alertmanager(site).checks}
    assert (CheckKind.WATCHDOG in kinds) == watched
    assert CheckKind.DELIVERY in kinds


def test_settings_and_native_keys_reach_the_configuration() -> None:
    found = configured(
        **{
            "global": {"smtp_smarthost": "mail:25"},
            "route": {"receiver": "team", "group_wait": "5s"},
            "routes": [{"receiver": "night"}],
            "receivers": [{"name": "team"}, {"name": "night"}],
            "inhibit_rules": [{"equal": ["x"]}],
            "time_intervals": [{"name": "night"}],
            "native": {"route": {"repeat_interval": "9h"}, "receivers": [{"name": "native"}]},
            "smoke_port": 9600,
        }
    )
    assert found["global"] == {"smtp_smarthost": "mail:25"}
    assert found["route"]["receiver"] == "team"
    assert found["route"]["group_wait"] == "5s"
    assert found["route"]["repeat_interval"] == "9h"
    assert [route["receiver"] for route in found["route"]["routes"]] == [
        "stackwatch-smoke",
        "night",
    ]
    names = [receiver["name"] for receiver in found["receivers"]]
    assert names == ["stackwatch-smoke", "team", "night", "default", "native"]
    assert found["receivers"][0]["webhook_configs"][0]["url"] == "http://127.0.0.1:9600/"
    assert found["inhibit_rules"] == [*INHIBITION, {"equal": ["x"]}]
    assert found["time_intervals"] == [{"name": "night"}]


PAGER = {"name": "pager", "pagerduty_configs": [{"routing_key_file": "secret:pager"}]}


def test_a_secret_is_a_file_and_its_reference_a_path() -> None:
    component = alertmanager(
        lone(alertmanager={"receivers": [PAGER], "secrets": {"pager": SecretStr("s3cr3t")}})
    )
    content = file(component, "alertmanager.yml").content
    assert "routing_key_file: /etc/stackwatch/alertmanager/live/secrets/pager\n" in content
    secret = file(component, "secrets/pager")
    assert (secret.content, secret.secret, secret.mode) == ("s3cr3t", True, "0640")
    assert secret.on_change is OnChange.RELOAD
    assert [f.path for f in component.files if "s3cr3t" in f.content] == ["secrets/pager"]
    assert "s3cr3t" not in repr(component.service)


def test_every_unknown_secret_is_told() -> None:
    other = {"name": "x", "webhook_configs": [{"url_file": "secret:hook"}]}
    site = lone(
        alertmanager={"receivers": [PAGER, other], "secrets": {"pagr": SecretStr("s3cr3t")}}
    )
    with pytest.raises(SiteError) as error:
        alertmanager(site)
    assert [str(problem) for problem in error.value.problems] == [
        "alertmanager: secret:pager: no such secret. Did you mean 'pagr'? "
        "Known alertmanager.secrets: pagr",
        "alertmanager: secret:hook: no such secret. Known alertmanager.secrets: pagr",
    ]


def test_templates_of_the_site_are_sent(tmp_path: Path) -> None:
    (tmp_path / "templates").mkdir()
    (tmp_path / "templates" / "mail.tmpl").write_text("{{ . }}")
    (tmp_path / "templates" / "mail.txt").write_text("no")
    site = compiled(on("mon1", "alertmanager"), everyone={"site": {"files": str(tmp_path)}})
    files = {f.path: f.content for f in alertmanager(site).files}
    assert files.keys() == {"alertmanager.yml", "templates/mail.tmpl"}
    assert files["templates/mail.tmpl"] == "{{ . }}"


def printed_by_go(number: int) -> str:
    """``strconv.FormatFloat(number, 'g', -1, 64)`` of a whole number below 2^53."""
    if number < 10**6:
        return str(number)
    mantissa, exponent = f"{float(number):.16e}".split("e")
    return f"{mantissa.rstrip('0').rstrip('.')}e+{int(exponent):02d}"


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (0, "0"),
        (999_999, "999999"),
        (1_000_000, "1e+06"),
        (1_200_000, "1.2e+06"),
        (87_641_725_296_044, "8.7641725296044e+13"),
        (281_474_976_710_655, "2.81474976710655e+14"),
        (281_474_976_710_650, "2.8147497671065e+14"),
    ],
)
def test_the_independent_computation_prints_like_go(number: int, text: str) -> None:
    assert printed_by_go(number) == text


def test_configuration_hash_against_an_independent_computation() -> None:
    trailing = 0
    for content in (f"route: {number}\n" for number in range(3000)):
        md5 = hashlib.md5(content.encode(), usedforsecurity=False).digest()
        (number,) = struct.unpack("<Q", md5[:6] + b"\0\0")
        trailing += number % 100 == 0
        assert configuration_hash(content) == printed_by_go(number)
    assert trailing > 10


def test_configuration_hash_is_what_a_real_alertmanager_printed() -> None:
    # Alertmanager 0.31.1: alertmanager_config_hash 8.7641725296044e+13
    content = "".join(f"{line}\n" for line in output("alertmanager_0.31.1.txt"))
    assert configuration_hash(content) == "8.7641725296044e+13"


def test_the_hash_of_what_is_sent_proves_the_reload() -> None:
    component = alertmanager(three_hosts())
    content = file(component, "alertmanager.yml").content
    reload = component.service.reload
    assert reload
    assert reload.proof
    wanted = f"alertmanager_config_hash {configuration_hash(content)}"
    assert reload.proof.contains == (("/metrics", wanted),)
