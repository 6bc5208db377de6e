"""Running jobs: results, summaries, clients, failures, cancellation, runtime contexts."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading

import pytest
from pyflinkpp.common import Configuration, JobStatus, Types, WatermarkStrategy, accumulators
from pyflinkpp.common.exceptions import JobCancellationException, JobExecutionException
from pyflinkpp.datastream import MapFunction, StreamExecutionEnvironment
from pyflinkpp.datastream.connectors.base import DiscardingSink
from pyflinkpp.datastream.connectors.number_seq import NumberSequenceSource
from pyflinkpp.datastream.functions import KeySelector, ReduceFunction

NO_WATERMARKS = WatermarkStrategy.no_watermarks()
ENDLESS = 2**62


def numbers(env, last=100):
    return env.from_source(NumberSequenceSource(1, last), NO_WATERMARKS, "numbers")


class Facts(MapFunction):
    def __init__(self):
        self.opened = 0

    def open(self, runtime_context):
        self.opened += 1
        self.context = runtime_context

    def map(self, value):
        context = self.context
        return (
            context.get_task_name(), context.get_number_of_parallel_subtasks(),
            context.get_index_of_this_subtask(), context.get_attempt_number(),
            context.get_max_number_of_parallel_subtasks(), context.get_task_name_with_subtasks(),
            context.get_job_parameter("city", "?"), context.get_job_parameter("none", "?"),
            self.opened,
        )  # fmt: skip


class Counting(MapFunction):
    """Counts its calls of open, map and close by accumulators."""

    def open(self, runtime_context):
        self.calls = runtime_context.get_int_counter("map")
        self.lengths = runtime_context.get_histogram("lengths")
        runtime_context.get_long_counter("open").add(1)
        self.own = accumulators.ListAccumulator()
        runtime_context.add_accumulator("own", self.own)

    def map(self, value):
        self.calls.add(1)
        self.lengths.add(len(str(value)))
        if value == 50:
            self.own.add("fifty")
        return value


class Key(KeySelector):
    def open(self, runtime_context):
        self.calls = runtime_context.get_int_counter("key")

    def get_key(self, value):
        self.calls.add(1)
        return value % 7


class Add(ReduceFunction):
    def open(self, runtime_context):
        self.calls = runtime_context.get_int_counter("reduce")

    def reduce(self, value1, value2):
        self.calls.add(1)
        return value1 + value2


class Marker(MapFunction):
    """Leaves a file when it is opened and one when it is closed."""

    def __init__(self, folder):
        self.folder = str(folder)

    def open(self, runtime_context):
        self.index = runtime_context.get_index_of_this_subtask()
        self.leave("opened")

    def map(self, value):
        return value

    def close(self):
        self.leave("closed")

    def leave(self, what):
        with open(os.path.join(self.folder, f"{what}-{self.index}"), "w"):
            pass


def all_closed(folder):
    """Whether functions were opened and each of them was closed again."""
    opened, closed = (
        {name.split("-")[1] for name in os.listdir(folder) if name.startswith(what)}
        for what in ("opened", "closed")
    )
    return bool(opened) and opened == closed


def test_runtime_context(any_env, collect) -> None:
    any_env.set_max_parallelism(64)
    any_env.get_config().set_global_job_parameters({"city": "Bern, CH"})
    parallelism = any_env.get_parallelism()
    facts = collect(numbers(any_env).map(Facts()).name("facts"))
    assert len(facts) == 100
    assert {fact[2] for fact in facts} <= set(range(parallelism))
    for name, subtasks, index, attempt, most, full_name, city, none, opened in set(facts):
        assert "facts" in name
        assert full_name == f"{name} ({index + 1}/{parallelism})#0"
        assert (subtasks, attempt, most, opened) == (parallelism, 0, 64, 1)
        assert (city, none) == ("Bern, CH", "?")


def test_each_function_is_called_once_an_element(any_env) -> None:
    stream = numbers(any_env).map(Counting(), Types.LONG()).key_by(Key(), Types.LONG())
    stream.reduce(Add()).sink_to(DiscardingSink())
    result = any_env.execute("calls")
    counted = result.get_all_accumulator_results()
    assert counted["map"] == counted["key"] == 100
    assert counted["reduce"] == 93  # the first element of each of the 7 keys needs no call
    assert counted["open"] == any_env.get_parallelism()
    assert counted["lengths"] == {1: 9, 2: 90, 3: 1}
    assert result.get_accumulator_result("own") == ["fifty"]
    summary = result.get_summary()
    edges = [(counts["records_in"], counts["records_out"]) for counts in summary.values()]
    assert edges == [(0, 100), (100, 100), (100, 100), (100, 100), (100, 0)]
    accesses = {name: counts["state_accesses"] for name, counts in summary.items()}
    assert accesses.pop("Reduce") == 100
    assert set(accesses.values()) == {0}


@pytest.mark.parametrize("backend", ["hashmap", "rocksdb"])
def test_state_backends_agree(any_env, collect, backend, tmp_path) -> None:
    any_env.configure(Configuration().set_string("state.backend.type", backend)
                      .set_string("state.backend.rocksdb.localdir", str(tmp_path)))  # fmt: skip
    pairs = numbers(any_env, 3000).map(lambda n: (n % 400, [n]))  # untyped: state is pickled
    joined = pairs.key_by(lambda pair: pair[0]).reduce(lambda a, b: (a[0], a[1] + b[1]))
    longest = {}
    for key, members in collect(joined):
        longest[key] = max(longest.get(key, []), members, key=len)
    assert {key: sorted(members) for key, members in longest.items()} == {
        key: [n for n in range(1, 3001) if n % 400 == key] for key in range(400)
    }
    assert not any(tmp_path.iterdir())


def test_summary(any_env) -> None:
    stream = numbers(any_env).filter(lambda n: n % 2 == 0)
    stream.map(str, Types.STRING()).sink_to(DiscardingSink()).name("discard")
    stream.map(str, Types.STRING()).key_by(len).sum().sink_to(DiscardingSink())
    summary = any_env.execute("summary").get_summary()
    assert summary["numbers"]["records_out"] == 100
    assert (summary["Filter"]["records_in"], summary["Filter"]["records_out"]) == (100, 50)
    assert summary["Map"]["records_in"] == summary["Map (2)"]["records_in"] == 50
    assert summary["discard"]["records_in"] == summary["Sink"]["records_in"] == 50
    assert summary["Reduce"]["records_out"] == 50
    assert {counts["late_dropped"] for counts in summary.values()} == {0}
    assert summary["Map"]["parallelism"] == any_env.get_parallelism()


def test_execute_gives_a_result(env) -> None:
    numbers(env).sink_to(DiscardingSink())
    result = env.execute("result")
    assert len(str(result.get_job_id())) == 32
    assert result.get_net_runtime() >= 0
    assert result.is_job_execution_result()
    assert "numbers" in str(result)


def test_an_environment_runs_further_jobs(env, collect) -> None:
    numbers(env).sink_to(DiscardingSink())
    env.execute()
    with pytest.raises(RuntimeError, match="No operators"):
        env.execute()
    assert collect(env.from_collection([5])) == [5]
    numbers(env).map(lambda n: 1 // 0).sink_to(DiscardingSink())
    with pytest.raises(JobExecutionException):
        env.execute()
    assert collect(env.from_collection([6])) == [6]


def test_collecting_runs_the_other_sinks_too(env, tmp_path, collect) -> None:
    numbers(env).map(Marker(tmp_path)).sink_to(DiscardingSink())
    assert collect(env.from_collection([5])) == [5]
    assert all_closed(tmp_path)


def test_execution_plan(any_env) -> None:
    keyed = numbers(any_env).map(str, Types.STRING()).key_by(len)
    keyed.sum().sink_to(DiscardingSink()).name("end")
    nodes = json.loads(any_env.get_execution_plan())["nodes"]
    by_name = {node["type"]: node for node in nodes}
    assert {node["parallelism"] for node in nodes} == {any_env.get_parallelism()}
    assert any("numbers" in name for name in by_name)
    strategies = [p["ship_strategy"] for node in nodes for p in node.get("predecessors", [])]
    assert "HASH" in strategies and "FORWARD" in strategies
    any_env.execute()  # the sinks are still there


def test_limit(any_env) -> None:
    some = numbers(any_env, ENDLESS).map(lambda n: n, Types.LONG()).execute_and_collect(limit=7)
    assert isinstance(some, list) and len(set(some)) == 7
    assert any_env.from_collection([1, 2]).execute_and_collect("few", 5) == [1, 2]


def test_closing_early_stops_the_job(any_env, tmp_path) -> None:
    stream = numbers(any_env, ENDLESS).map(Marker(tmp_path), Types.LONG())
    with stream.execute_and_collect() as elements:
        assert len([next(elements) for _ in range(3)]) == 3
        assert elements.next() > 0
    assert all_closed(tmp_path)
    assert list(elements) == []
    elements.close()


def test_closing_before_the_first_element(any_env, tmp_path) -> None:
    elements = numbers(any_env, ENDLESS).map(Marker(tmp_path), Types.LONG()).execute_and_collect()
    elements.close()
    assert list(elements) == []


def test_an_iterator_that_is_dropped_cancels_its_job(env) -> None:
    elements = numbers(env, ENDLESS).map(lambda n: n, Types.LONG()).execute_and_collect()
    job = elements._results._job
    assert next(elements) > 0
    del elements
    while not job.wait(100):
        pass
    assert job.status() == "CANCELED"


def test_job_client(env) -> None:
    numbers(env, ENDLESS).map(lambda n: n).sink_to(DiscardingSink())
    client = env.execute_async("endless")
    assert len(str(client.get_job_id())) == 32
    assert client.get_job_status().result() in (JobStatus.CREATED, JobStatus.RUNNING)
    future = client.get_job_execution_result()
    assert not future.done()
    client.cancel().result()
    assert client.get_job_status().result() is JobStatus.CANCELED
    assert future.done()
    assert isinstance(future.exception(), JobCancellationException)
    with pytest.raises(JobCancellationException):
        future.result()
    client.cancel().result()


def test_job_client_of_a_job_that_ends(any_env) -> None:
    numbers(any_env).map(Counting()).sink_to(DiscardingSink())
    client = any_env.execute_async()
    result = client.get_job_execution_result().result()
    assert result.get_job_id() == client.get_job_id()
    assert client.get_job_status().result() is JobStatus.FINISHED
    assert client.get_accumulators().result()["map"] == 100
    assert not client.get_job_execution_result().cancel()


def test_two_jobs_at_once() -> None:
    clients = []
    for _ in range(2):
        env = StreamExecutionEnvironment.get_execution_environment()
        numbers(env, ENDLESS).map(lambda n: n).sink_to(DiscardingSink())
        clients.append(env.execute_async())
    assert clients[0].get_job_id() != clients[1].get_job_id()
    for client in clients:
        client.cancel().result()


# ---- failures ----


def divide(n):
    return 100 // (n - 70)


def test_a_function_that_raises(any_env) -> None:
    numbers(any_env).map(divide, Types.LONG()).name("divider").sink_to(DiscardingSink())
    with pytest.raises(JobExecutionException) as error:
        any_env.execute()
    text = str(error.value)
    for word in ("ZeroDivisionError", "in divide", "test_jobs.py", "divider", "subtask", "70"):
        assert word in text
    assert not [noise for noise in ("std::", "absl::", ".cc:") if noise in text]
    assert isinstance(error.value, RuntimeError)


def test_the_failing_element_is_shortened(env) -> None:
    env.from_collection(["x" * 1_000_000]).map(lambda text: text.no).sink_to(DiscardingSink())
    with pytest.raises(JobExecutionException) as error:
        env.execute()
    assert "AttributeError" in str(error.value) and "'xxx" in str(error.value)
    assert len(str(error.value)) < 10_000


class Boom(MapFunction):
    def __init__(self, where):
        self.where = where

    def open(self, runtime_context):
        if self.where == "open":
            raise LookupError("no open")

    def map(self, value):
        return value

    def close(self):
        if self.where == "close":
            raise LookupError("no close")


@pytest.mark.parametrize("where", ["open", "close"])
def test_open_and_close_may_raise(any_env, where: str) -> None:
    numbers(any_env).map(Boom(where)).name("boom").sink_to(DiscardingSink())
    with pytest.raises(JobExecutionException, match=f"LookupError: no {where}"):
        any_env.execute()


@pytest.mark.parametrize(
    ("describe", "words"),
    [
        (lambda s: s.flat_map(lambda n: n), ["TypeError", "FlatMap"]),
        (lambda s: s.filter(lambda n: n.no), ["AttributeError", "Filter"]),
        (lambda s: s.key_by(lambda n: n.no).map(str), ["AttributeError"]),
        (lambda s: s.key_by(lambda n: 0).reduce(lambda a, b: a.no), ["AttributeError", "Reduce"]),
        (lambda s: s.map(lambda n: "text", Types.LONG()), ["Map", "text"]),
        (lambda s: s.map(lambda n: 2**63, Types.LONG()), ["Map", "9223372036854775808"]),
        (lambda s: s.map(lambda n: (n,), Types.TUPLE([Types.LONG()] * 2)), ["Map"]),
        (lambda s: s.key_by(lambda n: {n}).map(str), ["key", "set"]),
        (lambda s: s.key_by(lambda n: {n: 1}).sum(), ["key", "dict"]),
        (lambda s: s.key_by(lambda n: object()).sum(), ["key", "object"]),
        (lambda s: s.partition_custom(lambda k, n: n, lambda v: v).map(str), ["PartitionCustom"]),
    ],
)  # fmt: skip
def test_failures_name_cause_and_place(any_env, describe, words: list[str]) -> None:
    describe(any_env.from_collection([1, 2, 3], Types.LONG())).sink_to(DiscardingSink())
    with pytest.raises(JobExecutionException) as error:
        any_env.execute()
    assert [word for word in words if word not in str(error.value)] == []


def test_elements_that_do_not_fit_are_refused_before_the_job(env) -> None:
    env.from_collection([1, "two"], Types.LONG()).sink_to(DiscardingSink())
    with pytest.raises((TypeError, ValueError), match="two"):
        env.execute()


def test_one_failing_subtask_does_not_hang_the_other(env) -> None:
    env.set_parallelism(2)
    (
        numbers(env, ENDLESS)
        .map(Facts())
        .filter(lambda fact: 1 // (1 - fact[2]) >= 0)
        .rebalance()
        .sink_to(DiscardingSink())
    )
    with pytest.raises(JobExecutionException, match="ZeroDivisionError"):
        env.execute()


def test_a_failed_job_fails_the_iteration(any_env) -> None:
    with numbers(any_env).map(divide).execute_and_collect() as elements:
        with pytest.raises(JobExecutionException, match="ZeroDivisionError"):
            list(elements)


def test_close_runs_after_a_failure(any_env, tmp_path) -> None:
    stream = numbers(any_env, ENDLESS).map(Marker(tmp_path)).map(divide)
    stream.sink_to(DiscardingSink())
    with pytest.raises(JobExecutionException):
        any_env.execute()
    assert all_closed(tmp_path)


# ---- interruption ----

INTERRUPTED = """
import os, sys
from pyflinkpp.common import Encoder, Types, WatermarkStrategy
from pyflinkpp.datastream import MapFunction, StreamExecutionEnvironment
from pyflinkpp.datastream.connectors.file_system import FileSink
from pyflinkpp.datastream.connectors.number_seq import NumberSequenceSource

