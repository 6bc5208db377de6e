"""Base classes of process functions: they see time, may set timers and have side outputs."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, Generic, TypeVar

from pyflinkpp.datastream._function_base import Function

__all__ = [
    "BaseBroadcastProcessFunction",
    "BroadcastProcessFunction",
    "CoProcessFunction",
    "KeyedBroadcastProcessFunction",
    "KeyedCoProcessFunction",
    "KeyedProcessFunction",
    "ProcessFunction",
]

IN1 = TypeVar("IN1")
IN2 = TypeVar("IN2")
OUT = TypeVar("OUT")
KEY = TypeVar("KEY")


class _Context(ABC):
    """What a process function may know of the element in hand."""

    @abstractmethod
    def timer_service(self) -> Any:
        """Gives access to time and timers.

        :return: The timer service.
        """

    @abstractmethod
    def timestamp(self) -> int:
        """Gives the time of the element or of the firing timer.

        :return: Milliseconds since the epoch.
        """


class _KeyedContext(_Context):
    """The same under a key."""

    @abstractmethod
    def get_current_key(self) -> Any:
        """Gives the key of the element or of the firing timer.

        :return: The key.
        """


class _OnTimerContext(_KeyedContext):
    """The same when a timer fires."""

    @abstractmethod
    def time_domain(self) -> Any:
        """Tells which kind of time the timer stands in.

        :return: The TimeDomain.
        """


class ProcessFunction(Function):
    """Makes any number of elements of one element, knowing its time."""

    Context = _Context

    @abstractmethod
    def process_element(self, value: Any, ctx: Any) -> Any:
        """Takes an element.

        :param value: The element.
        :param ctx: A ProcessFunction.Context.
        :return: The new elements, or None for none; (tag, element) goes to a side output.
        """


class KeyedProcessFunction(Function):
    """Makes any number of elements of one element and of firing timers, under a key."""

    Context = _KeyedContext
    OnTimerContext = _OnTimerContext

    @abstractmethod
    def process_element(self, value: Any, ctx: Any) -> Any:
        """Takes an element.

        :param value: The element.
        :param ctx: A KeyedProcessFunction.Context.
        :return: The new elements, or None for none; (tag, element) goes to a side output.
        """

    def on_timer(self, timestamp: int, ctx: Any) -> Any:
        """Takes a firing timer.

        :param timestamp: The time it was set for, in milliseconds since the epoch.
        :param ctx: A KeyedProcessFunction.OnTimerContext.
        :return: The new elements, or None for none.
        """


class CoProcessFunction(Function):
    """Makes elements of two connected streams into elements of one, knowing their time."""

    Context = _Context

    @abstractmethod
    def process_element1(self, value: Any, ctx: Any) -> Any:
        """Takes an element of the first stream.

        :param value: The element.
        :param ctx: A CoProcessFunction.Context.
        :return: The new elements, or None for none.
        """

    @abstractmethod
    def process_element2(self, value: Any, ctx: Any) -> Any:
        """Takes an element of the second stream.

        :param value: The element.
        :param ctx: A CoProcessFunction.Context.
        :return: The new elements, or None for none.
        """


class KeyedCoProcessFunction(Function):
    """Makes elements of two connected streams and firing timers into elements, under a key."""

    Context = _KeyedContext
    OnTimerContext = _OnTimerContext

    @abstractmethod
    def process_element1(self, value: Any, ctx: Any) -> Any:
        """Takes an element of the first stream.

        :param value: The element.
        :param ctx: A KeyedCoProcessFunction.Context.
        :return: The new elements, or None for none.
        """

    @abstractmethod
    def process_element2(self, value: Any, ctx: Any) -> Any:
        """Takes an element of the second stream.

        :param value: The element.
        :param ctx: A KeyedCoProcessFunction.Context.
        :return: The new elements, or None for none.
        """

    def on_timer(self, timestamp: int, ctx: Any) -> Any:
        """Takes a firing timer.

        :param timestamp: The time it was set for, in milliseconds since the epoch.
        :param ctx: A KeyedCoProcessFunction.OnTimerContext.
        :return: The new elements, or None for none.
        """


class _BroadcastBaseContext(ABC):
    """What a broadcast process function may know of the element in hand."""

    @abstractmethod
    def timestamp(self) -> int:
        """Gives the time of the element.

        :return: Milliseconds since the epoch.
        """

    @abstractmethod
    def current_processing_time(self) -> int:
        """Gives the wall clock's time.

        :return: Milliseconds since the epoch.
        """

    @abstractmethod
    def current_watermark(self) -> int:
        """Gives the event time that the task has reached.

        :return: Milliseconds since the epoch.
        """

    @abstractmethod
    def get_broadcast_state(self, state_descriptor: Any) -> Any:
        """Gives a broadcast state, which only the broadcast side may change.

        :param state_descriptor: A MapStateDescriptor.
        :return: The state.
        """


class _KeyedReadOnlyContext(_BroadcastBaseContext):
    """The same under a key."""

    @abstractmethod
    def timer_service(self) -> Any:
        """Gives access to time and timers.

        :return: The timer service.
        """

    @abstractmethod
    def get_current_key(self) -> Any:
        """Gives the key of the element.

        :return: The key.
        """


class _BroadcastOnTimerContext(_KeyedReadOnlyContext):
    """The same when a timer fires."""

    @abstractmethod
    def time_domain(self) -> Any:
        """Tells which kind of time the timer stands in.

        :return: The TimeDomain.
        """


class BaseBroadcastProcessFunction(Function):
    """The base of functions over a stream and a broadcast stream."""

    BaseContext = _BroadcastBaseContext
    Context = _BroadcastBaseContext
    ReadOnlyContext = _BroadcastBaseContext


class BroadcastProcessFunction(BaseBroadcastProcessFunction, Generic[IN1, IN2, OUT]):
    """Sees the elements of a stream and, in each subtask, all of a broadcast stream."""

    @abstractmethod
    def process_element(self, value: IN1, ctx: Any) -> Any:
        """Takes an element of the stream; may read the broadcast state.

        :param value: The element.
        :param ctx: A BroadcastProcessFunction.ReadOnlyContext.
        :return: The new elements, or None for none.
        """

    @abstractmethod
    def process_broadcast_element(self, value: IN2, ctx: Any) -> Any:
        """Takes an element of the broadcast stream; may change the broadcast state.

        :param value: The element.
        :param ctx: A BroadcastProcessFunction.Context.
        :return: The new elements, or None for none.
        """


class KeyedBroadcastProcessFunction(BaseBroadcastProcessFunction, Generic[KEY, IN1, IN2, OUT]):
    """Sees the elements of a keyed stream and, in each subtask, all of a broadcast stream."""

    ReadOnlyContext = _KeyedReadOnlyContext
    OnTimerContext = _BroadcastOnTimerContext

    @abstractmethod
    def process_element(self, value: IN1, ctx: Any) -> Any:
        """Takes an element of the keyed stream; may read the broadcast state.

        :param value: The element.
        :param ctx: A KeyedBroadcastProcessFunction.ReadOnlyContext.
        :return: The new elements, or None for none.
        """

    @abstractmethod
    def process_broadcast_element(self, value: IN2, ctx: Any) -> Any:
        """Takes an element of the broadcast stream; may change the broadcast state.

        :param value: The element.
        :param ctx: A KeyedBroadcastProcessFunction.Context.
        :return: The new elements, or None for none.
        """

    def on_timer(self, timestamp: int, ctx: Any) -> Any:
        """Takes a firing timer.

        :param timestamp: The time it was set for, in milliseconds since the epoch.
        :param ctx: A KeyedBroadcastProcessFunction.OnTimerContext.
        :return: The new elements, or None for none.
        """
