"""Base classes of functions that join the elements of two streams."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable
from typing import Any

from pyflinkpp.datastream._function_base import Function

__all__ = [
    "CoGroupFunction",
    "FlatJoinFunction",
    "JoinFunction",
    "ProcessJoinFunction",
]


class JoinFunction(Function):
    """Makes one element of each pair of elements that are joined."""

    @abstractmethod
    def join(self, first: Any, second: Any) -> Any:
        """Makes the new element.

        :param first: An element of the first stream.
        :param second: An element of the second stream.
        :return: The new element.
        """


class FlatJoinFunction(Function):
    """Makes any number of elements of each pair of elements that are joined."""

    @abstractmethod
    def join(self, first: Any, second: Any) -> Iterable[Any]:
        """Makes the new elements.

        :param first: An element of the first stream.
        :param second: An element of the second stream.
        :return: The new elements: a generator or any other iterable.
        """


class CoGroupFunction(Function):
    """Makes any number of elements of the elements of two streams in a key's window."""

    @abstractmethod
    def co_group(self, first: Iterable[Any], second: Iterable[Any]) -> Iterable[Any]:
        """Makes the new elements.

        :param first: The elements of the first stream; may be empty.
        :param second: The elements of the second stream; may be empty, but not both.
        :return: The new elements: a generator or any other iterable.
        """


class _JoinContext(ABC):
    """What a function may know of a pair; times are milliseconds since the epoch."""

    __slots__ = ()

    @abstractmethod
    def get_left_timestamp(self) -> int:
        """Gives the time of the left element.

        :return: The time.
        """

    @abstractmethod
    def get_right_timestamp(self) -> int:
        """Gives the time of the right element.

        :return: The time.
        """

    @abstractmethod
    def get_timestamp(self) -> int:
        """Gives the time of the results.

        :return: The later of the two.
        """


class ProcessJoinFunction(Function):
    """Makes any number of elements of each pair of an interval join."""

    Context = _JoinContext

    @abstractmethod
    def process_element(self, left: Any, right: Any, ctx: Any) -> Any:
        """Makes the new elements.

        :param left: The element of the left stream.
        :param right: The element of the right stream.
        :param ctx: A ProcessJoinFunction.Context.
        :return: The new elements, or None for none; (tag, element) goes to a side output.
        """
