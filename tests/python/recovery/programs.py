"""Programs with each kind of state, whose results do not depend on when they are restored."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from pyflinkpp.common import Time, Types
from pyflinkpp.datastream import (
    AggregateFunction,
    AsyncDataStream,
    AsyncFunction,
    BroadcastProcessFunction,
    CheckpointedFunction,
    CoMapFunction,
    DataStream,
    FlatMapFunction,
    KeyedProcessFunction,
    MapFunction,
    ProcessWindowFunction,
    ReduceFunction,
    Trigger,
    TriggerResult,
)
from pyflinkpp.datastream.state import (
    AggregatingStateDescriptor,
    ListStateDescriptor,
    MapStateDescriptor,
    ReducingStateDescriptor,
    StateTtlConfig,
    ValueStateDescriptor,
)
from pyflinkpp.datastream.window import (
    CountTumblingWindowAssigner,
    EventTimeSessionWindows,
    SlidingEventTimeWindows,
    TimeEvictor,
    TumblingEventTimeWindows,
)
from recovery.kit import EVENT, Event

LONG = Types.LONG()
RESULT = Types.TUPLE([Types.STRING(), LONG])


def key(event: Event) -> str:
    return event[0]


class Sum(AggregateFunction):
    def create_accumulator(self) -> int:
        return 0

    def add(self, value: Any, accumulator: int) -> int:
        return accumulator + (value if isinstance(value, int) else value[1])

    def get_result(self, accumulator: int) -> int:
        return accumulator

    def merge(self, acc_a: int, acc_b: int) -> int:
        return acc_a + acc_b


class Kept(KeyedProcessFunction):
    """Emits what its state holds of each key after each element.

    :param kind: The kind of the state.
    """

    def __init__(self, kind: str) -> None:
        self._kind = kind

    def open(self, runtime_context: Any) -> None:
        context, kind = runtime_context, self._kind
        if kind in ("value", "ttl"):
            value = ValueStateDescriptor("kept", LONG)
            if kind == "ttl":
                # Longer than a golden savepoint will ever be old.
                century = StateTtlConfig.new_builder(Time.days(36500)).build()
                value.enable_time_to_live(century)
            self._state = context.get_state(value)
        elif kind == "list":
            self._state = context.get_list_state(ListStateDescriptor("kept", LONG))
        elif kind == "map":
            self._state = context.get_map_state(MapStateDescriptor("kept", LONG, LONG))
        elif kind == "reducing":
            add = ReducingStateDescriptor("kept", lambda a, b: a + b, LONG)
            self._state = context.get_reducing_state(add)
        else:
            total = AggregatingStateDescriptor("kept", Sum(), LONG)
            self._state = context.get_aggregating_state(total)

    def process_element(self, value: Event, ctx: Any) -> Iterator[Event]:
        state, number = self._state, value[1]
        if self._kind in ("value", "ttl"):
            state.update((state.value() or 0) + number)
            yield value[0], state.value()
        elif self._kind == "map":
            state.put(number % 4, (state.get(number % 4) or 0) + number)
            yield value[0], sum((k + 1) * v for k, v in state.items())
        else:
            state.add(number)
            held = state.get()
            yield value[0], held if isinstance(held, int) else sum(held)


class Echo(KeyedProcessFunction):
    """Emits the number of elements again 55 ms later in event time, as often as there was one."""

    def open(self, runtime_context: Any) -> None:
        self._count = runtime_context.get_state(ValueStateDescriptor("count", LONG))

    def process_element(self, value: Event, ctx: Any) -> None:
        self._count.update((self._count.value() or 0) + 1)
        ctx.timer_service().register_event_time_timer(ctx.timestamp() + 55)

    def on_timer(self, timestamp: int, ctx: Any) -> Iterator[Event]:
        yield ctx.get_current_key(), timestamp * 1000 + self._count.value()


class Last(ProcessWindowFunction[Event, Event, str, Any]):
    """Emits the sum of a window, and which firing it is."""

    def process(self, key: str, context: Any, elements: Iterable[Event]) -> Iterator[Event]:
        fired = context.window_state().get_state(ValueStateDescriptor("fired", LONG))
        fired.update((fired.value() or 0) + 1)
        ever = context.global_state().get_state(ValueStateDescriptor("ever", LONG))
        ever.update((ever.value() or 0) + 1)
        yield key, sum(e[1] for e in elements) * 10_000 + fired.value() * 100 + ever.value()

    def clear(self, context: Any) -> None:
        context.window_state().get_state(ValueStateDescriptor("fired", LONG)).clear()


class EveryThird(Trigger[Event, Any]):
    """Fires with each third element, and at the window's end."""

    def _count(self, ctx: Any) -> Any:
        add = ReducingStateDescriptor("seen", lambda a, b: a + b, LONG)
        return ctx.get_partitioned_state(add)

    def on_element(self, element: Event, timestamp: int, window: Any, ctx: Any) -> TriggerResult:
        ctx.register_event_time_timer(window.max_timestamp())
        count = self._count(ctx)
        count.add(1)
        return TriggerResult.FIRE if count.get() % 3 == 0 else TriggerResult.CONTINUE

    def on_processing_time(self, time: int, window: Any, ctx: Any) -> TriggerResult:
        return TriggerResult.CONTINUE

    def on_event_time(self, time: int, window: Any, ctx: Any) -> TriggerResult:
        return TriggerResult.FIRE

    def on_merge(self, window: Any, ctx: Any) -> None:
        raise NotImplementedError

    def clear(self, window: Any, ctx: Any) -> None:
        self._count(ctx).clear()


