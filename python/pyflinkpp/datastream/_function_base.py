"""Base classes of user functions that see one element at a time."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from pyflinkpp._missing import no_jvm

if TYPE_CHECKING:
    from pyflinkpp.datastream._runtime_context import RuntimeContext

__all__ = [
    "AggregateFunction",
    "CoFlatMapFunction",
    "CoMapFunction",
    "FilterFunction",
    "FlatMapFunction",
    "Function",
    "FunctionWrapper",
    "KeySelector",
    "MapFunction",
    "NullByteKeySelector",
    "Partitioner",
    "ReduceFunction",
    "ReduceFunctionWrapper",
    "SinkFunction",
    "SourceFunction",
]


class Function(ABC):  # noqa: B024
    """The base of all user functions.

    An object of it is pickled when the job is submitted, and each subtask gets a copy of its own.
    What can't be pickled, such as a connection or a lock, is made in :meth:`open`.
    """

    def open(self, runtime_context: RuntimeContext) -> None:  # noqa: B027
        """Prepares the function; called once in each subtask before the first element.

        :param runtime_context: What the function may know of its subtask.
        """

    def close(self) -> None:  # noqa: B027
        """Cleans up; called once in each subtask after the last element, also when the job fails
        or is cancelled.
        """

    def _parts(self) -> Iterable[Any]:
        """The functions that it stands for: those that may keep state of their own."""
        return (self,)


class MapFunction(Function):
    """Makes one element of one element."""

    @abstractmethod
    def map(self, value: Any) -> Any:
        """Makes the new element.

        :param value: The element.
        :return: The new element.
        """


class CoMapFunction(Function):
    """Makes elements of two connected streams into elements of one; drops None."""

    @abstractmethod
    def map1(self, value: Any) -> Any:
        """Takes an element of the first stream.

        :param value: The element.
        :return: The new element, or None.
        """

    @abstractmethod
    def map2(self, value: Any) -> Any:
        """Takes an element of the second stream.

        :param value: The element.
        :return: The new element, or None.
        """


class FlatMapFunction(Function):
    """Makes any number of elements of one element."""

    @abstractmethod
    def flat_map(self, value: Any) -> Iterable[Any]:
        """Makes the new elements.

        :param value: The element.
        :return: The new elements: a generator or any other iterable.
        """


class CoFlatMapFunction(Function):
    """Makes elements of two connected streams into any number of elements of one."""

    @abstractmethod
    def flat_map1(self, value: Any) -> Iterable[Any]:
        """Takes an element of the first stream.

        :param value: The element.
        :return: The new elements.
        """

    @abstractmethod
    def flat_map2(self, value: Any) -> Iterable[Any]:
        """Takes an element of the second stream.

        :param value: The element.
        :return: The new elements.
        """


class FilterFunction(Function):
    """Chooses which elements to keep."""

    @abstractmethod
    def filter(self, value: Any) -> bool:
        """Chooses.

        :param value: The element.
        :return: True to keep it.
        """


class ReduceFunction(Function):
    """Combines elements of one key, two at a time, into one element of the same type.

    ``merges_panes``: set it to True in a class of yours whose result does not depend on how the
    elements are grouped or in which order they come: ``a + b`` of ints, not of floats. Then sliding
    event-time windows add each element once, to a pane that they share, and ``reduce`` combines
    copies of the panes when a window fires. The first element of the window is in ``value1``.
    """

    merges_panes: bool = False

    @abstractmethod
    def reduce(self, value1: Any, value2: Any) -> Any:
        """Combines two elements.

        :param value1: What came of the elements so far.
        :param value2: The next element.
        :return: The combination.
        """


class AggregateFunction(Function):
    """Combines elements into a result by way of an accumulator of a type of its own.

    ``merges_panes``: set it to True in a class of yours whose ``merge`` is written and exact: the
    result does not depend on which elements were added to which accumulator, nor on their order.
    Then sliding event-time windows add each element once, to the accumulator of a pane that they
    share, and ``merge`` combines copies of them when a window fires. It is False by default, as
    Flink never calls ``merge`` for sliding windows.

    >>> class Count(AggregateFunction):
    ...     merges_panes = True
    ...     def create_accumulator(self): return 0
    ...     def add(self, value, accumulator): return accumulator + 1
    ...     def get_result(self, accumulator): return accumulator
    ...     def merge(self, acc_a, acc_b): return acc_a + acc_b
    """

    merges_panes: bool = False

    @abstractmethod
    def create_accumulator(self) -> Any:
        """Makes the accumulator of no elements.

        :return: The accumulator.
        """

    @abstractmethod
    def add(self, value: Any, accumulator: Any) -> Any:
        """Adds an element.

        :param value: The element.
        :param accumulator: The accumulator so far.
        :return: The accumulator with the element.
        """

    @abstractmethod
    def get_result(self, accumulator: Any) -> Any:
        """Makes the result.

        :param accumulator: The accumulator.
        :return: The result.
        """

    @abstractmethod
    def merge(self, acc_a: Any, acc_b: Any) -> Any:
        """Combines two accumulators.

        :param acc_a: One of them.
        :param acc_b: The other.
        :return: The combination.
        """


class KeySelector(Function):
    """Tells the key of an element."""

    @abstractmethod
    def get_key(self, value: Any) -> Any:
        """Tells the key; the same element must always have the same key.

        :param value: The element.
        :return: Its key.
        """


class NullByteKeySelector(KeySelector):
    """Gives all elements the same key."""

    def get_key(self, value: Any) -> Any:
        """Gives the key.

        :param value: The element.
        :return: 0.
        """
        return 0


class Partitioner(Function):
    """Chooses the subtask that an element goes to."""

    @abstractmethod
    def partition(self, key: Any, num_partitions: int) -> int:
        """Chooses.

        :param key: The key of the element.
        :param num_partitions: The number of subtasks.
        :return: The index of a subtask, from 0 to num_partitions - 1.
        """


class FunctionWrapper(Function):
    """Passes open and close on to a function object, if it is one.

    :param func: The function object or a callable.
    """

    def __init__(self, func: Any) -> None:
        self._func = func

    def open(self, runtime_context: RuntimeContext) -> None:
        """Opens the wrapped function.

        :param runtime_context: What it may know of its subtask.
        """
        if isinstance(self._func, Function):
            self._func.open(runtime_context)

    def close(self) -> None:
        """Closes the wrapped function."""
        if isinstance(self._func, Function):
            self._func.close()

    def _parts(self) -> Iterable[Any]:
        return parts_of(self._func)


def parts_of(function: Any) -> Iterable[Any]:
    """Gives the functions that an object stands for.

    :param function: A function object or a callable.
    :return: Those that may keep state of their own.
    """
    return function._parts() if isinstance(function, Function) else (function,)


class ReduceFunctionWrapper(FunctionWrapper, ReduceFunction):
    """Makes a ReduceFunction of a callable.

    :param func: The callable or a ReduceFunction.
    """

    def reduce(self, value1: Any, value2: Any) -> Any:
        """Combines two elements.

        :param value1: What came of the elements so far.
        :param value2: The next element.
        :return: The combination.
        """
        function: Callable[[Any, Any], Any] = getattr(self._func, "reduce", self._func)
        return function(value1, value2)


class SourceFunction:
    """Would wrap a source that is written in Java."""

    def __init__(self, source_func: object) -> None:
        raise no_jvm("SourceFunction", "use from_source() or from_collection()")


class SinkFunction:
    """Would wrap a sink that is written in Java."""

    def __init__(self, sink_func: object) -> None:
        raise no_jvm("SinkFunction", "use sink_to()")
