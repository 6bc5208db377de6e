"""The settings of a cluster's processes."""

from __future__ import annotations

import sys

__all__ = [
    "HEARTBEAT_INTERVAL",
    "HEARTBEAT_TIMEOUT",
    "JOB_MANAGER_ADDRESS",
    "JOB_MANAGER_PORT",
    "LOCAL_PROCESSES",
    "REGISTRATION_TIMEOUT",
    "SLOTS",
    "python_version",
]

HEARTBEAT_INTERVAL = "heartbeat.interval"
HEARTBEAT_TIMEOUT = "heartbeat.timeout"
JOB_MANAGER_ADDRESS = "jobmanager.rpc.address"
JOB_MANAGER_PORT = "jobmanager.rpc.port"
LOCAL_PROCESSES = "execution.local.processes"
REGISTRATION_TIMEOUT = "taskmanager.registration.timeout"
SLOTS = "taskmanager.numberOfTaskSlots"


def python_version() -> str:
    """Gives the part of Python's version that all processes of a cluster must share.

    :return: As "3.11".
    """
    return f"{sys.version_info.major}.{sys.version_info.minor}"
