"""reference serve | worker | traffic."""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
from collections.abc import Sequence

from stackwatch_reference.api import create_app
from stackwatch_reference.serving import serve
from stackwatch_reference.settings import Settings, SettingsError, from_environment
from stackwatch_reference.traffic import Plan, TrafficError, run, summary
from stackwatch_reference.worker import create_worker

_MISUSED = 2


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a subcommand; returns the exit code."""
    options = _parser().parse_args(arguments)
    try:
        if options.command == "traffic":
            return _traffic(options)
        settings = from_environment(os.environ)
        return _worker(settings) if options.command == "worker" else _serve(settings)
    except (SettingsError, TrafficError) as error:
        print(error, file=sys.stderr)
        return _MISUSED


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="reference", description="A service to try a monitoring stack on."
    )
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("serve", help="the service; settings are REFERENCE_* variables")
    commands.add_parser("worker", help="the worker of its queue; the same settings")
    traffic = commands.add_parser("traffic", help="requests to a service on a private address")
    traffic.add_argument("--url", default="http://127.0.0.1:8000")
    traffic.add_argument("--seconds", type=float, default=30.0)
    traffic.add_argument("--rate", type=float, default=5.0, help="requests a second")
    traffic.add_argument("--seed", type=int, help="the same requests again")
    return parser


def _serve(settings: Settings) -> int:
    serve(create_app(settings), listen=settings.listen, port=settings.port)
    return 0


def _worker(settings: Settings) -> int:
    serve(create_worker(settings), listen=settings.listen, port=settings.worker_port)
    return 0


def _traffic(options: argparse.Namespace) -> int:
    plan = Plan(url=options.url, seconds=options.seconds, rate=options.rate, seed=options.seed)
    statuses = asyncio.run(run(plan))
    print(summary(statuses))
    # Nobody answered: there was no traffic, and whoever counts on it should know.
    return 0 if any(status.isdigit() for status in statuses) else 1


if __name__ == "__main__":
    sys.exit(main())
