"""An exception of a user's function comes with what the function was called with."""

from __future__ import annotations

import asyncio
import traceback
from collections.abc import Callable
from dataclasses import FrozenInstanceError
from typing import Any, NamedTuple

import pytest
from pyflinkpp.common import Time, Types, WatermarkStrategy
from pyflinkpp.common.exceptions import FailureContext, JobExecutionException
from pyflinkpp.common.watermark_strategy import TimestampAssigner
from pyflinkpp.datastream import (
    AggregateFunction,
    AsyncDataStream,
    AsyncFunction,
    DataStream,
    KeyedProcessFunction,
    ProcessFunction,
    ProcessWindowFunction,
    StreamExecutionEnvironment,
    TimeWindow,
)
from pyflinkpp.datastream.window import (
    EventTimeSessionWindows,
    Trigger,
    TriggerResult,
    TumblingEventTimeWindows,
)
from pyflinkpp.testing import FailureContext as OfTesting
from pyflinkpp.testing import Harness

PAIR = Types.TUPLE([Types.STRING(), Types.LONG()])
BAD = ("b", 20)


class NoGood(Exception):
    """What functions here raise."""


def fail(*values: Any) -> Any:
    raise NoGood("no good")


def fail_on_bad(value: Any) -> Any:
    if value == BAD:
        raise NoGood("no good")
    return value


def first(pair: tuple) -> str:
    return pair[0]


class SecondField(TimestampAssigner):
    def extract_timestamp(self, value, record_timestamp):
        return value[1]


class BadTimestamp(TimestampAssigner):
    def extract_timestamp(self, value, record_timestamp):
        return fail_on_bad(value)[1]


class Process(ProcessFunction):
    def process_element(self, value, ctx):
        yield fail_on_bad(value)


class AtTimer(KeyedProcessFunction):
    def process_element(self, value, ctx):
        ctx.timer_service().register_event_time_timer(value[1] + 1)

    def on_timer(self, timestamp, ctx):
        if ctx.get_current_key() == "b":
            fail()
        return []


class KeyedProcess(KeyedProcessFunction):
    def process_element(self, value, ctx):
        yield fail_on_bad(value)


class Aggregate(AggregateFunction):
    def create_accumulator(self):
        return 0

    def add(self, value, accumulator):
        fail_on_bad(value)
        return accumulator

    def get_result(self, accumulator):
        return accumulator

    def merge(self, acc_a, acc_b):
        return acc_a


class InResult(Aggregate):
    def add(self, value, accumulator):
        return accumulator + value[1]

    def get_result(self, accumulator):
        return fail() if accumulator == 41 else accumulator


class InWindow(ProcessWindowFunction):
    def process(self, key, context, elements):
        for element in elements:
            yield fail_on_bad(element)


class InClear(ProcessWindowFunction):
    def process(self, key, context, elements):
        return []

    def clear(self, context):
        if context.window().start == 20:
            fail()


class InTrigger(Trigger):
    def on_element(self, element, timestamp, window, ctx):
        fail_on_bad(element)
        return TriggerResult.CONTINUE

    def on_event_time(self, time, window, ctx):
        return TriggerResult.CONTINUE

    def on_processing_time(self, time, window, ctx):
        return TriggerResult.CONTINUE

    def on_merge(self, window, ctx):
        pass

    def clear(self, window, ctx):
        pass


class Async(AsyncFunction):
    async def async_invoke(self, value):
        await asyncio.sleep(0)
        return [fail_on_bad(value)]


def gap(element: tuple) -> int:
    fail_on_bad(element)
    return 1


def timed(stream: DataStream) -> DataStream:
    strategy = WatermarkStrategy.no_watermarks().with_timestamp_assigner(SecondField())
    return stream.assign_timestamps_and_watermarks(strategy)


def windowed(stream: DataStream) -> Any:
    keyed = timed(stream).key_by(first, Types.STRING())
    return keyed.window(TumblingEventTimeWindows.of(Time.milliseconds(10)))


ELEMENTS = [("a", 10), ("b", 21), BAD]


class Case(NamedTuple):
    build: Callable[[DataStream], DataStream]
    context: FailureContext
    frame: str = "fail_on_bad"


def case(
    build: Callable[[DataStream], DataStream], frame: str = "fail_on_bad", **known: Any
) -> Case:
    return Case(build, FailureContext("it", 0, **known), frame)


