"""The embedded cluster with TaskManagers in processes of their own: execution.local.processes."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from pyflinkpp._engine import native
from pyflinkpp._local_processes import LocalProcesses
from pyflinkpp.common import Configuration
from pyflinkpp.common.exceptions import JobExecutionException
from pyflinkpp.datastream import RuntimeExecutionMode, StreamExecutionEnvironment

DEADLINE = 60

START = """
import os, sys
from pyflinkpp._engine import native
from pyflinkpp._local_processes import LocalProcesses
from pyflinkpp.common import Configuration
from pyflinkpp.datastream import *
config = Configuration()
config.set_string("execution.local.processes", "2")
env = StreamExecutionEnvironment.get_execution_environment(config).set_parallelism(2)
"""


def environment(processes: int = 2, **settings: str) -> StreamExecutionEnvironment:
    config = Configuration()
    config.set_string("execution.local.processes", str(processes))
    for key, value in settings.items():
        config.set_string(key, value)
    env = StreamExecutionEnvironment.get_execution_environment(config)
    return env.set_parallelism(processes)


def gone(pids) -> bool:
    """Whether none of the processes is left."""

    def lives(pid: int) -> bool:
        try:
            with open(f"/proc/{pid}/stat") as stat:
                return stat.read().rsplit(")", 1)[1].split()[0] != "Z"
        except FileNotFoundError:
            return False

    return not any(lives(pid) for pid in pids)


def wait_until(condition) -> None:
    deadline = time.monotonic() + DEADLINE
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def command_line(pid: int) -> list[str]:
    return Path(f"/proc/{pid}/cmdline").read_text().split("\0")


def pids_of(env) -> set[int]:
    numbers = env.from_collection(list(range(100))).rebalance()
    with numbers.map(lambda n: os.getpid()).execute_and_collect() as results:
        return set(results)


def test_functions_run_in_as_many_processes_as_wanted():
    pids = pids_of(environment(2))
    assert len(pids) == 2
    assert os.getpid() not in pids
    for pid in pids:
        assert command_line(pid)[2:5] == ["-m", "pyflinkpp", "taskmanager"]


def test_later_jobs_use_the_same_processes():
    assert pids_of(environment(2)) == pids_of(environment(2))


def test_results_cross_from_process_to_process_by_key():
    env = environment(2)
    words = env.from_collection([word for word in "to be or not to be".split() for _ in range(100)])
    counts = (
        words.rebalance()
        .map(lambda word: (word, 1, {os.getpid()}))
        .key_by(lambda pair: pair[0])
        .reduce(lambda a, b: (a[0], a[1] + b[1], a[2] | b[2]))
    )
    last = {}
    with counts.execute_and_collect() as results:
        for word, count, pids in results:
            last[word] = count, len(pids)
    assert last == {"to": (200, 2), "be": (200, 2), "or": (100, 2), "not": (100, 2)}


def test_a_failure_keeps_the_users_traceback():
    def divide(n):
        return 1 // (n - 3)

    env = environment(2)
    with pytest.raises(JobExecutionException) as error:
        list(env.from_collection([1, 2, 3]).map(divide).execute_and_collect())
    assert "ZeroDivisionError" in str(error.value)
    assert "return 1 // (n - 3)" in str(error.value)
    assert isinstance(error.value.__cause__, ZeroDivisionError)


def test_what_lies_between_stages_of_batch_mode_crosses_processes():
    env = environment(2).set_runtime_mode(RuntimeExecutionMode.BATCH)
    pids = pids_of(env)
    assert len(pids) == 2
    assert os.getpid() not in pids


def test_the_environment_must_say_a_number():
    with pytest.raises(ValueError, match="execution.local.processes"):
        environment(2, **{"execution.local.processes": "many"})


def test_classes_of_main_and_modules_beside_the_script_are_known(run_script, tmp_path):
    (tmp_path / "beside.py").write_text("def double(n):\n    return 2 * n\n")
    done = run_script(
        START
        + """
import beside, enum
class Color(enum.Enum):
    RED = 1
class Order:
    def __init__(self, n, color):
        self.n, self.color = n, color
    def __eq__(self, other):
        return type(other) is Order and (other.n, other.color) == (self.n, self.color)
