"""What a function may know of the subtask it runs in."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, TypeVar

from pyflinkpp.common._values import parse_map
from pyflinkpp.common.execution_config import CACHED_FILES, JOB_PARAMETERS

if TYPE_CHECKING:
    from pyflinkpp.common.accumulators import (
        Accumulator,
        DoubleCounter,
        Histogram,
        IntCounter,
        LongCounter,
    )
    from pyflinkpp.datastream._distributed_cache import DistributedCache
    from pyflinkpp.datastream._state_base import (
        AggregatingState,
        ListState,
        MapState,
        ReducingState,
        ValueState,
    )
    from pyflinkpp.datastream._state_descriptors import (
        AggregatingStateDescriptor,
        ListStateDescriptor,
        MapStateDescriptor,
        ReducingStateDescriptor,
        ValueStateDescriptor,
    )
    from pyflinkpp.datastream._state_runtime import CellStore, KeyedStates
    from pyflinkpp.metrics import MetricGroup

A = TypeVar("A", bound="Accumulator[Any, Any]")

__all__ = ["KeyedStateStore", "RuntimeContext"]


class KeyedStateStore(ABC):
    """Gives access to state that is kept for each key."""

    __slots__ = ()

    @abstractmethod
    def get_state(self, state_descriptor: ValueStateDescriptor) -> ValueState[Any]:
        """Gives the state that holds one value for each key.

        :param state_descriptor: Its name and type; the same name gives the same state.
        :return: The state.
        :raises TypeError: When it is no ValueStateDescriptor.
        :raises ValueError: When the name belongs to a state of another kind or type.
        """

    @abstractmethod
    def get_list_state(self, state_descriptor: ListStateDescriptor) -> ListState[Any]:
        """Gives the state that holds a list for each key.

        :param state_descriptor: Its name and type; the same name gives the same state.
        :return: The state.
        :raises TypeError: When it is no ListStateDescriptor.
        :raises ValueError: When the name belongs to a state of another kind or type.
        """

    @abstractmethod
    def get_map_state(self, state_descriptor: MapStateDescriptor) -> MapState[Any, Any]:
        """Gives the state that holds a map for each key.

        :param state_descriptor: Its name and types; the same name gives the same state.
        :return: The state.
        :raises TypeError: When it is no MapStateDescriptor.
        :raises ValueError: When the name belongs to a state of another kind or type.
        """

    @abstractmethod
    def get_reducing_state(self, state_descriptor: ReducingStateDescriptor) -> ReducingState[Any]:
        """Gives the state that holds the reduction of its values for each key.

        :param state_descriptor: Its name, function and type; the same name gives the same state.
        :return: The state.
        :raises TypeError: When it is no ReducingStateDescriptor.
        :raises ValueError: When the name belongs to a state of another kind or type.
        """

    @abstractmethod
    def get_aggregating_state(
        self, state_descriptor: AggregatingStateDescriptor
    ) -> AggregatingState[Any, Any]:
        """Gives the state that holds the aggregation of its values for each key.

        :param state_descriptor: Its name, function and type; the same name gives the same state.
        :return: The state.
        :raises TypeError: When it is no AggregatingStateDescriptor.
        :raises ValueError: When the name belongs to a state of another kind or type.
        """


class RuntimeContext(KeyedStateStore):
    """What a function may know of the subtask it runs in; it comes with ``open``.

    It also gives the function its keyed state, when the function runs under a key:

    >>> class Count(KeyedProcessFunction):
    ...     def open(self, runtime_context):
    ...         self.count = runtime_context.get_state(ValueStateDescriptor("count", Types.LONG()))
    """

    __slots__ = (
        "_accumulators",
        "_attempt",
        "_cached_files",
        "_job_parameters",
        "_keyed_states",
        "_max_parallelism",
        "_metrics",
        "_operator_name",
        "_parallelism",
        "_state_store",
        "_subtask",
        "_task_name",
    )

    def __init__(
        self,
        task_name: str,
        parallelism: int,
        subtask: int,
        attempt: int,
        max_parallelism: int,
        job_parameters: dict[str, str],
        cached_files: str = "",
        operator_name: str = "",
    ) -> None:
        self._task_name = task_name
        self._parallelism = parallelism
        self._subtask = subtask
        self._attempt = attempt
        self._max_parallelism = max_parallelism
        self._job_parameters = job_parameters
        self._cached_files = cached_files
        self._operator_name = operator_name or task_name
        self._metrics: MetricGroup | None = None
        self._accumulators: dict[str, Accumulator[Any, Any]] = {}
        self._state_store: CellStore | None = None
        self._keyed_states: KeyedStates | None = None

    def get_state(self, state_descriptor: ValueStateDescriptor) -> Any:  # noqa: D102
        return self._states("get_state").get_state(state_descriptor)

    def get_list_state(self, state_descriptor: ListStateDescriptor) -> Any:  # noqa: D102
        return self._states("get_list_state").get_list_state(state_descriptor)

    def get_map_state(self, state_descriptor: MapStateDescriptor) -> Any:  # noqa: D102
        return self._states("get_map_state").get_map_state(state_descriptor)

    def get_reducing_state(self, state_descriptor: ReducingStateDescriptor) -> Any:  # noqa: D102
        return self._states("get_reducing_state").get_reducing_state(state_descriptor)

    def get_aggregating_state(self, state_descriptor: AggregatingStateDescriptor) -> Any:  # noqa: D102
        return self._states("get_aggregating_state").get_aggregating_state(state_descriptor)

    def get_task_name(self) -> str:
        """Gives the name of the task.

        :return: The name.
        """
        return self._task_name

    def get_number_of_parallel_subtasks(self) -> int:
        """Gives the parallelism of the task.

        :return: The number of subtasks.
        """
        return self._parallelism

    def get_max_number_of_parallel_subtasks(self) -> int:
        """Gives the greatest parallelism that the task may ever have.

        :return: The number of key groups.
        """
        return self._max_parallelism

    def get_index_of_this_subtask(self) -> int:
        """Gives the index of this subtask.

        :return: From 0 to the parallelism - 1.
        """
        return self._subtask

    def get_attempt_number(self) -> int:
        """Gives how often the subtask was started before.

        :return: 0 for the first attempt.
        """
        return self._attempt

    def get_task_name_with_subtasks(self) -> str:
        """Gives the name of the task with the subtask, counted from 1, and the attempt.

        :return: For example "Map (1/2)#0".
        """
        return f"{self._task_name} ({self._subtask + 1}/{self._parallelism})#{self._attempt}"

    def get_job_parameter(self, key: str, default_value: str) -> str:
        """Gives one of the parameters of the job, as set in the ExecutionConfig.

        :param key: The name of the parameter.
        :param default_value: What to give when it is not set.
        :return: The parameter.
        """
        return self._job_parameters.get(key, default_value)

    def get_metrics_group(self) -> MetricGroup:
        """Gives the place for the function's metrics; :class:`JobExecutionResult` shows them.

        >>> class Parse(MapFunction):
        ...     def open(self, runtime_context):
        ...         self.broken = runtime_context.get_metrics_group().counter("broken")

        :return: The group.
        """
        if self._metrics is None:
            from pyflinkpp.metrics import MetricGroup

            variables = {
                "<task_name>": self._task_name,
                "<operator_name>": self._operator_name,
                "<subtask_index>": str(self._subtask),
                "<task_attempt_num>": str(self._attempt),
            }
            self._metrics = MetricGroup((self._operator_name, str(self._subtask)), variables)
        return self._metrics

    def get_distributed_cache(self) -> DistributedCache:
        """Gives access to the files of :meth:`StreamExecutionEnvironment.register_cached_file`.

        :return: The files.
        """
        from pyflinkpp.datastream._distributed_cache import DistributedCache, parse_cached_files

        files = parse_cached_files(self._cached_files)
        return DistributedCache({file.name: file.path for file in files})

    def add_accumulator(self, name: str, accumulator: Accumulator[Any, Any]) -> None:
        """Registers an accumulator; the finished job gives it merged over all subtasks.

        :param name: Its name in the job.
        :param accumulator: The accumulator.
        :raises ValueError: When there is one of that name already.
        """
        from pyflinkpp.common.accumulators import Accumulator

        if not isinstance(accumulator, Accumulator):
            raise TypeError(f"accumulator {name!r} must be an Accumulator, not {accumulator!r}")
        if name in self._accumulators:
            raise ValueError(f"this function has an accumulator {name!r} already")
        self._accumulators[name] = accumulator

    def get_accumulator(self, name: str) -> Accumulator[Any, Any] | None:
        """Gives an accumulator that this function has registered.

        :param name: Its name.
        :return: The accumulator, or None when there is none of that name.
        """
        return self._accumulators.get(name)

    def get_int_counter(self, name: str) -> IntCounter:
        """Gives a counter of integers, a new one at the first call.

        :param name: Its name in the job.
        :return: The counter.
        :raises TypeError: When the name belongs to an accumulator of another class.
        """
        from pyflinkpp.common.accumulators import IntCounter

        return self._counter(name, IntCounter)

    def get_long_counter(self, name: str) -> LongCounter:
        """Gives a counter of integers, a new one at the first call.

        :param name: Its name in the job.
        :return: The counter.
        :raises TypeError: When the name belongs to an accumulator of another class.
        """
        from pyflinkpp.common.accumulators import LongCounter

        return self._counter(name, LongCounter)

    def get_double_counter(self, name: str) -> DoubleCounter:
        """Gives a sum of numbers, a new one at the first call.

        :param name: Its name in the job.
        :return: The counter.
        :raises TypeError: When the name belongs to an accumulator of another class.
        """
        from pyflinkpp.common.accumulators import DoubleCounter

        return self._counter(name, DoubleCounter)

    def get_histogram(self, name: str) -> Histogram:
        """Gives a histogram, a new one at the first call.

        :param name: Its name in the job.
        :return: The histogram.
        :raises TypeError: When the name belongs to an accumulator of another class.
        """
        from pyflinkpp.common.accumulators import Histogram

        return self._counter(name, Histogram)

    def _states(self, method: str) -> KeyedStates:
        if self._keyed_states is None:
            store = self._state_store
            if store is None:
                raise RuntimeError(
                    f"RuntimeContext.{method}(): state may only be used under a key, and "
                    f"{self._task_name!r} does not run under one: call key_by() on its input"
                )
            from pyflinkpp.datastream._state_runtime import KeyedStates

            self._keyed_states = KeyedStates(store.cell, store.now)
        return self._keyed_states

    def _counter(self, name: str, kind: type[A]) -> A:
        accumulator = self._accumulators.setdefault(name, kind())
        if type(accumulator) is not kind:
            raise TypeError(
                f"accumulator {name!r} is a {type(accumulator).__name__}, not a {kind.__name__}"
            )
        return accumulator


def make_runtime_context(
    task_name: str,
    parallelism: int,
    subtask: int,
    attempt: int,
    max_parallelism: int,
    configuration: dict[str, str],
    operator_name: str = "",
) -> RuntimeContext:
    """Makes a runtime context; the engine calls it.

    :param task_name: The name of the task, with or without its subtask.
    :param parallelism: The number of its subtasks.
    :param subtask: The index of this one.
    :param attempt: How often it was started before.
    :param max_parallelism: The number of key groups.
    :param configuration: The configuration of the job.
    :param operator_name: The name of the operator; that of the task when it is not known.
    :return: The context.
    """
    return RuntimeContext(
        task_name.removesuffix(f" ({subtask + 1}/{parallelism})"),
        parallelism,
        subtask,
        attempt,
        max_parallelism,
        parse_map(JOB_PARAMETERS, configuration.get(JOB_PARAMETERS, "")),
        configuration.get(CACHED_FILES, ""),
        operator_name,
    )


def pickled_accumulators(context: RuntimeContext) -> dict[str, bytes]:
    """Gives what a function has accumulated and measured; the engine calls it after ``close``.

    :param context: The context that the function got.
    :return: The accumulators' pickles by name, and a report of the metrics.
    """
    pickles: dict[str, bytes] = {}
    if context._accumulators:
        import cloudpickle

        for name, accumulator in context._accumulators.items():
            pickles[name] = cloudpickle.dumps(accumulator, protocol=5)
    if context._metrics is not None:
        from pyflinkpp.metrics._report import REPORT, report

        pickles[REPORT] = report(context._operator_name, context._subtask, context._metrics)
    return pickles
