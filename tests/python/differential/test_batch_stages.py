"""Random jobs of several stages in batch mode, in which each stage reads what others have written."""

from __future__ import annotations

from collections import Counter
from itertools import groupby
from pathlib import Path

import oracle
import pytest
from differential.jobs import EVENT, EVENTS, POINTS, Point, examples, run, source, timed
from hypothesis import given
from oracle import Event
from pyflinkpp.common import Encoder, Time, Types, WatermarkStrategy
from pyflinkpp.datastream import (
    KeyedBroadcastProcessFunction,
    KeyedProcessFunction,
    OutputTag,
    ProcessFunction,
)
from pyflinkpp.datastream.connectors.file_system import FileSink
from pyflinkpp.datastream.connectors.number_seq import NumberSequenceSource
from pyflinkpp.datastream.functions import KeyedCoProcessFunction
from pyflinkpp.datastream.state import MapStateDescriptor, ValueStateDescriptor
from pyflinkpp.datastream.window import TumblingEventTimeWindows

ODD = OutputTag("odd", EVENT)


class Split(ProcessFunction):
    def process_element(self, value, ctx):
        if value[2] % 2:
            yield ODD, value
        else:
            yield value


class CountBoth(KeyedCoProcessFunction):
    """Counts the elements of both inputs, and tells at the key's end."""

    def open(self, runtime_context):
        self.first = runtime_context.get_state(ValueStateDescriptor("first", Types.LONG()))
        self.second = runtime_context.get_state(ValueStateDescriptor("second", Types.LONG()))

    def process_element1(self, value, ctx):
        return self.count(self.first, ctx)

    def process_element2(self, value, ctx):
        return self.count(self.second, ctx)

    def count(self, state, ctx):
        state.update((state.value() or 0) + 1)
        ctx.timer_service().register_event_time_timer(10**15)
        return ()

    def on_timer(self, timestamp, ctx):
        yield ctx.get_current_key(), self.first.value() or 0, self.second.value() or 0


def key_of(element):
    return element[0]


@examples(80)
@given(EVENTS, EVENTS, POINTS)
def test_unions_side_outputs_and_connected_streams(left, right, point: Point) -> None:
    """Sources -> split -> windows -> sum, and both halves connected; all ends are united."""
    env = point.environment(batch=True)
    first, second = timed(source(env, left, point.typed)), timed(source(env, right, point.typed))
    even = first.union(second).process(Split(), output_type=EVENT if point.typed else None)
    odd = even.get_side_output(ODD)
    key_type = Types.STRING() if point.typed else None

    windows = even.key_by(key_of, key_type).window(
        TumblingEventTimeWindows.of(Time.milliseconds(7))
    )
    sums = windows.reduce(lambda a, b: (a[0], a[1], a[2] + b[2])).rebalance()
    totals = sums.key_by(key_of, key_type).reduce(lambda a, b: (a[0], a[1], a[2] + b[2]))
    both = even.key_by(key_of, key_type).connect(odd.key_by(key_of, key_type))
    counts = both.process(CountBoth())
    got = run(
        totals.map(lambda e: ("total", e[0], e[2])).union(counts.map(lambda c: ("count", *c)))
    )

    of_key = {
        key: [event.value for event in events]
        for key, events in groupby(sorted(left + right, key=key_of), key_of)
    }
    wanted: Counter[tuple[object, ...]] = Counter()
    for key, numbers in of_key.items():
        halves = [n for n in numbers if n % 2 == 0], [n for n in numbers if n % 2]
        wanted["count", key, len(halves[0]), len(halves[1])] += 1
        if halves[0]:
            wanted["total", key, sum(halves[0])] += 1
    assert Counter(got) == wanted


class Pass(KeyedProcessFunction):
    def process_element(self, value, ctx):
        ctx.timer_service().register_event_time_timer(value[1])
        yield value

    def on_timer(self, timestamp, ctx):
        yield ctx.get_current_key(), timestamp, -1


class ShowWatermark(ProcessFunction):
    def process_element(self, value, ctx):
        yield ctx.timer_service().current_watermark()


@examples(30)
@given(EVENTS, POINTS)
def test_results_come_before_the_last_watermark(events: list[Event], point: Point) -> None:
    env = point.environment(batch=True)
    keyed = timed(source(env, events, point.typed)).key_by(key_of)
    shown = run(keyed.process(Pass()).process(ShowWatermark()))
    timers = {(event.key, event.time) for event in events}
    assert shown == [oracle.LEAST] * (len(events) + len(timers))


RULES = MapStateDescriptor("rules", Types.STRING(), Types.LONG())


class ByRule(KeyedBroadcastProcessFunction):
    def process_element(self, value, ctx):
        yield value[0], value[2], ctx.get_broadcast_state(RULES).get(value[0])

    def process_broadcast_element(self, value, ctx):
        ctx.get_broadcast_state(RULES).put(value[0], value[2])


@examples(40)
@given(EVENTS, EVENTS, POINTS)
def test_every_element_meets_all_that_was_broadcast(events, rules, point: Point) -> None:
    env = point.environment(batch=True)
    keyed = timed(source(env, events, point.typed)).key_by(key_of)
    got = run(keyed.connect(source(env, rules, point.typed).broadcast(RULES)).process(ByRule()))
    last = {rule.key: rule.value for rule in rules}
    assert Counter(got) == Counter((e.key, e.value, last.get(e.key)) for e in events)


def visible(folder: Path) -> list[Path]:
    """Finished part files; the others have names with a dot in front."""
    return [path for path in folder.rglob("*") if path.is_file() and path.name[0] != "."]


@pytest.mark.parametrize("fails", [False, True])
def test_files_of_an_early_stage_are_seen_when_the_last_has_ended(tmp_path: Path, fails) -> None:
    env = Point(2, True, 1000, "hashmap", True, False).environment(batch=True)
    early, late = tmp_path / "early", tmp_path / "late"
    numbers = env.from_source(
        NumberSequenceSource(1, 100), WatermarkStrategy.no_watermarks(), "numbers"
    )
    encoder = Encoder.simple_string_encoder()
    numbers.sink_to(FileSink.for_row_format(str(early), encoder).build())

    def check(number: int) -> int:
        assert not visible(early)
        if fails and number == 77:
            raise ValueError("in the second stage")
        return number

    checked = numbers.key_by(lambda n: n % 3).map(check, Types.LONG())
    checked.sink_to(FileSink.for_row_format(str(late), encoder).build())
    if fails:
        with pytest.raises(Exception, match="in the second stage"):
            env.execute()
    else:
        env.execute()
    for folder in (early, late):
        numbers_of = [int(line) for path in visible(folder) for line in path.read_text().split()]
        assert sorted(numbers_of) == ([] if fails else list(range(1, 101)))
