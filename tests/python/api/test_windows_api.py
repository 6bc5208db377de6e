"""How windowed streams are described, and what assigners, triggers and evictors do."""

from __future__ import annotations

from io import BytesIO
from typing import Any

import cloudpickle
import pytest
from pyflinkpp.common import Duration, Row, Time, Types
from pyflinkpp.datastream import (
    AggregateFunction,
    DataStream,
    KeyedStream,
    OutputTag,
    ProcessWindowFunction,
    ReduceFunction,
    StreamExecutionEnvironment,
    WindowFunction,
)
from pyflinkpp.datastream._window_context import (
    AssignerContext,
    TriggerContext,
    WindowContext,
    merged_windows,
)
from pyflinkpp.datastream._window_runtime import WindowCall
from pyflinkpp.datastream.functions import AllWindowFunction, ProcessAllWindowFunction
from pyflinkpp.datastream.state import ReducingStateDescriptor, ValueStateDescriptor
from pyflinkpp.datastream.window import (
    ContinuousEventTimeTrigger,
    ContinuousProcessingTimeTrigger,
    CountEvictor,
    CountSlidingWindowAssigner,
    CountTrigger,
    CountTumblingWindowAssigner,
    CountWindow,
    CountWindowSerializer,
    DeltaEvictor,
    DeltaTrigger,
    DynamicEventTimeSessionWindows,
    DynamicProcessingTimeSessionWindows,
    EventTimeSessionWindows,
    EventTimeTrigger,
    Evictor,
    GlobalWindow,
    GlobalWindows,
    GlobalWindowSerializer,
    NeverTrigger,
    ProcessingTimeSessionWindows,
    ProcessingTimeTrigger,
    PurgingTrigger,
    SessionWindowTimeGapExtractor,
    SlidingEventTimeWindows,
    SlidingProcessingTimeWindows,
    TimeEvictor,
    TimestampedValue,
    TimeWindow,
    TimeWindowSerializer,
    Trigger,
    TriggerResult,
    TumblingEventTimeWindows,
    TumblingProcessingTimeWindows,
)

MS = Time.milliseconds
PAIR = Types.TUPLE([Types.STRING(), Types.INT()])
NO_TIMESTAMP = -(2**63)


class Mean(AggregateFunction):
    def create_accumulator(self):
        return 0, 0

    def add(self, value, accumulator):
        return accumulator[0] + value, accumulator[1] + 1

    def get_result(self, accumulator):
        return accumulator[0] / max(1, accumulator[1])

    def merge(self, acc_a, acc_b):
        return acc_a[0] + acc_b[0], acc_a[1] + acc_b[1]


class Show(ProcessWindowFunction):
    def open(self, runtime_context):
        self.opened = True

    def process(self, key, context, elements):
        yield key, context.window(), list(elements)

    def clear(self, context):
        self.cleared = context.window()


class Apply(WindowFunction):
    def apply(self, key, window, inputs):
        return [(key, window, list(inputs))]


class ShowAll(ProcessAllWindowFunction):
    def process(self, context, elements):
        yield context.window(), list(elements)


class ApplyAll(AllWindowFunction):
    def apply(self, window, inputs):
        return [list(inputs)]


class OwnTrigger(CountTrigger):
    pass


class OwnAssigner(TumblingEventTimeWindows):
    pass


class Gap(SessionWindowTimeGapExtractor):
    def extract(self, element):
        return element


@pytest.fixture
def stream(env: StreamExecutionEnvironment) -> DataStream:
    return env.from_collection([("a", 1)], PAIR)


@pytest.fixture
def keyed(stream: DataStream) -> KeyedStream:
    return stream.key_by(lambda v: v[0], Types.STRING())


