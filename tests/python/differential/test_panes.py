"""Sliding windows that share panes against the oracle, which knows no panes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from functools import reduce
from typing import Any, NamedTuple

import oracle
import pytest
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
from oracle import Event
from pyflinkpp.common import Time, Types
from pyflinkpp.common.exceptions import JobExecutionException
from pyflinkpp.datastream import (
    AggregateFunction,
    DataStream,
    OutputTag,
    ProcessFunction,
    ProcessWindowFunction,
    StreamExecutionEnvironment,
)
from pyflinkpp.datastream.functions import ReduceFunction
from pyflinkpp.datastream.state import ValueStateDescriptor
from pyflinkpp.datastream.window import (
    CountEvictor,
    PurgingTrigger,
    SlidingEventTimeWindows,
    TumblingEventTimeWindows,
)
from pyflinkpp.testing import Harness

MS = Time.milliseconds
calls: Counter[str] = Counter()
LATE = OutputTag("late", EVENT)


class Gather(AggregateFunction):
    """The values; changes the accumulators that it gets, in merge() both."""

    merges_panes = True

    def create_accumulator(self):
        return []

    def add(self, value, accumulator):
        calls["add"] += 1
        accumulator.append(value[2])
        return accumulator

    def get_result(self, accumulator):
        return tuple(sorted(accumulator))

    def merge(self, acc_a, acc_b):
        calls["merge"] += 1
        acc_a += acc_b
        acc_b.clear()
        return acc_a


class Total(ReduceFunction):
    merges_panes = True

    def reduce(self, value1, value2):
        calls["reduce"] += 1
        return value1[0], min(value1[1], value2[1]), value1[2] + value2[2]


class Numbered(ProcessWindowFunction):
    """Gives the window, how often it has fired, and what there is."""

    def open(self, runtime_context):
        self.fired = ValueStateDescriptor("fired", Types.LONG())

    def process(self, key, context, elements):
        fired = context.window_state().get_state(self.fired)
        fired.update((fired.value() or 0) + 1)
        window = context.window()
        yield key, window.start, window.end, fired.value(), list(elements)

    def clear(self, context):
        calls["clear"] += 1
        context.window_state().get_state(self.fired).clear()


class Stamp(ProcessFunction):
    def process_element(self, value, ctx):
        yield (*value, ctx.timestamp())


class Function(NamedTuple):
    """The same function for a job and for the oracle, which gives what Numbered is given."""

    build: Callable[[Any], DataStream]
    result: Callable[[list[Event]], Any]


def total(events: list[Event]) -> tuple:
    return reduce(lambda a, b: (a[0], min(a[1], b[1]), a[2] + b[2]), [tuple(e) for e in events])


FUNCTIONS = {
    "aggregate": Function(
        lambda w: w.aggregate(Gather(), Numbered()),
        lambda events: tuple(sorted(e.value for e in events)),
    ),
    "reduce": Function(lambda w: w.reduce(Total(), Numbered()), total),
}


def numbered(function: Function) -> Callable[..., list]:
    fired: Counter[tuple] = Counter()

    def results(key, window, events):
        fired[key, window] += 1
        return [(key, *window, fired[key, window], [function.result(events)])]

    return results


def keyed(stream: DataStream, typed: bool):
    return stream.key_by(lambda e: e[0], Types.STRING() if typed else None)


SLIDES = st.integers(1, 6)
LONGER = st.integers(1, 14)
LATENESS = st.sampled_from([0, 0, 1, 2, 5, 30])
LAG = st.sampled_from([0, 1, 4, 20])


@examples(150)
@given(EVENTS, SLIDES, LONGER, SLIDES, st.sampled_from(list(FUNCTIONS)), POINTS, LATENESS, LAG)
def test_late_elements(events, slide, longer, offset, name, point: Point, lateness, lag) -> None:
    size, offset, function = slide + longer, offset % slide, FUNCTIONS[name]
    env = point.environment()
    windowed = keyed(timed(source(env, events, point.typed), lag), point.typed)
    windowed = windowed.window(SlidingEventTimeWindows.of(MS(size), MS(slide), MS(offset)))
    windowed = windowed.allowed_lateness(lateness).side_output_late_data(LATE)
    results = function.build(windowed)
    tagged = results.process(Stamp()).map(lambda v: (v[0], "on time", v))
    tagged = tagged.union(results.get_side_output(LATE).map(lambda v: (v[0], "late", v)))
    got = run(tagged)

    model = oracle.Windows(
        oracle.sliding(size, slide, offset), numbered(function), lateness=lateness
    )
    output = oracle.only_events(model.run(steps(events, lag)))
    wanted = [(e.value[0], "on time", (*e.value, e.time)) for e in output]
    wanted += [(e.key, "late", tuple(e)) for e in model.late]
    assert oracle.multisets(got) == oracle.multisets(wanted)


@examples(80)
@given(EVENTS, SLIDES, LONGER, SLIDES, st.sampled_from(list(FUNCTIONS)), POINTS, st.booleans())
def test_windows_fire_at_the_end(events, slide, longer, offset, name, point: Point, batch) -> None:
    size, offset, function = slide + longer, offset % slide, FUNCTIONS[name]
    elements = timed(source(point.environment(batch), events, point.typed), None, point.parallelism)
    windows = SlidingEventTimeWindows.of(MS(size), MS(slide), MS(offset))
    got = run(function.build(keyed(elements, point.typed).window(windows)))
    model = oracle.Windows(oracle.sliding(size, slide, offset), numbered(function))
    wanted = [e.value for e in oracle.only_events(model.run(oracle.at_the_end(events)))]
    assert oracle.multisets(got) == oracle.multisets(wanted)


@examples(80)
@given(EVENTS, SLIDES, LONGER, st.sampled_from(["sum", "min", "max"]), POINTS, LATENESS, LAG)
def test_aggregations_of_a_field(
    events, slide, longer, aggregation, point: Point, lateness, lag
) -> None:
    """The other fields are those of a window's first element, whose pane may be any of its panes."""
    env = point.environment()
    windowed = keyed(timed(source(env, events, True), lag), point.typed)
    windowed = windowed.window(SlidingEventTimeWindows.of(MS(slide + longer), MS(slide)))
    stream = getattr(windowed.allowed_lateness(lateness), aggregation)(2)
    assert stream._node.spec["merges_panes"]
    combine = {"sum": sum, "min": min, "max": max}[aggregation]

    def results(key, window, fired):
        return [(key, fired[0].time, combine(e.value for e in fired))]

    model = oracle.Windows(oracle.sliding(slide + longer, slide), results, lateness=lateness)
    wanted = [e.value for e in oracle.only_events(model.run(steps(events, lag)))]
    assert oracle.multisets(run(stream)) == oracle.multisets(wanted)
    assert late_dropped(env, stream) == len(model.late)


