"""What test hosts are asked for: packages and setup, and the images that follow from them."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from tests.hosts import image, task
from tests.hosts.__main__ import main
from tests.hosts.errors import HostsError
from tests.hosts.topology import HostSpec, parse_options

SPECS = (HostSpec("mon1"), HostSpec("web1"))


def test_packages_decide_the_image() -> None:
    plain, more = image.tag(), image.tag(["redis-server", "python3"])
    assert more.startswith(f"{plain}-")
    assert image.tag(["python3", "redis-server", "python3"]) == more
    assert image.tag(["python3"]) != more
    assert image.cached_tarball(more).name == f"{more.replace(':', '-')}.tar"


@pytest.mark.parametrize(
    "other", [HostSpec("web1", packages=("python3",)), HostSpec("web1", setup="true")]
)
def test_packages_and_setup_make_another_host(other: HostSpec) -> None:
    assert other.fingerprint("same") != SPECS[1].fingerprint("same")


@pytest.mark.parametrize("package", ["", "-y", "a b", "Python3", "x;y", "x"])
def test_what_is_no_package_is_refused(package: str) -> None:
    with pytest.raises(HostsError, match="no name of a Debian package"):
        HostSpec("web1", packages=("python3", package))


def test_options_are_for_hosts_of_the_group() -> None:
    assert parse_options(["web1=a=b", "mon1=c"], SPECS, "--x") == {"web1": "a=b", "mon1": "c"}
    for wrong in (["web2=a"], ["web1="], ["web1"], ["web1=a", "web1=b"]):
        with pytest.raises(HostsError, match="HOST of mon1, web1"):
            parse_options(wrong, SPECS, "--x")


@pytest.mark.parametrize(
    ("options", "text"),
    [
        (["up", "demo", "--packages", "web9=python3"], "--packages 'web9=python3'"),
        (["up", "demo", "--packages", "web1=python3,-y"], "package '-y'"),
        (["up", "demo", "--setup", "web1=/nowhere.sh"], "--setup /nowhere.sh: "),
        (["image", "--packages", "python3,,x"], "package ''"),
    ],
)
def test_a_mistake_is_told_before_anything_is_made(
    options: list[str],
    text: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("STACKWATCH_STATE", str(tmp_path))
    assert main(options) == 1
    assert text in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_a_playbook_says_all_that_a_platform_can_be() -> None:
    text = """
    - {name: plain, groups: [loki]}
    - {name: engine, groups: [], docker: true, packages: [docker.io, docker-cli, iptables]}
    - name: app1
      user: deploy
      packages: [python3, postgresql, redis-server]
      setup: files/apps/reference/prepare-host.sh
    """
    plain, engine, app1 = map(task.spec, yaml.safe_load(text))
    assert plain == HostSpec("plain")
    packages = ("docker.io", "docker-cli", "iptables")
    assert engine == HostSpec("engine", docker=True, packages=packages)
    assert (app1.user, app1.docker) == ("deploy", False)
    assert app1.packages == ("python3", "postgresql", "redis-server")
    assert "createuser reference" in app1.setup


@pytest.mark.parametrize(
    ("key", "value"),
    [("docker", "yes"), ("packages", "python3"), ("setup", ["true"]), ("user", None)],
)
def test_a_key_of_a_playbook_with_a_value_of_another_type_is_refused(
    key: str, value: object
) -> None:
    with pytest.raises(HostsError, match=f"host web1: {key}: .* is no "):
        task.spec({"name": "web1", key: value})
