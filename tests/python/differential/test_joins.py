"""Joins of random streams against the oracle."""

from __future__ import annotations

from collections.abc import Callable

import oracle
from differential.jobs import EVENT, EVENTS, POINTS, Point, examples, run, source, timed
from hypothesis import given
from hypothesis import strategies as st
from oracle import Event
from pyflinkpp.common import Time, Types
from pyflinkpp.datastream import CoGroupFunction, OutputTag, ProcessJoinFunction
from pyflinkpp.datastream.window import (
    EventTimeSessionWindows,
    SlidingEventTimeWindows,
    TumblingEventTimeWindows,
)

MS = Time.milliseconds
SIZES = st.integers(1, 15)
WINDOWS = st.one_of(
    st.builds(lambda n: (TumblingEventTimeWindows.of(MS(n)), oracle.tumbling(n), False), SIZES),
    st.builds(
        lambda n, m: (SlidingEventTimeWindows.of(MS(n), MS(m)), oracle.sliding(n, m), False),
        SIZES,
        st.integers(2, 6),
    ),
    st.builds(lambda n: (EventTimeSessionWindows.with_gap(MS(n)), oracle.sessions(n), True), SIZES),
)


class Groups(CoGroupFunction):
    def co_group(self, first, second):
        key = next(iter([*first, *second]))[0]
        yield key, sorted(v[2] for v in first), sorted(v[2] for v in second)


def two_streams(point: Point, left, right, lag: int | None = None, batch: bool = False):
    env = point.environment(batch)
    typed = point.typed
    return timed(source(env, left, typed), lag), timed(source(env, right, not typed), lag)


def by_window(point: Point, how: str, left, right, assigner, batch: bool):
    first, second = two_streams(point, left, right, batch=batch)
    key_type = Types.STRING() if point.typed else None
    where = getattr(first, how)(second).where(lambda e: e[0], key_type)
    return where.equal_to(lambda e: e[0]).window(assigner)


@examples(60)
@given(EVENTS, EVENTS, WINDOWS, POINTS, st.booleans())
def test_window_join(left, right, windows, point: Point, batch) -> None:
    assigner, assign, merging = windows
    pairs = by_window(point, "join", left, right, assigner, batch)
    got = run(pairs.apply(lambda a, b: (a[0], a[2], b[2])))
    wanted = oracle.window_join(left, right, assign, merging)
    assert oracle.multisets(got) == oracle.multisets(wanted)


@examples(60)
@given(EVENTS, EVENTS, WINDOWS, POINTS, st.booleans())
def test_co_group(left, right, windows, point: Point, batch) -> None:
    assigner, assign, merging = windows
    groups = by_window(point, "co_group", left, right, assigner, batch)
    got = run(groups.apply(Groups()))
    groups = oracle.co_group(left, right, assign, merging)
    wanted = [(key, sorted(first), sorted(second)) for key, _, first, second in groups]
    assert oracle.multisets(got) == oracle.multisets(wanted)


class Pair(ProcessJoinFunction):
    def process_element(self, left, right, ctx):
        assert (ctx.get_left_timestamp(), ctx.get_right_timestamp()) == (left[1], right[1])
        yield left[0], left[2], right[2], ctx.get_timestamp()


BOUNDS = st.tuples(st.integers(-12, 12), st.integers(-12, 12)).map(sorted)


def interval(lower: int, upper: int, exclusive: tuple[bool, bool]) -> Callable[[int], bool]:
    def holds(later: int) -> bool:
        return lower + exclusive[0] <= later <= upper - exclusive[1]

    return holds


def by_interval(first, second, bounds, exclusive, typed):
    key_type = Types.STRING() if typed else None
    left, right = (stream.key_by(lambda e: e[0], key_type) for stream in (first, second))
    joined = left.interval_join(right).between(MS(bounds[0]), MS(bounds[1]))
    if exclusive[0]:
        joined.lower_bound_exclusive()
    if exclusive[1]:
        joined.upper_bound_exclusive()
    return joined


@examples(80)
@given(EVENTS, EVENTS, BOUNDS, st.tuples(st.booleans(), st.booleans()), POINTS, st.booleans())
def test_interval_join(left, right, bounds, exclusive, point: Point, batch) -> None:
    if bounds[0] + exclusive[0] > bounds[1] - exclusive[1]:
        exclusive = (False, False)  # nothing would be left
    first, second = two_streams(point, left, right, batch=batch)
    got = run(by_interval(first, second, bounds, exclusive, point.typed).process(Pair()))
    wanted = oracle.interval_join(left, right, interval(*bounds, exclusive))
    assert oracle.multisets(got) == oracle.multisets(wanted)


LEFT, RIGHT = OutputTag("left", EVENT), OutputTag("right", EVENT)


def at_even_times(events: list[Event]) -> list[Event]:
    return [event._replace(time=event.time * 2) for event in events]


@examples(60)
@given(EVENTS, EVENTS, BOUNDS, POINTS, st.sampled_from([1, 5, 21]))
def test_what_is_not_late_is_joined(left, right, bounds, point: Point, lag) -> None:
    """Which elements are late depends on how two inputs race, but not what becomes of the others.

    Watermarks have odd times, so that no element stands at one.
    """
    left, right = at_even_times(left), at_even_times(right)
    first, second = two_streams(point, left, right, lag)
    joined = by_interval(first, second, bounds, (False, False), point.typed)
    joined.side_output_left_late_data(LEFT).side_output_right_late_data(RIGHT)
    pairs = joined.process(Pair())
    late = pairs.get_side_output(LEFT).map(lambda e: ("left", tuple(e)))
    late = late.union(pairs.get_side_output(RIGHT).map(lambda e: ("right", tuple(e))))
    got = run(pairs.map(lambda pair: ("pair", pair)).union(late))

    of_kind = oracle.sequences(got)
    late_left, late_right = (
        {value for _, value in of_kind.get(side, ())} for side in ("left", "right")
    )
    wanted = oracle.interval_join(
        [e for e in left if tuple(e) not in late_left],
        [e for e in right if tuple(e) not in late_right],
        interval(*bounds, (False, False)),
    )
    assert sorted(pair for _, pair in of_kind.get("pair", ())) == sorted(wanted)
