"""What drops elements of a window before or after its function runs."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any, Generic, TypeVar

from pyflinkpp.common._checks import integer
from pyflinkpp.common.time import Duration, Time
from pyflinkpp.datastream._timestamped_value import TimestampedValue
from pyflinkpp.datastream._window_triggers import delta_of
from pyflinkpp.datastream._window_types import milliseconds

__all__ = ["CountEvictor", "DeltaEvictor", "Evictor", "TimeEvictor"]

T = TypeVar("T")
W = TypeVar("W")


class _EvictorContext(ABC):
    """What an evictor may know."""

    @abstractmethod
    def get_current_processing_time(self) -> int:
        """Gives the wall clock's time.

        :return: Milliseconds since the epoch.
        """

    @abstractmethod
    def get_current_watermark(self) -> int:
        """Gives the event time that the task has reached.

        :return: Milliseconds since the epoch.
        """


class Evictor(ABC, Generic[T, W]):
    """Drops elements of a window when its trigger has fired; may be derived from.

    With an evictor all elements of a window are kept until then, also for ``reduce`` and
    ``aggregate``.

    >>> class WithoutErrors(Evictor):
    ...     def evict_before(self, elements, size, window, evictor_context):
    ...         elements[:] = [e for e in elements if not e.value.is_error]
    ...
    ...     def evict_after(self, elements, size, window, evictor_context):
    ...         pass
    """

    EvictorContext = _EvictorContext

    @abstractmethod
    def evict_before(
        self, elements: list[TimestampedValue], size: int, window: W, evictor_context: Any
    ) -> None:
        """Drops elements before the window's function runs.

        :param elements: The elements in the order in which they came; what is to go is removed
            from this list.
        :param size: Their number.
        :param window: The window.
        :param evictor_context: An Evictor.EvictorContext.
        """

    @abstractmethod
    def evict_after(
        self, elements: list[TimestampedValue], size: int, window: W, evictor_context: Any
    ) -> None:
        """Drops elements after the window's function has run.

        :param elements: The elements in the order in which they came; what is to go is removed
            from this list.
        :param size: Their number.
        :param window: The window.
        :param evictor_context: An Evictor.EvictorContext.
        """


class _OnceEvictor(Evictor[T, W]):
    """Drops elements either before or after the function."""

    _do_evict_after = False

    def evict_before(  # noqa: D102
        self, elements: list[TimestampedValue], size: int, window: W, evictor_context: Any
    ) -> None:
        if not self._do_evict_after:
            self._evict(elements)

    def evict_after(  # noqa: D102
        self, elements: list[TimestampedValue], size: int, window: W, evictor_context: Any
    ) -> None:
        if self._do_evict_after:
            self._evict(elements)

    def _evict(self, elements: list[TimestampedValue]) -> None:
        raise NotImplementedError


class CountEvictor(_OnceEvictor[T, W]):
    """Keeps the last elements of a window, up to a number.

    :param max_count: How many are kept.
    :param do_evict_after: Whether the others go after the function; before it otherwise.
    :raises ValueError: When the number is negative.
    """

    def __init__(self, max_count: int, do_evict_after: bool = False) -> None:
        if integer(max_count, "max_count") < 0:
            raise ValueError(f"a CountEvictor can't keep {max_count} elements")
        self._max_count = max_count
        self._do_evict_after = do_evict_after

    @staticmethod
    def of(max_count: int, do_evict_after: bool = False) -> CountEvictor[Any, Any]:
        """Makes the evictor.

        :param max_count: How many elements are kept.
        :param do_evict_after: Whether the others go after the function; before it otherwise.
        :return: The evictor.
        """
        return CountEvictor(max_count, do_evict_after)

    def _evict(self, elements: list[TimestampedValue]) -> None:
        del elements[: max(0, len(elements) - self._max_count)]


class TimeEvictor(_OnceEvictor[T, W]):
    """Keeps the elements that are not older than the newest by a length of time or more.

    Elements without timestamps all stay.

    :param window_size: That length in milliseconds.
    :param do_evict_after: Whether the others go after the function; before it otherwise.
    """

    def __init__(self, window_size: int, do_evict_after: bool = False) -> None:
        self._window_size = integer(window_size, "window_size")
        self._do_evict_after = do_evict_after

    @staticmethod
    def of(window_size: Time | Duration, do_evict_after: bool = False) -> TimeEvictor[Any, Any]:
        """Makes the evictor.

        :param window_size: By how much elements may be older than the newest.
        :param do_evict_after: Whether the others go after the function; before it otherwise.
        :return: The evictor.
        """
        return TimeEvictor(milliseconds(window_size, "window_size"), do_evict_after)

    def _evict(self, elements: list[TimestampedValue]) -> None:
        if elements and elements[0].has_timestamp():
            cut_off = max(e.get_timestamp() for e in elements) - self._window_size
            elements[:] = [e for e in elements if e.get_timestamp() > cut_off]


class DeltaEvictor(_OnceEvictor[T, W]):
    """Keeps the elements that differ from the last one by less than a threshold.

    :param threshold: The threshold.
    :param delta_function: Tells by how much the second of two elements differs from the first.
    :param do_evict_after: Whether the others go after the function; before it otherwise.
    :raises TypeError: When delta_function can't be called.
    """

    def __init__(
        self,
        threshold: float,
        delta_function: Callable[[Any, Any], float],
        do_evict_after: bool = False,
    ) -> None:
        self._threshold = threshold
        self._delta = delta_of(delta_function)
        self._do_evict_after = do_evict_after

    @staticmethod
    def of(
        threshold: float,
        delta_function: Callable[[Any, Any], float],
        do_evict_after: bool = False,
    ) -> DeltaEvictor[Any, Any]:
        """Makes the evictor.

        :param threshold: The threshold.
        :param delta_function: Tells by how much the second of two elements differs from the first.
        :param do_evict_after: Whether the others go after the function; before it otherwise.
        :return: The evictor.
        """
        return DeltaEvictor(threshold, delta_function, do_evict_after)

    def _evict(self, elements: list[TimestampedValue]) -> None:
        if elements:
            last = elements[-1].value
            elements[:] = [e for e in elements if self._delta(e.value, last) < self._threshold]
