"""Asynchronous functions on streams."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pyflinkpp.common._checks import integer
from pyflinkpp.common.typeinfo import output_type as read_type
from pyflinkpp.datastream._function_async import (
    AsyncFunction,
    AsyncFunctionDescriptor,
    AsyncRetryStrategy,
)
from pyflinkpp.datastream._window_types import milliseconds
from pyflinkpp.datastream.async_retry_strategies import NO_RETRY_STRATEGY

if TYPE_CHECKING:
    from pyflinkpp.common.time import Duration, Time
    from pyflinkpp.datastream._data_stream import DataStream, Type

__all__ = ["AsyncDataStream"]

_Mode = AsyncFunctionDescriptor.OutputMode


class AsyncDataStream:
    """Applies asynchronous functions to streams: their calls wait beside the task, not in it."""

    @staticmethod
    def unordered_wait(
        data_stream: DataStream,
        async_function: AsyncFunction[Any, Any],
        timeout: Time | Duration,
        capacity: int = 100,
        output_type: Type = None,
    ) -> DataStream:
        """Applies an asynchronous function whose results come as they are ready.

        :param data_stream: The stream.
        :param async_function: The function.
        :param timeout: How long a call may take.
        :param capacity: How many calls may be in hand.
        :param output_type: The type of the new elements; any Python object when left out.
        :return: The stream of the new elements.
        :raises TypeError: When an argument is something else.
        """
        call = data_stream, async_function, timeout, NO_RETRY_STRATEGY, capacity, output_type
        return _wait("unordered_wait", _Mode.UNORDERED, *call)

    @staticmethod
    def unordered_wait_with_retry(
        data_stream: DataStream,
        async_function: AsyncFunction[Any, Any],
        timeout: Time | Duration,
        async_retry_strategy: AsyncRetryStrategy[Any],
        capacity: int = 100,
        output_type: Type = None,
    ) -> DataStream:
        """Applies an asynchronous function, with retries, whose results come as they are ready.

        :param data_stream: The stream.
        :param async_function: The function.
        :param timeout: How long a call may take, with all its retries.
        :param async_retry_strategy: Whether and when to try again.
        :param capacity: How many calls may be in hand.
        :param output_type: The type of the new elements; any Python object when left out.
        :return: The stream of the new elements.
        :raises TypeError: When an argument is something else.
        """
        call = data_stream, async_function, timeout, async_retry_strategy, capacity, output_type
        return _wait("unordered_wait_with_retry", _Mode.UNORDERED, *call)

    @staticmethod
    def ordered_wait(
        data_stream: DataStream,
        async_function: AsyncFunction[Any, Any],
        timeout: Time | Duration,
        capacity: int = 100,
        output_type: Type = None,
    ) -> DataStream:
        """Applies an asynchronous function whose results keep the order of the elements.

        :param data_stream: The stream.
        :param async_function: The function.
        :param timeout: How long a call may take.
        :param capacity: How many calls may be in hand.
        :param output_type: The type of the new elements; any Python object when left out.
        :return: The stream of the new elements.
        :raises TypeError: When an argument is something else.
        """
        call = data_stream, async_function, timeout, NO_RETRY_STRATEGY, capacity, output_type
        return _wait("ordered_wait", _Mode.ORDERED, *call)

    @staticmethod
    def ordered_wait_with_retry(
        data_stream: DataStream,
        async_function: AsyncFunction[Any, Any],
        timeout: Time | Duration,
        async_retry_strategy: AsyncRetryStrategy[Any],
        capacity: int = 100,
        output_type: Type = None,
    ) -> DataStream:
        """Applies an asynchronous function, with retries, whose results keep the order.

        :param data_stream: The stream.
        :param async_function: The function.
        :param timeout: How long a call may take, with all its retries.
        :param async_retry_strategy: Whether and when to try again.
        :param capacity: How many calls may be in hand.
        :param output_type: The type of the new elements; any Python object when left out.
        :return: The stream of the new elements.
        :raises TypeError: When an argument is something else.
        """
        call = data_stream, async_function, timeout, async_retry_strategy, capacity, output_type
        return _wait("ordered_wait_with_retry", _Mode.ORDERED, *call)


def _wait(
    name: str,
    mode: AsyncFunctionDescriptor.OutputMode,
    stream: DataStream,
    function: AsyncFunction[Any, Any],
    timeout: Time | Duration,
    strategy: AsyncRetryStrategy[Any],
    capacity: int,
    output_type: Type,
) -> DataStream:
    from pyflinkpp.datastream._data_stream import DataStream

    if not isinstance(stream, DataStream):
        raise TypeError(f"{name} takes a DataStream, not {stream!r}")
    spec = async_spec(mode, function, timeout, strategy, capacity)
    return stream._transform("Async", spec, read_type(output_type), function)


def async_spec(
    mode: AsyncFunctionDescriptor.OutputMode,
    function: AsyncFunction[Any, Any],
    timeout: Time | Duration,
    strategy: AsyncRetryStrategy[Any],
    capacity: int,
) -> dict[str, Any]:
    """Describes an asynchronous operator to the engine; the function is the operator's.

    :param mode: Whether results keep the order of the elements.
    :param function: The function.
    :param timeout: How long a call may take; with a retry strategy it must not be zero.
    :param strategy: Whether and when to try again.
    :param capacity: How many calls may be in hand.
    :return: The description.
    :raises TypeError: When an argument is something else or async_invoke is no coroutine function.
    :raises ValueError: When a number is out of range.
    """
    if not isinstance(function, AsyncFunction):
        raise TypeError(f"an AsyncFunction is wanted, not {function!r}")
    import inspect  # loaded when first needed

    if not inspect.iscoroutinefunction(function.async_invoke):
        raise TypeError(f"{type(function).__name__}.async_invoke must be declared by 'async def'")
    if not isinstance(strategy, AsyncRetryStrategy):
        raise TypeError(f"an AsyncRetryStrategy is wanted, not {strategy!r}")
    if strategy.get_retry_predicate() is None:
        raise TypeError(f"{type(strategy).__name__}.get_retry_predicate() gives None")
    timeout_ms = milliseconds(timeout, "timeout")
    if timeout_ms < 0 or (timeout_ms == 0 and strategy is not NO_RETRY_STRATEGY):
        raise ValueError(f"the timeout must be above 0 ms, not {timeout_ms}")
    if integer(capacity, "capacity") < 1:
        raise ValueError(f"capacity must be at least 1, not {capacity}")
    return {
        "kind": "async",
        "ordered": mode is _Mode.ORDERED,
        "timeout_ms": timeout_ms,
        "capacity": capacity,
        "retry": None if strategy is NO_RETRY_STRATEGY else strategy,
    }
