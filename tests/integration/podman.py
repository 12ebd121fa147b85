"""A test host with Podman: what a container of containers needs that a machine does not."""

from __future__ import annotations

import json

from tests.hosts import HostSpec, TestHost
from tests.integration.machine import on

PACKAGES = ("podman", "iptables", "nftables", "aardvark-dns", "netavark", "runc")
# Its store on a volume, since overlays do not go upon overlays. runc, since crun would allow all
# devices first, which the outer engine refuses. Networks are set up by writing to /proc/sys/net,
# and no bridge is to hand its frames to the firewall, as it is only where Docker runs, too.
SETUP = """
mkdir -p /etc/containers
cat >/etc/containers/storage.conf <<'E'
[storage]
driver = "overlay"
runroot = "/run/containers/storage"
graphroot = "/var/lib/docker/podman"
E
printf '[engine]\\nruntime = "runc"\\n' >/etc/containers/containers.conf
cat >/etc/systemd/system/nested-podman.service <<'E'
[Unit]
Before=podman-restart.service
[Service]
Type=oneshot
ExecStart=mount --bind /proc/sys/net /proc/sys/net
ExecStart=mount -o remount,bind,rw /proc/sys/net
ExecStart=-sysctl -w net.bridge.bridge-nf-call-iptables=0
[Install]
WantedBy=multi-user.target
E
systemctl daemon-reload
systemctl enable --now --quiet nested-podman.service
"""


def spec(name: str) -> HostSpec:
    """A host with Podman."""
    return HostSpec(name, docker=True, packages=PACKAGES, setup=SETUP)


def podman(machine: TestHost, words: str) -> str:
    """What Podman answers on a host."""
    # It complains of the outer engine's cgroups with every word.
    return on(machine, f"PODMAN_IGNORE_CGROUPSV1_WARNING=1 podman {words}")


def container(machine: TestHost, component: str) -> str:
    """The id of a component's container, where it runs."""
    shown = "{{if .State.Running}}{{.Id}}{{end}}"
    return podman(machine, f"inspect --type container -f '{shown}' stackwatch-{component}")


def made_with(machine: TestHost, component: str) -> list[str]:
    """The options and the command that a component's container was made with."""
    shown = "{{json .Config.CreateCommand}}"
    said = podman(machine, f"inspect --type container -f '{shown}' stackwatch-{component}")
    # Behind "podman create --name NAME".
    words: list[str] = json.loads(said)[4:]
    return words