class Slow(MapFunction):
    def open(self, runtime_context):
        self.index = runtime_context.get_index_of_this_subtask()
        self.said = False
    def map(self, value):
        if not self.said:
            self.said = True
            os.write(1, b"running\\n")
        return str(value)
    def close(self):
        open(f"closed-{self.index}", "w").close()

env = StreamExecutionEnvironment.get_execution_environment()
env.set_parallelism(2)
numbers = env.from_source(NumberSequenceSource(1, 2 ** 62), WatermarkStrategy.no_watermarks(), "n")
texts = numbers.map(Slow(), Types.STRING()).filter(lambda x: x.endswith("9999"))
try:
    if sys.argv[1] == "execute":
        texts.sink_to(FileSink.for_row_format("out", Encoder.simple_string_encoder()).build())
        env.execute()
    else:
        with texts.filter(lambda x: False).execute_and_collect() as elements:
            print(list(elements))
except KeyboardInterrupt:
    print("interrupted", flush=True)
"""


@pytest.mark.parametrize("how", ["execute", "collect"])
def test_ctrl_c(tmp_path, how: str) -> None:
    program = tmp_path / "program.py"
    program.write_text(INTERRUPTED)
    child = subprocess.Popen(
        [sys.executable, str(program), how],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert [child.stdout.readline() for _ in range(2)] == ["running\n"] * 2
    child.send_signal(signal.SIGINT)
    out, _ = child.communicate(timeout=30)
    assert child.returncode == 0 and out.strip() == "interrupted", out
    assert (tmp_path / "closed-0").exists() and (tmp_path / "closed-1").exists()
    written = [p.name for p in (tmp_path / "out").rglob("*") if p.is_file()]
    assert [name for name in written if name[0] not in "._"] == []


def test_a_running_job_does_not_keep_the_process_alive(run_script) -> None:
    program = (
        INTERRUPTED.partition("try:")[0] + "texts.print()\nenv.execute_async()\nprint('end')\n"
    )
    done = run_script(program)
    assert done.returncode == 0, done.stderr
    assert "end" in done.stdout and "Traceback" not in done.stderr


def test_functions_of_main(run_script) -> None:
    done = run_script("""
from pyflinkpp.common import Types
from pyflinkpp.datastream import MapFunction, StreamExecutionEnvironment

FACTOR = 10

def twice(n):
    return 2 * n

class Times(MapFunction):
    def map(self, value):
        return twice(value) * FACTOR

env = StreamExecutionEnvironment.get_execution_environment()
with env.from_collection([1, 2], Types.LONG()).map(Times()).map(lambda n: n + FACTOR) \\
        .execute_and_collect() as elements:
    print(list(elements))
""")
    assert done.stdout == "[30, 50]\n", done.stderr


def test_from_another_thread(any_env) -> None:
    results = []

    def work():
        with numbers(any_env).map(lambda n: n).execute_and_collect() as elements:
            results.append(sorted(elements))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert results == [list(range(1, 101))]
