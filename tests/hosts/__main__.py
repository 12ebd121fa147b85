"""Builds, shows and removes test hosts: containers with systemd and SSH, in groups."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from docker.errors import DockerException
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from tests.hosts import engine, guest, hosts, image
from tests.hosts.errors import HostsError
from tests.hosts.folders import checkout_id, group_folder
from tests.hosts.group import every_container
from tests.hosts.progress import console
from tests.hosts.topology import HostSpec, check_packages, parse_options

DEFAULT_HOSTS = "mon1,web1,web2:deploy"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return the exit code: 0 done, 1 failed, 2 wrong usage."""
    options = _parser().parse_args(arguments)
    try:
        code: int = options.command(options)
    except (HostsError, DockerException) as error:
        console.print(f"[bold red]error:[/bold red] {escape(str(error))}")
        return 1
    except KeyboardInterrupt:
        console.print("interrupted: run the same command again, or take the group down")
        return 130
    return code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.hosts", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    up = commands.add_parser("up", help="make a group consist of these hosts, and run")
    up.add_argument("group", metavar="GROUP")
    up.add_argument(
        "--hosts",
        default=DEFAULT_HOSTS,
        metavar="NAME[:USER],...",
        help="SSH logs in as USER: root (default) or deploy (with sudo); default: %(default)s",
    )
    up.add_argument(
        "--packages",
        action="append",
        default=[],
        metavar="NAME=PACKAGE,...",
        help="Debian packages in the image of a host; again for more hosts",
    )
    up.add_argument(
        "--setup",
        action="append",
        default=[],
        metavar="NAME=FILE",
        help="shell script that root runs once on a host, after its first boot; again for more",
    )
    up.add_argument(
        "--docker",
        default="",
        metavar="NAME,...",
        help="hosts that can run a Docker Engine of their own; --packages brings one",
    )
    up.add_argument("--subnet", help="subnet of the group's network; default: a free one")
    up.set_defaults(command=_up)
    down = commands.add_parser("down", help="remove a group: containers, network, keys")
    down.add_argument("group", metavar="GROUP")
    down.set_defaults(command=_down)
    status = commands.add_parser("status", help="show the test hosts of every checkout")
    status.set_defaults(command=_status)
    image_ = commands.add_parser("image", help="build the hosts' images if the engine has none")
    image_.add_argument(
        "--packages",
        action="append",
        default=[],
        metavar="PACKAGE,...",
        help="also one with these Debian packages; again for more images",
    )
    image_.add_argument(
        "--remove", action="store_true", help="remove all of them, unless one is in use"
    )
    image_.set_defaults(command=_image)
    engine_ = commands.add_parser("engine", help="install and start an engine if none answers")
    engine_.add_argument("--stop", action="store_true", help="stop the one that this started")
    engine_.set_defaults(command=_engine)
    return parser


def _up(options: argparse.Namespace) -> int:
    specs = _specs(options)
    found = hosts.up(options.group, specs, options.subnet)
    for host in found:
        login = f"ssh -i {host.key} -o UserKnownHostsFile={host.known_hosts}"
        login += f" -p {host.ssh_port} {host.user}@127.0.0.1"
        print(f"{host.name:<10} {host.address:<15} {login}")
    console.print(f"inventories read {group_folder(options.group) / 'hosts.json'}")
    return 0


def _specs(options: argparse.Namespace) -> list[HostSpec]:
    plain = [HostSpec.parse(text) for text in options.hosts.split(",")]
    packages = parse_options(options.packages, plain, "--packages")
    scripts = parse_options(options.setup, plain, "--setup")
    engines = set(filter(None, options.docker.split(",")))
    for unknown in engines - {spec.name for spec in plain}:
        raise HostsError(f"--docker {unknown}: there is no such host")
    specs = []
    for spec in plain:
        chosen = packages.get(spec.name)
        specs.append(
            replace(
                spec,
                packages=tuple(chosen.split(",")) if chosen else (),
                docker=spec.name in engines,
                setup=_script(scripts[spec.name]) if spec.name in scripts else "",
            )
        )
    return specs


def _script(path: str) -> str:
    try:
        return Path(path).read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        raise HostsError(f"--setup {path}: {error}") from error


def _down(options: argparse.Namespace) -> int:
    console.print(f"{hosts.down(options.group)} hosts removed")
    return 0


def _status(_: argparse.Namespace) -> int:
    client = engine.connect()
    if client is None:
        console.print("no Docker Engine answers, so there are no test hosts")
        return 0
    table = Table("group", "host", "state", "address", "ssh port", "user", "checkout", box=None)
    rows = []
    for each in every_container(client, {"label": guest.GROUP}):
        keys = (guest.ADDRESS, guest.SSH_PORT, guest.USER, guest.CHECKOUT)
        address, port, user, checkout = (each.labels[key] for key in keys)
        here = "this one" if checkout == checkout_id() else checkout
        name = (each.labels[guest.GROUP], each.labels[guest.HOST])
        rows.append((*name, each.status, address, port, user, here))
    for row in sorted(rows):
        table.add_row(*row)
    Console().print(table)
    return 0


def _image(options: argparse.Namespace) -> int:
    if options.remove:
        gone = image.remove(engine.connect())
        console.print("images removed" if gone else "an image is in use by other hosts, all stay")
        return 0
    chosen = [tuple(text.split(",")) for text in options.packages]
    for packages in chosen:
        check_packages(packages)
    client = engine.ensure()
    for packages in [(), *chosen]:
        print(image.ensure(client, packages))
    return 0


def _engine(options: argparse.Namespace) -> int:
    if options.stop:
        stopped = engine.stop()
        console.print("stopped" if stopped else "this checkout started no engine that still runs")
        return 0
    version = engine.ensure().version()
    print(json.dumps({"version": version["Version"], "api": version["ApiVersion"]}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
