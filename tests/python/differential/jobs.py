"""Random input for jobs, and the many ways to run one that must not change its results."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
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

    def environment(self, batch: bool = False) -> StreamExecutionEnvironment:
        configuration = Configuration()
        configuration.set_string("pipeline.auto-watermark-interval", "0")
        configuration.set_string("python.fn-execution.bundle.size", str(self.bundle_size))
        configuration.set_string("state.backend.type", self.backend)
        env = StreamExecutionEnvironment.get_execution_environment(configuration)
        if not self.chaining:
            env.disable_operator_chaining()
        mode = RuntimeExecutionMode.BATCH if batch else RuntimeExecutionMode.STREAMING
        return env.set_parallelism(self.parallelism).set_runtime_mode(mode)


POINTS = st.builds(
    Point,
    parallelism=st.sampled_from([1, 2]),
    chaining=st.booleans(),
    bundle_size=st.sampled_from([1, 7, 1000]),
    backend=st.sampled_from(["hashmap"] * 9 + ["rocksdb"]),  # opening files makes a job slow
    typed=st.booleans(),
)

KEYS = st.sampled_from(["a", "b", "c", "ü", ""])
TIMES = st.one_of(
    st.integers(-40, 60), st.integers(-40, 60), st.sampled_from([-(10**13) + 3, 1_700_000_000_000])
)
EVENTS = st.lists(st.tuples(KEYS, TIMES), max_size=30).map(
    lambda pairs: [Event(key, time, number) for number, (key, time) in enumerate(pairs)]
)


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
