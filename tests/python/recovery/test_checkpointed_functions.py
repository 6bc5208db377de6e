"""Functions that take part in checkpoints, wherever a function may stand; what failures tell."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from pyflinkpp.common import JobExecutionException, NonRecoverableError, Time, Types
from pyflinkpp.common.job_client import JobClient
from pyflinkpp.datastream import (
    AggregateFunction,
    AsyncDataStream,
    AsyncFunction,
    BroadcastProcessFunction,
    CheckpointedFunction,
    CheckpointListener,
    CoFlatMapFunction,
    CoMapFunction,
    CoProcessFunction,
    DataStream,
    FilterFunction,
    FlatMapFunction,
    JoinFunction,
    KeyedCoProcessFunction,
    KeyedProcessFunction,
    KeySelector,
    MapFunction,
    Partitioner,
    ProcessFunction,
    ProcessJoinFunction,
    ProcessWindowFunction,
    ReduceFunction,
)
from pyflinkpp.datastream.state import ListStateDescriptor, MapStateDescriptor, ValueStateDescriptor
from pyflinkpp.datastream.window import TumblingEventTimeWindows
from recovery.kit import FAILING, Event, Run, environment, events, results_of
from recovery.programs import key

LONG = Types.LONG()
WINDOW = TumblingEventTimeWindows.of(Time.milliseconds(50))

_heard: dict[str, list[tuple[str, Any]]] = {}


class TakesPart(CheckpointedFunction, CheckpointListener):
    """Writes down what it is told, under its token."""

    def __init__(self) -> None:
        self.token = uuid4().hex
        _heard[self.token] = []

    @property
    def heard(self) -> list[tuple[str, Any]]:
        return _heard[self.token]

    def initialize_state(self, context: Any) -> None:
        store = context.get_operator_state_store()
        self._taken = store.get_list_state(ListStateDescriptor("taken", LONG))
        self._table = store.get_broadcast_state(MapStateDescriptor("table", LONG, LONG))
        assert store.get_registered_state_names() == {"taken"}
        assert store.get_registered_broadcast_state_names() == {"table"}
        assert list(self._taken) == [v for _, v in self._table.items()]
        assert context.is_restored() == (context.get_restored_checkpoint_id() is not None)
        self.heard.append(("restored", list(self._taken)))

    def open(self, runtime_context: Any) -> None:
        self.heard.append(("open", None))

    def snapshot_state(self, context: Any) -> None:
        assert context.get_checkpoint_timestamp() > 0
        self._taken.add(context.get_checkpoint_id())
        self._table.put(len(list(self._taken)), context.get_checkpoint_id())
        self.heard.append(("snapshot", context.get_checkpoint_id()))

    def notify_checkpoint_complete(self, checkpoint_id: int) -> None:
        self.heard.append(("complete", checkpoint_id))


class Map(TakesPart, MapFunction):
    def map(self, value: Any) -> Any:
        return value


class FlatMap(TakesPart, FlatMapFunction):
    def flat_map(self, value: Any) -> Any:
        return [value]


class Filter(TakesPart, FilterFunction):
    def filter(self, value: Any) -> bool:
        return True


class Key(TakesPart, KeySelector):
    def get_key(self, value: Any) -> Any:
        return value[0]


class Partition(TakesPart, Partitioner):
    def partition(self, key: Any, num_partitions: int) -> int:
        return 0


class Process(TakesPart, ProcessFunction):
    def process_element(self, value: Any, ctx: Any) -> Any:
        yield value


class KeyedProcess(TakesPart, KeyedProcessFunction):
    def process_element(self, value: Any, ctx: Any) -> Any:
        yield value


class TwoMaps(TakesPart, CoMapFunction):
    def map1(self, value: Any) -> Any:
        return value

    map2 = map1


class TwoFlatMaps(TakesPart, CoFlatMapFunction):
    def flat_map1(self, value: Any) -> Any:
        return [value]

    flat_map2 = flat_map1


class TwoProcesses(TakesPart, CoProcessFunction):
    def process_element1(self, value: Any, ctx: Any) -> Any:
        yield value

    process_element2 = process_element1


class TwoKeyedProcesses(TakesPart, KeyedCoProcessFunction):
    def process_element1(self, value: Any, ctx: Any) -> Any:
        yield value

    process_element2 = process_element1


class Broadcast(TakesPart, BroadcastProcessFunction[Any, Any, Any]):
    def process_element(self, value: Any, ctx: Any) -> Any:
        yield value

    def process_broadcast_element(self, value: Any, ctx: Any) -> None:
        return None


class Reduce(TakesPart, ReduceFunction):
    def reduce(self, value1: Any, value2: Any) -> Any:
        return value2


class Aggregate(TakesPart, AggregateFunction):
    def create_accumulator(self) -> Any:
        return 0

    def add(self, value: Any, accumulator: Any) -> Any:
        return accumulator + 1

    def get_result(self, accumulator: Any) -> Any:
        return accumulator

    def merge(self, acc_a: Any, acc_b: Any) -> Any:
        return acc_a + acc_b


class Window(TakesPart, ProcessWindowFunction[Any, Any, Any, Any]):
    def process(self, key: Any, context: Any, elements: Iterable[Any]) -> Any:
        return list(elements)


class Join(TakesPart, JoinFunction):
    def join(self, first: Any, second: Any) -> Any:
        return first


class IntervalJoin(TakesPart, ProcessJoinFunction):
    def process_element(self, left: Any, right: Any, ctx: Any) -> Any:
        yield left


class Async(TakesPart, AsyncFunction[Any, Any]):
    async def async_invoke(self, value: Any) -> list[Any]:
        return [value]


def self_join(stream: DataStream, function: Any) -> DataStream:
    return stream.join(stream).where(key).equal_to(key).window(WINDOW).apply(function)


def intervals(stream: DataStream, function: Any) -> DataStream:
    keyed = stream.key_by(key)
    joined = keyed.interval_join(stream.key_by(key))
    return joined.between(Time.milliseconds(-5), Time.milliseconds(5)).process(function)


TABLE = MapStateDescriptor("rules", LONG, LONG)

PLACES: dict[str, tuple[Any, Any]] = {
    "map": (Map, lambda s, f: s.map(f)),
    "map in a chain": (Map, lambda s, f: s.map(lambda e: e).filter(lambda e: True).map(f)),
    "flat_map": (FlatMap, lambda s, f: s.flat_map(f)),
    "filter": (Filter, lambda s, f: s.filter(f)),
    "key_by": (Key, lambda s, f: s.key_by(f).map(lambda e: e)),
    "partition_custom": (Partition, lambda s, f: s.partition_custom(f, key).map(lambda e: e)),
    "process": (Process, lambda s, f: s.process(f)),
    "keyed map": (Map, lambda s, f: s.key_by(key).map(f)),
    "keyed filter": (Filter, lambda s, f: s.key_by(key).filter(f)),
    "keyed process": (KeyedProcess, lambda s, f: s.key_by(key).process(f)),
    "connected map": (TwoMaps, lambda s, f: s.connect(s).map(f)),
    "connected flat_map": (TwoFlatMaps, lambda s, f: s.connect(s).flat_map(f)),
    "connected process": (TwoProcesses, lambda s, f: s.connect(s).process(f)),
    "connected keyed process": (
        TwoKeyedProcesses, lambda s, f: s.connect(s).key_by(key, key).process(f)),
    "broadcast": (Broadcast, lambda s, f: s.connect(s.broadcast(TABLE)).process(f)),
    "reduce": (Reduce, lambda s, f: s.key_by(key).reduce(f)),
    "window reduce": (Reduce, lambda s, f: s.key_by(key).window(WINDOW).reduce(f)),
    "window aggregate": (Aggregate, lambda s, f: s.key_by(key).window(WINDOW).aggregate(f)),
    "window process": (Window, lambda s, f: s.key_by(key).window(WINDOW).process(f)),
    "window aggregate and process": (
        Window, lambda s, f: s.key_by(key).window(WINDOW).aggregate(Aggregate(), f)),
    "join": (Join, self_join),
    "interval join": (IntervalJoin, intervals),
    "async": (Async, lambda s, f: AsyncDataStream.unordered_wait(s, f, Time.seconds(60), 2)),
}  # fmt: skip


@pytest.mark.parametrize("place", PLACES)
def test_a_function_takes_part_wherever_it_stands(place: str, tmp_path: Path) -> None:
    kind, build = PLACES[place]
    function = kind()
    results_of(environment(), lambda s: build(s, function), FAILING, tmp_path / "flag")
    heard = function.heard
    assert [what for what, _ in heard[:2]] == ["restored", "open"], "state comes before open()"
    assert heard[0] == ("restored", [])
    again = [i for i, (what, _) in enumerate(heard) if what == "restored"]
    assert len(again) == 2, "the job has failed once"
    first, second = heard[: again[1]], heard[again[1] :]
    taken = [number for what, number in first if what == "snapshot"]
    completed = [number for what, number in first if what == "complete"]
    assert taken == sorted(taken)
    assert len(completed) >= 1 and set(completed) <= set(taken)
    (_, restored), *_ = second
    assert restored == taken[: len(restored)], "what the last complete checkpoint had"
    assert restored and restored[-1] >= completed[-1]


class Announces(MapFunction, CheckpointListener):
    """Fails its first snapshots."""

    def __init__(self) -> None:
        self.token = uuid4().hex
        _heard[self.token] = []

    def map(self, value: Any) -> Any:
        return value

    def notify_checkpoint_complete(self, checkpoint_id: int) -> None:
        _heard[self.token].append(("complete", checkpoint_id))

    def notify_checkpoint_aborted(self, checkpoint_id: int) -> None:
        _heard[self.token].append(("aborted", checkpoint_id))


class FailsSnapshots(MapFunction, CheckpointedFunction):
    """Can't be written in the first two checkpoints."""

    def initialize_state(self, context: Any) -> None:
        pass

    def snapshot_state(self, context: Any) -> None:
        if context.get_checkpoint_id() <= 2:
            raise OSError("no pen")

    def map(self, value: Any) -> Any:
        return value


