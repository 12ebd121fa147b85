"""A site with Grafana: a real one, where an archive laid out as upstream's is named.

``python -m tests.integration.grafana`` makes a lock of it, for Molecule or a site of your own.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import os
import platform
import re
import shlex
import sys
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from ansible.parsing.vault import VaultLib, VaultSecret

from plugins.artifacts import ArtifactPolicy, Lock, Store, obtain
from plugins.model import ArtifactError
from tests.hosts import TestHost
from tests.integration import releases
from tests.integration.machine import on
from tests.integration.project import ROOT, Code

VARIABLE = "STACKWATCH_GRAFANA"
MISSING = f"no Grafana: {VARIABLE} names no release archive of it, laid out as upstream's"
# What a shell, an INI file, a YAML file and Grafana's own expansion would each make something of.
PASSWORD = "pa$$word$HOME${HOME}\\\"'#;`!%s"  # noqa: S105  # a dummy
PORT = 3000
ARCHITECTURE = "arm64" if platform.machine() == "aarch64" else "amd64"
LOGIN = "/etc/stackwatch/grafana/live/login/admin_password"

# Type of a datasource to a path of its store, and a key that the answer has.
PROBES = {
    "prometheus": ("/api/v1/query?query=1", "data"),
    "loki": ("/loki/api/v1/labels", "status"),
    "jaeger": ("/api/services", "data"),
    "alertmanager": ("/api/v2/status", "versionInfo"),
}


@dataclass(frozen=True)
class Archive:
    """A release of Grafana.

    Attributes:
        path: The archive.
        version: What is in it.
    """

    path: Path
    version: str

    def pinned(self) -> dict[str, Any]:
        """A lock that pins it, as a site would write one of its own."""
        file = {
            "url": f"https://dl.grafana.com/oss/release/{self.path.name}",
            "tree": "grafana-*",
            "sha256": {ARCHITECTURE: hashlib.sha256(self.path.read_bytes()).hexdigest()},
        }
        entry = {
            "version": self.version,
            "programs": ["bin/grafana"],
            "release": {"files": [file]},
        }
        return {"grafana": entry}


def named() -> Archive | None:
    """The archive that the environment names, with its version, or that of the file's name."""
    path = os.environ.get(VARIABLE)
    if not path:
        return None
    found = re.search(r"grafana[-_a-z]*(\d+\.\d+\.\d+)", Path(path).name)
    version = os.environ.get(f"{VARIABLE}_VERSION") or (found and found[1])
    assert version, f"say {VARIABLE}_VERSION: {path} has none in its name"
    return Archive(Path(path), version)


def rebuilt(archive: Archive, folder: Path) -> Archive:
    """The same with one file more, as another version."""
    plain = io.BytesIO(gzip.decompress(archive.path.read_bytes()))
    with tarfile.open(fileobj=plain, mode="a") as tar:
        top = tar.getnames()[0].removeprefix("./").partition("/")[0]
        entry = tarfile.TarInfo(f"{top}/REBUILT")
        entry.mode = 0o644
        tar.addfile(entry)
    path = folder / f"grafana-rebuilt-{archive.path.name}"
    path.write_bytes(gzip.compress(plain.getvalue(), 1))
    return Archive(path, f"{archive.version}-rebuilt")


def sealed(folder: Path, secrets: Mapping[str, str]) -> str:
    """Put secrets into a vault; the call that reads it, for an inventory."""
    folder.mkdir(parents=True, exist_ok=True)
    password, file = folder / "password", folder / "grafana.yml"
    password.write_text("opens-the-test-vault\n")
    library = VaultLib([("default", VaultSecret(password.read_bytes().strip()))])
    file.write_bytes(library.encrypt(yaml.safe_dump(dict(secrets))))
    return f"vault({str(file)!r}, {str(password)!r})"


def settings(folder: Path, **more: Any) -> dict[str, Any]:
    """Settings of the role, its password from a vault."""
    return {"admin_password": Code(f"{sealed(folder, {'admin': PASSWORD})}['admin']"), **more}


@dataclass(frozen=True)
class Api:
    """Grafana's API, asked on its own host.

    Attributes:
        machine: The host.
        password: Of the administrator; ``None`` for what is in the file on the host.
    """

    machine: TestHost
    password: str | None = None

    def status(self, path: str, method: str = "GET", body: Any = None) -> tuple[int, str]:
        """Status and body of an answer."""
        sent = f"--data-binary {shlex.quote(json.dumps(body))}" if body is not None else ""
        known = f"$(cat {LOGIN})" if self.password is None else None
        login = f'"admin:{known}"' if known else shlex.quote(f"admin:{self.password}")
        said = on(
            self.machine,
            f"curl -gsS -m 20 -u {login} -X {method} -H 'Content-Type: application/json' {sent} "
            f"-w '\\n%{{http_code}}' http://127.0.0.1:{PORT}{path}",
        )
        answer, _, code = said.rpartition("\n")
        return int(code), answer

    def get(self, path: str) -> Any:
        """What a path answers, which must be 200."""
        code, body = self.status(path)
        assert code == 200, f"{path}: {code}: {body}"
        return json.loads(body)

    def dashboards(self) -> dict[str, dict[str, Any]]:
        """Every dashboard that is there, by uid."""
        return {each["uid"]: each for each in self.get("/api/search?type=dash-db&limit=5000")}


def dashboard(uid: str, title: str, expression: str = "up") -> str:
    """A dashboard of people's own with one panel."""
    panel = {
        "id": 1,
        "type": "stat",
        "title": "Targets",
        "gridPos": {"h": 4, "w": 6, "x": 0, "y": 0},
        "datasource": {"type": "prometheus", "uid": "${prometheus}"},
        "targets": [
            {
                "refId": "A",
                "expr": expression,
                "datasource": {"type": "prometheus", "uid": "${prometheus}"},
            }
        ],
    }
    variable = {"name": "prometheus", "type": "datasource", "query": "prometheus"}
    made = {
        "uid": uid,
        "title": title,
        "schemaVersion": 39,
        "panels": [panel],
        "templating": {"list": [variable]},
    }
    return json.dumps(made)


def main() -> int:
    """Put the archive into the store, and print the path of a lock that pins it, for a site."""
    archive = named()
    if archive is None:
        print(MISSING, file=sys.stderr)
        return 1
    path = ROOT / "build" / "grafana.lock.yaml"
    path.parent.mkdir(exist_ok=True)
    path.write_text(yaml.safe_dump(archive.pinned()))
    with releases.served(archive.path.read_bytes(), name=archive.path.name) as url:
        policy = ArtifactPolicy(("mirror",), url.rpartition("/")[0])
        wanted = ("grafana", ARCHITECTURE)
        got = obtain(Lock.load(path), [wanted], policy, Store.default(), lambda _line: None)[wanted]
    if isinstance(got, ArtifactError):
        print(got, file=sys.stderr)
        return 1
    print(path)
    return 0


if __name__ == "__main__":
    sys.exit(main())