class FakeEngine:
    """A store, a clock and timers; the window in hand is a pair of numbers."""

    def __init__(self) -> None:
        self.window = (0, 0)
        self.values: dict[Any, Any] = {}
        self.watermark = NO_TIMESTAMP
        self.time = 0
        self.event_timers: set[int] = set()
        self.processing_timers: set[int] = set()
        self.register_event_time_timer = self.event_timers.add
        self.delete_event_time_timer = self.event_timers.discard
        self.register_processing_time_timer = self.processing_timers.add
        self.delete_processing_time_timer = self.processing_timers.discard

    def current_watermark(self) -> int:
        return self.watermark

    def current_processing_time(self) -> int:
        return self.time

    now = current_processing_time

    def set_window(self, start: int, end: int) -> tuple[int, int]:
        self.window, before = (start, end), self.window
        return before

    def window_cell(self, name: str, type_descriptor: Any, time_to_live_ms: int = 0) -> Any:
        return self.cell(name, type_descriptor, time_to_live_ms, lambda: self.window)

    def cell(
        self, name: str, type_descriptor: Any, time_to_live_ms: int = 0, window=lambda: None
    ) -> Any:
        values = self.values

        class Cell:
            def value(self) -> Any:
                return values.get((name, window()))

            def update(self, value: Any) -> None:
                values[name, window()] = value

            def clear(self) -> None:
                values.pop((name, window()), None)

        return Cell()


@pytest.fixture
def engine() -> FakeEngine:
    return FakeEngine()


@pytest.fixture
def ctx(engine: FakeEngine) -> TriggerContext:
    return TriggerContext(engine, engine)


ASSIGNER = {
    "size": 0, "slide": 0, "offset_ms": 0, "event_time": False, "merging": False, "object": None, "window": "time",
}  # fmt: skip


@pytest.mark.parametrize(
    ("assigner", "spec"),
    [
        (TumblingEventTimeWindows.of(MS(10), MS(-3)),
         {"kind": "tumbling", "size": 10, "offset_ms": -3, "event_time": True}),
        (TumblingProcessingTimeWindows.of(Duration.of_seconds(1)),
         {"kind": "tumbling", "size": 1000}),
        (SlidingEventTimeWindows.of(MS(10), MS(3), MS(1)),
         {"kind": "sliding", "size": 10, "slide": 3, "offset_ms": 1, "event_time": True}),
        (SlidingProcessingTimeWindows.of(MS(10), MS(20)),
         {"kind": "sliding", "size": 10, "slide": 20}),
        (EventTimeSessionWindows.with_gap(MS(7)),
         {"kind": "session", "size": 7, "event_time": True, "merging": True}),
        (ProcessingTimeSessionWindows.with_gap(MS(7)),
         {"kind": "session", "size": 7, "merging": True}),
        (GlobalWindows.create(), {"kind": "global", "window": "global"}),
        (CountTumblingWindowAssigner.of(4),
         {"kind": "count_tumbling", "size": 4, "slide": 4, "window": "count"}),
        (CountSlidingWindowAssigner.of(4, 2),
         {"kind": "count_sliding", "size": 4, "slide": 2, "window": "count"}),
    ],
)  # fmt: skip
def test_specs_of_assigners(assigner, spec) -> None:
    assert assigner._spec() == {**ASSIGNER, **spec}
    assert cloudpickle.loads(cloudpickle.dumps(assigner))._spec() == assigner._spec()


def test_specs_of_assigners_with_python_in_them() -> None:
    gap = Gap()
    for dynamic in (
        EventTimeSessionWindows.with_dynamic_gap(gap),
        DynamicEventTimeSessionWindows.with_dynamic_gap(gap),
    ):
        spec = dynamic._spec()
        assert (spec["kind"], spec["size"], spec["object"]) == ("session", 0, gap)
        assert spec["event_time"] and spec["merging"]
    spec = ProcessingTimeSessionWindows.with_dynamic_gap(len)._spec()
    assert spec["object"].extract("abc") == 3 and not spec["event_time"]
    assert isinstance(
        ProcessingTimeSessionWindows.with_dynamic_gap(len), DynamicProcessingTimeSessionWindows
    )
    own = OwnAssigner(10, 0)
    assert own._spec() == {**ASSIGNER, "kind": "python", "event_time": True, "object": own}


