"""The command line: ``python -m pyflinkpp COMMAND``."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from pyflinkpp.version import __version__

__all__ = ["main"]


def main(arguments: Sequence[str] | None = None) -> None:
    """Runs a command and ends the interpreter with its exit code.

    :param arguments: The words behind the program's name; those of this process by default.
    :raises SystemExit: Always; 0 when all went well, 2 for wrong arguments.
    """
    parser = argparse.ArgumentParser(
        prog="pyflinkpp", description="A stream processor with Apache Flink's Python API."
    )
    parser.add_argument("--version", action="version", version=f"pyflinkpp {__version__}")
    commands = parser.add_subparsers(title="commands", dest="command", required=True)
    task_manager = commands.add_parser(
        "taskmanager", help="run a TaskManager", description="Runs a TaskManager until it is ended."
    )
    _add_settings(task_manager)
    # Of who starts it: the reading end of a pipe that ends with that process.
    task_manager.add_argument("--control", type=int, default=-1, help=argparse.SUPPRESS)
    given = parser.parse_args(arguments)

    from pyflinkpp.cli._settings import settings_of

    try:
        settings = settings_of(given.settings)
    except ValueError as error:
        parser.error(str(error))
    from pyflinkpp.cli._task_manager import run_task_manager

    sys.exit(run_task_manager(settings, given.control))


def _add_settings(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "-D",
        dest="settings",
        metavar="KEY=VALUE",
        action="append",
        default=[],
        help="a setting, as taskmanager.numberOfTaskSlots=2; may be given several times",
    )
