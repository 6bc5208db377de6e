"""Programs under a virtual clock."""

from __future__ import annotations

import pytest
from pyflinkpp.common import Duration, Time, Types
from pyflinkpp.common.exceptions import JobExecutionException
from pyflinkpp.datastream import OutputTag
from pyflinkpp.datastream.functions import KeyedCoProcessFunction, KeyedProcessFunction
from pyflinkpp.datastream.state import ListStateDescriptor, ValueStateDescriptor
from pyflinkpp.datastream.window import TumblingEventTimeWindows, TumblingProcessingTimeWindows
from pyflinkpp.testing import Harness

PAIR = Types.TUPLE([Types.STRING(), Types.LONG()])
LATE = OutputTag("late", PAIR)


def add(a, b):
    return a[0], a[1] + b[1]


class Sums(KeyedProcessFunction):
    def open(self, runtime_context):
        self.sum = runtime_context.get_state(ValueStateDescriptor("sum", Types.LONG()))

    def process_element(self, value, ctx):
        self.sum.update((self.sum.value() or 0) + value[1])
        now = ctx.timer_service().current_processing_time()
        ctx.timer_service().register_processing_time_timer(now + 100)
        ctx.timer_service().register_event_time_timer(1000)

    def on_timer(self, timestamp, ctx):
        yield ctx.get_current_key(), timestamp, ctx.time_domain().name, self.sum.value()
        if ctx.time_domain().name == "EVENT_TIME":
            self.sum.clear()


@pytest.mark.parametrize("parallelism", [1, 2])
def test_timers_and_state_of_a_process_function(parallelism) -> None:
    def build(stream):
        return stream.key_by(lambda pair: pair[0], Types.STRING()).process(Sums()).name("sums")

    with Harness(build, PAIR, parallelism=parallelism) as harness:
        harness.push(("a", 1), 5)
        harness.advance(10)
        harness.push_all((("b", 2), 6), (("a", 3), 7))
        assert harness.state("sums") == {"sum": {"a": 4, "b": 2}}
        assert sorted(harness.timers("sums")) == [("a", 1000), ("b", 1000)]
        assert sorted(harness.timers("sums", processing_time=True)) == [
            ("a", 100), ("a", 110), ("b", 110),
        ]  # fmt: skip
        harness.advance(89)
        assert harness.output() == [] and harness.now() == 99
        harness.advance(1)
        assert harness.output() == [("a", 100, "PROCESSING_TIME", 4)]
        harness.watermark(999)
        assert harness.output() == []
        harness.watermark(1000)
        fired = sorted(harness.output_with_timestamps())
        assert fired == [
            (("a", 1000, "EVENT_TIME", 4), 1000), (("b", 1000, "EVENT_TIME", 2), 1000),
        ]  # fmt: skip
        assert harness.state("sums") == {"sum": {}} and harness.timers("sums") == []
        summary = harness.end().get_summary()
        assert summary["sums"]["records_in"] == 3


def test_windows_and_late_elements() -> None:
    def build(stream):
        windows = (
            stream.key_by(lambda pair: pair[0], Types.STRING())
            .window(TumblingEventTimeWindows.of(Time.milliseconds(10)))
            .side_output_late_data(LATE)
            .reduce(add)
        )
        return windows, windows.get_side_output(LATE)

    with Harness(build, PAIR) as harness:
        harness.push(("a", 1), 5)
        harness.push(("a", 2), 6)
        harness.watermark(8)
        harness.push(("a", 4), 7)
        assert harness.output() == []
        harness.watermark(9)
        assert harness.output_with_timestamps() == [(("a", 7), 9)]
        harness.push(("a", 8), 7)
        assert harness.output() == [] and harness.output(1) == [("a", 8)]
        with pytest.raises(IndexError):
            harness.output(2)


def test_processing_time_windows_follow_the_clock() -> None:
    def build(stream):
        size = Time.seconds(10)
        keyed = stream.key_by(lambda pair: pair[0], Types.STRING())
        return keyed.window(TumblingProcessingTimeWindows.of(size)).reduce(add)

    with Harness(build, PAIR, start_ms=5000) as harness:
        harness.push(("a", 1))
        harness.push(("a", 2))
        harness.advance(4998)
        assert harness.output() == []
        harness.advance(1)  # 9,999 is the window's last millisecond
        assert harness.output() == [("a", 3)]


class Matches(KeyedCoProcessFunction):
    def open(self, runtime_context):
        self.left = runtime_context.get_list_state(ListStateDescriptor("left", Types.LONG()))

    def process_element1(self, value, ctx):
        self.left.add(value[1])

    def process_element2(self, value, ctx):
        yield value[0], list(self.left.get()), value[1], ctx.timer_service().current_watermark()


def test_two_inputs_and_idleness() -> None:
    def build(left, right):
        first, second = (s.key_by(lambda pair: pair[0], Types.STRING()) for s in (left, right))
        return first.connect(second).process(Matches())

    with Harness(build, PAIR, PAIR) as harness:
        harness.push(("a", 1), 1, input=0)
        harness.push(("a", 2), 2, input=0)
        harness.watermark(50, input=1)
        harness.push(("a", 9), 3, input=1)
        assert harness.output() == [("a", [1, 2], 9, -(2**63))]  # input 0 holds the watermark
        harness.idle(input=0)
        harness.push(("a", 9), 3, input=1)
        assert harness.output() == [("a", [1, 2], 9, 50)]