@pytest.mark.parametrize(
    ("trigger", "spec"),
    [
        (EventTimeTrigger.create(), {"kind": "event_time"}),
        (ProcessingTimeTrigger.create(), {"kind": "processing_time"}),
        (CountTrigger.of(3), {"kind": "count", "limit": 3}),
        (ContinuousEventTimeTrigger.of(MS(5)), {"kind": "continuous_event_time", "limit": 5}),
        (ContinuousProcessingTimeTrigger.of(MS(5)),
         {"kind": "continuous_processing_time", "limit": 5}),
        (NeverTrigger(), {"kind": "never"}),
        (PurgingTrigger.of(CountTrigger.of(3)), {"kind": "count", "limit": 3, "purging": True}),
        (PurgingTrigger.of(PurgingTrigger.of(NeverTrigger())), {"kind": "never", "purging": True}),
    ],
)  # fmt: skip
def test_specs_of_triggers(trigger, spec) -> None:
    assert trigger._spec() == {"limit": 0, "purging": False, "object": None, **spec}


def test_triggers_that_stay_python() -> None:
    own, delta = OwnTrigger(3), DeltaTrigger.of(5, lambda a, b: b - a)
    for trigger in (own, delta, PurgingTrigger.of(own)):
        assert trigger._spec() == {
            "kind": "python", "limit": 0, "purging": False, "object": trigger,
        }  # fmt: skip


def test_spec_of_a_windowed_stream(keyed) -> None:
    late = OutputTag("late", PAIR)
    result = (
        keyed.window(TumblingEventTimeWindows.of(MS(10)))
        .allowed_lateness(50)
        .side_output_late_data(late)
        .reduce(lambda a, b: a)
    )
    spec = result._node.spec
    assert spec["assigner"]["kind"] == "tumbling" and spec["trigger"]["kind"] == "event_time"
    assert (spec["allowed_lateness_ms"], spec["late_tag"], spec["function"]) == (50, late, "reduce")
    assert (spec["key_type"], spec["input_type"], spec["all"]) == (Types.STRING(), PAIR, False)
    assert spec["accumulator_type"] is None and spec["aggregation"] is None
    assert result.get_type() == PAIR and result.get_name() == "TumblingEventTimeWindows"
    assert result._node.description.startswith("Window(TumblingEventTimeWindows(10, 0), EventTime")
    assert result.get_side_output(late).get_type() == PAIR
    with pytest.raises(ValueError, match="'late' .* has the type"):
        result.get_side_output(OutputTag("late", Types.INT()))


def test_types_of_results(keyed) -> None:
    windows = keyed.count_window(5)
    assert windows.get_input_type() == PAIR
    assert windows.reduce(max, Show()).get_type() == Types.PICKLED_BYTE_ARRAY()
    assert windows.reduce(max, Apply(), Types.INT()).get_type() == Types.INT()
    mean = windows.aggregate(
        Mean(), accumulator_type=[Types.LONG(), Types.INT()], output_type=Types.DOUBLE()
    )
    assert mean.get_type() == Types.DOUBLE() and mean._node.spec["function"] == "aggregate"
    assert mean._node.spec["accumulator_type"] == Types.ROW([Types.LONG(), Types.INT()])
    assert windows.process(Show())._node.spec["function"] == "list"
    assert windows.apply(Apply(), Types.STRING()).get_type() == Types.STRING()


def test_count_windows_purge_when_full(keyed) -> None:
    spec = keyed.count_window(5)._build(max, None, None)._node.spec
    assert spec["assigner"]["kind"] == "count_tumbling" and spec["trigger"]["purging"]
    spec = keyed.count_window(5, 2).trigger(CountTrigger.of(2))._build(max, None, None)._node.spec
    assert spec["assigner"]["kind"] == "count_sliding" and not spec["trigger"]["purging"]


