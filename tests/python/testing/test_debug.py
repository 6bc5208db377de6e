"""Jobs in the calling thread."""

from __future__ import annotations

import threading

import pytest
from pyflinkpp.common import Types
from pyflinkpp.common.exceptions import JobExecutionException
from pyflinkpp.datastream import StreamExecutionEnvironment


def test_functions_run_themselves_in_the_calling_thread() -> None:
    env = StreamExecutionEnvironment.get_execution_environment().debug()
    seen = []

    def look(number):
        seen.append((number, threading.current_thread() is threading.main_thread()))
        return number

    stream = env.from_collection([1, 2, 3], Types.LONG()).map(look, Types.LONG())
    with stream.key_by(lambda n: n % 2).sum().execute_and_collect() as sums:
        assert sorted(sums) == [1, 2, 4]
    assert seen == [(1, True), (2, True), (3, True)]


def test_the_environment_variable(run_script) -> None:
    done = run_script(
        "import os; os.environ['PYFLINKPP_DEBUG'] = '1'\n"
        "import threading\n"
        "from pyflinkpp.datastream import StreamExecutionEnvironment\n"
        "env = StreamExecutionEnvironment.get_execution_environment().set_parallelism(2)\n"
        "env.from_collection([1]).rebalance()"
        ".map(lambda n: threading.current_thread().name).print()\n"
        "env.execute()\n"
    )
    assert "MainThread" in done.stdout, done.stderr


def test_failures_and_cancellation() -> None:
    env = StreamExecutionEnvironment.get_execution_environment().debug()
    stream = env.from_collection(list(range(9)), Types.LONG())
    with pytest.raises(JobExecutionException, match="ZeroDivisionError"):
        list(stream.map(lambda n: 1 // (n - 4)).execute_and_collect())
    with stream.map(lambda n: n).execute_and_collect() as elements:
        assert next(elements) == 0
