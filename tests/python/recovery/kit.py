"""Jobs that fail once, or stop, at a chosen element: what the tests of recovery share."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any
from uuid import uuid4

from pyflinkpp._engine import native
from pyflinkpp.common import Configuration, Types, WatermarkStrategy
from pyflinkpp.common.job_client import JobClient
from pyflinkpp.common.typeinfo import engine_type
from pyflinkpp.common.watermark_strategy import TimestampAssigner
from pyflinkpp.datastream import DataStream, MapFunction, StreamExecutionEnvironment
from pyflinkpp.datastream._transformation import Edge, Transformation

NO_TIMESTAMP = -(2**63)

EVENT = Types.TUPLE([Types.STRING(), Types.LONG()])

Event = tuple[str, int]
Program = Callable[[DataStream], DataStream]

POISON = "poison"  # fails when it is seen for the first time


class FailOnce(MapFunction):
    """Fails at a POISON element unless a file says that it has done so already.

    :param flag: The file; None: it never fails.
    """

    def __init__(self, flag: Path | None) -> None:
        self._flag = flag

    def map(self, value: Event) -> Event:
        if value[0] == POISON and self._flag is not None and not self._flag.exists():
            self._flag.touch()
            raise RuntimeError("the pill has worked")
        return value


class OwnTime(TimestampAssigner):
    """An event's number is a hundredth of a second."""

    def extract_timestamp(self, value: Event, record_timestamp: int) -> int:
        return value[1] * 10


def events(first: int, last: int, keys: str = "abc") -> list[Event]:
    """Numbers from `first` to `last`, dealt out to the keys."""
    return [(keys[number % len(keys)], number) for number in range(first, last + 1)]


# Two checkpoints after the first part, then a failure amid the second one.
FAILING = [events(0, 19), [*events(20, 29), (POISON, 30), *events(31, 45)]]


def environment(
    parallelism: int = 1, backend: str = "hashmap", interval_ms: int = 1, **settings: str
) -> StreamExecutionEnvironment:
    """An environment that takes checkpoints and restarts at once."""
    configuration = Configuration.from_dict(
        {
            "state.backend.type": backend,
            "restart-strategy.type": "fixed-delay",
            "restart-strategy.fixed-delay.attempts": "3",
            "restart-strategy.fixed-delay.delay": "1 ms",
            "pipeline.max-parallelism": "8",
            **{key.replace("__", ".").replace("_", "-"): value for key, value in settings.items()},
        }
    )
    env = StreamExecutionEnvironment.get_execution_environment(configuration)
    if interval_ms > 0:
        env.enable_checkpointing(interval_ms)
    return env.set_parallelism(parallelism)


class Run:
    """A job whose elements are pushed: source, pill, event time, program.

    :param env: The environment.
    :param program: What is done with the elements.
    :param flag: The file that says that the job has failed already; None: it does not fail.
    """

    def __init__(
        self, env: StreamExecutionEnvironment, program: Program, flag: Path | None = None
    ) -> None:
        token = uuid4().hex
        self._input = native().HarnessInput(token, engine_type(EVENT))
        node = Transformation("Source", {"kind": "push_source", "id": token}, 1, (), EVENT)
        source = DataStream(env, (Edge(node, None),), EVENT, node).uid("source")
        poisoned = source.map(FailOnce(flag), EVENT).uid("pill").name("Pill").set_parallelism(1)
        only = poisoned.filter(lambda event: event[0] != POISON).uid("only").set_parallelism(1)
        strategy = WatermarkStrategy.for_monotonous_timestamps().with_timestamp_assigner(OwnTime())
        timed = only.assign_timestamps_and_watermarks(strategy).uid("timed")
        timed.set_parallelism(1)
        self._results = program(timed).execute_and_collect()
        self.job = self._results._results._job
        self.client = JobClient(self.job)
        self._taken: list[Any] = []

    def push(self, elements: Iterable[Event]) -> None:
        """Gives the source elements."""
        for element in elements:
            self._input.push(element, NO_TIMESTAMP)

    def wait(self, done: Callable[[], bool]) -> None:
        """Waits until something is so, or the job has ended; takes results meanwhile, because the
        job waits when nobody does.
        """
        deadline = time.monotonic() + 30
        while not done():
            batch = self.job.next_results(1)
            if batch is None:
                return
            self._taken += batch
            assert time.monotonic() < deadline, "nothing happens"

    def wait_for_checkpoints(self) -> None:
        """Waits until the source has given what was pushed, and then for two checkpoints: the
        second one was triggered behind it.
        """
        self.wait(lambda: self._input.pending() == 0)
        before = self._completed()
        self.wait(lambda: self._completed() >= before + 2)

    def finish(self) -> list[Any]:
        """Ends the source and gives all results."""
        self._input.end()
        with self._results as results:
            return self._taken + list(results)

    def stop(self, directory: Path, drain: bool = False) -> tuple[list[Any], str]:
        """Stops the job with a savepoint behind what was pushed: its results and its path."""
        self.wait(lambda: self._input.pending() == 0)
        stopping = self.client.stop_with_savepoint(drain, str(directory))
        self.wait(stopping.done)
        path = stopping.result()
        with self._results as results:
            return self._taken + list(results), path

    def _completed(self) -> int:
        told = self.client.get_checkpoints()
        return max((c["id"] for c in told if c["state"] == "COMPLETED"), default=0)


def results_of(
    env: StreamExecutionEnvironment,
    program: Program,
    parts: list[list[Event]],
    flag: Path | None = None,
) -> tuple[list[Any], JobClient]:
    """Runs a program to its end; with checkpoints between the parts when they are taken."""
    run = Run(env, program, flag)
    for number, part in enumerate(parts):
        if number > 0 and env.get_checkpoint_interval() > 0:
            run.wait_for_checkpoints()
        run.push(part)
    return run.finish(), run.client


def stopped(
    env: StreamExecutionEnvironment,
    program: Program,
    part: list[Event],
    directory: Path,
    drain: bool = False,
) -> tuple[list[Any], str]:
    """Runs a program over a part of its input and stops it with a savepoint."""
    run = Run(env, program)
    run.push(part)
    return run.stop(directory, drain)
