"""Compose files: the same containers, in words that people read and ``docker compose`` runs."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import tarfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import SecretStr

import plugins.compose
from plugins.compose.__main__ import Wanted, write
from plugins.compose.services import OPTIONAL, files, needs, project, service, variable
from plugins.model import SiteError
from plugins.options import Options
from plugins.run import Run
from plugins.site import Site
from tests.unit.container_site import contained, everything, made
from tests.unit.container_states import ALPHA, BETA, alpha, made_of, with_service
from tests.unit.recorded import golden
from tests.unit.sites import compiled, on

SECRETS = {"secrets": {"token": SecretStr("s3cr3t")}}
FILE = "config/alertmanager/live/secrets/token"


def site(**said: Any) -> Site:
    """One host of containers with a secret, one of units."""
    return compiled(
        on("box1", "alertmanager", "loki", address="10.0.0.1", runtime="docker", **said),
        on("web1", address="10.0.0.2"),
        everyone={"site": {"name": "test"}},
    )


def run_of(placed: Site, folder: Path) -> Run:
    return Run(placed, Options(), everything(folder), {})


def written(folder: Path, **wanted: bool) -> Path:
    """The folder of the host of containers."""
    placed = site(alertmanager=SECRETS)
    containers = [
        contained(placed, "box1", name, folder / "store")
        for name in made(placed, "box1", folder / "store")
    ]
    run = run_of(placed, folder / "store")
    return write(run, "box1", containers, Wanted(folder / "out", **wanted))


def test_the_files_are_the_golden_ones(tmp_path: Path) -> None:
    folder = written(tmp_path)
    assert folder == tmp_path / "out" / "test" / "box1"
    for name in ("compose.yaml", "needs", "README.md"):
        kept, came_out = golden(f"compose/{name}", (folder / name).read_text())
        assert came_out == kept


def test_the_file_reads_back_as_it_was_meant() -> None:
    loaded = yaml.safe_load(project("test", [ALPHA, BETA]))
    assert loaded["services"] == {"alpha": service(ALPHA), "beta": service(BETA)}
    assert loaded["networks"] == {
        "stackwatch": {
            "name": "stackwatch",
            "external": False,
            "labels": {"stackwatch.network": "yes"},
        }
    }
    assert "networks" not in yaml.safe_load(project("test", [BETA]))
    assert "&" not in project("test", [ALPHA, BETA]).replace("'&'", "")


def filled(value: Any, known: dict[str, str]) -> Any:
    """What Compose makes of a text: variables become their values, ``$$`` becomes ``$``."""

    def said(match: re.Match[str]) -> str:
        return "$" if match[0] == "$$" else known[match[1]]

    return re.sub(r"\$\$|\$\{(\w+):\?[^}]*\}", said, value)


NUMBERS = {"UID": "7", "GID": "8", "GROUPS": "8,4"}


def test_a_service_says_what_create_is_told() -> None:
    known = {f"STACKWATCH_ALPHA_{name}": value for name, value in NUMBERS.items()}
    known["STACKWATCH_GROUP_ADM"] = "4"
    made_of_it = service(ALPHA)
    words = {shlex.split(line)[1] for line in ALPHA.definition.splitlines()}
    told = {
        f"--user={filled(made_of_it['user'], known)}",
        *(f"--env={n}={filled(v, known)}" for n, v in made_of_it["environment"].items()),
        *(f"--cap-add={name}" for name in made_of_it["cap_add"]),
        *(f"--tmpfs={mount}" for mount in made_of_it["tmpfs"]),
        *(f"--network={name}" for name in made_of_it["networks"]),
        f"--pids-limit={made_of_it['pids_limit']}",
        f"--memory={made_of_it['mem_limit']}",
        f"--memory-swap={made_of_it['memswap_limit']}",
        f"--stop-timeout={made_of_it['stop_grace_period'].removesuffix('s')}",
        f"--restart={made_of_it['restart']}",
        f"--log-driver={made_of_it['logging']['driver']}",
        f"--log-opt=tag={made_of_it['logging']['options']['tag']}",
        f"--cap-drop={made_of_it['cap_drop'][0]}",
        f"--security-opt={made_of_it['security_opt'][0]}",
        f"--label=stackwatch.component={made_of_it['labels']['stackwatch.component']}",
        f"--label=stackwatch.user={made_of_it['labels']['stackwatch.user']}",
        made_of_it["image"],
        "--read-only",
    }
    assert told <= words
    argv = [filled(word, known) for word in made_of_it["command"]]
    assert argv[:4] == ["/usr/bin/setpriv", "--reuid=7", "--regid=8", "--groups=8,4"]
    assert argv[4:] == [*ALPHA.argv[4:]]
    assert [filled(group, known) for group in made_of_it["group_add"]] == ["4"]
    # Nothing else but mounts, ports, what deploy.py knows its own by, and the placeholders.
    left = {word.split("=")[0] for word in words - told - {*argv}}
    assert left == {"--mount", "--publish", "--label", "--group-add"} | {
        word.split("=")[0] for word in ALPHA.argv[1:4]
    }


def test_logs_go_where_the_container_writes_them() -> None:
    said = [service(replace(ALPHA, logs=driver))["logging"] for driver in ("journald", "local")]
    assert said == [
        {"driver": "journald", "options": {"tag": "stackwatch-alpha"}},
        {"driver": "local", "options": {"max-file": "3", "max-size": "10m"}},
    ]


def test_ports_are_those_of_the_container() -> None:
    assert service(ALPHA)["ports"] == [
        {"target": 8080, "published": "8080", "protocol": "tcp"},
        {"target": 8081, "published": "8081", "protocol": "tcp", "host_ip": "127.0.0.2"},
        {"target": 9094, "published": "9094", "protocol": "tcp", "host_ip": "127.0.0.1"},
        {"target": 9094, "published": "9094", "protocol": "udp", "host_ip": "127.0.0.1"},
    ]
    assert "ports" not in service(BETA)


def test_every_mount_is_there_and_what_a_host_may_lack_is_looked_for() -> None:
    for container in (ALPHA, BETA):
        volumes = {volume["target"]: volume for volume in service(container)["volumes"]}
        looked_for = {
            words[3]: words
            for line in needs([container]).splitlines()
            if (words := line.split("\t")[1:]) and line.startswith("mount")
        }
        assert [*looked_for] == service(container)[OPTIONAL]
        assert not volumes.keys() & looked_for.keys()
        for mount in container.mounts:
            if mount.optional:
                read_only = "false" if mount.writable else "true"
                assert looked_for[mount.target] == [
                    *(container.name, read_only, mount.source, mount.target)
                ]
                continue
            volume = volumes[mount.target]
            assert volume.get("read_only", False) == (not mount.writable)
            assert volume["bind"]["create_host_path"] is False
            assert volume["bind"].get("propagation") == ("rslave" if mount.slave else None)
            own = mount.target == container.paths.etc
            assert volume["source"] == (f"./config/{container.name}" if own else mount.source)


def test_the_hosts_own() -> None:
    of_host = service(BETA)
    assert (of_host["network_mode"], of_host["pid"]) == ("host", "host")
    assert not of_host.keys() & {"networks", "ports", "cap_add", "group_add", "mem_limit"}


def test_dollars_stay_dollars() -> None:
    component = with_service(alpha(), argv=("/x", "--a=$HOME ${B} $$"), environment={"A": "5$"})
    told = service(made_of(component))
    assert told["command"][-1] == "--a=$$HOME $${B} $$$$"
    assert told["environment"]["A"] == "5$$"
    assert told["healthcheck"]["test"][-1].endswith('"$$STACKWATCH_HEALTH"')


def test_the_check_is_the_images_own() -> None:
    check = json.loads(ALPHA.image.config)["config"]["Healthcheck"]
    told = service(ALPHA)["healthcheck"]
    assert [filled(word, {}) for word in told["test"]] == check["Test"]
    assert told["interval"] == f"{check['Interval'] // 10**9}s" == "30s"
    assert (told["start_interval"], told["retries"]) == ("5s", 3)


@pytest.mark.parametrize(
    ("words", "name"),
    [
        (("node_exporter", "UID"), "STACKWATCH_NODE_EXPORTER_UID"),
        (("group", "systemd-journal"), "STACKWATCH_GROUP_SYSTEMD_JOURNAL"),
    ],
)
def test_variables_are_named_alike_here_and_on_the_host(words: tuple[str, ...], name: str) -> None:
    assert variable(*words) == name
    text = (Path(plugins.compose.__file__).parent / "prepare.sh").read_text()
    (line,) = [line for line in text.splitlines() if line.startswith("variable()")]
    called = subprocess.run(
        ["sh", "-c", f"{line}\nvariable {shlex.join(words)}"], capture_output=True, check=True
    )
    assert called.stdout.decode() == name


def test_configuration_lies_as_the_container_sees_it(tmp_path: Path) -> None:
    folder = written(tmp_path)
    for name in ("alertmanager", "loki", "node_exporter", "otelcol"):
        container = contained(site(alertmanager=SECRETS), "box1", name, tmp_path / "store")
        assert (folder / "config" / name).is_dir()
        for path, content, mode, secret in files(container):
            assert path.startswith((f"config/{name}/live/", f"config/{name}/hot/"))
            assert (folder / path).exists() != secret
            if not secret:
                assert (folder / path).read_text() == content
                assert f"{(folder / path).stat().st_mode & 0o777:04o}" == mode
    hot = [path for path, *_ in files(ALPHA) if "/hot/" in path]
    assert hot == ["config/alpha/hot/targets/a.json"]


def test_secrets_are_named_and_left_out(tmp_path: Path) -> None:
    folder = written(tmp_path)
    assert f"   - `{FILE}`" in (folder / "README.md").read_text().splitlines()
    assert f"secret\talertmanager\t{FILE}" in (folder / "needs").read_text().splitlines()
    texts = [path.read_text() for path in folder.rglob("*") if path.is_file()]
    assert len(texts) > 8
    assert not [text for text in texts if "s3cr3t" in text]


def test_secrets_that_are_asked_for_are_nobody_elses_and_go_again(tmp_path: Path) -> None:
    folder = written(tmp_path, with_secrets=True)
    assert (folder / FILE).read_text() == "s3cr3t"
    assert (folder / FILE).stat().st_mode & 0o777 == 0o600
    assert "are not written" not in (folder / "README.md").read_text()
    assert not (written(tmp_path) / FILE).exists()


def test_images_are_written_as_engines_load_them(tmp_path: Path) -> None:
    assert not (written(tmp_path) / "images").exists()
    folder = written(tmp_path, with_images=True)
    assert {path.name for path in (folder / "images").iterdir()} == {
        *("alertmanager.tar", "cadvisor.tar", "loki.tar", "node_exporter.tar", "otelcol.tar")
    }
    with tarfile.open(folder / "images" / "loki.tar") as tar:
        listed = tar.extractfile("manifest.json")
        assert listed
        (image,) = json.load(listed)
    services = yaml.safe_load((folder / "compose.yaml").read_text())["services"]
    assert image["RepoTags"] == [services["loki"]["image"]]


def test_somebody_elses_folder_is_left_alone(tmp_path: Path) -> None:
    theirs = tmp_path / "out" / "test" / "box1" / "thesis.txt"
    theirs.parent.mkdir(parents=True)
    theirs.write_text("years of work")
    with pytest.raises(SiteError, match="holds something else"):
        written(tmp_path)
    assert theirs.read_text() == "years of work"
