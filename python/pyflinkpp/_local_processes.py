"""The embedded cluster with TaskManagers in processes of their own, so that functions use every core.

This process has the JobManager and is the client. A TaskManager is started by exec, gets no
standard input, no Ctrl-C, and writes where this process writes. It ends with this process, whatever
ends that: it notices the end of a pipe.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from typing import Any

from pyflinkpp._cluster_keys import (
    HEARTBEAT_INTERVAL,
    HEARTBEAT_TIMEOUT,
    JOB_MANAGER_ADDRESS,
    JOB_MANAGER_PORT,
    LOCAL_PROCESSES,
    python_version,
)
from pyflinkpp._engine import native
from pyflinkpp.common._values import parse_duration_ms
from pyflinkpp.common.configuration import Configuration
from pyflinkpp.version import __version__

__all__ = ["local_processes", "processes_of"]

_START_SECONDS = 60
# A process that ends by itself is replaced, so many times in all.
_REPLACEMENTS_MAX = 100


def processes_of(configuration: Configuration) -> int:
    """Gives the number of TaskManager processes that a job's configuration asks for.

    :param configuration: The settings.
    :return: The number; 0 when the job runs in this process.
    :raises ValueError: When the setting is no whole number of at least 0.
    """
    wanted = configuration.get_string(LOCAL_PROCESSES, "0").strip()
    if not wanted.isdecimal():
        raise ValueError(f"{LOCAL_PROCESSES}: {wanted!r} must be a whole number of at least 0")
    return int(wanted)


class LocalProcesses:
    """A JobManager in this process and TaskManagers in others.

    :param configuration: The settings of the first job that needs it.
    """

    def __init__(self, configuration: Configuration) -> None:
        import secrets

        def millis(key: str, default: str) -> int:
            return parse_duration_ms(key, configuration.get_string(key, default))

        self._token = secrets.token_hex(16)
        self._cluster = native().ProcessCluster(
            token=self._token,
            version=__version__,
            python=python_version(),
            heartbeat_interval_ms=millis(HEARTBEAT_INTERVAL, "10 s"),
            heartbeat_timeout_ms=millis(HEARTBEAT_TIMEOUT, "50 s"),
        )
        self._owner = os.getpid()
        self._lock = threading.Lock()
        self._processes: list[_Process] = []
        self._replacements = 0
        self._closed = False

    def submit(self, graph: Any, name: str, count: int) -> Any:
        """Runs a job when so many TaskManagers are there.

        :param graph: The engine's JobGraph.
        :param name: The job's name.
        :param count: The least number of TaskManager processes.
        :return: The engine's job.
        :raises RuntimeError: When a TaskManager can't be started.
        """
        with self._lock:
            while len(self._processes) < count:
                self._processes.append(self._start())
        self._wait_for(count)
        return self._cluster.submit(graph, name)

    def close(self) -> None:
        """Cancels all jobs, waits until they have ended, and lets the TaskManagers go."""
        if self._owner != os.getpid():  # a forked child has neither threads nor TaskManagers
            return
        with self._lock:
            self._closed = (
                True  # first: TaskManagers end with the cluster, and are not to be replaced
            )
            processes, self._processes = self._processes, []
        self._cluster.shutdown()
        for process in processes:
            process.let_go()

    def _wait_for(self, count: int) -> None:
        import time

        deadline = time.monotonic() + _START_SECONDS
        while not self._cluster.wait_for_task_managers(count, 50):
            with self._lock:
                failed = self._replacements >= _REPLACEMENTS_MAX
            if failed or time.monotonic() > deadline:
                raise RuntimeError(
                    f"{count} TaskManager processes were to be started with {sys.executable}, and "
                    f"{self._cluster.task_managers()} have registered; what the others said is on "
                    f"the standard error. {LOCAL_PROCESSES}: 0 runs jobs in this process"
                )

    def _start(self) -> _Process:
        host, port = self._cluster.address
        process = _Process(host, port, self._token)
        threading.Thread(
            target=self._attend, args=(process,), name="TaskManager process", daemon=True
        ).start()
        return process

    def _attend(self, process: _Process) -> None:
        """Replaces a process that ends by itself, and so its slots."""
        process.wait()
        with self._lock:
            if self._closed or process not in self._processes:
                return
            process.let_go()
            self._processes.remove(process)
            self._replacements += 1
            if self._replacements < _REPLACEMENTS_MAX:
                self._processes.append(self._start())


class _Process:
    """A TaskManager in a process of its own.

    :param host: Where the JobManager listens.
    :param port: The same.
    :param token: What who connects has to know.
    """

    def __init__(self, host: str, port: int, token: str) -> None:
        if not sys.executable:
            raise RuntimeError(
                "this interpreter does not know its own executable, so no TaskManager can be "
                f"started with it; {LOCAL_PROCESSES}: 0 runs jobs in this process"
            )
        control, self._control = os.pipe()
        package_place = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
        python_path = os.environ.get("PYTHONPATH")
        told = {
            "pid": os.getpid(),
            "token": token,
            "path": sys.path,
            "arguments": sys.argv,
            "python_path": python_path,
        }
        try:
            self._process = subprocess.Popen(
                [
                    *(sys.executable, "-u", "-m", "pyflinkpp", "taskmanager"),
                    *("-D", f"{JOB_MANAGER_ADDRESS}={host}", "-D", f"{JOB_MANAGER_PORT}={port}"),
                    *("--control", str(control)),
                ],
                stdin=subprocess.DEVNULL,
                pass_fds=(control,),
                start_new_session=True,
                env={
                    **os.environ,
                    "PYTHONPATH": os.pathsep.join(filter(None, (package_place, python_path))),
                },
            )
        except BaseException:
            os.close(self._control)
            raise
        finally:
            os.close(control)
        try:
            os.write(self._control, json.dumps(told).encode() + b"\n")
        except BrokenPipeError:
            pass  # it has ended already: who waits for it will see

    @property
    def pid(self) -> int:
        """The process id."""
        return self._process.pid

    def wait(self) -> None:
        """Waits until the process has ended."""
        self._process.wait()

    def let_go(self) -> None:
        """Ends the control pipe: the process closes its functions and ends."""
        control, self._control = self._control, -1
        if control >= 0:
            os.close(control)


_processes: LocalProcesses | None = None


def local_processes(configuration: Configuration) -> LocalProcesses:
    """Gives the cluster of this process; later jobs use the TaskManagers that are there.

    :param configuration: The settings of the job that wants it.
    :return: The cluster.
    """
    global _processes
    if _processes is None:
        import atexit

        _processes = LocalProcesses(configuration)
        atexit.register(_processes.close)
    return _processes