def test_windows_over_all_keys(stream) -> None:
    result = stream.window_all(TumblingEventTimeWindows.of(MS(10))).process(ShowAll())
    spec = result._node.spec
    assert spec["all"] and spec["key_type"] == Types.BYTE() and spec["function"] == "list"
    assert result.get_parallelism() == 1 and result._node.max_parallelism == 1
    with pytest.raises(ValueError, match="can't be parallel"):
        result.set_parallelism(2)
    assert stream.count_window_all(3).apply(ApplyAll())._node.spec["assigner"]["size"] == 3
    assert stream.key_by(len).window_all(GlobalWindows.create()).sum(1)._node.spec["all"]


def test_fields_of_window_aggregations(env, keyed) -> None:
    windows = keyed.window(TumblingEventTimeWindows.of(MS(10)))
    total = windows.sum("f1")
    assert total._node.spec["aggregation"] == {"function": "sum", "field": 1}
    assert total.get_type() == PAIR
    assert total._node.function.reduce(("a", 1), ("b", 2)) == ("a", 3)
    assert windows.max_by(1)._node.function.reduce(("a", 2), ("b", 2)) == ("a", 2)
    numbers = env.from_collection([1], Types.LONG()).count_window_all(2)
    for function, expected in (("sum", 7), ("min", 3), ("max", 4), ("min_by", 3), ("max_by", 4)):
        node = getattr(numbers, function)()._node
        assert node.function.reduce(3, 4) == node.function.reduce(4, 3) == expected
        assert node.spec["aggregation"]["field"] == -1
    rows = env.from_collection([]).key_by(len).count_window(2).min("price")
    assert rows._node.spec["aggregation"] is None
    assert rows._node.function.reduce(Row(price=3), Row(price=2)) == Row(price=2)


@pytest.mark.parametrize(
    ("call", "error", "text"),
    [
        (lambda s, k: k.window(MS(5)), TypeError, "WindowAssigner"),
        (lambda s, k: s.window_all(None), TypeError, "WindowAssigner"),
        (lambda s, k: k.count_window(0), ValueError, "at least 1"),
        (lambda s, k: k.count_window(5, -1), ValueError, "at least 1"),
        (lambda s, k: k.count_window("5"), TypeError, "int"),
        (lambda s, k: k.count_window(5).trigger(5), TypeError, "Trigger"),
        (lambda s, k: k.count_window(5).evictor(5), TypeError, "Evictor"),
        (lambda s, k: k.count_window(5).allowed_lateness(-1), ValueError, "negative"),
        (lambda s, k: k.count_window(5).allowed_lateness(MS(5)), TypeError, "int"),
        (lambda s, k: k.count_window(5).side_output_late_data("x"), TypeError, "OutputTag"),
        (lambda s, k: k.count_window(5).reduce(5), TypeError, "ReduceFunction"),
        (lambda s, k: k.count_window(5).reduce(max, ShowAll()), TypeError, "window_function"),
        (lambda s, k: k.count_window(5).aggregate(max), TypeError, "AggregateFunction"),
        (lambda s, k: k.count_window(5).process(Apply()), TypeError, "ProcessWindowFunction"),
        (lambda s, k: k.count_window(5).apply(Show()), TypeError, "WindowFunction"),
        (lambda s, k: s.count_window_all(5).process(Show()), TypeError, "ProcessAllWindow"),
        (lambda s, k: k.count_window(5).sum(7), ValueError, "no field 7"),
        (lambda s, k: k.window(EventTimeSessionWindows.with_gap(MS(1))).trigger(NeverTrigger()),
         ValueError, "merge"),
        (lambda s, k: EventTimeSessionWindows.with_gap(None), ValueError, "gap"),
        (lambda s, k: EventTimeSessionWindows.with_gap(MS(0)), ValueError, "gap"),
        (lambda s, k: EventTimeSessionWindows.with_gap(5), TypeError, "Time"),
        (lambda s, k: EventTimeSessionWindows.with_dynamic_gap(5), TypeError, "GapExtractor"),
        (lambda s, k: TumblingEventTimeWindows.of(MS(5), MS(5)), ValueError, "offset"),
        (lambda s, k: SlidingEventTimeWindows.of(MS(5), MS(0)), ValueError, "slide"),
        (lambda s, k: CountTrigger.of(0), ValueError, "at least 1"),
        (lambda s, k: ContinuousEventTimeTrigger.of(MS(0)), ValueError, "interval"),
        (lambda s, k: PurgingTrigger.of(5), TypeError, "Trigger"),
        (lambda s, k: DeltaTrigger.of(5, 5), TypeError, "delta function"),
        (lambda s, k: CountEvictor.of(-1), ValueError, "-1"),
    ],
)  # fmt: skip
def test_wrong_arguments(stream, keyed, call, error, text) -> None:
    with pytest.raises(error, match=text):
        call(stream, keyed)


