"""A small Python program to pack: a project, wheels in a local folder, a lock."""

from __future__ import annotations

import hashlib
import json
import os
import platform
import subprocess
import sys
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from plugins.artifacts import ArtifactPolicy, Lock, Store, obtain, unpacked
from plugins.model import Artifact, ArtifactError
from tests.unit.artifact_site import got, write_lock

OWN = f"{sys.version_info[0]}.{sys.version_info[1]}"
ALL = ("3.11", "3.12", "3.13")
MACHINE = platform.machine()
ARCHITECTURE = {"x86_64": "amd64", "aarch64": "arm64"}[MACHINE]
FOREIGN = {"amd64": "arm64", "arm64": "amd64"}[ARCHITECTURE]

MAIN = """\
import importlib.metadata, json, sys
import native, plain
found = {
    "argv": sys.argv[1:],
    "native": native.BUILT_FOR,
    "plain": plain.SAID,
    "tree": native.__file__.removesuffix("/native.py"),
    "version": importlib.metadata.version("hello-app"),
    "hooks": [each.value for each in importlib.metadata.entry_points(group="hello.hooks")],
    "others": [path for path in sys.path if path.endswith("-packages")],
}
print(json.dumps(found), flush=True)
if "wait" in sys.argv:
    sys.stdin.read()
sys.exit(3 if "fail" in sys.argv else 0)
"""
PROJECT = """\
[project]
name = "hello-app"
version = "1.0.0"
dependencies = ["plain>=1"]
[project.entry-points."hello.hooks"]
one = "hello:hook"
"""


@dataclass
class PythonSite:
    """What is packed, as files below ``folder``; change them and build again.

    Attributes:
        folder: Where the lock, the project and the wheels are.
        said: Lines of progress.
        requirements: Lines of the requirements file.
    """

    folder: Path
    said: list[str] = field(default_factory=list)
    requirements: list[str] = field(default_factory=list)

    @classmethod
    def make(cls, folder: Path) -> PythonSite:
        """The program ``hello``, of one project, a pure wheel and one with native code."""
        site = cls(folder)
        site.write("apps/hello/src/hello/__init__.py", "")
        site.write("apps/hello/src/hello/__main__.py", MAIN)
        site.write("apps/hello/pyproject.toml", PROJECT)
        site.wheel("plain", {"plain.py": "SAID = 'plain'\n"})
        natives = {
            f"{short}-{short}-manylinux_2_17_{machine}": {
                "native.py": f"BUILT_FOR = '{short}'\n",
                "native_shared.py": "SAME = True\n",
                "native-1.0.data/purelib/moved.py": "",
                "native-1.0.data/scripts/native": "#!python\n",
            }
            for short in ("cp311", "cp312", "cp313")
            for machine in ("x86_64", "aarch64")
        }
        site.wheels("native", natives)
        return site

    def write(self, name: str, text: str) -> Path:
        """Write a file below the folder."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    def wheel(self, name: str, files: Mapping[str, str]) -> None:
        """Add a pure wheel and its requirement."""
        self.wheels(name, {"py3-none-any": files})

    def wheels(self, name: str, tagged: Mapping[str, Mapping[str, str]]) -> None:
        """Add wheels by their tag, and the requirement with the hashes of them all."""
        hashes = []
        for tag, files in tagged.items():
            path = self.folder / "wheels" / f"{name}-1.0-{tag}.whl"
            path.parent.mkdir(exist_ok=True)
            info = {
                "METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n",
                "WHEEL": f"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: {tag}\n",
                "RECORD": "",
            }
            named = {f"{name}-1.0.dist-info/{each}": text for each, text in info.items()}
            with zipfile.ZipFile(path, "w") as archive:
                for member, text in {**files, **named}.items():
                    archive.writestr(member, text)
            hashes.append(f"--hash=sha256:{hashlib.sha256(path.read_bytes()).hexdigest()}")
        self.requirements.append(f"{name}==1.0 \\\n    " + " \\\n    ".join(hashes))

    def lock(self, **changes: Any) -> Lock:
        """The lock as it is now; ``changes`` of its ``python``."""
        self.write("apps/hello/requirements.lock", "\n".join(["# made", *self.requirements, ""]))
        python = {
            "projects": ["apps/hello"],
            "requirements": "apps/hello/requirements.lock",
            "entry": "hello",
            "interpreters": [OWN],
        }
        entry = {"version": "1.0.0", "programs": ["hello"], "python": python | changes}
        return write_lock(self.folder, {"hello": entry})

    def build(
        self, architecture: str = ARCHITECTURE, store: str = "store", **changes: Any
    ) -> Artifact | ArtifactError:
        """Obtain the program, from this folder's wheels alone."""
        wanted = ("hello", architecture)
        policy, kept = ArtifactPolicy(("python",)), Store(self.folder / store)
        return obtain(self.lock(**changes), [wanted], policy, kept, self.said.append)[wanted]

    def program(self, architecture: str = ARCHITECTURE, **changes: Any) -> Path:
        """The packed program, unpacked from the store."""
        return unpacked(got(self.build(architecture, **changes))) / "hello"

    def refusal(self, **changes: Any) -> str:
        """Why it cannot be built."""
        result = self.build(**changes)
        assert isinstance(result, ArtifactError), result
        return str(result)


def only_wheels_of(folder: Path, patch: pytest.MonkeyPatch) -> None:
    """Let pip take the wheels of :class:`PythonSite` in ``folder``, and no others."""
    patch.setenv("PIP_CONFIG_FILE", os.devnull)
    patch.setenv("PIP_NO_INDEX", "1")
    patch.setenv("PIP_FIND_LINKS", str(folder / "wheels"))


def start(program: Path, folder: Path, *arguments: str) -> subprocess.Popen[str]:
    """Start a packed program; it unpacks into ``folder``."""
    return subprocess.Popen(
        [sys.executable, str(program), *arguments],
        env=os.environ | {"STACKWATCH_UNPACK": str(folder)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd="/",
    )


def answer(process: subprocess.Popen[str]) -> dict[str, Any]:
    """What a packed program found, once it has ended well."""
    output, errors = process.communicate(timeout=60)
    assert process.returncode == 0, errors
    found: dict[str, Any] = json.loads(output)
    return found


def complaint(process: subprocess.Popen[str]) -> str:
    """Why a packed program did not start."""
    output, errors = process.communicate(timeout=60)
    assert (process.returncode, output) == (1, "")
    return errors.strip()
