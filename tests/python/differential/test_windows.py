"""Windows of random jobs against the oracle."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from functools import reduce
from typing import Any, NamedTuple

import oracle
from differential.jobs import (
    EVENT,
    EVENTS,
    POINTS,
    Point,
    examples,
    late_dropped,
    run,
    source,
    steps,
    timed,
)
from hypothesis import given
from hypothesis import strategies as st
from oracle import Event, Window
from pyflinkpp.common import Time, Types
from pyflinkpp.datastream import (
    AggregateFunction,
    DataStream,
    OutputTag,
    ProcessFunction,
    ProcessWindowFunction,
    TimeWindow,
    WindowFunction,
)
from pyflinkpp.datastream.functions import ProcessAllWindowFunction
from pyflinkpp.datastream.window import (
    CountEvictor,
    CountTrigger,
    EventTimeSessionWindows,
    PurgingTrigger,
    SlidingEventTimeWindows,
    TimeEvictor,
    TimeWindowSerializer,
    Trigger,
    TriggerResult,
    TumblingEventTimeWindows,
    WindowAssigner,
)

MS = Time.milliseconds


# ---- assigners ----


class OwnAssigner(WindowAssigner):
    """Sliding windows as a user would write them: none for times that a gap between windows holds."""

    def __init__(self, size: int, slide: int) -> None:
        self._assign = oracle.sliding(size, slide)

    def assign_windows(self, element, timestamp, context):
        return [TimeWindow(*w) for w in self._assign(Event(None, timestamp, None))]

    def get_default_trigger(self, env):
        return OwnTrigger()

    def get_window_serializer(self):
        return TimeWindowSerializer()

    def is_event_time(self):
        return True


class OwnTrigger(Trigger):
    """The event-time trigger as a user would write it."""

    def on_element(self, element, timestamp, window, ctx):
        if window.max_timestamp() <= ctx.get_current_watermark():
            return TriggerResult.FIRE
        ctx.register_event_time_timer(window.max_timestamp())
        return TriggerResult.CONTINUE

    def on_event_time(self, time, window, ctx):
        return TriggerResult.FIRE if time == window.max_timestamp() else TriggerResult.CONTINUE

    def on_processing_time(self, time, window, ctx):
        return TriggerResult.CONTINUE

    def can_merge(self):
        return True

    def on_merge(self, window, ctx):
        if window.max_timestamp() > ctx.get_current_watermark():
            ctx.register_event_time_timer(window.max_timestamp())

    def clear(self, window, ctx):
        ctx.delete_event_time_timer(window.max_timestamp())


class Assigner(NamedTuple):
    """The same windows for a job and for the oracle."""

    name: str
    assigner: WindowAssigner
    assign: oracle.Assign
    merging: bool = False

    def __repr__(self) -> str:
        return self.name


def gap_of(element: Any) -> int:
    return 1 + element[2] % 7


def dynamic_sessions() -> Assigner:
    assigner = EventTimeSessionWindows.with_dynamic_gap(gap_of)
    return Assigner("dynamic", assigner, oracle.sessions(gap_of), True)


def tumbling(size: int, offset: int) -> Assigner:
    offset %= size
    return Assigner(
        f"tumbling({size}, {offset})",
        TumblingEventTimeWindows.of(MS(size), MS(offset)),
        oracle.tumbling(size, offset),
    )


def sliding(size: int, slide: int, offset: int) -> Assigner:
    offset %= slide
    return Assigner(
        f"sliding({size}, {slide}, {offset})",
        SlidingEventTimeWindows.of(MS(size), MS(slide), MS(offset)),
        oracle.sliding(size, slide, offset),
    )


def session(gap: int) -> Assigner:
    assigner = EventTimeSessionWindows.with_gap(MS(gap))
    return Assigner(f"session({gap})", assigner, oracle.sessions(gap), True)


def own(size: int, slide: int) -> Assigner:
    return Assigner(f"own({size}, {slide})", OwnAssigner(size, slide), oracle.sliding(size, slide))


SIZES = st.one_of(st.integers(1, 6), st.integers(1, 20))
ASSIGNERS = st.one_of(
    st.builds(tumbling, SIZES, SIZES),
    st.builds(sliding, SIZES, st.integers(1, 8), SIZES),
    st.builds(session, st.integers(1, 6)),
    st.builds(own, SIZES, st.integers(2, 8)),
    st.builds(dynamic_sessions),
)


# ---- functions ----


def combine(a: tuple, b: tuple) -> tuple:
    return a[0], min(a[1], b[1]), a[2] + b[2]


class Collect(AggregateFunction):
    """Gives (key, values)."""

    def create_accumulator(self):
        return None, []

    def add(self, value, accumulator):
        return value[0], [*accumulator[1], value[2]]

    def get_result(self, accumulator):
        return accumulator[0], sorted(accumulator[1])

    def merge(self, acc_a, acc_b):
        return acc_a[0] or acc_b[0], acc_a[1] + acc_b[1]


class Show(ProcessWindowFunction):
    def process(self, key, context, elements):
        window = context.window()
        yield key, window.start, window.end, sorted(elements, key=repr)


class Apply(WindowFunction):
    def apply(self, key, window, inputs):
        return [(key, window.start, window.end, sorted(inputs, key=repr))]


def shown(key: Any, window: Window, results: Iterable[Any]) -> tuple:
    return key, *window, sorted(results, key=repr)


def plain(events: list[Event]) -> list[tuple]:
    return [tuple(e) for e in events]


class Function(NamedTuple):
    """The same function over windows for a job and for the oracle."""

    name: str
    build: Callable[[Any, bool], DataStream]
    results: Callable[[Any, Window, list[Event]], Iterable[Any]]

    def __repr__(self) -> str:
        return self.name


LONGS = Types.TUPLE([Types.STRING(), Types.LIST(Types.LONG())])
FUNCTIONS = st.sampled_from(
    [
        Function(
            "reduce",
            lambda w, typed: w.reduce(combine),
            lambda key, window, events: [reduce(combine, plain(events))],
        ),
        Function(
            "reduce with a function",
            lambda w, typed: w.reduce(combine, Show()),
            lambda key, window, events: [shown(key, window, [reduce(combine, plain(events))])],
        ),
        Function(
            "aggregate",
            lambda w, typed: w.aggregate(Collect(), output_type=LONGS if typed else None),
            lambda key, window, events: [(key, sorted(e.value for e in events))],
        ),
        Function(
            "aggregate with a function",
            lambda w, typed: w.aggregate(Collect(), Apply()),
            lambda key, window, events: [
                shown(key, window, [(key, sorted(e.value for e in events))])
            ],
        ),
        Function(
            "process",
            lambda w, typed: w.process(Show()),
            lambda key, window, events: [shown(key, window, plain(events))],
        ),
        Function(
            "apply",
            lambda w, typed: w.apply(Apply()),
            lambda key, window, events: [shown(key, window, plain(events))],
        ),
        Function(
            "sum",
            lambda w, typed: w.sum(2) if typed else w.reduce(lambda a, b: (*a[:2], a[2] + b[2])),
            lambda key, window, events: [(key, events[0].time, sum(e.value for e in events))],
        ),
    ]
)


def keyed(stream: DataStream, typed: bool):
    return stream.key_by(lambda e: e[0], Types.STRING() if typed else None)


class Stamp(ProcessFunction):
    """Adds the time that the engine has given a result."""

    def process_element(self, value, ctx):
        yield (*value, ctx.timestamp())


def stamped(output: list[oracle.Step]) -> list[tuple]:
    return [(*e.value, e.time) for e in oracle.only_events(output)]


# ---- the tests ----


@examples(200)
@given(EVENTS, ASSIGNERS, FUNCTIONS, POINTS, st.booleans(), st.booleans())
def test_windows_fire_at_the_end(events, windows, function, point: Point, scattered, batch) -> None:
    if function.name == "sum" and (windows.merging or scattered or batch):
        return  # which element is a window's first is not defined
    env = point.environment(batch)
    elements = timed(source(env, events, point.typed), None, point.parallelism if scattered else 1)
    windowed = keyed(elements, point.typed).window(windows.assigner)
    got = run(function.build(windowed, point.typed).process(Stamp()))
    model = oracle.Windows(windows.assign, function.results, windows.merging)
    wanted = stamped(model.run(oracle.at_the_end(events)))
    assert oracle.multisets(got) == oracle.multisets(wanted)


LATE = OutputTag("late", EVENT)
LATENESS = st.sampled_from([0, 0, 1, 2, 5, 30])
LAG = st.sampled_from([0, 1, 4, 20])


@examples(400)
@given(EVENTS, ASSIGNERS, FUNCTIONS, POINTS, LATENESS, LAG, st.booleans(), st.booleans())
def test_late_elements(
    events, windows, function, point: Point, lateness, lag, purge, to_side
) -> None:
    if function.name == "sum" and windows.merging:
        return
    env = point.environment()
    windowed = keyed(timed(source(env, events, point.typed), lag), point.typed)
    windowed = windowed.window(windows.assigner).allowed_lateness(lateness)
    if purge:
        windowed.trigger(PurgingTrigger.of(windows.assigner.get_default_trigger(env)))
    if to_side:
        windowed.side_output_late_data(LATE)
    results = function.build(windowed, point.typed)
    tagged = results.process(Stamp()).map(lambda v: (v[0], "on time", v))
    if to_side:
        tagged = tagged.union(results.get_side_output(LATE).map(lambda v: (v[0], "late", v)))
    got = run(tagged)

    model = oracle.Windows(windows.assign, function.results, windows.merging, lateness, purge=purge)
    wanted = [(v[0], "on time", v) for v in stamped(model.run(steps(events, lag)))]
    if to_side:
        wanted += [(e.key, "late", tuple(e)) for e in model.late]
    else:
        assert late_dropped(env, results) == len(model.late)
    assert oracle.multisets(got) == oracle.multisets(wanted)


@examples(40)
@given(EVENTS, ASSIGNERS, st.integers(1, 30), POINTS, LAG)
def test_windows_of_windows(events, windows, size, point: Point, lag) -> None:
    """Results carry their window's last time, and watermarks follow them."""
    env = point.environment()
    first = keyed(timed(source(env, events, point.typed), lag), point.typed)
    counted = first.window(windows.assigner).aggregate(Collect())
    second = keyed(counted, point.typed).window(TumblingEventTimeWindows.of(MS(size)))
    got = run(second.process(Show()))

    def collected(key, window, elements):
        return [(key, sorted(e.value for e in elements))]

    def both(key, window, elements):
        return [shown(key, window, [e.value for e in elements])]

    inner = oracle.Windows(windows.assign, collected, windows.merging)
    outer = oracle.Windows(oracle.tumbling(size), both)
    wanted = outer.run(inner.run(steps(events, lag)))
    assert oracle.multisets(got) == oracle.multisets(e.value for e in oracle.only_events(wanted))
    assert not outer.late


