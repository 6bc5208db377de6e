"""Random input for jobs, and the many ways to run one that must not change its results."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import Any

import oracle
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from oracle import Event
from pyflinkpp.common import Configuration, Types, WatermarkStrategy
from pyflinkpp.common.watermark_strategy import TimestampAssigner, Watermark, WatermarkGenerator
from pyflinkpp.datastream import DataStream, RuntimeExecutionMode, StreamExecutionEnvironment

__all__ = ["EVENTS", "POINTS", "Point", "examples", "late_dropped", "run", "source", "timed"]

EVENT = Types.TUPLE([Types.STRING(), Types.LONG(), Types.LONG()])


@dataclass(frozen=True)
class Point:
    """One way to run a job."""

    parallelism: int
    chaining: bool
    bundle_size: int
    backend: str
    typed: bool
    in_this_thread: bool

    def environment(self, batch: bool = False) -> StreamExecutionEnvironment:
        configuration = Configuration()
        configuration.set_string("pipeline.auto-watermark-interval", "0")
        configuration.set_string("python.fn-execution.bundle.size", str(self.bundle_size))
        configuration.set_string("state.backend.type", self.backend)
        env = StreamExecutionEnvironment.get_execution_environment(configuration)
        if not self.chaining:
            env.disable_operator_chaining()
        mode = RuntimeExecutionMode.BATCH if batch else RuntimeExecutionMode.STREAMING
        # Subtasks that run so share their functions: these are for parallelism 1.
        env.debug(self.in_this_thread and self.parallelism == 1)
        return env.set_parallelism(self.parallelism).set_runtime_mode(mode)


POINTS = st.builds(
    Point,
    parallelism=st.sampled_from([1, 2]),
    chaining=st.booleans(),
    bundle_size=st.sampled_from([1, 7, 1000]),
    backend=st.sampled_from(["hashmap"] * 19 + ["rocksdb"]),  # opening files makes a job slow
    typed=st.booleans(),
    in_this_thread=st.booleans(),
)

KEYS = ["a", "a", "a", "b", "b", "ü", ""]


def random_events(seed: int, count: int) -> list[Event]:
    """Times are close together, so that elements meet in windows, at their borders and at watermarks.

    Of one seed, fewer elements are the first of more: a failing example gets short.
    """
    random = Random(seed)
    span, drift, far = (
        random.choice([8, 24, 60, 90]),
        random.choice([0, 0, 1]),
        random.random() < 0.2,
    )
    events = []
    for number in range(count):
        key, time = random.choice(KEYS), random.randrange(span) - span // 3 + drift * number
        if far and random.random() < 0.1:
            time = random.choice([3 - 10**13, 10**12])
        events.append(Event(key, time, number))
    return events


COUNTS = [0, 1, 2, 3, 4, 5, 6, 8, 10, 12, 14, 16, 18, *range(20, 40, 2)]
EVENTS = st.builds(random_events, st.integers(0, 2**32), st.sampled_from(COUNTS))


def examples(count: int) -> Callable[[Any], Any]:
    """The same random examples in each run."""
    return settings(
        max_examples=count,
        derandomize=True,
        database=None,
        deadline=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    )


class Clock(TimestampAssigner):
    """The second field of an element is its time."""

    def extract_timestamp(self, value: Any, record_timestamp: int) -> int:
        return value[1]


class AfterEach(WatermarkGenerator):
    """Sends a watermark after each element, which lags behind the element's time."""

    def __init__(self, lag: int) -> None:
        self._lag = lag

    def on_event(self, event: Any, event_timestamp: int, output: Any) -> None:
        output.emit_watermark(Watermark(event_timestamp - self._lag))

    def on_periodic_emit(self, output: Any) -> None:
        raise AssertionError("the interval is 0")


def source(env: StreamExecutionEnvironment, events: list[Event], typed: bool) -> DataStream:
    return env.from_collection([tuple(e) for e in events], EVENT if typed else None)


def timed(stream: DataStream, lag: int | None = None, parallelism: int = 1) -> DataStream:
    """Gives elements their times; watermarks follow each of them, or come at the end when there is no lag."""
    strategy = WatermarkStrategy.no_watermarks()
    if lag is not None:
        strategy = WatermarkStrategy.for_generator(lambda: AfterEach(lag))
    strategy = strategy.with_timestamp_assigner(Clock())
    return stream.assign_timestamps_and_watermarks(strategy).set_parallelism(parallelism)


def run(stream: DataStream) -> list[Any]:
    with stream.execute_and_collect() as results:
        return list(results)


def late_dropped(env: StreamExecutionEnvironment, stream: DataStream) -> int:
    """Runs the job for its summary alone."""
    from pyflinkpp.datastream import DiscardingSink

    stream.sink_to(DiscardingSink())
    summary = env.execute().get_summary()
    return sum(operator["late_dropped"] for operator in summary.values())


def steps(events: list[Event], lag: int | None) -> list[oracle.Step]:
    """What `timed` makes of a source's elements, as the oracle sees it."""
    return oracle.at_the_end(events) if lag is None else oracle.after_each(events, lag)
