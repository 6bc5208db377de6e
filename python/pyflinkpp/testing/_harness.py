"""A small program under a virtual clock, driven by hand."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from types import TracebackType
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from pyflinkpp._engine import native
from pyflinkpp.common.exceptions import JobExecutionException
from pyflinkpp.common.typeinfo import engine_type, output_type
from pyflinkpp.datastream._data_stream import DataStream
from pyflinkpp.datastream._function_process import ProcessFunction
from pyflinkpp.datastream._transformation import Edge, Transformation
from pyflinkpp.datastream.connectors.base import DiscardingSink
from pyflinkpp.datastream.stream_execution_environment import StreamExecutionEnvironment

if TYPE_CHECKING:
    from pyflinkpp.common.configuration import Configuration
    from pyflinkpp.common.job_execution_result import JobExecutionResult

__all__ = ["Harness"]

NO_TIMESTAMP = -(2**63)

_collected: dict[str, list[tuple[Any, int]]] = {}


class Collect(ProcessFunction):
    """Keeps what a stream gives, for the harness of this process.

    :param token: The stream's name in the harness.
    """

    def __init__(self, token: str) -> None:
        self._token = token

    def process_element(self, value: Any, ctx: Any) -> Iterator[Any]:
        """Keeps an element with its timestamp."""
        _collected[self._token].append((value, ctx.timestamp()))
        return iter(())


class Harness:
    """Runs a program, or a piece of one, in the calling thread under a virtual clock.

    The engine is the real one: tasks, watermarks, timers, windows and state are those of a job.
    Nothing happens but in the calls of this object, and no time passes but by :meth:`advance`, so
    every run is the same.

    >>> from pyflinkpp.common import Types
    >>> from pyflinkpp.testing import Harness
    >>> with Harness(lambda numbers: numbers.map(lambda n: n + 1), Types.LONG()) as harness:
    ...     harness.push(1, timestamp=0)
    ...     harness.push(2, timestamp=5)
    ...     harness.output()
    [2, 3]

    :param build: Takes a stream for each input and gives the stream to look at, or a tuple of them
        (side outputs, for instance).
    :param input_types: The types of the inputs' elements; one input of any Python objects when
        there is none.
    :param start_ms: The wall clock's time at the start, milliseconds since the epoch.
    :param parallelism: The parallelism of the program's operators.
    :param configuration: Further settings.
    """

    def __init__(
        self,
        build: Callable[..., DataStream | tuple[DataStream, ...]],
        *input_types: Any,
        start_ms: int = 0,
        parallelism: int = 1,
        configuration: Configuration | None = None,
    ) -> None:
        env = StreamExecutionEnvironment.get_execution_environment(configuration)
        env.set_parallelism(parallelism)
        self._token = uuid4().hex
        self._inputs: list[Any] = []
        streams = [self._input(env, i, type_) for i, type_ in enumerate(input_types or (None,))]
        built = build(*streams)
        outputs = built if isinstance(built, tuple) else (built,)
        for i, stream in enumerate(outputs):
            if not isinstance(stream, DataStream):
                raise TypeError(f"build must give DataStreams, not {stream!r}")
            token = f"{self._token}/{i}"
            _collected[token] = []
            stream.process(Collect(token)).sink_to(DiscardingSink())
        self._outputs = len(outputs)
        graph = env._translation(env._sinks).translate()
        self._engine = native().Harness(start_ms)
        self._job = self._engine.submit(graph, "harness")
        self._run()

    def push(self, value: Any, timestamp: int | None = None, input: int = 0) -> None:
        """Pushes an element in and runs until there is nothing left to do.

        :param value: The element.
        :param timestamp: Its event time in milliseconds since the epoch; None for none.
        :param input: The number of the input, from 0.
        :raises JobExecutionException: When a function fails.
        :raises TypeError: When the element does not fit the input's type.
        """
        self._inputs[input].push(value, NO_TIMESTAMP if timestamp is None else timestamp)
        self._run()

    def push_all(self, *elements: tuple[Any, int | None], input: int = 0) -> None:
        """Pushes elements in at once, as one batch.

        :param elements: Pairs of an element and its timestamp.
        :param input: The number of the input, from 0.
        :raises JobExecutionException: When a function fails.
        """
        for value, timestamp in elements:
            self._inputs[input].push(value, NO_TIMESTAMP if timestamp is None else timestamp)
        self._run()

    def watermark(self, timestamp: int, input: int | None = None) -> None:
        """Says that no element up to a time will follow.

        :param timestamp: That time in milliseconds since the epoch.
        :param input: The number of the input; None for all.
        :raises JobExecutionException: When a function fails.
        """
        for each in self._inputs if input is None else [self._inputs[input]]:
            each.push_watermark(timestamp)
        self._run()

    def idle(self, input: int = 0) -> None:
        """Says that an input is silent for now and does not hold the others' event time back.

        :param input: The number of the input.
        """
        self._inputs[input].push_watermark(NO_TIMESTAMP, idle=True)
        self._run()

    def advance(self, millis: int) -> None:
        """Moves the wall clock; processing-time timers fire on the way, each at its time.

        :param millis: By how much.
        :raises JobExecutionException: When a function fails.
        :raises ValueError: When it is negative.
        """
        if millis < 0:
            raise ValueError(f"time does not go back: {millis} ms")
        self._engine.advance(millis)
        self._check()

    def now(self) -> int:
        """Tells the wall clock's time.

        :return: Milliseconds since the epoch.
        """
        now: int = self._engine.now()
        return now

    def end(self) -> JobExecutionResult:
        """Ends all inputs: the last watermark passes, windows and timers fire, functions close.

        :return: What the job tells: accumulators and a summary by operator.
        :raises JobExecutionException: When a function fails.
        """
        from pyflinkpp.common.job_execution_result import result_of

        for each in self._inputs:
            each.end()
        self._run()
        while not self._job.wait(0):
            self._engine.advance(1)
        return result_of(self._job)

    def output(self, index: int = 0) -> list[Any]:
        """Takes what a stream has given since the last call.

        :param index: Which of the streams that were built.
        :return: The elements.
        """
        return [value for value, _ in self.output_with_timestamps(index)]

    def output_with_timestamps(self, index: int = 0) -> list[tuple[Any, int | None]]:
        """Takes what a stream has given since the last call, with event times.

        :param index: Which of the streams that were built.
        :return: Pairs of an element and its timestamp, None where it has none.
        """
        if not 0 <= index < self._outputs:
            raise IndexError(f"there are {self._outputs} outputs, no {index}")
        collected = _collected[f"{self._token}/{index}"]
        taken = [(value, None if time == NO_TIMESTAMP else time) for value, time in collected]
        collected.clear()
        return taken

    def state(self, operator: str) -> dict[str, dict[Any, Any]]:
        """Shows the keyed state of an operator's function.

        :param operator: The operator's name, as set by ``name()``.
        :return: By the state's name, by key: what it holds; a list or dict for such states.
        :raises KeyError: When no operator of that name has a function with keyed state.
        """
        merged: dict[str, dict[Any, Any]] = {}
        for subtask in self._inspect(operator):
            for name, values in subtask["states"].items():
                merged.setdefault(name, {}).update(values)
        return merged

    def timers(self, operator: str, processing_time: bool = False) -> list[tuple[Any, int]]:
        """Shows the timers of an operator's function.

        :param operator: The operator's name, as set by ``name()``.
        :param processing_time: Whether those of the wall clock are wanted, not of event time.
        :return: Pairs of key and time, in the order of time.
        :raises KeyError: When no operator of that name has a function with timers.
        """
        kind = "processing_time_timers" if processing_time else "event_time_timers"
        timers = [timer for subtask in self._inspect(operator) for timer in subtask[kind]]
        return sorted(timers, key=lambda timer: timer[1])

    def close(self) -> None:
        """Stops the program; its functions are closed. May be called again."""
        self._engine.close()
        for index in range(self._outputs):
            _collected.pop(f"{self._token}/{index}", None)
        self._inputs.clear()

    def __enter__(self) -> Harness:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def _input(self, env: StreamExecutionEnvironment, index: int, type_: Any) -> DataStream:
        type_info = output_type(type_)
        token = f"{self._token}/input {index}"
        self._inputs.append(native().HarnessInput(token, engine_type(type_info)))
        node = Transformation(
            f"Input {index}", {"kind": "push_source", "id": token}, 1, (), type_info
        )
        return DataStream(env, (Edge(node, None),), type_info, node)

    def _inspect(self, operator: str) -> list[dict[str, Any]]:
        subtasks: list[dict[str, Any]] = native().inspect(operator)
        if not subtasks:
            raise KeyError(f"no operator named {operator!r} has a function with state or timers")
        return subtasks

    def _run(self) -> None:
        self._engine.run()
        self._check()

    def _check(self) -> None:
        if self._job.status() in ("FAILED", "FAILING"):
            from pyflinkpp.common.job_execution_result import result_of

            while not self._job.wait(0):
                self._engine.advance(1)
            result_of(self._job)
            raise JobExecutionException("the job failed")
