"""Asynchronous functions on the engine."""

from __future__ import annotations

import asyncio
import threading

import pytest
from pyflinkpp.common import Time, Types, WatermarkStrategy
from pyflinkpp.common.exceptions import JobExecutionException
from pyflinkpp.common.watermark_strategy import TimestampAssigner
from pyflinkpp.datastream import AsyncDataStream
from pyflinkpp.datastream.functions import AsyncFunction, AsyncRetryStrategy, ProcessFunction

SECONDS = Time.seconds(30)


class Turned(AsyncFunction):
    """Waves of `width` elements end in reverse order; each result twice."""

    def __init__(self, width):
        self.width = width

    def open(self, runtime_context):
        self.waiting = []
        runtime_context.get_int_counter("open").add(1)
        self.calls = runtime_context.get_int_counter("calls")

    async def async_invoke(self, value):
        self.calls.add(1)
        mine = asyncio.Event()
        self.waiting.append(mine)
        if len(self.waiting) == self.width:
            self.waiting[-1].set()
        await mine.wait()
        self.waiting.pop()
        if self.waiting:
            self.waiting[-1].set()
        return [value, value]


def numbers(env, count):
    return env.from_collection(list(range(count)), Types.LONG())


def test_ordered_and_unordered(env, collect) -> None:
    ordered = AsyncDataStream.ordered_wait(numbers(env, 8), Turned(4), SECONDS, 4, Types.LONG())
    assert collect(ordered) == [n for n in range(8) for _ in range(2)]
    turned = AsyncDataStream.unordered_wait(numbers(env, 8), Turned(4), SECONDS, 4, Types.LONG())
    given = collect(turned)
    assert sorted(given) == sorted(n for n in range(8) for _ in range(2))
    assert given[:2] == [3, 3]


def test_at_most_capacity_calls_are_in_hand(any_env, collect) -> None:
    class Counting(AsyncFunction):
        def open(self, runtime_context):
            self.now = self.most = 0

        async def async_invoke(self, value):
            self.now += 1
            self.most = max(self.most, self.now)
            await asyncio.sleep(0)
            self.now -= 1
            return [self.most]

    stream = numbers(any_env, 200).rebalance()
    most = collect(AsyncDataStream.unordered_wait(stream, Counting(), SECONDS, 3, Types.LONG()))
    assert len(most) == 200 and 1 <= max(most) <= 3


def test_calls_run_beside_the_task_and_context_works(env) -> None:
    class Where(AsyncFunction):
        async def async_invoke(self, value):
            return [threading.current_thread().name]

    stream = AsyncDataStream.ordered_wait(numbers(env, 3), Turned(1), SECONDS, 2, Types.LONG())
    where = AsyncDataStream.ordered_wait(stream, Where(), SECONDS, 2, Types.STRING())
    with where.execute_and_collect() as names:
        assert set(names) == {"pyflinkpp async"}


def test_a_call_that_takes_too_long(env, collect) -> None:
    class Slow(AsyncFunction):
        async def async_invoke(self, value):
            if value == 1:
                await asyncio.sleep(600)
            return [value]

    class Patient(Slow):
        def timeout(self, value):
            return [-value]

    waited = AsyncDataStream.ordered_wait(
        numbers(env, 3), Patient(), Time.milliseconds(30), 5, Types.LONG()
    )
    assert collect(waited) == [0, -1, 2]
    with pytest.raises(JobExecutionException, match="took too long for 1"):
        collect(AsyncDataStream.ordered_wait(numbers(env, 3), Slow(), Time.milliseconds(30)))


class Flaky(AsyncFunction):
    def __init__(self, by_result):
        self.by_result = by_result

    def open(self, runtime_context):
        self.attempts = {}

    async def async_invoke(self, value):
        self.attempts[value] = self.attempts.get(value, 0) + 1
        if self.attempts[value] < 3:
            if self.by_result:
                return []
            raise OSError(f"attempt {self.attempts[value]}")
        return [(value, self.attempts[value])]


@pytest.mark.parametrize("by_result", [True, False])
def test_retries(env, collect, by_result) -> None:
    strategy = AsyncRetryStrategy.fixed_delay(
        5, 1, (lambda results: not results), (lambda error: isinstance(error, OSError))
    )
    stream = AsyncDataStream.ordered_wait_with_retry(
        numbers(env, 4), Flaky(by_result), SECONDS, strategy, 10
    )
    assert collect(stream) == [(n, 3) for n in range(4)]


def test_retries_end(env, collect) -> None:
    once = AsyncRetryStrategy.exponential_backoff(1, 1, 10, 2.0, None, lambda error: True)
    stream = AsyncDataStream.unordered_wait_with_retry(
        numbers(env, 4), Flaky(False), SECONDS, once, 10
    )
    with pytest.raises(JobExecutionException, match=r"attempt [12]"):
        collect(stream)


def test_failures_name_the_element(env, collect) -> None:
    class Fails(AsyncFunction):
        async def async_invoke(self, value):
            await asyncio.sleep(0)
            return [1 // (value - 5)]

    with pytest.raises(JobExecutionException) as raised:
        collect(AsyncDataStream.ordered_wait(numbers(env, 9), Fails(), SECONDS).name("divider"))
    text = str(raised.value)
    assert "ZeroDivisionError" in text and "divider" in text and "element 5" in text
    assert "async_invoke" in text


def test_no_result_passes_a_watermark(env, collect) -> None:
    class Itself(TimestampAssigner):
        def extract_timestamp(self, value, record_timestamp):
            return value

    class Seen(ProcessFunction):
        def process_element(self, value, ctx):
            yield value, ctx.timestamp(), ctx.timer_service().current_watermark()

    strategy = WatermarkStrategy.for_monotonous_timestamps().with_timestamp_assigner(Itself())
    timed = numbers(env, 6).assign_timestamps_and_watermarks(strategy)
    turned = AsyncDataStream.unordered_wait(timed, Turned(3), SECONDS, 3, Types.LONG())
    for value, timestamp, watermark in collect(turned.process(Seen())):
        assert value == timestamp > watermark


def test_an_abandoned_job_stops(env) -> None:
    class Hangs(AsyncFunction):
        async def async_invoke(self, value):
            if value > 0:
                await asyncio.Event().wait()
            return [value]

    stream = AsyncDataStream.ordered_wait(numbers(env, 50), Hangs(), Time.minutes(10), 4)
    with stream.execute_and_collect() as elements:
        assert next(elements) == 0
    assert "pyflinkpp async" not in {thread.name for thread in threading.enumerate()}
