"""Build programs from the upstream Go module, with the checksums locked in files/modules."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import time
from pathlib import Path

from plugins.artifacts.entry import Module
from plugins.artifacts.lock import NotOfferedError
from plugins.artifacts.sources import Request
from plugins.artifacts.store import Progress
from plugins.model import ArtifactError

FIRST_REPORT = 2.0  # seconds until a build is worth a line
NEXT_REPORT = 10.0
SHOWN_LINES = 6  # of a failed build
# The first Go that can fetch a newer toolchain by itself.
SELF_UPDATING = (1, 21)


def build(request: Request, staging: Path) -> dict[str, Path]:
    """Build every program of an artifact; ``module`` as a source.

    Static and reproducible: the same Go gives the same bytes on every machine. Nothing that
    is not in go.sum gets in (-mod=readonly).

    Raises:
        ArtifactError: No Go, a Go that is too old, or a build that failed, with its last lines.
    """
    module = request.lock.entry(request.name).module
    if module is None:
        raise NotOfferedError(f"the lock has no Go module for {request.name}")
    folder = request.lock.module_folder(module)
    go = _toolchain(folder)
    version = request.lock.version(request.name, "module")
    built = {}
    for program, package in module.packages.items():
        target = staging / program
        argv = [
            go,
            "build",
            "-v",
            "-trimpath",
            "-buildvcs=false",
            "-ldflags",
            _ldflags(module, version),
        ]
        if module.tags:
            argv += ["-tags", ",".join(module.tags)]
        label = f"building {program} {version} for {request.architecture}"
        _run(
            [*argv, "-o", str(target), package],
            folder=folder,
            architecture=request.architecture,
            log=staging / "build.log",
            label=label,
            progress=request.progress,
        )
        built[program] = target
    return built


def _ldflags(module: Module, version: str) -> str:
    stamps = (
        f"-X {name}={value.replace('{version}', version)}" for name, value in module.stamp.items()
    )
    return " ".join(["-s", "-w", *stamps])


def _environment(architecture: str) -> dict[str, str]:
    # The user's own GOFLAGS, workspace or CPU level must not change what is built; proxy and
    # checksum database settings stay, for sites that have their own.
    return os.environ | {
        "CGO_ENABLED": "0",
        "GOOS": "linux",
        "GOARCH": architecture,
        "GOFLAGS": "-mod=readonly",
        "GOWORK": "off",
        "GOAMD64": "v1",
        "GOARM64": "v8.0",
        "GOEXPERIMENT": "",
    }


def _toolchain(folder: Path) -> str:
    """The go program, if it can build the module in ``folder``."""
    go = shutil.which("go")
    if go is None:
        raise ArtifactError("no Go toolchain on PATH; install Go, or use another source")
    try:
        text = (folder / "go.mod").read_text(encoding="utf-8")
    except OSError as error:
        raise ArtifactError(
            f"{folder / 'go.mod'}: {error.strerror}; restore it from git"
        ) from error
    required = re.search(r"^go (\S+)$", text, re.MULTILINE)
    asked = subprocess.run(
        [go, "env", "GOVERSION", "GOTOOLCHAIN"],
        cwd="/",
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | {"GOWORK": "off"},
    )
    if asked.returncode != 0:
        raise ArtifactError(f"{go} does not run: {asked.stderr.strip()}")
    version, _, setting = asked.stdout.partition("\n")
    have = _numbers(version.removeprefix("go"))
    fetches = have >= SELF_UPDATING and not setting.strip().startswith("local")
    if required and have < _numbers(required[1]) and not fetches:
        raise ArtifactError(
            f"{go} is {version.strip()}, {folder.name} needs Go {required[1]}; "
            "install a newer Go, or set GOTOOLCHAIN=auto to let it fetch one"
        )
    return go


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", version)[:3])


def _run(
    argv: list[str],
    *,
    folder: Path,
    architecture: str,
    log: Path,
    label: str,
    progress: Progress,
) -> None:
    started = time.monotonic()
    with log.open("w+", encoding="utf-8", errors="replace") as output:
        process = subprocess.Popen(
            argv,
            cwd=folder,
            env=_environment(architecture),
            stdout=output,
            stderr=output,
            stdin=subprocess.DEVNULL,
        )
        try:
            wait = FIRST_REPORT
            while (code := _wait(process, wait)) is None:
                wait = NEXT_REPORT
                progress(f"{label}: {_counted(log)}, {time.monotonic() - started:.0f} s")
        finally:
            process.kill()  # only still there when we are interrupted; does nothing otherwise
            process.wait()
    if code != 0:
        lines = [
            line
            for line in log.read_text(errors="replace").splitlines()
            if line.strip() and not line.startswith("go: downloading")
        ]
        raise ArtifactError(f"{label} failed: " + "\n    ".join(lines[-SHOWN_LINES:]))


def _wait(process: subprocess.Popen[bytes], seconds: float) -> int | None:
    try:
        return process.wait(seconds)
    except subprocess.TimeoutExpired:
        return None


def _counted(log: Path) -> str:
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
    fetched = sum(line.startswith("go: downloading") for line in lines)
    return f"{fetched} modules fetched, {len(lines) - fetched} packages compiled"
