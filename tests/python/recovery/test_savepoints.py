"""Savepoints: stop and go on, with another backend, another parallelism, another program."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pyflinkpp.common import JobExecutionException, Types
from pyflinkpp.common.job_client import JobClient
from pyflinkpp.common.job_status import JobStatus
from pyflinkpp.datastream import (
    DataStream,
    FlatMapFunction,
    KeyedProcessFunction,
    RuntimeExecutionMode,
    StreamExecutionEnvironment,
)
from pyflinkpp.datastream.functions import CheckpointedFunction
from pyflinkpp.datastream.state import ListStateDescriptor, ValueStateDescriptor
from recovery.kit import Event, Run, environment, events, results_of, stopped
from recovery.programs import PROGRAMS, RESULT, key

FIRST, SECOND = events(0, 19), events(20, 40)


def from_savepoint(path: str, *arguments: Any, **settings: str) -> StreamExecutionEnvironment:
    return environment(*arguments, execution__state_recovery__path=path, **settings)


@pytest.mark.parametrize(("first", "second"), [("hashmap", "rocksdb"), ("rocksdb", "hashmap")])
@pytest.mark.parametrize("name", PROGRAMS)
def test_a_job_goes_on_with_the_other_backend(
    name: str, first: str, second: str, tmp_path: Path
) -> None:
    program = PROGRAMS[name]
    expected, _ = results_of(environment(1, first), program, [FIRST, SECOND])
    before, path = stopped(environment(1, first, 0), program, FIRST, tmp_path)
    after, _ = results_of(from_savepoint(path, 1, second, 0), program, [SECOND])
    assert after
    assert before + after == expected


@pytest.mark.parametrize(
    "name", [name for name in PROGRAMS if name not in ("union state", "list state")]
)
def test_rescaling_from_one_to_two_and_back(name: str, tmp_path: Path) -> None:
    program, third = PROGRAMS[name], events(41, 60)
    expected, _ = results_of(environment(1, "hashmap"), program, [FIRST, SECOND, third])
    one, path = stopped(environment(1, "hashmap", 0), program, FIRST, tmp_path)
    two, path = stopped(from_savepoint(path, 2, "hashmap", 0), program, SECOND, tmp_path)
    three, _ = results_of(from_savepoint(path, 1, "hashmap", 0), program, [third])
    assert sorted(one + two + three) == sorted(expected)


def test_a_job_with_checkpoints_goes_on_as_well(tmp_path: Path) -> None:
    program = PROGRAMS["value"]
    expected, _ = results_of(environment(1, "hashmap", 0), program, [FIRST + SECOND])
    before, path = stopped(environment(1, "hashmap", 1), program, FIRST, tmp_path)
    after, _ = results_of(from_savepoint(path, 1, "hashmap", 1), program, [SECOND])
    assert before + after == expected


def test_draining_fires_all_timers(tmp_path: Path) -> None:
    program = PROGRAMS["timers"]
    results, path = stopped(environment(1, "hashmap", 0), program, FIRST, tmp_path, drain=True)
    assert (Path(path) / "_metadata").is_file()
    fired = [number // 1000 for _, number in results]
    assert fired == sorted(fired) and len(fired) >= 1


class Total(KeyedProcessFunction):
    def __init__(self, type_info: Any = None) -> None:
        self._type = type_info or Types.LONG()

    def open(self, runtime_context: Any) -> None:
        self._total = runtime_context.get_state(ValueStateDescriptor("total", self._type))

    def process_element(self, value: Event, ctx: Any) -> Iterator[Event]:
        self._total.update((self._total.value() or 0) + value[1])
        yield value[0], int(self._total.value())


def total(uid: str, type_info: Any = None) -> Any:
    def program(stream: DataStream) -> DataStream:
        keyed = stream.key_by(key, Types.STRING())
        return keyed.process(Total(type_info), RESULT).uid(uid).name("Total")

    return program


def test_state_of_an_operator_that_is_gone_is_refused_or_left_behind(tmp_path: Path) -> None:
    _, path = stopped(environment(1, "hashmap", 0), total("old"), FIRST, tmp_path)
    with pytest.raises(
        JobExecutionException, match="state of an operator 'Total' .*old.*ignore-unclaimed-state"
    ):
        results_of(from_savepoint(path, 1, "hashmap", 0), total("new"), [SECOND])
    env = from_savepoint(
        path, 1, "hashmap", 0, execution__state_recovery__ignore_unclaimed_state="true"
    )
    fresh, _ = results_of(env, total("new"), [SECOND])
    assert fresh


def test_another_type_is_refused(tmp_path: Path) -> None:
    _, path = stopped(environment(1, "hashmap", 0), total("t"), FIRST, tmp_path)
    with pytest.raises(
        JobExecutionException, match="state '.*total' was saved with the type .*LONG.*DOUBLE"
    ) as failed:
        results_of(
            from_savepoint(path, 1, "hashmap", 0),
            total("t", Types.DOUBLE()),
            [SECOND],
        )
    assert "Total" in (failed.value.operator_name or "")


class Listed(FlatMapFunction, CheckpointedFunction):
    """Says what it was restored with.

    :param kind: "list" or "union".
    :param type_info: The type of the elements.
    """

    def __init__(self, kind: str = "list", type_info: Any = None) -> None:
        self._kind = kind
        self._type = type_info or Types.LONG()

    def initialize_state(self, context: Any) -> None:
        store = context.get_operator_state_store()
        get = store.get_union_list_state if self._kind == "union" else store.get_list_state
        self._state = get(ListStateDescriptor("numbers", self._type))
        self._restored = list(self._state) if context.is_restored() else None
        self._seen = list(self._restored or [])

    def snapshot_state(self, context: Any) -> None:
        self._state.update(self._seen)

    def flat_map(self, value: Event) -> Iterator[list[int]]:
        if self._restored is not None:
            yield self._restored
            self._restored = None
        self._seen.append(value[1])


def listed(kind: str = "list", type_info: Any = None) -> Any:
    def program(stream: DataStream) -> DataStream:
        return (
            stream.key_by(key, Types.STRING())
            .flat_map(Listed(kind, type_info), Types.LIST(Types.LONG()))
            .uid("listed")
        )

    return program


@pytest.mark.parametrize("kind", ["list", "union"])
def test_lists_are_spread_over_the_subtasks(kind: str, tmp_path: Path) -> None:
    program = listed(kind)
    nothing, path = stopped(environment(1, "hashmap", 0), program, FIRST, tmp_path)
    assert nothing == []
    one, _ = results_of(
        from_savepoint(path, 1, "hashmap", 0), program, [events(20, 40, "abcdefgh")]
    )
    two, _ = results_of(
        from_savepoint(path, 2, "hashmap", 0), program, [events(20, 40, "abcdefgh")]
    )
    (whole,) = one
    if kind == "union":
        assert two == [whole, whole]
    else:
        assert sorted(number for part in two for number in part) == sorted(whole)
        assert len(two) == 2
        assert abs(len(two[0]) - len(two[1])) <= 1


def test_lists_of_another_kind_or_type_are_refused(tmp_path: Path) -> None:
    _, path = stopped(environment(1, "hashmap", 0), listed(), FIRST, tmp_path)
    for program, old, new in [
        (listed("union"), "list state", "union list state"),
        (listed("list", Types.STRING()), "Long", "String"),
    ]:
        with pytest.raises(JobExecutionException, match=rf"'numbers' was saved.*{old}.*{new}"):
            results_of(from_savepoint(path, 1, "hashmap", 0), program, [SECOND])


def running(env: StreamExecutionEnvironment) -> Run:
    run = Run(env, PROGRAMS["value"])
    run.push(FIRST)
    return run


def test_a_savepoint_of_a_running_job(tmp_path: Path) -> None:
    env = environment(1, "hashmap", 0).set_default_savepoint_directory(str(tmp_path / "default"))
    run = running(env)
    client = run.client
    path = client.trigger_savepoint().result()
    assert Path(path).parent == tmp_path / "default"
    assert re.fullmatch(r"savepoint-[0-9a-f]{6}-[0-9a-f]{12}", Path(path).name)
    other = client.trigger_savepoint(f"file://{tmp_path}/other").result()
    assert Path(other).parent == tmp_path / "other"
    assert client.get_job_status().result() is JobStatus.RUNNING
    told = client.get_checkpoints()
    assert [(c["id"], c["state"], c["savepoint"], c["path"]) for c in told] == [
        (1, "COMPLETED", True, path),
        (2, "COMPLETED", True, other),
    ]
    (*_, last) = told
    assert last["bytes"] == sum(subtask["bytes"] for subtask in last["subtasks"]) > 0
    times = {"sync_ms", "async_ms", "alignment_ms"}
    sizes = {"bytes", "full_bytes", "in_flight_bytes"}
    assert set(last["subtasks"][0]) == {"task", "unaligned", *times, *sizes}
    assert last["failure"] == "" and last["duration_ms"] >= 0
    client.cancel().result()
    with pytest.raises(ValueError, match="the job has ended"):
        client.trigger_savepoint().result()
    assert Path(path).is_dir(), "a savepoint outlives its job"


def test_a_savepoint_needs_a_directory(tmp_path: Path) -> None:
    run = running(environment(1, "hashmap", 0))
    client = run.client
    failed = client.trigger_savepoint()
    assert isinstance(failed.exception(), ValueError)
    assert "needs a directory" in str(failed.exception())
    client.cancel().result()


def test_batch_jobs_take_no_savepoints(tmp_path: Path) -> None:
    env = environment(1, "hashmap", 0).set_runtime_mode(RuntimeExecutionMode.BATCH)
    run = running(env)
    client = run.client
    with pytest.raises(ValueError, match="batch mode takes no savepoints|the job has ended"):
        client.trigger_savepoint(str(tmp_path)).result()
    client.cancel().result()


def test_disposing_deletes_what_belongs_to_the_savepoint(tmp_path: Path) -> None:
    _, path = stopped(environment(1, "hashmap", 0), PROGRAMS["value"], FIRST, tmp_path)
    kept = Path(path) / "notes.txt"
    kept.write_text("mine")
    JobClient.dispose_savepoint(path)
    assert list(Path(path).iterdir()) == [kept]
    with pytest.raises(ValueError, match="there is no checkpoint in"):
        JobClient.dispose_savepoint(path)
    assert kept.exists()
    _, path = stopped(environment(1, "rocksdb", 0), PROGRAMS["value"], FIRST, tmp_path)
    JobClient.dispose_savepoint(f"file://{path}/_metadata")
    assert not Path(path).exists()
    with pytest.raises(JobExecutionException, match="there is no checkpoint in"):
        results_of(from_savepoint(path), PROGRAMS["value"], [SECOND])


def test_a_damaged_savepoint_is_neither_restored_nor_disposed(tmp_path: Path) -> None:
    _, path = stopped(environment(1, "hashmap", 0), PROGRAMS["value"], FIRST, tmp_path)
    metadata = Path(path) / "_metadata"
    bytes_ = bytearray(metadata.read_bytes())
    bytes_[-1] ^= 1
    metadata.write_bytes(bytes_)
    with pytest.raises(RuntimeError, match="is damaged: its checksum differs"):
        JobClient.dispose_savepoint(path)
    with pytest.raises(JobExecutionException, match="is damaged: its checksum differs"):
        results_of(from_savepoint(path), PROGRAMS["value"], [SECOND])
    assert metadata.exists()


def test_elements_are_not_lost_where_the_map_has_no_type(tmp_path: Path) -> None:
    """Values without a type are pickled into the savepoint."""

    def program(stream: DataStream) -> DataStream:
        return (
            stream.key_by(key)
            .map(lambda e: {e[0]: e[1]})
            .key_by(lambda d: "all")
            .reduce(lambda a, b: {**a, **b})
        )

    expected, _ = results_of(environment(1, "hashmap", 0), program, [FIRST + SECOND])
    before, path = stopped(environment(1, "hashmap", 0), program, FIRST, tmp_path)
    after, _ = results_of(from_savepoint(path, 1, "rocksdb", 0), program, [SECOND])
    assert before + after == expected
