"""The same installation with pyinfra's own operations: what we compare a fresh install with.

It puts the same programs, files and units onto the same hosts and starts them. It does not
validate, does not wait for health and does not check anything. It runs outside the project,
so that nothing of ours speeds it up or slows it down.
"""

import json
import os
from io import StringIO
from pathlib import Path

from pyinfra import host
from pyinfra.operations import files, server, systemd

folder = Path(os.environ["BENCH_PLAN"])
plan = {each["unit"]: each for each in json.loads((folder / f"{host.name}.json").read_text())}
units = sorted(
    {each["unit"] for file in folder.glob("*.json") for each in json.loads(file.read_text())}
)
for unit in host.loop(units):
    if unit not in plan:
        continue
    wanted = plan[unit]
    user = wanted["user"]
    server.group(name=f"{user}: group", group=user, system=True)
    server.user(  # noqa: S604  # the shell is an account's
        name=f"{user}: account",
        user=user,
        group=user,
        system=True,
        ensure_home=False,
        home="/nonexistent",
        shell="/usr/sbin/nologin",
    )
    for path in host.loop([wanted["version_folder"], wanted["live"], wanted["hot"]]):
        files.directory(name=path, path=path)
    for path in host.loop(wanted["directories"]):
        files.directory(name=path, path=path, user=user, group=user, mode="0750")
    packed = f"{wanted['version_folder']}/programs.tar.gz"
    files.put(name=packed, src=wanted["packed"], dest=packed)
    server.shell(
        name=f"{user}: unpack",
        commands=[f"tar -xzf {packed} -C {wanted['version_folder']} && rm {packed}"],
    )
    files.link(name=wanted["programs"], path=wanted["programs"], target=wanted["version"])
    for path, (content, mode) in host.loop(wanted["release_files"].items()):
        files.put(
            name=path, src=StringIO(content), dest=f"{wanted['live']}/{path}", group=user, mode=mode
        )
    for path, content in host.loop(wanted["hot_files"].items()):
        files.put(name=path, src=StringIO(content), dest=f"{wanted['hot']}/{path}")
    files.put(name=unit, src=StringIO(wanted["unit_text"]), dest=wanted["unit_path"])
    systemd.service(
        name=f"{unit}: start", service=unit, running=True, enabled=True, daemon_reload=True
    )