# ---- how often functions are called ----


def counted(build: Callable[[Any], DataStream], events: list[Event], size=100, slide=10) -> Counter:
    calls.clear()
    env = StreamExecutionEnvironment.get_execution_environment().debug().set_parallelism(1)
    windows = SlidingEventTimeWindows.of(MS(size), MS(slide))
    run(build(keyed(timed(source(env, events, True)), True).window(windows)))
    return Counter(calls)


EVENTS_IN_ORDER = [Event("a", time, time) for time in range(200)]


def test_an_element_is_added_once() -> None:
    """20 panes of 10 elements; 29 windows, of 1 to 10 panes each."""
    shared = counted(lambda w: w.aggregate(Gather(), Numbered()), EVENTS_IN_ORDER)
    assert shared == {"add": 200, "merge": 20 * 10 - 29, "clear": 29}

    class Apart(Gather):
        merges_panes = False

    apart = counted(lambda w: w.aggregate(Apart(), Numbered()), EVENTS_IN_ORDER)
    assert apart == {"add": 2000, "clear": 29}


def test_reduce_is_called_for_panes() -> None:
    shared = counted(lambda w: w.reduce(Total(), Numbered()), EVENTS_IN_ORDER)
    assert shared == {"reduce": 20 * 9 + 20 * 10 - 29, "clear": 29}


