"""The same installation with pyinfra's own operations: what we compare a fresh install with.

It puts the same programs, files and units onto the same hosts and starts them. It does not
validate, does not wait for health and does not check anything.
"""

from io import StringIO

from pyinfra import host
from pyinfra.operations import files, server, systemd

from plugins import session

run = session.current()
placed = {rendered.name: rendered for rendered in run.rendered(host.name)}
for component_name in host.loop(run.site.component_names):
    if component_name not in placed:
        continue
    rendered = placed[component_name]
    component, paths = rendered.component, rendered.paths
    user = component.account.user
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
    for folder in host.loop((rendered.version_folder, f"{paths.etc}/live", paths.hot)):
        files.directory(name=f"{folder}", path=folder)
    for directory in host.loop(rendered.directories):
        files.directory(
            name=f"{directory.path}", path=directory.path, user=user, group=user, mode="0750"
        )
    packed = f"{rendered.version_folder}/programs.tar.gz"
    files.put(name=f"{packed}", src=str(component.artifact.path), dest=packed)
    server.shell(
        name=f"{user}: unpack", commands=[f"tar -xzf {packed} -C {rendered.version_folder}"]
    )
    files.link(name=f"{paths.programs}", path=paths.programs, target=component.artifact.version)
    for file in host.loop(rendered.release):
        files.put(
            name=f"{file.path}",
            src=StringIO(file.content),
            dest=f"{paths.etc}/live/{file.path}",
            group=user,
            mode=file.mode,
        )
    for file in host.loop(rendered.hot):
        files.put(name=f"{file.path}", src=StringIO(file.content), dest=f"{paths.hot}/{file.path}")
    files.put(name=f"{rendered.unit}", src=StringIO(rendered.unit_text), dest=rendered.unit_path)
    systemd.service(
        name=f"{rendered.unit}: start",
        service=rendered.unit,
        running=True,
        enabled=True,
        daemon_reload=True,
    )
