"""Wiring: who is scraped and probed, with which labels."""

from __future__ import annotations

import json
from typing import Any

import pytest

from plugins.model import Endpoint, EndpointKind
from plugins.site import Site
from plugins.wiring import Target, expected_jobs, probe_targets, scrape_targets, target_file
from tests.unit.sites import compiled, lone, on, three_hosts


def labels(site: Site, job: str, address: str) -> dict[str, str]:
    (found,) = (t for t in scrape_targets(site) if (t.job, t.address) == (job, address))
    return dict(found.labels)


def test_everything_with_metrics_is_scraped() -> None:
    assert [(t.job, t.address) for t in scrape_targets(three_hosts())] == [
        ("alertmanager", "10.0.0.1:9093"),
        ("blackbox", "10.0.0.1:9115"),
        ("node_exporter", "10.0.0.1:9100"),
        ("node_exporter", "10.0.0.2:9100"),
        ("node_exporter", "10.0.0.3:9100"),
        ("prometheus", "10.0.0.1:9090"),
        ("shop", "10.0.0.2:8080"),
    ]


def test_everything_with_health_is_probed() -> None:
    targets = probe_targets(three_hosts(), "http_2xx")
    assert {t.job for t in targets} == {"probe"}
    assert [t.address for t in targets] == [
        "http://10.0.0.1:9090/-/ready",
        "http://10.0.0.1:9093/-/ready",
        "http://10.0.0.1:9100/",
        "http://10.0.0.1:9115/-/healthy",
        "http://10.0.0.2:8080/healthz",
        "http://10.0.0.2:9100/",
        "http://10.0.0.3:9100/",
    ]
    shop = next(t for t in targets if ":8080" in t.address)
    assert shop.labels == {
        "module": "http_2xx",
        "host": "web1",
        "environment": "staging",
        "component": "shop",
        "kind": "probe",
        "team": "shop",
    }


def test_labels_of_component_host_and_service() -> None:
    site = three_hosts()
    assert labels(site, "node_exporter", "10.0.0.3:9100") == {
        "instance": "web2:9100",
        "host": "web2",
        "environment": "staging",
        "component": "node_exporter",
        "kind": "exporter",
        "rack": "r7",
    }
    assert labels(site, "prometheus", "10.0.0.1:9090")["kind"] == "backend"
    assert labels(site, "shop", "10.0.0.2:8080") == {
        "instance": "web1:8080",
        "host": "web1",
        "environment": "staging",
        "component": "shop",
        "kind": "application",
        "team": "shop",
    }


@pytest.mark.parametrize(
    ("service", "scraped", "probed", "extra"),
    [
        ({}, ["10.0.0.1:8080"], [], {}),
        ({"metrics": None}, [], [], {}),
        ({"metrics": None, "health": "/up"}, [], ["http://10.0.0.1:8080/up"], {}),
        ({"metrics": "/m"}, ["10.0.0.1:8080"], [], {"__metrics_path__": "/m"}),
        (
            {"scheme": "https", "health": "/up"},
            ["10.0.0.1:8080"],
            ["https://10.0.0.1:8080/up"],
            {"__scheme__": "https"},
        ),
        ({"kind": "database"}, ["10.0.0.1:8080"], [], {"kind": "database"}),
    ],
)
def test_services_of_the_users_own(
    service: dict[str, Any], scraped: list[str], probed: list[str], extra: dict[str, str]
) -> None:
    own = {"name": "shop", "port": 8080, **service}
    site = compiled(on("a", address="10.0.0.1", services=[own], without=["node_exporter"]))
    targets = scrape_targets(site)
    assert [t.address for t in targets] == scraped
    assert [t.address for t in probe_targets(site, "m")] == probed
    plain = {"__metrics_path__": None, "__scheme__": None, "kind": "application"}
    for target in targets:
        assert {key: target.labels.get(key) for key in plain} == {**plain, **extra}


def test_what_only_its_own_host_reaches_is_neither_scraped_nor_probed() -> None:
    site = compiled(on("a", node_exporter={"listen": "127.0.0.1"}), on("b"))
    assert [t.address for t in scrape_targets(site)] == ["b:9100"]
    assert [t.address for t in probe_targets(site, "m")] == ["http://b:9100/"]


def test_expected_jobs() -> None:
    jobs = ("alertmanager", "blackbox", "node_exporter", "prometheus", "shop")
    assert expected_jobs(three_hosts()) == jobs
    assert expected_jobs(lone(without=["node_exporter"])) == (
        "alertmanager",
        "blackbox",
        "prometheus",
    )


TARGETS = (
    Target("j", "b:1", {"host": "x", "kind": "k"}),
    Target("j", "a:1", {"kind": "k", "host": "x"}),
    Target("j", "c:1", {"host": "w", "kind": "k"}),
)


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 2, 0)])
def test_file_sd_text_is_grouped_sorted_and_stable(order: tuple[int, ...]) -> None:
    text = target_file(TARGETS[number] for number in order)
    assert json.loads(text) == [
        {"targets": ["c:1"], "labels": {"host": "w", "kind": "k"}},
        {"targets": ["a:1", "b:1"], "labels": {"host": "x", "kind": "k"}},
    ]
    assert text == target_file(TARGETS)
    assert text.endswith("]\n")


@pytest.mark.parametrize(
    ("address", "bind", "url", "local"),
    [
        ("10.0.0.1", "", "http://10.0.0.1:80/x", "http://127.0.0.1:80/x"),
        ("10.0.0.1", "0.0.0.0", "http://10.0.0.1:80/x", "http://127.0.0.1:80/x"),  # noqa: S104
        ("10.0.0.1", "10.9.0.1", "http://10.0.0.1:80/x", "http://10.9.0.1:80/x"),
        ("fd00::1", "", "http://[fd00::1]:80/x", "http://127.0.0.1:80/x"),
        ("fd00::1", "fd00::2", "http://[fd00::1]:80/x", "http://[fd00::2]:80/x"),
    ],
)
def test_urls_from_elsewhere_and_from_its_own_host(
    address: str, bind: str, url: str, local: str
) -> None:
    endpoint = Endpoint("c", "h", EndpointKind.HEALTH, address, 80, "/x", bind=bind)
    assert (endpoint.url, endpoint.local_url) == (url, local)
