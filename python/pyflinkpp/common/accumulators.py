"""Counters and the like that functions add to and that the finished job gives merged."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, Generic, TypeVar

__all__ = [
    "Accumulator",
    "AverageAccumulator",
    "DoubleCounter",
    "DoubleMaximum",
    "DoubleMinimum",
    "Histogram",
    "IntCounter",
    "IntMaximum",
    "IntMinimum",
    "ListAccumulator",
    "LongCounter",
    "LongMaximum",
    "LongMinimum",
    "SimpleAccumulator",
]

V = TypeVar("V")
R = TypeVar("R")
N = TypeVar("N", int, float)


class Accumulator(ABC, Generic[V, R]):
    """Collects values in each subtask; at the end the subtasks' accumulators are merged.

    To make an own one, derive a class that can be pickled.
    """

    @abstractmethod
    def add(self, value: V) -> None:
        """Takes a value.

        :param value: The value.
        """

    @abstractmethod
    def get_local_value(self) -> R:
        """Gives what this accumulator has so far.

        :return: The value.
        """

    @abstractmethod
    def reset_local(self) -> None:
        """Goes back to the state before the first value."""

    @abstractmethod
    def merge(self, other: Any) -> None:
        """Takes what another accumulator of the same class has.

        :param other: The other accumulator.
        """

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.get_local_value()!r})"


class SimpleAccumulator(Accumulator[V, V]):
    """An accumulator whose result is of the type of its values."""


class _Counter(SimpleAccumulator[N]):
    zero: N

    def __init__(self, value: N | None = None) -> None:
        self._value: N = self.zero if value is None else value

    def add(self, value: N) -> None:
        self._value += value

    def get_local_value(self) -> N:
        return self._value

    def reset_local(self) -> None:
        self._value = self.zero

    def merge(self, other: _Counter[N]) -> None:
        self._value += other._value


class IntCounter(_Counter[int]):
    """A sum of integers.

    :param value: Where to start; 0 by default.
    """

    zero = 0


class LongCounter(_Counter[int]):
    """A sum of integers; the same as IntCounter, since Python's integers have no limit.

    :param value: Where to start; 0 by default.
    """

    zero = 0


class DoubleCounter(_Counter[float]):
    """A sum of numbers.

    :param value: Where to start; 0.0 by default.
    """

    zero = 0.0


class _Extreme(SimpleAccumulator[N]):
    start: N

    def __init__(self, value: N | None = None) -> None:
        self._value: N = self.start if value is None else value

    def get_local_value(self) -> N:
        return self._value

    def reset_local(self) -> None:
        self._value = self.start

    def merge(self, other: _Extreme[N]) -> None:
        self.add(other._value)


class _Maximum(_Extreme[N]):
    def add(self, value: N) -> None:
        if value > self._value:
            self._value = value


class _Minimum(_Extreme[N]):
    def add(self, value: N) -> None:
        if value < self._value:
            self._value = value


class IntMaximum(_Maximum[int]):
    """The greatest of integers; -2^31 without one.

    :param value: Where to start.
    """

    start = -(2**31)


class IntMinimum(_Minimum[int]):
    """The least of integers; 2^31 - 1 without one.

    :param value: Where to start.
    """

    start = 2**31 - 1


class LongMaximum(_Maximum[int]):
    """The greatest of integers; -2^63 without one.

    :param value: Where to start.
    """

    start = -(2**63)


class LongMinimum(_Minimum[int]):
    """The least of integers; 2^63 - 1 without one.

    :param value: Where to start.
    """

    start = 2**63 - 1


class DoubleMaximum(_Maximum[float]):
    """The greatest of numbers; minus infinity without one.

    :param value: Where to start.
    """

    start = float("-inf")


class DoubleMinimum(_Minimum[float]):
    """The least of numbers; infinity without one.

    :param value: Where to start.
    """

    start = float("inf")


class AverageAccumulator(SimpleAccumulator[float]):
    """The mean of numbers; 0.0 without one."""

    def __init__(self) -> None:
        self._count = 0
        self._sum = 0.0

    def add(self, value: float) -> None:
        """Takes a number.

        :param value: The number.
        """
        self._count += 1
        self._sum += value

    def get_local_value(self) -> float:
        """Gives the mean of the numbers so far.

        :return: The mean.
        """
        return self._sum / self._count if self._count else 0.0

    def reset_local(self) -> None:
        """Forgets all numbers."""
        self._count, self._sum = 0, 0.0

    def merge(self, other: AverageAccumulator) -> None:
        """Takes the numbers of another accumulator.

        :param other: The other accumulator.
        """
        self._count += other._count
        self._sum += other._sum


class Histogram(Accumulator[int, dict[int, int]]):
    """How often each integer came: a dict from the integer to the number, sorted by the integer."""

    def __init__(self) -> None:
        self._counts: dict[int, int] = {}

    def add(self, value: int) -> None:
        """Counts an integer.

        :param value: The integer.
        """
        self._counts[value] = self._counts.get(value, 0) + 1

    def get_local_value(self) -> dict[int, int]:
        """Gives the counts so far.

        :return: A new dict.
        """
        return dict(sorted(self._counts.items()))

    def reset_local(self) -> None:
        """Forgets all counts."""
        self._counts = {}

    def merge(self, other: Histogram) -> None:
        """Adds the counts of another accumulator.

        :param other: The other accumulator.
        """
        for value, count in other._counts.items():
            self._counts[value] = self._counts.get(value, 0) + count


class ListAccumulator(Accumulator[V, list[V]]):
    """All values, in the order in which each subtask got them."""

    def __init__(self) -> None:
        self._values: list[V] = []

    def add(self, value: V) -> None:
        """Takes a value.

        :param value: The value.
        """
        self._values.append(value)

    def get_local_value(self) -> list[V]:
        """Gives the values so far.

        :return: A new list.
        """
        return list(self._values)

    def reset_local(self) -> None:
        """Forgets all values."""
        self._values = []

    def merge(self, other: ListAccumulator[V]) -> None:
        """Takes the values of another accumulator.

        :param other: The other accumulator.
        """
        self._values += other._values