def test_windows_compare_by_value() -> None:
    assert TimeWindow(1, 5) == TimeWindow(1, 5) != TimeWindow(1, 6) < TimeWindow(2, 3)
    assert len({TimeWindow(1, 5), TimeWindow(1, 5), CountWindow(1), GlobalWindow.get()}) == 3
    assert TimeWindow(1, 5).cover(TimeWindow(5, 9)) == TimeWindow(1, 9)
    assert TimeWindow(1, 5).intersects(TimeWindow(5, 9))
    assert not TimeWindow(1, 5).intersects(TimeWindow(6, 9))
    assert repr(TimeWindow(1, 5)) == "TimeWindow(start=1, end=5)"
    assert TimeWindow(1, 5).max_timestamp() == 4 and CountWindow(3).max_timestamp() == 2**63 - 1
    for window, serializer in (
        (TimeWindow(-5, 2**62), TimeWindowSerializer()),
        (CountWindow(7), CountWindowSerializer()),
        (GlobalWindow.get(), GlobalWindowSerializer()),
    ):
        stream = BytesIO()
        serializer.serialize(window, stream)
        stream.seek(0)
        assert (
            serializer.deserialize(stream) == window == cloudpickle.loads(cloudpickle.dumps(window))
        )


def test_time_windows_of_an_element(engine) -> None:
    context = AssignerContext(engine)
    engine.time = 25

    def windows(assigner, time):
        return [(w.start, w.end) for w in assigner.assign_windows("x", time, context)]

    tumbling = TumblingEventTimeWindows.of(MS(10), MS(3))
    assert windows(tumbling, 3) == [(3, 13)] and windows(tumbling, -8) == [(-17, -7)]
    assert windows(TumblingProcessingTimeWindows.of(MS(10)), NO_TIMESTAMP) == [(20, 30)]
    sliding = SlidingEventTimeWindows.of(MS(10), MS(5))
    assert windows(sliding, 12) == [(10, 20), (5, 15)]
    assert windows(SlidingEventTimeWindows.of(MS(2), MS(5)), 12) == []
    assert windows(SlidingProcessingTimeWindows.of(MS(7), MS(3)), 0) == [(24, 31), (21, 28)]
    assert windows(EventTimeSessionWindows.with_gap(MS(4)), 12) == [(12, 16)]
    assert windows(ProcessingTimeSessionWindows.with_gap(MS(4)), 12) == [(25, 29)]
    assert GlobalWindows.create().assign_windows("x", 0, context) == [GlobalWindow.get()]
    with pytest.raises(ValueError, match="assign_timestamps_and_watermarks"):
        windows(tumbling, NO_TIMESTAMP)
    with pytest.raises(ValueError, match="at least 1 ms"):
        EventTimeSessionWindows.with_dynamic_gap(Gap()).assign_windows(0, 5, context)