@pytest.mark.parametrize(
    "change",
    [
        lambda w: w.trigger(PurgingTrigger.of(w._window_assigner.get_default_trigger(None))),
        lambda w: w.evictor(CountEvictor.of(1000)),
    ],
)
def test_not_with_purging_or_evictors(change) -> None:
    assert counted(lambda w: change(w).aggregate(Gather()), EVENTS_IN_ORDER)["merge"] == 0


def test_not_with_windows_that_do_not_overlap() -> None:
    def build(windowed):
        tumbling = TumblingEventTimeWindows.of(MS(10))
        return windowed._keyed_stream.window(tumbling).aggregate(Gather())

    assert counted(build, EVENTS_IN_ORDER) == {"add": 200}


# ---- who shares panes ----


@pytest.mark.parametrize(
    ("aggregation", "type_", "shares"),
    [
        ("sum", Types.LONG(), True),
        ("sum", Types.BIG_INT(), True),
        ("sum", Types.DOUBLE(), False),
        ("sum", Types.STRING(), False),
        ("min", Types.INT(), True),
        ("max", Types.STRING(), True),
        ("max", Types.FLOAT(), False),
        ("max", Types.BIG_DEC(), False),
        ("min_by", Types.LONG(), False),
        ("max_by", Types.LONG(), False),
    ],
)
def test_built_ins_share_panes_where_that_is_exact(aggregation, type_, shares) -> None:
    env = StreamExecutionEnvironment.get_execution_environment()
    for whole in (True, False):
        stream = env.from_collection([], type_ if whole else Types.TUPLE([type_]))
        windowed = stream.key_by(lambda e: 0).window(SlidingEventTimeWindows.of(MS(4), MS(2)))
        assert getattr(windowed, aggregation)(0)._node.spec["merges_panes"] is shares
    untyped = env.from_collection([(1,)]).key_by(lambda e: 0)
    windowed = untyped.window(SlidingEventTimeWindows.of(MS(4), MS(2)))
    assert getattr(windowed, aggregation)(0)._node.spec["merges_panes"] is False


def test_functions_of_the_user_do_when_they_say_so() -> None:
    env = StreamExecutionEnvironment.get_execution_environment()
    windowed = env.from_collection([1]).key_by(lambda e: 0)
    windowed = windowed.window(SlidingEventTimeWindows.of(MS(4), MS(2)))

    def shares(stream: DataStream) -> bool:
        return stream._node.spec["merges_panes"]

    assert not AggregateFunction.merges_panes and not ReduceFunction.merges_panes
    assert shares(windowed.aggregate(Gather()))
    assert shares(windowed.reduce(Total()))
    assert not shares(windowed.reduce(max))
    assert not shares(windowed.process(Numbered()))


# ---- state and errors ----


def test_nothing_is_left_when_windows_are_gone() -> None:
    """What is kept of a window that comes anew would show."""

    def build(stream):
        windows = SlidingEventTimeWindows.of(MS(25), MS(10))
        windowed = stream.key_by(lambda e: e[0], Types.STRING()).window(windows)
        return windowed.aggregate(Gather(), Numbered(), output_type=None)

    with Harness(build, EVENT) as harness:
        harness.push(("a", 7, 1), timestamp=7)
        harness.watermark(24)
        assert harness.output() == [("a", -10, 15, 1, [(1,)]), ("a", 0, 25, 1, [(1,)])]
        harness.push(("a", 26, 2), timestamp=26)
        harness.watermark(100)
        assert harness.output() == [
            ("a", 10, 35, 1, [(2,)]),
            ("a", 20, 45, 1, [(2,)]),
        ]


class FailsToMerge(Gather):
    def merge(self, acc_a, acc_b):
        raise ValueError("no")


def test_a_merge_that_fails_tells_the_key() -> None:
    def build(stream):
        windows = SlidingEventTimeWindows.of(MS(20), MS(10))
        return (
            stream.key_by(lambda e: e[0], Types.STRING()).window(windows).aggregate(FailsToMerge())
        )

    with Harness(build, EVENT) as harness:
        harness.push(("b", 5, 1), timestamp=5)
        harness.push(("b", 15, 1), timestamp=15)
        with pytest.raises(JobExecutionException, match="failed to merge under the key 'b'"):
            harness.watermark(19)
