"""How joins are described, and what their functions do."""

from __future__ import annotations

from typing import Any

import cloudpickle
import pytest
from pyflinkpp.common import Time, Types
from pyflinkpp.datastream import (
    CoGroupFunction,
    DataStream,
    FlatJoinFunction,
    JoinFunction,
    KeySelector,
    MapFunction,
    OutputTag,
    ProcessJoinFunction,
)
from pyflinkpp.datastream._timestamped_value import TimestampedValue
from pyflinkpp.datastream.window import CountTrigger, TumblingEventTimeWindows

MS = Time.milliseconds
TUMBLING = TumblingEventTimeWindows.of(MS(10))


class Pair(JoinFunction):
    def join(self, first, second):
        return first, second


class Both(FlatJoinFunction):
    def join(self, first, second):
        if first != second:
            yield first
            yield second


class Counts(CoGroupFunction):
    def open(self, runtime_context):
        self.opened = True

    def co_group(self, first, second):
        yield len(first), len(second)


class Key(KeySelector):
    def open(self, runtime_context):
        self.modulus = 10

    def get_key(self, value):
        return value % self.modulus


@pytest.fixture
def streams(env) -> tuple[DataStream, DataStream]:
    return env.from_collection([1], Types.INT()), env.from_collection(["a"], Types.STRING())


def joined(streams, how: str = "join"):
    first, second = streams
    return getattr(first, how)(second).where(abs, Types.INT()).equal_to(len).window(TUMBLING)


def test_a_join_is_a_window_over_the_union(streams) -> None:
    result = joined(streams).trigger(CountTrigger.of(3)).allowed_lateness(5).apply(Pair(), PAIRS)
    node = result._node
    assert node.name == "Join" and node.spec["kind"] == "window" and result.get_type() == PAIRS
    assert node.spec["trigger"]["kind"] == "count" and node.spec["allowed_lateness_ms"] == 5
    assert node.spec["key_type"] == Types.INT() and node.spec["function"] == "list"
    key_by = node.inputs[0].source
    tags = [edge.source for edge in key_by.inputs]
    assert [tag.name for tag in tags] == ["Tag", "Tag"]
    assert [tag.function("x") for tag in tags] == [(0, "x"), (1, "x")]
    assert key_by.function.get_key((0, -3)) == 3 and key_by.function.get_key((1, "ab")) == 2
    assert joined(streams, "co_group").apply(Counts())._node.name == "CoGroup"


PAIRS = Types.TUPLE([Types.INT(), Types.STRING()])


@pytest.mark.parametrize(
    ("how", "function", "results"),
    [
        ("join", Pair(), [(1, 1), (1, 3), (2, 1), (2, 3)]),
        ("join", lambda a, b: a + b, [2, 4, 3, 5]),
        ("join", Both(), [1, 3, 2, 1, 2, 3]),
        ("co_group", Counts(), [(2, 2)]),
        ("co_group", lambda a, b: [a, b], [[1, 2], [1, 3]]),
    ],
)
def test_results_of_a_window(streams, how, function, results) -> None:
    call = cloudpickle.loads(cloudpickle.dumps(joined(streams, how).apply(function)._node.function))
    call.open(None)
    elements = [(0, 1), (1, 1), (0, 2), (1, 3)]
    assert list(call.emit("k", None, elements, None)) == results
    assert list(call.emit("k", None, [], None)) == []
    call.close()


def test_one_side_may_be_empty(streams) -> None:
    call = joined(streams, "co_group").apply(Counts())._node.function
    assert list(call.emit("k", None, [(1, 5)], None)) == [(0, 1)]
    call = joined(streams).apply(Pair())._node.function
    assert list(call.emit("k", None, [(1, 5)], None)) == []


def test_key_selectors_are_opened(streams) -> None:
    first, _ = streams
    window = first.join(first).where(Key()).equal_to(Key()).window(TUMBLING)
    key = window.apply(Pair())._node.inputs[0].source.function
    key.open(None)
    assert key.get_key((1, 25)) == 5
    key.close()


@pytest.mark.parametrize(
    ("call", "error", "text"),
    [
        (lambda a, b: a.join(5), TypeError, "DataStream"),
        (lambda a, b: a.co_group(None), TypeError, "DataStream"),
        (lambda a, b: a.join(b).where(5), TypeError, "KeySelector"),
        (lambda a, b: a.join(b).where(abs).equal_to("f0"), TypeError, "KeySelector"),
        (lambda a, b: a.join(b).where(abs, Types.INT()).equal_to(len, Types.LONG()),
         ValueError, "one type"),
        (lambda a, b: a.join(b).where(abs).equal_to(len).window(5), TypeError, "WindowAssigner"),
        (lambda a, b: joined((a, b)).apply(5), TypeError, "JoinFunction"),
        (lambda a, b: joined((a, b)).apply(Counts()), TypeError, "JoinFunction"),
        (lambda a, b: joined((a, b), "co_group").apply(Pair()), TypeError, "CoGroupFunction"),
        (lambda a, b: joined((a, b)).evictor(5), TypeError, "Evictor"),
        (lambda a, b: joined((a, b)).side_output_late_data(5), TypeError, "OutputTag"),
        (lambda a, b: near(a, a).process(Pair()), TypeError, "ProcessJoinFunction"),
        (lambda a, b: near(a, a).side_output_left_late_data("x"), TypeError, "OutputTag"),
        (lambda a, b: near(a, a, 2, 1), ValueError, "lower bound"),
        (lambda a, b: near(a, a, 1, 1).lower_bound_exclusive().process(Show()), ValueError, "lower"),
        (lambda a, b: a.key_by(abs).interval_join(a), TypeError, "KeyedStream"),
        (lambda a, b: a.key_by(abs).interval_join(b.key_by(len, Types.INT())), ValueError, "keys"),
        (lambda a, b: a.key_by(abs).interval_join(a.key_by(abs)).between(1, 2), TypeError, "Time"),
    ],
)  # fmt: skip
def test_wrong_arguments(streams, call, error, text) -> None:
    with pytest.raises(error, match=text):
        call(*streams)