ELEMENT, TIMED = {"element": BAD}, {"element": BAD, "timestamp": 20}
KEYED = {**TIMED, "key": "b"}
FIRED = {"key": "b", "timestamp": 29, "window": TimeWindow(20, 30)}
CASES = {
    "map": case(lambda s: s.map(fail_on_bad), **ELEMENT),
    "map with a time": case(lambda s: timed(s).map(fail_on_bad), **TIMED),
    "filter": case(lambda s: s.filter(fail_on_bad), **ELEMENT),
    "flat_map": case(lambda s: s.flat_map(lambda v: [fail_on_bad(v)]), **ELEMENT),
    "flat_map, a generator": case(
        lambda s: s.flat_map(lambda v: (fail_on_bad(v) for _ in range(2))), **ELEMENT
    ),
    "key_by": case(lambda s: s.key_by(fail_on_bad).process(KeyedProcess()), **ELEMENT),
    "timestamp assigner": case(
        lambda s: s.assign_timestamps_and_watermarks(
            WatermarkStrategy.no_watermarks().with_timestamp_assigner(BadTimestamp())
        ),
        **ELEMENT,
    ),
    "reduce": case(
        lambda s: timed(s).key_by(first).reduce(lambda a, b: fail_on_bad(b)), **KEYED
    ),
    "reduce, typed keys": case(
        lambda s: timed(s).key_by(first, Types.STRING()).reduce(lambda a, b: fail_on_bad(b)),
        **KEYED,
    ),
    "process": case(lambda s: s.process(Process()), **ELEMENT),
    "keyed process": case(
        lambda s: timed(s).key_by(first, Types.STRING()).process(KeyedProcess()), **KEYED
    ),
    "keyed map": case(lambda s: timed(s).key_by(first).map(fail_on_bad), **KEYED),
    "keyed map, typed keys": case(
        lambda s: timed(s).key_by(first, Types.STRING()).map(fail_on_bad), **KEYED
    ),
    "keyed flat_map behind an exchange": case(
        lambda s: timed(s).key_by(first).flat_map(lambda v: [fail_on_bad(v)])
        .disable_chaining(),
        **KEYED,
    ),
    "timer": case(
        lambda s: timed(s).key_by(first, Types.STRING()).process(AtTimer()),
        "fail",
        key="b",
        timestamp=21,
        timer="EVENT_TIME",
    ),
    "window: reduce": case(lambda s: windowed(s).reduce(lambda a, b: fail_on_bad(b)), **KEYED),
    "window: add": case(lambda s: windowed(s).aggregate(Aggregate()), **KEYED),
    "window: result": case(lambda s: windowed(s).aggregate(InResult()), "fail", **FIRED),
    "window: process": case(lambda s: windowed(s).process(InWindow()), **FIRED),
    "window: clear": case(lambda s: windowed(s).process(InClear()), "fail", **FIRED),
    "window: trigger": case(
        lambda s: windowed(s).trigger(InTrigger()).process(InWindow()),
        **{**KEYED, "window": TimeWindow(20, 30)},
    ),
    "window: gap": case(
        lambda s: timed(s).key_by(first).window(EventTimeSessionWindows.with_dynamic_gap(gap))
        .process(InWindow()),
        **KEYED,
    ),
    "async": case(
        lambda s: AsyncDataStream.ordered_wait(timed(s), Async(), Time.seconds(60)), **TIMED
    ),
}  # fmt: skip


def failure_of(case: Case, debug: bool) -> JobExecutionException:
    env = StreamExecutionEnvironment.get_execution_environment().debug(debug)
    stream = case.build(env.from_collection(ELEMENTS, PAIR)).name("it")
    with pytest.raises(JobExecutionException) as raised, stream.execute_and_collect() as results:
        list(results)
    return raised.value


def shown(value: Any) -> str | None:
    return None if value is None else repr(value)


@pytest.mark.parametrize("name", CASES)
def test_a_debugged_job_has_the_objects(name: str) -> None:
    case = CASES[name]
    failure = failure_of(case, debug=True)
    assert failure.context is not None and type(failure.cause) is NoGood
    if name == "key_by":
        assert failure.context.operator
        object.__setattr__(failure.context, "operator", "it")
    assert failure.context == case.context
    assert failure.cause.pyflinkpp_context is failure.context
    # A debugger that is given either exception shows the user's own frame.
    for error in (failure, failure.cause):
        frame = list(traceback.walk_tb(error.__traceback__))[-1][0]
        assert frame.f_code.co_name == case.frame
        assert frame.f_code.co_filename == __file__


