"""The Go code of our own collector: a journal that is read once, storage that is sealed."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

FOLDER = Path(__file__).resolve().parents[2] / "files" / "modules" / "otelcol"


def test_the_collectors_own_packages() -> None:
    go = shutil.which("go")
    if go is None:
        pytest.skip("no Go toolchain: releases are installed here, nothing of ours is built")
    # As the programs are built, so that what was compiled then is not compiled again.
    done = subprocess.run(
        [go, "test", "-trimpath", "-buildvcs=false", "./journald/...", "./sealedstorage/..."],
        cwd=FOLDER,
        env=os.environ | {"CGO_ENABLED": "0", "GOFLAGS": "-mod=readonly", "GOWORK": "off"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
