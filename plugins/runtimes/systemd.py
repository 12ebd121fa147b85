"""The systemd runtime: a component as a versioned install and a hardened unit.

What a running service was started with is told by the service itself: its environment
holds a hash of everything a restart is needed for, so a restart that a broken run owed is
still owed in the next run.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from plugins.model import Service
from plugins.runtimes.rendered import Deliverable, Rendered, content, digest

UNIT_FOLDER = "/etc/systemd/system"
SPEC = "STACKWATCH_SPEC"

# Everything a service of ours must do without; https://www.freedesktop.org/software/systemd/man/systemd.exec.html
HARDENED: Mapping[str, str] = {
    "NoNewPrivileges": "yes",
    "ProtectSystem": "strict",
    "PrivateTmp": "yes",
    "PrivateDevices": "yes",
    "ProtectKernelTunables": "yes",
    "ProtectKernelModules": "yes",
    "ProtectKernelLogs": "yes",
    "ProtectControlGroups": "yes",
    "ProtectClock": "yes",
    "ProtectHostname": "yes",
    "RestrictNamespaces": "yes",
    "RestrictRealtime": "yes",
    "RestrictSUIDSGID": "yes",
    "RemoveIPC": "yes",
    "LockPersonality": "yes",
    "MemoryDenyWriteExecute": "yes",
    "SystemCallArchitectures": "native",
    "SystemCallErrorNumber": "EPERM",
    "DevicePolicy": "closed",
    "KeyringMode": "private",
    "UMask": "0027",
    "LimitNOFILE": "65536",
}


def unit_name(component: str) -> str:
    """The unit of a component; prefixed, so that a distribution's own unit is never touched."""
    return f"stackwatch-{component}.service"


@dataclass(frozen=True)
class Unit(Rendered):
    """A component as a unit of systemd."""

    runtime = "systemd"
    kind = "unit"

    @property
    def unit(self) -> str:
        """The unit's name."""
        return unit_name(self.component.name)

    @property
    def unit_path(self) -> str:
        """The unit's file."""
        return f"{UNIT_FOLDER}/{self.unit}"

    @property
    def version_folder(self) -> str:
        """Where this version's programs go."""
        return f"{self.paths.versions}/{self.component.artifact.version}"

    @cached_property
    def spec(self) -> str:
        """Hash of everything a change of which needs a restart."""
        return digest(
            {
                "unit": self._unit(""),
                "artifact": self.component.artifact.sha256,
                "files": {file.path: file.sha256 for file in self.restart_files},
            }
        )

    @property
    def version(self) -> str:
        """The folder of this version."""
        return self.component.artifact.version

    @property
    def programs(self) -> str:
        """This version's programs, in force or not."""
        return self.version_folder

    def deliverable(self) -> Deliverable:
        """The programs, packed."""
        artifact = self.component.artifact
        kind = "tree" if artifact.tree else "programs"
        pieces = (content(artifact.path),)
        return Deliverable(kind, artifact.version, artifact.sha256, pieces, artifact.unpacked)

    @property
    def definition(self) -> str:
        """The unit file."""
        return self.unit_text

    @property
    def service(self) -> str:
        """The unit."""
        return self.unit

    @property
    def running(self) -> frozenset[str]:
        """What ``systemctl show`` says of a unit that runs."""
        return frozenset({"active (running)"})

    @cached_property
    def unit_text(self) -> str:
        """The unit file."""
        return self._unit(self.spec)

    def _unit(self, spec: str) -> str:
        service = self.component.service
        sections = {
            "Unit": _unit_section(service),
            "Service": [*self._process(service, spec), *self._sandbox(service)],
            "Install": ["WantedBy=multi-user.target"],
        }
        lines = ["# Managed by stackwatch: a run of deploy.py replaces what is edited here."]
        for section, directives in sections.items():
            lines += ["", f"[{section}]", *directives]
        return "\n".join(lines) + "\n"

    def _process(self, service: Service, spec: str) -> list[str]:
        runtime = f"stackwatch-{self.name}"
        # Which release this start reads, so that a later run knows whether a reload is owed.
        # With "+" it runs as root and without the sandbox, which may not see the release.
        mark = f"readlink {self.paths.config} >/run/{runtime}/loaded || true"
        account = self.component.account
        lines = [
            "Type=exec",
            f"User={account.user}",
            f"Group={account.user}",
            f"RuntimeDirectory={runtime}",
            f"ExecStartPre=+/bin/sh -c '{mark}'",
            f"ExecStart={' '.join(_argument(word) for word in service.argv)}",
            "Restart=always",
            "RestartSec=2",
            f"TimeoutStopSec={service.stop_timeout}",
            f"Environment={SPEC}={spec}",
        ]
        lines += [
            f"Environment={_quoted(f'{name}={value}')}"
            for name, value in sorted(service.environment.items())
        ]
        if service.reload and service.reload.signal:
            lines.append(f"ExecReload=/bin/kill -{service.reload.signal} $MAINPID")
        return lines

    def _sandbox(self, service: Service) -> list[str]:
        exceptions = service.hardening
        capabilities = " ".join(exceptions.capabilities)
        writable = " ".join(d.path for d in self.directories if d.writable)
        directives = {
            **HARDENED,
            "CapabilityBoundingSet": capabilities,
            "AmbientCapabilities": capabilities,
            "ProtectHome": exceptions.protect_home,
            "ProtectProc": exceptions.protect_proc,
            "ProcSubset": "pid" if exceptions.protect_proc == "invisible" else "all",
            "RestrictAddressFamilies": " ".join(exceptions.address_families),
            "SystemCallFilter": exceptions.syscalls[0],
            "ReadWritePaths": writable,
            "MemoryMax": exceptions.memory_max,
            "TasksMax": str(exceptions.tasks_max),
            **exceptions.overrides,
        }
        lines = [f"{name}={value}" for name, value in directives.items()]
        return lines + [f"SystemCallFilter={group}" for group in exceptions.syscalls[1:]]


def _unit_section(service: Service) -> list[str]:
    return [
        f"Description={service.description} (stackwatch)",
        "Wants=network-online.target",
        "After=network-online.target",
        # Restart for ever: a monitoring stack must come back after any long outage.
        "StartLimitIntervalSec=0",
    ]


def _quoted(word: str) -> str:
    """One word of a unit file's value; ``%`` is a specifier there, so it is doubled."""
    if not word.isprintable():
        raise ValueError(f"a unit file cannot hold the control characters of {word!r}")
    escaped = word.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%")
    plain = all(c.isalnum() or c in "/-_.=:,@+%$" for c in escaped)
    return escaped if plain and escaped else f'"{escaped}"'


def _argument(word: str) -> str:
    """One word of a command line, where ``$`` would start a variable."""
    return _quoted(word).replace("$", "$$")