@pytest.mark.parametrize("name", CASES)
def test_another_has_their_reprs(name: str) -> None:
    wanted = CASES[name].context
    failure = failure_of(CASES[name], debug=False)
    context = failure.context
    assert context is not None and type(failure.cause).__name__ == "NoGood"
    assert (context.element, context.key, context.window) == (
        shown(wanted.element),
        shown(wanted.key),
        shown(wanted.window),
    )
    assert (context.timestamp, context.timer) == (wanted.timestamp, wanted.timer)
    assert failure.cause.pyflinkpp_context == context
    (note,) = failure.cause.__notes__
    assert note.startswith(f"in operator {context.operator!r} (subtask 1/1)")
    for part in ("element", "key", "window"):
        value = getattr(context, part)
        assert value is None or f", {part} {value}" in note
    if wanted.timestamp is not None:
        kind = "timer" if wanted.timer else "timestamp"
        assert note.endswith(f", {kind} {wanted.timestamp}")
    # The message says it once.
    assert str(failure).count("(subtask 1/1)") == 1


def test_all_that_is_known_is_in_the_message() -> None:
    message = str(failure_of(CASES["window: trigger"], debug=False))
    assert message.startswith(
        "operator 'it' (subtask 1/1) failed in its trigger on the element ('b', 20) under the key "
        "'b' in the window TimeWindow(start=20, end=30) at the time 20: NoGood: no good\n"
    )


class Stubborn(Exception):
    """Can't be pickled, takes no attributes and no notes."""

    def __setattr__(self, name: str, value: object) -> None:
        raise TypeError(name)

    def add_note(self, note: str) -> None:
        raise TypeError(note)

    def __reduce__(self) -> Any:
        raise TypeError("no")


@pytest.mark.parametrize("debug", [True, False])
def test_exceptions_that_refuse(debug: bool) -> None:
    def refuse(value):
        raise Stubborn("no")

    failure = failure_of(case(lambda s: s.map(refuse)), debug)
    assert failure.context is not None and failure.context.operator == "it"
    assert "Stubborn: no" in str(failure)
    assert type(failure.cause) is (Stubborn if debug else type(None))


def test_one_exception_that_is_raised_again_has_one_note() -> None:
    error = NoGood("again")

    def again(value):
        raise error

    for _ in range(2):
        failure = failure_of(case(lambda s: s.map(again)), debug=True)
        assert failure.cause is error and len(error.__notes__) == 1


def test_results_that_do_not_fit() -> None:
    failure = failure_of(case(lambda s: s.map(lambda v: "text", Types.LONG())), debug=True)
    assert failure.context.element == ELEMENTS[0]
    assert "does not fit its declared type LONG on the element ('a', 10)" in str(failure)


def test_the_context_is_a_value() -> None:
    assert OfTesting is FailureContext
    with pytest.raises(FrozenInstanceError):
        FailureContext("map", 0).operator = "other"  # type: ignore[misc]


def test_in_a_harness_too() -> None:
    element = ("b", 20)

    def build(stream: DataStream) -> DataStream:
        return stream.key_by(first, Types.STRING()).process(KeyedProcess()).name("it")

    with Harness(build, PAIR) as harness, pytest.raises(JobExecutionException) as raised:
        harness.push(element, timestamp=5)
    assert raised.value.context == FailureContext("it", 0, element, "b", 5)


def test_a_debugger_may_stop_in_a_function(run_script) -> None:
    """breakpoint() and post_mortem() see the function's variables."""
    done = run_script(
        "import os, pdb, sys, io\n"
        "from pyflinkpp.datastream import StreamExecutionEnvironment\n"
        "def f(value):\n"
        "    if value == 1:\n"
        "        breakpoint()\n"
        "    doubled = value * 2\n"
        "    return 1 // (value - 3)\n"
        "sys.stdin = io.StringIO('p (\\'stopped\\', value)\\nc\\np (\\'died\\', doubled)\\nq\\n')\n"
        "env = StreamExecutionEnvironment.get_execution_environment().debug()\n"
        "env.from_collection([1, 2, 3]).map(f).print()\n"
        "try:\n"
        "    env.execute()\n"
        "except Exception as error:\n"
        "    pdb.post_mortem(error.__traceback__)\n"
    )
    assert "('stopped', 1)" in done.stdout, done.stderr
    assert "('died', 6)" in done.stdout, done.stderr