class Show(ProcessJoinFunction):
    def process_element(self, left, right, ctx):
        assert ctx.get_timestamp() == max(ctx.get_left_timestamp(), ctx.get_right_timestamp())
        yield left, right


def near(left, right, lower: int = -2, upper: int = 3):
    keyed = (stream.key_by(lambda v: 0, Types.INT()) for stream in (left, right))
    first, second = keyed
    return first.interval_join(second).between(MS(lower), MS(upper))


class FakeRun:
    """Runs the function of an interval join for one key, as the engine would."""

    def __init__(self, stream: DataStream) -> None:
        assert stream._node is not None
        self.function = cloudpickle.loads(cloudpickle.dumps(stream._node.function))
        self.watermark = -(2**63)
        self.now: int | None = None
        self.timers: set[int] = set()
        self.buffers: list[dict[Any, Any]] = []
        self.register_event_time_timer = self.timers.add
        self.function.open(self)

    def get_map_state(self, descriptor):
        class Map(dict):
            put = dict.__setitem__

            def remove(self, key):
                self.pop(key, None)

        self.buffers.append(Map())
        return self.buffers[-1]

    def timestamp(self):
        return self.now

    def timer_service(self):
        return self

    def current_watermark(self):
        return self.watermark

    def take(self, side: int, time: int | None, value: Any) -> list[tuple[Any, int]]:
        self.now = time
        method = self.function.process_element1 if side == 0 else self.function.process_element2
        results = list(method(value, self))
        assert all(isinstance(r, TimestampedValue) for r in results)
        return [(r.value, r.timestamp) for r in results]

    def advance(self, watermark: int) -> None:
        self.watermark = watermark
        for time in sorted(t for t in self.timers if t <= watermark):
            self.timers.discard(time)
            assert self.function.on_timer(time, self) is None


def test_spec_of_an_interval_join(streams) -> None:
    first, _ = streams
    result = near(first, first).process(Show(), PAIRS)
    spec = result._node.spec
    assert spec["kind"] == "process" and spec["keyed"] and spec["timestamped"]
    assert [edge.input for edge in result._node.inputs] == [0, 1]
    assert result.get_type() == PAIRS and result.get_name() == "Interval Join"


def test_elements_near_each_other_are_joined(streams) -> None:
    first, _ = streams
    run = FakeRun(near(first, first).process(Show()))
    assert run.take(0, 10, "L10") == []
    found = {time: run.take(1, time, f"R{time}") for time in (7, 8, 13, 14)}
    assert found == {7: [], 8: [(("L10", "R8"), 10)], 13: [(("L10", "R13"), 13)], 14: []}
    assert run.take(0, 10, "M") == [(("M", "R8"), 10), (("M", "R13"), 13)]
    run = FakeRun(
        near(first, first).lower_bound_exclusive().upper_bound_exclusive().process(Show())
    )
    run.take(0, 10, "L")
    assert [time for time in range(20) if run.take(1, time, "R")] == [9, 10, 11, 12]


@pytest.mark.parametrize(("lower", "upper"), [(-2, 3), (1, 3), (-3, -1), (0, 0)])
def test_buffers_hold_what_may_find_a_partner(streams, lower, upper) -> None:
    first, _ = streams
    for watermark in range(8, 16):
        run = FakeRun(near(first, first, lower, upper).process(Show()))
        run.take(0, 10, "L")
        run.take(1, 10, "R")
        run.advance(watermark)
        left, right = run.buffers
        assert bool(left) == (10 + max(0, upper) > watermark)
        assert bool(right) == (10 + max(0, -lower) > watermark)


def test_late_elements(streams) -> None:
    first, _ = streams
    late = OutputTag("late", Types.STRING())
    run = FakeRun(near(first, first).side_output_left_late_data(late).process(Show()))
    run.advance(10)
    assert run.take(0, 9, "L") == [((late, "L"), 9)]
    assert run.take(1, 9, "R") == [] and run.buffers == [{}, {}]
    assert run.take(0, 10, "L") == [] and run.buffers[0] == {10: ["L"]}
    for missing in (None, -(2**63)):
        with pytest.raises(ValueError, match="assign_timestamps_and_watermarks"):
            run.take(0, missing, "L")


def test_other_functions_are_no_selectors(streams) -> None:
    class Map(MapFunction):
        def map(self, value):
            return value

    first, second = streams
    with pytest.raises(TypeError, match="KeySelector"):
        first.join(second).where(Map())