EVICTORS = st.one_of(
    st.builds(lambda n: (CountEvictor.of(n), oracle.keep_last(n)), st.integers(1, 4)),
    st.builds(lambda n: (TimeEvictor.of(MS(n)), oracle.keep_newest(n)), st.integers(1, 5)),
)


@examples(100)
@given(EVENTS, SIZES, FUNCTIONS, EVICTORS, POINTS, LATENESS, LAG)
def test_evictors(events, size, function, evictors, point: Point, lateness, lag) -> None:
    evictor, evict = evictors
    env = point.environment()
    stream = keyed(timed(source(env, events, point.typed), lag), point.typed)
    windowed = stream.window(TumblingEventTimeWindows.of(MS(size))).allowed_lateness(lateness)
    got = run(function.build(windowed.evictor(evictor), point.typed))
    model = oracle.Windows(oracle.tumbling(size), function.results, lateness=lateness, evict=evict)
    wanted = oracle.only_events(model.run(steps(events, lag)))
    assert oracle.multisets(got) == oracle.multisets(e.value for e in wanted)


class Values(WindowFunction):
    def apply(self, key, window, inputs):
        return [(key, [e[2] for e in inputs])]


@examples(40)
@given(EVENTS, st.integers(1, 5), st.integers(0, 6), POINTS, st.booleans())
def test_count_windows(events, size, slide, point: Point, reduced) -> None:
    env = point.environment()
    windowed = keyed(source(env, events, point.typed), point.typed).count_window(size, slide)
    expected = oracle.count_windows(oracle.at_the_end(events), size, slide or size)
    if reduced:
        got = run(windowed.reduce(lambda a, b: (a[0], b[1], a[2] * 7 + b[2])))
        got = [(key, value) for key, _, value in got]
        wanted = [(k, reduce(lambda a, b: a * 7 + b, values)) for k, values in expected]
    else:
        got, wanted = run(windowed.apply(Values())), expected
    assert oracle.sequences(got) == oracle.sequences(wanted)