def test_a_failing_snapshot_is_tolerated_and_told() -> None:
    env = environment()
    env.get_checkpoint_config().set_tolerable_checkpoint_failure_number(2)
    announces = Announces()
    run = Run(env, lambda s: s.map(announces).map(FailsSnapshots()).name("Writer"))
    run.push(events(0, 9))
    run.wait_for_checkpoints()
    assert run.finish() == events(0, 9)
    client = run.client
    failed = [c for c in client.get_checkpoints() if c["state"] == "FAILED"]
    assert [c["id"] for c in failed[:2]] == [1, 2]
    assert all("'Writer'" in c["failure"] and "OSError: no pen" in c["failure"] for c in failed[:2])
    heard = _heard[announces.token]
    assert heard[:2] == [("aborted", 1), ("aborted", 2)]
    assert heard[2] == ("complete", 3)
    assert client.get_exception_history() == []


def test_a_failing_snapshot_fails_the_job_where_none_is_tolerated() -> None:
    run = Run(environment(), lambda s: s.map(FailsSnapshots()).name("Writer"))
    run.push(events(0, 9))
    run.wait_for_checkpoints()
    assert run.finish() == events(0, 9)
    history = run.client.get_exception_history()
    assert len(history) == 2, "the job was restarted twice"
    assert all("OSError: no pen" in str(failure) for failure in history)