def make(n):
    order = Order(beside.double(n), Color.RED)
    assert isinstance(order, Order) and order.color is Color.RED
    return order
orders = env.from_collection([Order(n, Color.RED) for n in range(20)])
results = orders.rebalance().map(lambda o: make(o.n)).key_by(lambda o: o.n % 7)
results = results.map(lambda o: o).execute_and_collect()
for order in sorted(results, key=lambda o: o.n):
    assert isinstance(order, Order) and order.color is Color.RED, order
    print(order.n, end=" ")
"""
    )
    assert done.stdout.split() == [str(2 * n) for n in range(20)], done.stderr


def test_what_is_printed_comes_to_the_programs_output(run_script):
    done = run_script(
        START
        + """
env.from_collection(list(range(50))).rebalance().map(lambda n: n).print()
env.execute()
print("end")
"""
    )
    *printed, last = done.stdout.splitlines()
    assert last == "end", done.stderr
    assert sorted(int(line.split("> ")[1]) for line in printed) == list(range(50))
    assert done.stderr == ""


def waiting_program(tmp_path: Path) -> tuple[str, Path]:
    """A program whose functions wait for ever, in two processes that write down who they are."""
    folder = tmp_path / "pids"
    folder.mkdir()
    program = (
        START
        + f"""
import threading
def wait(n):
    open(os.path.join({str(folder)!r}, str(os.getpid())), "w").close()
    threading.Event().wait()
env.from_collection(list(range(100))).rebalance().map(wait).print()
env.execute()
"""
    )
    return program, folder


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_no_process_is_left_when_the_parent_is_killed(tmp_path, number):
    program, folder = waiting_program(tmp_path)
    parent = subprocess.Popen([sys.executable, "-c", program], cwd=tmp_path)
    try:
        wait_until(lambda: len(list(folder.iterdir())) == 2)
        pids = [int(path.name) for path in folder.iterdir()]
        assert not gone(pids)
    finally:
        parent.send_signal(number)
        parent.wait()
    wait_until(lambda: gone(pids))


def test_ctrl_c_is_the_parents(tmp_path):
    """A TaskManager is in a session of its own, so a terminal's Ctrl-C reaches the program only."""
    pid = next(iter(pids_of(environment(2))))
    os.kill(pid, signal.SIGINT)
    assert pid in pids_of(environment(2))
    assert os.getsid(pid) == pid
    assert os.readlink(f"/proc/{pid}/fd/0") == os.devnull


def test_a_taskmanager_that_is_killed_is_replaced(tmp_path):
    env = environment(2, **{"restart-strategy.type": "fixed-delay",
                            "restart-strategy.fixed-delay.delay": "0 ms"})  # fmt: skip
    before = pids_of(env)
    marker = tmp_path / "killed"

    def kill_once(n):
        if n == 50 and not marker.exists():
            marker.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return os.getpid()

    with (
        env.from_collection(list(range(100))).rebalance().map(kill_once).execute_and_collect() as r
    ):
        pids = set(r)
    assert marker.exists()
    assert len(pids_of(env)) == 2
    assert len(before & pids_of(env)) == 1
    assert pids


def test_a_cluster_that_was_shut_down_says_so() -> None:
    cluster = native().ProcessCluster(
        token="token",
        version="1",
        python="3",
        heartbeat_interval_ms=1_000,
        heartbeat_timeout_ms=5_000,
    )
    assert cluster.address[0] == "127.0.0.1"
    cluster.shutdown()
    for use in (
        lambda: cluster.address,
        cluster.task_managers,
        lambda: cluster.wait_for_task_managers(1, 0),
    ):
        with pytest.raises(RuntimeError, match="has been shut down"):
            use()
    cluster.shutdown()


def test_no_process_is_replaced_while_the_cluster_shuts_down(monkeypatch) -> None:
    processes = LocalProcesses(Configuration())
    cluster = processes._cluster
    told = []

    class Watched:
        def shutdown(self) -> None:
            told.append(processes._closed)
            cluster.shutdown()

    monkeypatch.setattr(processes, "_cluster", Watched())
    processes.close()
    assert told == [True]
