"""What the Ansible modules in ``plugins/modules`` do, in this project's own Python.

A module knows only where the project is. It gives its parameters to ``python -m
plugins.ansible_task`` as JSON and hands back what that prints.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
BRIDGE = ROOT / "inventories" / "from_ansible.py"
_DRIFTED = 3
_TAIL = 20
_ERROR = re.compile(r"^--> pyinfra error: (.*)", re.DOTALL | re.MULTILINE)
_COLOUR = re.compile(r"\x1b\[[0-9;]*m")


@dataclass(frozen=True)
class Ran:
    """One finished run of pyinfra.

    Attributes:
        code: Its exit code.
        output: What a person would have seen.
        report: What it wrote with ``--data report=``; empty if it did not come so far.
    """

    code: int
    output: str
    report: Mapping[str, Any]

    def of(self, key: str) -> Any:
        """A list of the report."""
        return self.report.get(key, [])


def _word(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def command(entry: str, parameters: Mapping[str, Any], report: Path) -> list[str]:
    """The command line of one run.

    Args:
        entry: The deploy file, for example ``deploy.py``.
        parameters: The module's parameters.
        report: Where the run writes its report.
    """
    data = dict(parameters.get("data") or {})
    # A path counts from the project's folder, as on the command line.
    inventory = ROOT / Path(parameters["inventory"]).expanduser()
    if inventory.suffix != ".py":
        data["ansible_inventory"] = str(inventory)
        inventory = BRIDGE
    if entry == "deploy.py" and parameters.get("prove"):
        data["prove"] = parameters["prove"]
    data["report"] = str(report)
    words = [str(Path(sys.executable).with_name("pyinfra")), "-y", str(inventory), entry]
    for name in parameters.get("limit") or ():
        words += ["--limit", name]
    for key, value in data.items():
        words += ["--data", f"{key}={_word(value)}"]
    return words


def run(entry: str, parameters: Mapping[str, Any]) -> Ran:
    """Run one entry point to its end."""
    own = {"PYINFRA_PROGRESS": "off", "NO_COLOR": "1", "PYTHONPATH": str(ROOT)}
    said = {key: str(value) for key, value in (parameters.get("environment") or {}).items()}
    with tempfile.TemporaryDirectory(prefix="stackwatch-") as folder:
        report = Path(folder, "report.json")
        done = subprocess.run(
            command(entry, parameters, report),
            cwd=ROOT,
            env={**os.environ, **own, **said},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            check=False,
        )
        told = json.loads(report.read_text()) if report.is_file() else {}
    return Ran(done.returncode, _COLOUR.sub("", done.stdout), told)


def reason(ran: Ran) -> str:
    """Why a run failed, in its own words."""
    bad = [check for check in ran.of("checks") if not check["ok"]]
    told = [
        f"{c['host']}: {c['component']}: {c['name']}: {c['where']}: "
        f"expected {c['expected']}, saw {c['seen']}"
        for c in bad
    ]
    if told:
        return "\n".join([f"{len(bad)} of {len(ran.of('checks'))} checks fail:", *told])
    error = _ERROR.search(ran.output)
    if error and not ran.of("failed"):
        return error[1].strip()
    # Of a host that failed, pyinfra marks every line it said.
    said = [
        line.strip()
        for line in ran.output.splitlines()
        if any(f"[{host}]" in line for host in ran.of("failed"))
    ]
    said = said or [line for line in ran.output.splitlines() if line.strip()]
    hosts = ", ".join(ran.of("failed")) or "the run"
    return "\n".join([f"failed: {hosts}", *said[-_TAIL:]])


def planned(ran: Ran) -> list[dict[str, Any]]:
    """The components that a deploy would change, as one that did tells them."""
    found: dict[tuple[str, str], list[str]] = {}
    for host, differences in ran.report.get("drift", {}).items():
        for each in differences:
            # What no inventory names, no deploy takes away.
            if not each["alien"]:
                said = f"{each['subject']}: {each['what']}"
                found.setdefault((host, each["component"]), []).append(said)
    return [
        {"host": host, "component": component, "action": "would change", "reasons": reasons}
        for (host, component), reasons in found.items()
    ]


def difference(ran: Ran) -> dict[str, str]:
    """What differs, in the form that Ansible prints with ``--diff``."""
    lines = []
    for host, differences in sorted(ran.report.get("drift", {}).items()):
        said = [line for each in differences if not each["alien"] for line in each["lines"]]
        lines += [f"{host}:", *said] if said else []
    return {"prepared": "".join(f"{line}\n" for line in lines)}


def _result(ran: Ran, components: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    return {
        "changed": bool(components),
        "hosts": ran.of("hosts"),
        "failed_hosts": ran.of("failed"),
        "components": list(components),
        "checks": ran.of("checks"),
        "output": ran.output.splitlines(),
    }


def _failed(ran: Ran, result: dict[str, Any]) -> dict[str, Any]:
    return {**result, "failed": True, "msg": reason(ran)}


def deploy(parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Make the site of an inventory true, or tell what that would change."""
    shown: dict[str, Any] = {}
    if parameters["check_mode"] or parameters["diff"]:
        ran = run("drift.py", parameters)
        result = _result(ran, planned(ran))
        if ran.code not in (0, _DRIFTED):
            return _failed(ran, {**result, "changed": False})
        if parameters["diff"]:
            shown = {"diff": difference(ran)}
        if parameters["check_mode"]:
            return result | shown
    ran = run("deploy.py", parameters)
    result = _result(ran, ran.of("changed")) | shown
    return _failed(ran, result) if ran.code else result


def smoke(parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Run every check of a site; changes nothing, so check mode is the same."""
    ran = run("smoke.py", parameters)
    result = {key: value for key, value in _result(ran, []).items() if key != "components"}
    return _failed(ran, result) if ran.code else result


TASKS = {"deploy": deploy, "smoke": smoke}


def main() -> int:
    """Read parameters from standard input, write the result to standard output."""
    parameters = json.load(sys.stdin)
    print(json.dumps(TASKS[parameters["task"]](parameters)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
