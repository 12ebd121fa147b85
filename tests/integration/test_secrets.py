"""Secrets stay secret: in output, argv, diffs and on the host's disk."""

from __future__ import annotations

import hashlib

import pytest
from ansible.parsing.vault import VaultLib, VaultSecret

from tests.integration.machine import on
from tests.integration.project import Code, Project, words

# What the tests look for; dummies.
SECRET = "xoxb-7f3c-very-secret-2b9d"  # noqa: S105
OTHER = "rotated-5a5a-very-secret-77aa"


def _seal(site: Project, secret: str) -> None:
    """Put a secret into a vault file and let the inventory take it from there."""
    folder = site.folder / "inventories" / "vault"
    folder.mkdir(exist_ok=True)
    password = folder / "password"
    password.write_text("opens-the-test-vault\n")
    file = folder / f"{hashlib.sha256(secret.encode()).hexdigest()[:8]}.yml"
    library = VaultLib([("default", VaultSecret(password.read_bytes().strip()))])
    file.write_bytes(library.encrypt(f"slack: {secret}\n".encode()))
    slack = {"api_url_file": "secret:slack", "channel": "#ops"}
    site.everyone["alertmanager"] = {
        "secrets": Code(f"vault({str(file)!r}, {str(password)!r})"),
        "receivers": [{"name": "team", "slack_configs": [slack]}],
        "route": {"receiver": "team"},
    }


@pytest.fixture
def secretive(site: Project) -> Project:
    _seal(site, SECRET)
    site.deploy("--data", "prove=off")
    return site


def test_no_output_shows_a_secret(secretive: Project) -> None:
    _seal(secretive, OTHER)
    told = secretive.run("drift.py", "--debug", "-vvv")
    assert told.code == 3
    assert words(told.output, ["secrets/slack: content differs", "(a secret: its content"]) == []
    deployed = secretive.run("deploy.py", "--debug", "-vvv", "--diff", "--data", "prove=off")
    assert deployed.changed() == {"alertmanager": {"mon1"}}
    machine_read = secretive.run("deploy.py", "--json", "--data", "prove=quick")
    assert machine_read.code == 0, machine_read.output
    for outcome in (told, deployed, machine_read):
        assert SECRET not in outcome.output
        assert OTHER not in outcome.output


def test_a_failing_run_shows_no_secret(secretive: Project) -> None:
    _seal(secretive, OTHER)
    secretive.everyone["alertmanager"]["native"] = {"route": {"group_wait": "banana"}}
    outcome = secretive.run("deploy.py", "--debug", "-vvv", "--data", "prove=off")
    assert outcome.code == 1
    assert "banana" in outcome.output
    assert OTHER not in outcome.output


def test_the_host_keeps_a_secret_from_everybody_else(secretive: Project) -> None:
    mon = secretive.machines["mon1"]
    path = "/etc/stackwatch/alertmanager/live/secrets/slack"
    assert on(mon, f"stat -c '%a %U %G' {path}") == "640 root alertmanager"
    assert on(mon, f"cat {path}") == SECRET
    # Somebody else finds it nowhere; root finds it in that one file only.
    places = "/etc /opt /var /run /tmp /usr/local"
    search = f"grep -rslI --exclude-dir=proc -e {SECRET} {places}"
    assert on(mon, f"setpriv --reuid=nobody --regid=nogroup --clear-groups {search} || true") == ""
    found = {line for line in on(mon, f"{search} || true").splitlines() if line}
    assert {line.rpartition("/secrets/")[2] for line in found} == {"slack"}
    assert all(line.startswith("/etc/stackwatch/alertmanager/releases/") for line in found)


def test_no_process_carries_a_secret_in_its_arguments_or_environment(secretive: Project) -> None:
    mon = secretive.machines["mon1"]
    # Brackets, so that the search does not find itself.
    pattern = f"{SECRET[:9]}[{SECRET[9]}]{SECRET[10:]}"
    processes = "cat /proc/[0-9]*/cmdline /proc/[0-9]*/environ 2>/dev/null"
    assert on(mon, f"{processes} | grep -ac {pattern} || true") == "0"


# What an engine shows, hands out and keeps of containers and images.
ENGINE = {
    "shown": "docker inspect $(docker ps -aq) $(docker image ls -q)",
    "history": "docker image ls -q | xargs -n 1 docker history --no-trunc",
    "environment": "for c in $(docker ps -q); do docker exec $c /busybox env; done",
    "layers": "docker save $(docker image ls --format '{{.Repository}}:{{.Tag}}')",
    "store": "tar -c /var/lib/docker /run/docker /run/containerd 2>/dev/null",
}


@pytest.mark.only("docker", "what an engine shows and keeps, nobody else has")
def test_nothing_that_an_engine_shows_or_keeps_holds_a_secret(site: Project) -> None:
    mon = site.machines["mon1"]
    _seal(site, SECRET + "x" * 100_000)
    site.deploy("--data", "prove=off")
    assert int(on(mon, "stat -c %s /etc/stackwatch/alertmanager/live/secrets/slack")) > 100_000

    def found(word: str) -> dict[str, bool]:
        """Where a word is."""
        searched = {name: f"({source}) | grep -qa -m 1 {word}" for name, source in ENGINE.items()}
        return {
            name: on(mon, f"{search} && echo yes || echo no") == "yes"
            for name, search in searched.items()
        }

    assert found(SECRET) == dict.fromkeys(ENGINE, False)
    # The search itself: what is everywhere is found everywhere.
    assert found("PATH=/usr/sbin") == {**dict.fromkeys(ENGINE, True), "history": False}


def test_a_plain_text_secret_is_refused_without_showing_it(site: Project) -> None:
    site.everyone["alertmanager"] = {"secrets": {"slack": SECRET}}
    outcome = site.run("deploy.py")
    assert outcome.code == 1
    expected = ["alertmanager.secrets.slack", "a secret must come from a vault file"]
    assert words(outcome.output, expected) == []
    assert SECRET not in outcome.output