class Runtime:
    """A runtime context with one state."""

    def __init__(self, engine: FakeEngine) -> None:
        self._count = engine.cell("count", None)

    def get_state(self, descriptor):
        assert isinstance(descriptor, ValueStateDescriptor)
        return self._count


@pytest.mark.parametrize(
    ("size", "slide", "expected"),
    [
        (3, 3, [[0], [0], [0], [1], [1], [1]]),
        (4, 2, [[0], [0], [1, 0], [1, 0], [2, 1], [2, 1]]),
        (2, 3, [[0], [0], [], [1], [1], []]),
    ],
)
def test_count_windows_of_an_element(engine, size, slide, expected) -> None:
    context = AssignerContext(engine, Runtime(engine))
    assigner = CountSlidingWindowAssigner.of(size, slide)
    got = [[w.id for w in assigner.assign_windows("x", 0, context)] for _ in range(6)]
    assert got == expected


def test_sessions_merge() -> None:
    windows = [TimeWindow(*w) for w in ((20, 30), (0, 10), (10, 15), (40, 50), (31, 35))]
    groups = merged_windows(EventTimeSessionWindows.with_gap(MS(1)), windows)
    assert [(w, sorted(parts)) for w, parts in groups] == [
        (TimeWindow(0, 15), [TimeWindow(0, 10), TimeWindow(10, 15)])
    ]


WINDOW = TimeWindow(0, 10)


def test_event_time_trigger(engine, ctx) -> None:
    trigger = EventTimeTrigger()
    assert trigger.on_element("x", 5, WINDOW, ctx) is TriggerResult.CONTINUE
    assert engine.event_timers == {9}
    assert trigger.on_event_time(9, WINDOW, ctx) is TriggerResult.FIRE
    assert trigger.on_event_time(8, WINDOW, ctx) is TriggerResult.CONTINUE
    trigger.clear(WINDOW, ctx)
    trigger.on_merge(TimeWindow(0, 20), ctx)
    assert engine.event_timers == {19}
    engine.watermark = 9
    assert trigger.on_element("x", 5, WINDOW, ctx) is TriggerResult.FIRE
    assert trigger.on_processing_time(9, WINDOW, ctx) is TriggerResult.CONTINUE


def test_processing_time_trigger(engine, ctx) -> None:
    trigger = ProcessingTimeTrigger()
    assert trigger.on_element("x", 5, WINDOW, ctx) is TriggerResult.CONTINUE
    assert engine.processing_timers == {9}
    assert trigger.on_processing_time(9, WINDOW, ctx) is TriggerResult.FIRE
    trigger.clear(WINDOW, ctx)
    assert engine.processing_timers == set() and trigger.can_merge()


def test_count_trigger_counts_each_window(engine, ctx) -> None:
    trigger = OwnTrigger(2)
    results = []
    for window in ((0, 10), (10, 20), (0, 10), (0, 10), (0, 10)):
        engine.set_window(*window)
        results.append(trigger.on_element("x", 5, WINDOW, ctx).is_fire())
    assert results == [False, False, True, False, True]
    engine.set_window(10, 20)
    trigger.clear(TimeWindow(10, 20), ctx)
    assert engine.values == {}


def test_state_of_merging_windows(engine, ctx) -> None:
    trigger = OwnTrigger(5)
    for window in ((0, 10), (0, 10), (8, 18)):
        engine.set_window(*window)
        trigger.on_element("x", 5, WINDOW, ctx)
    engine.set_window(0, 18)
    ctx._merged = [(0, 10), (8, 18), (3, 4)]
    trigger.on_merge(TimeWindow(0, 18), ctx)
    assert engine.values == {("trigger:count", (0, 18)): 3} and engine.window == (0, 18)
    with pytest.raises(TypeError, match="merging windows"):
        ctx.merge_partitioned_state(ValueStateDescriptor("v", Types.LONG()))