def test_failures_are_raised_where_they_happen() -> None:
    with Harness(lambda numbers: numbers.map(lambda n: 1 // n), Types.LONG()) as harness:
        harness.push(1)
        with pytest.raises(JobExecutionException, match="ZeroDivisionError"):
            harness.push(0)


def test_wrong_calls_are_refused() -> None:
    with pytest.raises(TypeError, match="DataStream"):
        Harness(lambda numbers: 5)
    with Harness(lambda numbers: numbers, Types.LONG()) as harness:
        with pytest.raises(TypeError, match="not an integer"):
            harness.push("x")
        with pytest.raises(ValueError, match="back"):
            harness.advance(-1)
        with pytest.raises(KeyError, match="nobody"):
            harness.state("nobody")
        harness.push(3)
        assert harness.output_with_timestamps() == [(3, None)]


def test_periodic_watermarks_follow_the_clock() -> None:
    from pyflinkpp.common import WatermarkStrategy
    from pyflinkpp.common.watermark_strategy import TimestampAssigner

    class Second(TimestampAssigner):
        def extract_timestamp(self, value, record_timestamp):
            return value[1]

    strategy = WatermarkStrategy.for_bounded_out_of_orderness(Duration.of_millis(3))

    def build(stream):
        timed = stream.assign_timestamps_and_watermarks(
            strategy.with_timestamp_assigner(Second()).with_idleness(Duration.of_seconds(1))
        )
        keyed = timed.key_by(lambda pair: pair[0], Types.STRING())
        return keyed.window(TumblingEventTimeWindows.of(Time.milliseconds(10))).reduce(add)

    with Harness(build, PAIR) as harness:
        harness.push(("a", 4))
        harness.push(("a", 13))
        assert harness.output() == []
        harness.advance(200)  # pipeline.auto-watermark-interval
        assert harness.output() == [("a", 4)]


def test_what_holds_event_time_is_told() -> None:
    from pyflinkpp.common.job_client import JobClient

    def build(left, right):
        first, second = (s.key_by(lambda pair: pair[0], Types.STRING()) for s in (left, right))
        return first.connect(second).process(Matches()).name("matches")

    with Harness(build, PAIR, PAIR, start_ms=5000) as harness:
        client = JobClient(harness._job)
        harness.watermark(50, input=1)
        harness.advance(300)
        (matches,) = (told for task, told in client.get_watermarks().items() if "matches" in task)
        assert matches["watermark"] == -(2**63) and not matches["idle"]
        assert "Input 0" in matches["held_by"]
        harness.watermark(70, input=0)
        harness.advance(300)
        (matches,) = (told for task, told in client.get_watermarks().items() if "matches" in task)
        assert matches["watermark"] == 50 and "Input 1" in matches["held_by"]
        assert 5000 <= matches["since_ms"] <= harness.now()


def test_what_held_event_time_longest_is_in_the_summary() -> None:
    def build(left, right):
        first, second = (s.key_by(lambda pair: pair[0], Types.STRING()) for s in (left, right))
        return first.connect(second).process(Matches()).name("matches")

    with Harness(build, PAIR, PAIR, start_ms=36_000_000) as harness:
        for input in (0, 1):
            harness.watermark(50, input=input)
        harness.watermark(90, input=1)
        harness.advance(3000)
        harness.watermark(70, input=0)
        harness.advance(1000)
        result = harness.end()
    holds = result.get_watermark_holds()
    (task, hold) = next(each for each in holds.items() if "matches" in each[0])
    assert hold["watermark"] == 50 and 2950 <= hold["held_ms"] <= 3050
    assert 36_000_000 <= hold["since_ms"] <= 36_000_050
    assert hold["held_by"] == hold["source"] and "Input 0" in hold["source"]
    assert hold["split"] == "elements that are pushed"
    (line,) = (line for line in str(result).splitlines() if f"event time of {task}" in line)
    source = next(line for line in str(result).splitlines() if "event time of Input 0" in line)
    assert source.endswith("UTC by elements that are pushed")
    assert line == (
        f"  event time of {task} was held for {hold['held_ms'] / 1000:.3f} s from "
        f"10:00:00.{hold['since_ms'] % 1000:03} UTC by {hold['source']}, elements that are pushed"
    )


class Fails(KeyedProcessFunction):
    def process_element(self, value, ctx):
        ctx.timer_service().register_event_time_timer(20)
        return [1 // value[1]]

    def on_timer(self, timestamp, ctx):
        raise ValueError("no")


def test_failures_tell_key_and_time() -> None:
    def build(stream):
        return stream.key_by(lambda pair: pair[0], Types.STRING()).process(Fails())

    with Harness(build, PAIR) as harness:
        with pytest.raises(JobExecutionException) as raised:
            harness.push(("a", 0), 17)
        assert "on the element ('a', 0) under the key 'a' at the time 17" in str(raised.value)
    with Harness(build, PAIR) as harness:
        harness.push(("b", 1), 17)
        with pytest.raises(JobExecutionException, match="under the key 'b' at the timer 20"):
            harness.watermark(30)
