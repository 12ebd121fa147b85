"""A site under test: an inventory written for one test, run with the real command line."""

from __future__ import annotations

import hashlib
import os
import re
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.hosts import TestHost
from tests.integration.runtime import SYSTEMD, ServiceDriver

ROOT = Path(__file__).parents[2]
_SECONDS = 240
# Fast, so that what has to travel does not have to be waited for.
FAST = {"scrape_interval": "3s", "evaluation_interval": "3s", "probe_interval": "3s"}
STORES = ("prometheus", "alertmanager", "blackbox", "loki", "jaeger")


@dataclass(frozen=True)
class Outcome:
    """One finished run of pyinfra.

    Attributes:
        code: Exit code.
        output: Standard error and output, as a person sees them.
    """

    code: int
    output: str

    def changed(self) -> dict[str, set[str]]:
        """Component to the hosts it changed on, as the run's summary says."""
        found: dict[str, set[str]] = {}
        for host, component in re.findall(r"^  (\S+): (\S+) \(\w+\)$", self.output, re.M):
            found.setdefault(component, set()).add(host)
        return found

    def executed(self, host: str) -> int:
        """Commands that were run on a host; needs ``--debug``."""
        return len(re.findall(rf"Running command on {re.escape(host)}:", self.output))

    def uploads(self) -> int:
        """Files sent beside commands; needs ``--debug``."""
        return self.output.count("Attempting upload")


class Code(str):
    """A value that stands in an inventory as Python code."""

    __slots__ = ()

    def __repr__(self) -> str:
        return str(self)


@dataclass(frozen=True)
class Entry:
    """One run.

    Attributes:
        fingerprint: Of what it read; empty where that does not matter.
        converged: Whether it made everything true that it read.
    """

    fingerprint: str
    converged: bool


def _partial(arguments: Sequence[str]) -> bool:
    """Whether a run leaves something out, or is told more than is written."""
    return any(
        word in ("--limit", "--dry") or ("=" in word and not word.startswith("prove="))
        for word in arguments
    )


@dataclass
class Project:
    """An inventory in a folder of its own, over real hosts.

    Attributes:
        folder: Holds ``inventories/``.
        machines: Host name to the test host.
        groups: Group to host names.
        everyone: Settings of all hosts (``group_data/all.py``).
        host_settings: Host name to its own settings.
        environment: Variables for pyinfra's process.
        runtime: What runs the components, where a host does not say otherwise.
        history: What was run, in order.
    """

    folder: Path
    machines: Mapping[str, TestHost]
    groups: dict[str, list[str]] = field(default_factory=dict)
    everyone: dict[str, Any] = field(default_factory=dict)
    host_settings: dict[str, dict[str, Any]] = field(default_factory=dict)
    environment: dict[str, str] = field(default_factory=dict)
    runtime: ServiceDriver = SYSTEMD
    history: list[Entry] = field(default_factory=list)

    @property
    def inventory(self) -> Path:
        """The inventory file."""
        return self.folder / "inventories" / "it.py"

    @property
    def drop_ins(self) -> Path:
        """The site's drop-in folder."""
        return self.folder / "inventories" / "files" / "it"

    def connection(self, name: str) -> dict[str, Any]:
        """How pyinfra reaches a host."""
        made = self.machines[name].connection()
        return {
            **{key: value for key, value in made.items() if key.startswith("ssh_")},
            "address": made["address"],
            "ssh_strict_host_key_checking": "yes",
            "_sudo": made["ssh_user"] != "root",
        }

    def write(self) -> None:
        """Write the inventory as it stands now."""
        listed = [
            (name, {**self.connection(name), **self.host_settings.get(name, {})})
            for name in self.machines
        ]
        lines = [f"everything = {listed!r}"]
        lines += [f"{group} = {names!r}" for group, names in self.groups.items()]
        self.inventory.parent.mkdir(parents=True, exist_ok=True)
        self.inventory.write_text("\n".join(lines) + "\n")
        data = self.inventory.parent / "group_data"
        data.mkdir(exist_ok=True)
        site = {"groups": ["everything"], "check_deadline": 90, **self.everyone.get("site", {})}
        said = {"runtime": self.runtime.name, **self.everyone, "site": site}
        text = "from plugins.vault import vault\n"
        text += "".join(f"{key} = {value!r}\n" for key, value in said.items())
        (data / "all.py").write_text(text)

    def _fingerprint(self) -> str:
        """Of everything that a run reads of this project."""
        self.write()
        files = sorted(path for path in self.inventory.parent.rglob("*") if path.is_file())
        read = [(str(path), path.read_bytes()) for path in files if path.suffix != ".pyc"]
        return hashlib.sha256(repr((read, sorted(self.environment.items()))).encode()).hexdigest()

    def stands(self, since: int) -> bool:
        """Whether the last run since an entry of the history made true all that is written now."""
        if len(self.history) <= since:
            return False
        last = self.history[-1]
        return last.converged and last.fingerprint == self._fingerprint()

    def command(self, entry: str, *arguments: str) -> list[str]:
        """The command line of one entry point."""
        self.write()
        pyinfra = Path(sys.executable).parent / "pyinfra"
        return [str(pyinfra), "-y", str(self.inventory), entry, *arguments]

    def start(self, entry: str, *arguments: str) -> subprocess.Popen[str]:
        """Start a run and return at once."""
        self.history.append(Entry("", converged=False))
        return subprocess.Popen(
            self.command(entry, *arguments),
            cwd=ROOT,
            env={**os.environ, "PYINFRA_PROGRESS": "off", **self.environment},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            # Whoever writes more than fits stands still until somebody reads.
            pipesize=1 << 20,
            text=True,
        )

    def run(self, entry: str, *arguments: str) -> Outcome:
        """Run an entry point to its end."""
        process = self.start(entry, *arguments)
        output, _ = process.communicate(timeout=_SECONDS)
        whole = entry == "deploy.py" and not _partial(arguments)
        made = Entry(self._fingerprint(), converged=whole and process.returncode == 0)
        self.history.append(made)
        return Outcome(process.returncode, output)

    def deploy(self, *arguments: str) -> Outcome:
        """Deploy, and fail the test if that does not succeed."""
        outcome = self.run("deploy.py", *arguments)
        assert outcome.code == 0, outcome.output
        return outcome


def words(output: str, expected: Sequence[str]) -> list[str]:
    """Which of the expected words are missing from an output, wherever its lines were broken."""
    flat = " ".join(output.split())
    return [word for word in expected if word not in output and word not in flat]