def test_continuous_triggers(engine, ctx) -> None:
    trigger = ContinuousEventTimeTrigger.of(MS(4))
    assert trigger.on_element("x", 5, WINDOW, ctx) is TriggerResult.CONTINUE
    assert engine.event_timers == {8, 9}
    trigger.on_element("x", 1, WINDOW, ctx)
    assert engine.event_timers == {8, 9}
    assert trigger.on_event_time(8, WINDOW, ctx) is TriggerResult.FIRE
    assert trigger.on_event_time(9, WINDOW, ctx) is TriggerResult.FIRE
    assert trigger.on_event_time(7, WINDOW, ctx) is TriggerResult.CONTINUE
    trigger.clear(WINDOW, ctx)
    assert engine.values == {}
    engine.time = 6
    trigger = ContinuousProcessingTimeTrigger.of(MS(4))
    trigger.on_element("x", 1, WINDOW, ctx)
    assert engine.processing_timers == {8}
    assert trigger.on_processing_time(8, WINDOW, ctx) is TriggerResult.FIRE
    assert engine.processing_timers == {8, 9}
    assert trigger.on_processing_time(9, WINDOW, ctx) is TriggerResult.FIRE
    assert trigger.on_processing_time(9, WINDOW, ctx) is TriggerResult.CONTINUE
    assert engine.values == {}


def test_delta_and_purging_triggers(engine, ctx) -> None:
    trigger = PurgingTrigger.of(DeltaTrigger.of(5, lambda old, new: new - old))
    results = [trigger.on_element(n, 0, WINDOW, ctx) for n in (1, 6, 7, 8, 13)]
    purge, go_on = TriggerResult.FIRE_AND_PURGE, TriggerResult.CONTINUE
    assert results == [go_on, go_on, purge, go_on, purge]
    assert trigger.on_event_time(9, WINDOW, ctx) is go_on and not trigger.can_merge()
    trigger.clear(WINDOW, ctx)
    assert engine.values == {}
    with pytest.raises(NotImplementedError):
        ctx.get_metric_group()


def values(*pairs: tuple[Any, int]) -> list[TimestampedValue]:
    return [TimestampedValue(value, time) for value, time in pairs]


@pytest.mark.parametrize(
    ("evictor", "kept"),
    [
        (CountEvictor.of(2), [(8, 3), (7, 9)]),
        (CountEvictor.of(9), [(1, 1), (8, 3), (7, 9)]),
        (TimeEvictor.of(MS(6)), [(7, 9)]),
        (TimeEvictor.of(MS(7)), [(8, 3), (7, 9)]),
        (DeltaEvictor.of(2, lambda a, b: abs(b - a)), [(8, 3), (7, 9)]),
    ],
)
def test_evictors(evictor, kept) -> None:
    elements = values((1, 1), (8, 3), (7, 9))
    evictor.evict_after(elements, 3, WINDOW, None)
    assert len(elements) == 3
    evictor.evict_before(elements, 3, WINDOW, None)
    assert elements == values(*kept)
    evictor.evict_before([], 0, WINDOW, None)


def test_evictors_may_act_after_the_function() -> None:
    elements = values((1, NO_TIMESTAMP), (2, NO_TIMESTAMP))
    evictor = CountEvictor.of(1, True)
    evictor.evict_before(elements, 2, WINDOW, None)
    assert len(elements) == 2
    evictor.evict_after(elements, 2, WINDOW, None)
    assert elements == values((2, NO_TIMESTAMP))
    TimeEvictor.of(MS(1)).evict_before(elements, 1, WINDOW, None)
    assert len(elements) == 1 and not elements[0].has_timestamp()
    with pytest.raises(ValueError, match="no timestamp"):
        elements[0].get_timestamp()


@pytest.fixture
def context(engine: FakeEngine) -> WindowContext:
    context = WindowContext(engine, engine)
    context._window = WINDOW
    return context


