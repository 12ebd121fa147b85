"""The root filesystem of a test host as a tarball, from an image registry or with debootstrap."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from http import HTTPStatus
from pathlib import Path
from typing import cast

import docker
import requests
from rich.markup import escape

from tests.hosts.command import run_command, without_password
from tests.hosts.engine import install
from tests.hosts.errors import HostsError
from tests.hosts.folders import cache_folder
from tests.hosts.progress import Step, console, step

SUITE = "trixie"
PACKAGES = (
    "systemd",
    "systemd-sysv",
    "dbus",
    "openssh-server",
    "sudo",
    "ca-certificates",
    "curl",
    "iproute2",
    "procps",
)
RECIPE = Path(__file__).with_name("recipe.sh")
MORE = Path(__file__).with_name("packages.sh")
REGISTRY = "https://registry-1.docker.io/v2/"
PROBE_SECONDS = 4.0
PROXIES = ("http_proxy", "https_proxy", "no_proxy")
REFUSAL_SECONDS = 24 * 3600.0
LEFT_OUT = ("./dev/*", "./proc/*", "./sys/*", "./run/*", "./tmp/*")


def build(client: docker.DockerClient, tarball: Path) -> None:
    """Write a test host's root filesystem to `tarball`.

    Raises:
        HostsError: neither a registry nor debootstrap could provide one.
    """
    with _whole(tarball) as partial:
        if not _from_registry(client, partial):
            _with_debootstrap(partial)


def extend(client: docker.DockerClient, image: str, packages: Sequence[str], tarball: Path) -> None:
    """Write the root filesystem of `image` with more Debian packages to `tarball`.

    Raises:
        HostsError: apt-get failed; the message has its last lines.
    """
    with (
        _whole(tarball) as partial,
        step(f"installing {' '.join(packages)} into the root filesystem") as progress,
    ):
        _export(client, image, ["sh", "-c", MORE.read_text(), "sh", *packages], partial, progress)


@contextmanager
def _whole(tarball: Path) -> Iterator[Path]:
    """Yield another name to write to, which becomes `tarball` when all went well."""
    partial = tarball.with_suffix(f".{os.getpid()}.partial")
    try:
        yield partial
        partial.replace(tarball)
    finally:
        partial.unlink(missing_ok=True)


def mirror() -> str:
    """Return the Debian mirror this machine itself installs from (STACKWATCH_MIRROR overrides).

    Raises:
        HostsError: the machine's apt sources name no Debian mirror.
    """
    chosen = os.environ.get("STACKWATCH_MIRROR")
    if chosen:
        return chosen
    release = dict(
        line.split("=", 1) for line in Path("/etc/os-release").read_text().splitlines() if line
    )
    if release.get("ID") == "debian":
        wanted = "$(RELEASE) $(COMPONENT) $(REPO_URI)"
        targets = subprocess.run(
            ["apt-get", "indextargets", "--format", wanted, "Created-By: Packages"],
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for line in targets.splitlines():
            suite, component, url = line.split(" ", 2)
            if component == "main" and suite == release.get("VERSION_CODENAME"):
                return url
    raise HostsError(
        "no Debian mirror in this machine's apt sources, and no image registry answers: "
        "set STACKWATCH_MIRROR to the address of a Debian mirror"
    )


def _from_registry(client: docker.DockerClient, tarball: Path) -> bool:
    """Try `debian:trixie`, which is quicker than debootstrap and needs no root."""
    refusal = cache_folder() / "registry-refused"
    if refusal.exists() and time.time() - refusal.stat().st_mtime < REFUSAL_SECONDS:
        console.print(f"no image registry (found out before; remove {refusal} to ask again)")
        return False
    with step("asking for an image registry"):
        reachable = _registry_answers()
    if not reachable:
        refusal.write_text("The image registry did not answer; it is asked again after a day.\n")
        return False
    try:
        with step(f"building the root filesystem from debian:{SUITE}") as progress:
            client.images.pull("debian", tag=SUITE)
            script = (
                "set -eu; export DEBIAN_FRONTEND=noninteractive; apt-get update -q; "
                f"apt-get install -yq --no-install-recommends {' '.join(PACKAGES)}\n"
                f"{RECIPE.read_text()}"
            )
            _export(client, f"debian:{SUITE}", ["sh", "-c", script], tarball, progress)
    except (docker.errors.DockerException, requests.RequestException, HostsError) as error:
        console.print(f"debian:{SUITE} cannot be used: {escape(str(error))}")
        return False
    return True


def _registry_answers() -> bool:
    """Ask in a thread of its own: a name server that does not answer has no timeout here."""
    answers: list[bool] = []

    def ask() -> None:
        try:
            urllib.request.urlopen(REGISTRY, timeout=PROBE_SECONDS)
        except urllib.error.HTTPError as error:
            # A registry asks for a token; a proxy in the way answers something else.
            answers.append(error.code == HTTPStatus.UNAUTHORIZED)
        except OSError:
            return
        else:
            answers.append(True)

    thread = threading.Thread(target=ask, daemon=True)
    thread.start()
    thread.join(PROBE_SECONDS)
    return answers == [True]


def _export(
    client: docker.DockerClient, image: str, command: list[str], tarball: Path, progress: Step
) -> None:
    """Run a command in a container of `image` and write what it leaves to `tarball`."""
    # The machine's own network: its name servers and its proxy are known to reach the mirror.
    variables = {name: os.environ[name] for name in PROXIES if name in os.environ}
    container = client.containers.create(image, command, network_mode="host", environment=variables)
    try:
        container.start()
        for line in container.logs(stream=True, follow=True):
            progress.say(line.decode(errors="replace").strip())
        code = container.wait(timeout=600)["StatusCode"]
        if code != 0:
            log = b"".join(container.logs(tail=12, stream=True)).decode(errors="replace")
            raise HostsError(f"the container ended with {code}:\n{log}")
        with tarball.open("wb") as sink:
            # The stubs say text; it is the bytes of a tar archive.
            for block in cast("Iterator[bytes]", container.export()):
                sink.write(block)
    finally:
        container.remove(force=True, v=True)


def _with_debootstrap(tarball: Path) -> None:
    if os.geteuid() != 0:
        raise HostsError("no image registry answers, and only root can use debootstrap")
    install(("debootstrap", "debian-archive-keyring"), "debootstrap")
    source = mirror()
    work = Path(tempfile.mkdtemp(prefix="rootfs-", dir=cache_folder()))
    root = work / "root"
    # Its own mount namespace: whatever debootstrap leaves mounted when it fails is gone with it,
    # and removing the folder can never reach into the machine's /proc.
    isolated = ["unshare", "--mount", "--propagation", "private"]
    try:
        with step(f"debootstrap of {SUITE} from {without_password(source)}") as progress:
            include = f"--include={','.join(PACKAGES)}"
            argv = ["debootstrap", "--variant=minbase", include, SUITE, str(root), source]
            log = cache_folder() / "debootstrap.log"
            run_command([*isolated, *argv], progress, log=log)
        with step("preparing the root filesystem") as progress:
            log = cache_folder() / "recipe.log"
            argv = ["chroot", str(root), "/bin/sh", "-s"]
            path = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C"}
            run_command([*isolated, *argv], progress, log=log, stdin=RECIPE, environment=path)
            left_out = [f"--exclude={pattern}" for pattern in LEFT_OUT]
            argv = ["tar", "-C", str(root), "--numeric-owner", *left_out, "-cf", str(tarball), "."]
            run_command(argv, progress, log=cache_folder() / "tar.log")
    finally:
        shutil.rmtree(work, ignore_errors=True)
