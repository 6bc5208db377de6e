"""``python -m pyflinkpp``."""

import signal
import socket
import subprocess
import sys

import pytest
from pyflinkpp.version import __version__

COMMAND = [sys.executable, "-m", "pyflinkpp"]


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*COMMAND, *arguments], capture_output=True, text=True, timeout=60)


@pytest.fixture
def free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


def test_tells_its_version():
    assert run("--version").stdout == f"pyflinkpp {__version__}\n"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "required: command"),
        (("taskmanager", "-D", "taskmanager.numberOfTaskSlots"), "-D takes KEY=VALUE"),
        (("taskmanager", "-D", "taskmanager.numberOfTaskSlots=many"), "taskmanager.numberOfTaskSlots"),
        (("taskmanager", "-D", "taskmanager.numberOfTaskSlot=2"), "did you mean 'taskmanager.numberOfTaskSlots'"),
    ],
)  # fmt: skip
def test_wrong_arguments_are_told(arguments, said):
    done = run(*arguments, *(["-D", "taskmanager.registration.timeout=0 ms"] if arguments else []))
    assert done.returncode != 0
    assert said in done.stderr


def test_a_taskmanager_gives_up_where_no_jobmanager_is(free_port):
    done = run(
        *("taskmanager", "-D", f"jobmanager.rpc.port={free_port}"),
        *("-D", "taskmanager.registration.timeout=200 ms"),
    )
    assert done.returncode == 1
    assert f"pyflinkpp taskmanager: no JobManager at localhost:{free_port}" in done.stderr


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_taskmanager_ends_when_it_is_told_to(number):
    """It listens where the JobManager should be, so that the test knows when it is up."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(60)
        process = subprocess.Popen(
            [*COMMAND, "taskmanager", "-D", f"jobmanager.rpc.port={server.getsockname()[1]}",
             "-D", "jobmanager.rpc.address=127.0.0.1"],
            stderr=subprocess.PIPE,
            text=True,
        )  # fmt: skip
        try:
            connection, _ = server.accept()
            with connection:
                connection.settimeout(60)
                assert connection.recv(1)
                process.send_signal(number)
                assert process.wait(60) == 0
        finally:
            process.kill()
            said = process.communicate()[1]
    assert said == ""