@examples(40)
@given(EVENTS, SIZES, st.integers(1, 4), POINTS, st.booleans())
def test_count_trigger(events, size, count, point: Point, purge) -> None:
    env = point.environment()
    trigger = PurgingTrigger.of(CountTrigger.of(count)) if purge else CountTrigger.of(count)
    windowed = keyed(timed(source(env, events, point.typed)), point.typed)
    windowed = windowed.window(TumblingEventTimeWindows.of(MS(size))).trigger(trigger)
    got = run(windowed.apply(Values()))

    def firings(key, window, elements):
        values = [e.value for e in elements]
        for end in range(count, len(values) + 1, count):
            yield key, values[end - count if purge else 0 : end]

    output = oracle.Windows(oracle.tumbling(size), firings).run(oracle.at_the_end(events))
    wanted = [event.value for event in oracle.only_events(output)]
    assert oracle.multisets(got) == oracle.multisets(wanted)


class ShowAll(ProcessAllWindowFunction):
    def process(self, context, elements):
        window = context.window()
        yield None, window.start, window.end, sorted(elements, key=repr)


@examples(40)
@given(EVENTS, ASSIGNERS, POINTS, LATENESS, LAG)
def test_windows_over_all_keys(events, windows, point: Point, lateness, lag) -> None:
    env = point.environment()
    windowed = timed(source(env, events, point.typed), lag).window_all(windows.assigner)
    got = run(windowed.allowed_lateness(lateness).process(ShowAll()))
    of_one_key = [e._replace(key=None, value=e) for e in events]

    def unwrapped(key, window, elements):
        return [shown(None, window, [tuple(e.value) for e in elements])]

    def assign(event):
        return windows.assign(event.value)

    model = oracle.Windows(assign, unwrapped, windows.merging, lateness)
    wanted = oracle.only_events(model.run(steps(of_one_key, lag)))
    assert oracle.multisets(got) == oracle.multisets(e.value for e in wanted)


@examples(40)
@given(EVENTS, SIZES, POINTS, LAG)
def test_each_element_is_in_its_window_or_late(events, size, point: Point, lag) -> None:
    """Where subtasks race, what is late is not known beforehand, but nothing is lost or doubled."""
    env = point.environment()
    stream = timed(source(env, events, point.typed).rebalance(), lag, point.parallelism)
    windowed = keyed(stream, point.typed).window(TumblingEventTimeWindows.of(MS(size)))
    results = windowed.side_output_late_data(LATE).process(Show())
    late = results.get_side_output(LATE).map(lambda v: (v[0], None, None, [v]))
    got = run(results.union(late))
    fired = Counter(result[:3] for result in got if result[1] is not None)
    assert set(fired.values()) <= {1}
    assert sorted(e for result in got for e in result[3]) == sorted(map(tuple, events))
    for _, start, end, elements in got:
        assert start is None or all(start <= e[1] < end for e in elements)