class Plus(ReduceFunction):
    def reduce(self, value1: Event, value2: Event) -> Event:
        return value1[0], value1[1] + value2[1]


class Threes(FlatMapFunction, CheckpointedFunction):
    """Holds elements back until there are three: operator state under a key's partition."""

    def initialize_state(self, context: Any) -> None:
        descriptor = ListStateDescriptor("held", EVENT)
        self._state = context.get_operator_state_store().get_list_state(descriptor)
        self._held = list(self._state.get())

    def snapshot_state(self, context: Any) -> None:
        self._state.update(self._held)

    def flat_map(self, value: Event) -> Iterator[Event]:
        self._held.append(value)
        if len(self._held) == 3:
            yield from self._held
            self._held.clear()


class Seen(MapFunction, CheckpointedFunction):
    """Counts what its subtask has seen, in union state: each subtask knows its own entry."""

    def open(self, runtime_context: Any) -> None:
        self._subtask = runtime_context.get_index_of_this_subtask()
        self._count = dict(self._restored).get(self._subtask, 0)

    def initialize_state(self, context: Any) -> None:
        descriptor = ListStateDescriptor("seen", Types.TUPLE([LONG, LONG]))
        self._state = context.get_operator_state_store().get_union_list_state(descriptor)
        self._restored = list(self._state.get())

    def snapshot_state(self, context: Any) -> None:
        self._state.update([(self._subtask, self._count)])

    def map(self, value: Event) -> Event:
        self._count += 1
        return f"{self._subtask}", self._count


RULES = MapStateDescriptor("rules", Types.STRING(), LONG)


class Rules(BroadcastProcessFunction[Event, Event, Event]):
    """Adds the rule of an element's key; rules are the first elements."""

    def process_element(self, value: Event, ctx: Any) -> Iterator[Event]:
        yield value[0], value[1] + (ctx.get_broadcast_state(RULES).get(value[0]) or 0)

    def process_broadcast_element(self, value: Event, ctx: Any) -> None:
        ctx.get_broadcast_state(RULES).put(value[0], value[1] * 1000)


class Sides(CoMapFunction, CheckpointedFunction):
    """Counts both inputs in operator state."""

    def initialize_state(self, context: Any) -> None:
        descriptor = ListStateDescriptor("counts", LONG)
        self._state = context.get_operator_state_store().get_list_state(descriptor)
        self._count = sum(self._state.get())

    def snapshot_state(self, context: Any) -> None:
        self._state.update([self._count])

    def map1(self, value: Event) -> Event:
        self._count += 1
        return "count", self._count

    def map2(self, value: Event) -> None:
        return None


class Slow(AsyncFunction[Event, Event]):
    async def async_invoke(self, value: Event) -> list[Event]:
        return [(value[0], value[1] * 2)]


def _keyed(kind: str) -> Any:
    return lambda s: s.key_by(key, Types.STRING()).process(Kept(kind), RESULT)


def _windowed(assigner: Any, evictor: Any = None, trigger: Any = None) -> Any:
    def program(stream: DataStream) -> DataStream:
        windows = stream.key_by(key, Types.STRING()).window(assigner)
        if trigger is not None:
            windows = windows.trigger(trigger)
        if evictor is not None:
            windows = windows.evictor(evictor)
        return windows.process(Last(), RESULT)

    return program


def _broadcast(stream: DataStream) -> DataStream:
    rules = stream.filter(lambda e: e[1] < 3)
    data = stream.filter(lambda e: e[1] > 20)
    return data.connect(rules.broadcast(RULES)).process(Rules(), RESULT)


KEYED_STATE = {
    kind: _keyed(kind) for kind in ("value", "list", "map", "reducing", "aggregating", "ttl")
}

PROGRAMS: dict[str, Any] = {
    **KEYED_STATE,
    "timers": lambda s: s.key_by(key, Types.STRING()).process(Echo(), RESULT),
    "tumbling": _windowed(TumblingEventTimeWindows.of(Time.milliseconds(70))),
    "sliding": _windowed(SlidingEventTimeWindows.of(Time.milliseconds(90), Time.milliseconds(30))),
    "sessions": _windowed(EventTimeSessionWindows.with_gap(Time.milliseconds(31))),
    "counts": _windowed(CountTumblingWindowAssigner.of(4)),
    "trigger": _windowed(TumblingEventTimeWindows.of(Time.milliseconds(150)), None, EveryThird()),
    "evictor": _windowed(
        TumblingEventTimeWindows.of(Time.milliseconds(150)), TimeEvictor.of(Time.milliseconds(50))
    ),
    "window aggregate": lambda s: (
        s.key_by(key, Types.STRING())
        .window(TumblingEventTimeWindows.of(Time.milliseconds(80)))
        .aggregate(Sum(), output_type=LONG)
    ),
    "window reduce": lambda s: (
        s.key_by(key, Types.STRING())
        .window(SlidingEventTimeWindows.of(Time.milliseconds(80), Time.milliseconds(20)))
        .reduce(Plus(), output_type=EVENT)
    ),
    "reduce": lambda s: s.key_by(key, Types.STRING()).reduce(Plus()),
    "list state": lambda s: s.key_by(key, Types.STRING()).flat_map(Threes(), EVENT),
    "union state": lambda s: s.partition_custom(lambda k, n: ord(k) % n, key).map(Seen(), RESULT),
    "broadcast": _broadcast,
    "two inputs": lambda s: (
        s.connect(s.filter(lambda e: False)).map(Sides(), RESULT).set_parallelism(1)
    ),
    "async": lambda s: AsyncDataStream.ordered_wait(s, Slow(), Time.seconds(60), 4, RESULT),
}
