"""Event-time timers and state of random jobs against the oracle."""

from __future__ import annotations

import oracle
from differential.jobs import EVENTS, POINTS, Point, examples, run, source, steps, timed
from hypothesis import given
from hypothesis import strategies as st
from pyflinkpp.common import Types
from pyflinkpp.datastream import KeyedProcessFunction
from pyflinkpp.datastream.state import ListStateDescriptor, ValueStateDescriptor


class Timers(KeyedProcessFunction):
    """Sets, deletes and chains timers as the numbers of the elements say; shows all that it sees."""

    def __init__(self, shift: int) -> None:
        self._shift = shift

    def open(self, runtime_context):
        self.seen = runtime_context.get_list_state(ListStateDescriptor("seen", Types.LONG()))
        self.chain = runtime_context.get_state(ValueStateDescriptor("chain", Types.LONG()))

    def process_element(self, value, ctx):
        key, time, number = value
        timers = ctx.timer_service()
        yield key, "element", number, timers.current_watermark(), ctx.timestamp()
        self.seen.add(number)
        match number % 5:
            case 0:
                timers.register_event_time_timer(time + self._shift)
            case 1:
                timers.register_event_time_timer(number)
                timers.register_event_time_timer(number)
                timers.register_event_time_timer(time - 3)
            case 2:
                timers.delete_event_time_timer(number - 1)
                timers.delete_event_time_timer(12345)
            case 3:
                self.chain.update(number % 4)
                timers.register_event_time_timer(time)
            case 4:
                timers.register_event_time_timer(time + 2)
                timers.delete_event_time_timer(time + 2)

    def on_timer(self, timestamp, ctx):
        timers = ctx.timer_service()
        yield (
            ctx.get_current_key(),
            "timer",
            timestamp,
            timers.current_watermark(),
            ctx.timestamp(),
            list(self.seen.get() or ()),
        )
        left = self.chain.value() or 0
        if left > 0:
            self.chain.update(left - 1)
            timers.register_event_time_timer(timestamp + 1)
            timers.register_event_time_timer(timestamp - 1)
        elif timestamp % 3 == 0:
            self.seen.clear()
            timers.delete_event_time_timer(timestamp + 1)


LAGS = st.sampled_from([None, None, 0, 1, 5])


@examples(150)
@given(EVENTS, st.sampled_from([-4, 0, 1, 7]), LAGS, POINTS)
def test_timers(events, shift, lag, point: Point) -> None:
    env = point.environment()
    key_type = Types.STRING() if point.typed else None
    stream = timed(source(env, events, point.typed), lag)
    got = run(stream.key_by(lambda e: e[0], key_type).process(Timers(shift)))
    output = oracle.KeyedProcess(Timers(shift)).run(steps(events, lag))
    wanted = [event.value for event in oracle.only_events(output)]
    assert oracle.sequences(got) == oracle.sequences(wanted)


@examples(60)
@given(EVENTS, st.sampled_from([-4, 0, 1, 7]), POINTS)
def test_timers_in_batch_mode(events, shift, point: Point) -> None:
    env = point.environment(batch=True)
    key_type = Types.STRING() if point.typed else None
    stream = timed(source(env, events, point.typed))
    got = run(stream.key_by(lambda e: e[0], key_type).process(Timers(shift)))
    output = oracle.KeyedProcess(Timers(shift), batch=True).run(oracle.in_batch_mode(events))
    wanted = [event.value for event in oracle.only_events(output)]
    assert oracle.sequences(got) == oracle.sequences(wanted)
