"""The process of a TaskManager."""

from __future__ import annotations

import json
import os
import platform
import signal
import sys
from typing import Any

from pyflinkpp._cluster_keys import (
    JOB_MANAGER_ADDRESS,
    JOB_MANAGER_PORT,
    REGISTRATION_TIMEOUT,
    SLOTS,
    python_version,
)
from pyflinkpp.common._values import parse_duration_ms
from pyflinkpp.common.configuration import Configuration
from pyflinkpp.version import __version__

__all__ = ["run_task_manager"]

# How long tasks may take to close their functions when the parent has died, milliseconds.
_GRACE_MS = 5_000
_LOOK_MS = 200


def run_task_manager(settings: Configuration, control: int = -1) -> int:
    """Runs a TaskManager until it is told to end (SIGTERM) or finds no JobManager.

    :param settings: Where the JobManager is, the number of slots.
    :param control: The reading end of a pipe whose first line says what the parent wants this
        process to know, and which ends with the parent; -1 when it has been started by hand.
    :return: The exit code.
    """
    parent = _take_over(control) if control >= 0 else {}
    stopping = _stop_on_signal(bool(parent))
    from pyflinkpp._engine import native

    engine = native()
    task_manager = engine.TaskManagerHost(
        host=settings.get_string(JOB_MANAGER_ADDRESS, "localhost"),
        port=settings.get_integer(JOB_MANAGER_PORT, 6123),
        token=parent.get("token", ""),
        slots=settings.get_integer(SLOTS, 0 if parent else 1),
        name=f"{platform.node()}:{os.getpid()}",
        version=__version__,
        python=python_version(),
        registration_timeout_ms=0
        if parent
        else parse_duration_ms(
            REGISTRATION_TIMEOUT, settings.get_string(REGISTRATION_TIMEOUT, "5 min")
        ),
    )
    if parent:
        task_manager.watch_parent(control, parent["pid"], _GRACE_MS)
    while not task_manager.wait(_LOOK_MS):
        if stopping():
            task_manager.shutdown()
    failure: str = task_manager.failure()
    if failure and not parent:
        print(f"pyflinkpp taskmanager: {failure}", file=sys.stderr)
    return 1 if failure else 0


def _take_over(control: int) -> dict[str, Any]:
    """Reads what the parent says, and makes this process find the parent's modules."""
    line = bytearray()
    while not line.endswith(b"\n"):
        read = os.read(control, 1)
        if not read:  # the parent is gone already
            sys.exit(1)
        line += read
    parent: dict[str, Any] = json.loads(line)
    sys.path[:] = parent["path"]
    sys.argv[:] = parent["arguments"]
    if parent["python_path"] is None:
        os.environ.pop("PYTHONPATH", None)
    else:
        os.environ["PYTHONPATH"] = parent["python_path"]
    return parent


def _stop_on_signal(has_parent: bool) -> Any:
    """Makes SIGTERM a wish; SIGINT is the parent's, if there is one. Tells whether it was wished."""
    wished = False

    def wish(number: int, frame: object) -> None:
        nonlocal wished
        wished = True

    signal.signal(signal.SIGTERM, wish)
    signal.signal(signal.SIGINT, signal.SIG_IGN if has_parent else wish)
    return lambda: wished
