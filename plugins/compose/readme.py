"""The README beside a Compose file."""

from __future__ import annotations

from collections.abc import Sequence

from plugins.compose.services import PREPARE, secret_paths
from plugins.runtimes.docker import Container

_TEXT = """\
# {host}: containers of the site {site}

What `deploy.py` runs on {host} ({address}), as a Compose file, to read or to run by hand. Written
by `python -m plugins.compose`; the next time replaces this folder.

| service | image | address |
|---|---|---|
{table}

## Run it

{host} needs Docker Engine 25 or newer with Compose 2 (Engine 26.1 with Compose 2.26 was tried),
systemd's journal, and {architecture} as its architecture. Copy this folder onto it, for example
with `scp -r`, and do the rest there, as root, in the folder:

1. Accounts, folders, and what only the host knows:

       sh {prepare}

   It makes the accounts the containers run as, their folders below `/var/lib/stackwatch`, `.env`
   (numbers of accounts) and `compose.override.yaml` (mounts that not every host has). The file
   `needs` says what it will do.{secrets}
2. The images. {images}

       for image in images/*.tar; do docker load --input "$image"; done

3. Start, and wait until all are healthy:

       docker compose up --detach --wait

`docker compose logs` shows what they write, `docker compose down` removes the containers and leaves
their data. After a change in `config/` restart what it belongs to (`docker compose restart
SERVICE`); files below `hot/` are noticed by the program itself.

Run either this or `deploy.py` on a host. The containers have the same names, so that `deploy.py`
finds those of this folder, tells every difference, and replaces them by its own.

## What `deploy.py` does beyond it

- It compares first and changes only what differs; a change of configuration is a reload, where the
  program has one, and counts only when the program itself says so.
- It checks configuration with the component's own program before it replaces anything.
- A container that does not become healthy is put back to its former image and configuration.
- It obtains programs, makes and sends the images, and removes those that nothing runs any more.
- It keeps two runs at once, and a run that is cut off, from leaving anything half-done.
- It proves the whole: targets, rules, an alert that is delivered, a log line and a trace that are
  found again.
- It tells drift (`drift.py`), removes (`remove.py`), and sees to the other hosts of the site.
- It installs the engine, for hosts in the group `docker_engine`.
"""
_HAVE = "They are in `images/`:"
_HAVE_NOT = """\
`python -m plugins.compose ... --images` writes them into `images/`. They are made of
   verified programs, and no registry has them:"""
_MISSING = """

   These files are secrets, which are not written here unless asked for (`--with-secrets`). Put them
   there first:

{paths}
"""
_WRITTEN = """

   These files are secrets: keep this folder as safe as the vault they come from.

{paths}
"""


def _secrets(containers: Sequence[Container], *, written: bool) -> str:
    paths = [path for container in containers for path in secret_paths(container)]
    listed = "\n".join(f"   - `{path}`" for path in paths)
    return (_WRITTEN if written else _MISSING).format(paths=listed) if paths else ""


def _row(container: Container) -> str:
    endpoints = container.component.endpoints
    addresses = dict.fromkeys(endpoint.authority for endpoint in endpoints)
    return f"| {container.name} | `{container.image.tag}` | {', '.join(addresses)} |"


def readme(
    site: str,
    host: str,
    address: str,
    containers: Sequence[Container],
    *,
    with_secrets: bool,
    with_images: bool,
) -> str:
    """What to do with a Compose file.

    Args:
        site: Name of the site.
        host: Inventory name of the host.
        address: How others reach it.
        containers: Its containers.
        with_secrets: Whether secrets are written.
        with_images: Whether images are.
    """
    have = _HAVE if with_images else _HAVE_NOT
    return _TEXT.format(
        site=site,
        host=host,
        address=address,
        architecture=containers[0].image.architecture,
        table="\n".join(map(_row, containers)),
        prepare=PREPARE,
        secrets=_secrets(containers, written=with_secrets),
        images=have,
    )