class Marked(ValueError):
    non_recoverable = True


def fails_with(error: Exception) -> Any:
    class Fails(MapFunction):
        def map(self, value: Any) -> Any:
            if value[1] == 5:
                raise error
            return value

    return lambda s: s.map(Fails()).name("Fails")


@pytest.mark.parametrize("error", [NonRecoverableError("never again"), Marked("never again")])
def test_errors_that_a_restart_does_not_help_end_the_job(error: Exception) -> None:
    client = run_to_failure(fails_with(error))
    (failure,) = client.get_exception_history()
    assert failure.operator_name == "Fails" and failure.subtask == 0
    assert type(failure.cause) is type(error)
    assert failure.timestamp is not None and failure.timestamp > 1_000_000_000_000
    assert "raise error" in str(failure), "the traceback"


def test_an_error_that_repeats_ends_the_job() -> None:
    client = run_to_failure(fails_with(ValueError("as ever")))
    history = client.get_exception_history()
    assert len(history) == 2
    assert [str(failure.cause) for failure in history] == ["as ever"] * 2


def run_to_failure(program: Any) -> JobClient:
    run = Run(environment(1, "hashmap", 100_000), program)
    run.push(events(0, 9))
    with pytest.raises(JobExecutionException):
        run.finish()
    return run.client


class UsesKeys(KeyedProcessFunction, CheckpointedFunction):
    """Makes its keyed state in initialize_state()."""

    def initialize_state(self, context: Any) -> None:
        store = context.get_keyed_state_store()
        self._count = store.get_state(ValueStateDescriptor("count", LONG))

    def snapshot_state(self, context: Any) -> None:
        pass

    def process_element(self, value: Event, ctx: Any) -> Iterator[int]:
        self._count.update((self._count.value() or 0) + 1)
        yield self._count.value()


def test_keyed_state_can_be_made_in_initialize_state(tmp_path: Path) -> None:
    got, _ = results_of(
        environment(), lambda s: s.key_by(lambda e: 0).process(UsesKeys(), LONG), FAILING,
        tmp_path / "flag",
    )  # fmt: skip
    assert got == list(range(1, 46))
    with pytest.raises(JobExecutionException, match="does not run under a key: call key_by"):
        results_of(
            environment(1, "hashmap", 0), lambda s: s.map(KeyedByMistake()), [events(0, 3)],
        )  # fmt: skip


class KeyedByMistake(MapFunction, CheckpointedFunction):
    def initialize_state(self, context: Any) -> None:
        context.get_keyed_state_store()

    def snapshot_state(self, context: Any) -> None:
        pass

    def map(self, value: Any) -> Any:
        return value


class Lingering(KeyedProcessFunction):
    """A timer in processing time gives many results one by one."""

    def process_element(self, value: Event, ctx: Any) -> None:
        if value[1] == 0:
            ctx.timer_service().register_processing_time_timer(1)

    def on_timer(self, timestamp: int, ctx: Any) -> Iterator[int]:
        yield from range(2000)


def test_what_a_timer_of_processing_time_gives_is_whole(tmp_path: Path) -> None:
    """Barriers do not pass a generator that is suspended."""
    got, _ = results_of(
        environment(), lambda s: s.key_by(key).process(Lingering(), LONG), FAILING,
        tmp_path / "flag",
    )  # fmt: skip
    assert got == list(range(2000))
