"""Base classes of functions over the elements of a window."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable
from typing import Any, Generic, TypeVar

from pyflinkpp.datastream._function_base import Function
from pyflinkpp.datastream._runtime_context import KeyedStateStore

__all__ = [
    "AllWindowFunction",
    "PassThroughAllWindowFunction",
    "PassThroughWindowFunction",
    "ProcessAllWindowFunction",
    "ProcessWindowFunction",
    "WindowFunction",
]

IN = TypeVar("IN")
OUT = TypeVar("OUT")
KEY = TypeVar("KEY")
W = TypeVar("W")


class WindowFunction(Function, Generic[IN, OUT, KEY, W]):
    """Makes results of the elements of a key's window."""

    @abstractmethod
    def apply(self, key: KEY, window: W, inputs: Iterable[IN]) -> Iterable[OUT]:
        """Makes the results.

        :param key: The key.
        :param window: The window.
        :param inputs: The elements in it.
        :return: The results.
        """


class AllWindowFunction(Function, Generic[IN, OUT, W]):
    """Makes results of the elements of a window over all keys."""

    @abstractmethod
    def apply(self, window: W, inputs: Iterable[IN]) -> Iterable[OUT]:
        """Makes the results.

        :param window: The window.
        :param inputs: The elements in it.
        :return: The results.
        """


class _AllWindowContext(ABC):
    """What a window function may know of its window."""

    __slots__ = ()

    @abstractmethod
    def window(self) -> Any:
        """Gives the window.

        :return: The window.
        """

    @abstractmethod
    def window_state(self) -> KeyedStateStore:
        """Gives state that belongs to this window.

        :return: The state store.
        """

    @abstractmethod
    def global_state(self) -> KeyedStateStore:
        """Gives state that all windows share.

        :return: The state store.
        """


class _WindowContext(_AllWindowContext):
    """The same under a key."""

    __slots__ = ()

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


class ProcessWindowFunction(Function, Generic[IN, OUT, KEY, W]):
    """Makes results of the elements of a key's window, with its context."""

    Context = _WindowContext

    @abstractmethod
    def process(self, key: KEY, context: Any, elements: Iterable[IN]) -> Iterable[OUT]:
        """Makes the results.

        :param key: The key.
        :param context: A ProcessWindowFunction.Context.
        :param elements: The elements in the window.
        :return: The results.
        """

    def clear(self, context: Any) -> None:
        """Clears the window's own state when the window goes.

        :param context: A ProcessWindowFunction.Context.
        """


class ProcessAllWindowFunction(Function, Generic[IN, OUT, W]):
    """Makes results of the elements of a window over all keys, with its context."""

    Context = _AllWindowContext

    @abstractmethod
    def process(self, context: Any, elements: Iterable[IN]) -> Iterable[OUT]:
        """Makes the results.

        :param context: A ProcessAllWindowFunction.Context.
        :param elements: The elements in the window.
        :return: The results.
        """

    def clear(self, context: Any) -> None:
        """Clears the window's own state when the window goes.

        :param context: A ProcessAllWindowFunction.Context.
        """


class PassThroughWindowFunction(WindowFunction[IN, IN, KEY, W]):
    """Gives the elements as they are."""

    def apply(self, key: KEY, window: W, inputs: Iterable[IN]) -> Iterable[IN]:
        """Gives the elements.

        :param key: The key.
        :param window: The window.
        :param inputs: The elements in it.
        :return: The same elements.
        """
        return inputs


class PassThroughAllWindowFunction(AllWindowFunction[IN, IN, W]):
    """Gives the elements as they are."""

    def apply(self, window: W, inputs: Iterable[IN]) -> Iterable[IN]:
        """Gives the elements.

        :param window: The window.
        :param inputs: The elements in it.
        :return: The same elements.
        """
        return inputs