def unpickled(call: WindowCall) -> WindowCall:
    return cloudpickle.loads(cloudpickle.dumps(call))


def test_calls_without_a_window_function(context) -> None:
    call = unpickled(WindowCall(lambda a, b: a + b))
    assert (call.function_kind, call.emits_value, call.with_timestamps) == ("reduce", True, False)
    assert call.reduce(2, 3) == 5 and not call.clears
    call = unpickled(WindowCall(Mean()))
    assert (call.function_kind, call.emits_value) == ("aggregate", True)
    assert call.result(call.merge(call.add(4, call.create()), call.add(8, call.create()))) == 6

    class Largest(ReduceFunction):
        def reduce(self, value1, value2):
            return max(value1, value2)

    assert WindowCall(Largest()).reduce(2, 3) == 3


@pytest.mark.parametrize(
    ("function", "result"),
    [
        (Show(), ("k", WINDOW, [5])),
        (Apply(), ("k", WINDOW, [5])),
        (ShowAll(), (WINDOW, [5])),
        (ApplyAll(), [5]),
    ],
)
def test_calls_with_a_window_function(context, function, result) -> None:
    call = WindowCall(max, function)
    call.open(None)
    assert not call.emits_value and list(call.emit("k", WINDOW, 5, context)) == [result]
    call = WindowCall(None, function)
    kept = [5]
    assert list(call.emit("k", WINDOW, kept, context)) == [result] and kept == [5]
    call.clear(context)
    call.close()


def test_a_window_function_may_give_nothing(context) -> None:
    class Nothing(ProcessWindowFunction):
        def process(self, key, context, elements):
            elements.clear()

    kept = [1]
    assert list(WindowCall(None, Nothing()).emit("k", WINDOW, kept, context)) == []
    assert kept == [1]


def test_rich_window_functions_see_their_window_go(context, engine) -> None:
    runtime = Runtime(engine)
    show = Show()
    call = WindowCall(None, show)
    call.open(runtime)
    assert show.opened and call.clears
    with pytest.raises(RuntimeError):
        context.global_state()
    call.clear(context)
    assert show.cleared == WINDOW and context.global_state() is runtime
    total = context.window_state().get_reducing_state(
        ReducingStateDescriptor("n", max, Types.LONG())
    )
    total.add(3)
    assert engine.values == {("n", (0, 0)): 3} and context.current_processing_time() == 0


class Odd(Evictor):
    def evict_before(self, elements, size, window, evictor_context):
        assert size == len(elements) and window == WINDOW
        assert evictor_context.get_current_watermark() == NO_TIMESTAMP
        assert evictor_context.get_current_processing_time() == 0
        elements[:] = [e for e in elements if e.value % 2]

    def evict_after(self, elements, size, window, evictor_context):
        del elements[0]


@pytest.mark.parametrize(
    ("combine", "function", "results"),
    [
        (None, Show(), [("k", WINDOW, [1, 5, 3])]),
        (max, None, [5]),
        (max, Apply(), [("k", WINDOW, [5])]),
        (Mean(), None, [3.0]),
    ],
)
def test_evictors_act_around_the_function(context, combine, function, results) -> None:
    call = WindowCall(combine, function, Odd())
    assert (call.function_kind, call.with_timestamps, call.emits_value) == ("list", True, False)
    kept = values((1, 0), (2, 0), (5, 0), (3, 0))
    assert list(call.emit("k", WINDOW, kept, context)) == results
    assert [e.value for e in kept] == [5, 3]
    assert list(call.emit("k", WINDOW, [], context)) == []


def test_all_names_of_the_window_module() -> None:
    import pyflinkpp.datastream.window as module

    for name in module.__all__:
        assert getattr(module, name) is not None
    assert issubclass(CountTrigger, Trigger)
    with pytest.raises(NotImplementedError):
        module.WindowOperationDescriptor  # noqa: B018
