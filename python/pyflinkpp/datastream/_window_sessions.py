"""What puts elements into sessions: windows that last as long as elements follow each other."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, TypeVar

from pyflinkpp.common._checks import integer
from pyflinkpp.common.time import Duration, Time
from pyflinkpp.datastream._window_assigner import (
    MergingWindowAssigner,
    SessionWindowTimeGapExtractor,
)
from pyflinkpp.datastream._window_assigners import TimeWindowAssigner
from pyflinkpp.datastream._window_types import TimeWindow, milliseconds

__all__ = [
    "DynamicEventTimeSessionWindows",
    "DynamicProcessingTimeSessionWindows",
    "EventTimeSessionWindows",
    "ProcessingTimeSessionWindows",
]

T = TypeVar("T")

Extractor = SessionWindowTimeGapExtractor | Callable[[Any], int]


class _Sessions(TimeWindowAssigner[T], MergingWindowAssigner[T, TimeWindow]):
    def merge_windows(self, windows: Iterable[TimeWindow], callback: Any) -> None:
        """Chooses the windows that overlap or touch.

        :param windows: The windows of a key.
        :param callback: Hears which of them merge.
        """
        TimeWindow.merge_windows(windows, callback)

    def assign_windows(self, element: T, timestamp: int, context: Any) -> list[TimeWindow]:
        """Gives the session that the element would have alone.

        :param element: The element.
        :param timestamp: Its time.
        :param context: Tells the wall clock's time.
        :return: The window, from that time until the gap is over.
        """
        time = self._time(timestamp, context)
        return [TimeWindow(time, time + self._gap(element))]

    def _gap(self, element: T) -> int:
        raise NotImplementedError


class _FixedSessions(_Sessions[T]):
    def __init__(self, session_gap: int) -> None:
        if integer(session_gap, "session_gap") <= 0:
            raise ValueError(f"the gap of a session must be at least 1 ms, not {session_gap}")
        self._session_gap = session_gap

    def _gap(self, element: T) -> int:
        return self._session_gap

    def _described(self) -> dict[str, Any]:
        return {"kind": "session", "size": self._session_gap}

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._session_gap})"


class _GapFunction(SessionWindowTimeGapExtractor):
    """Makes an extractor of a callable."""

    def __init__(self, function: Callable[[Any], int]) -> None:
        self._function = function

    def extract(self, element: Any) -> int:
        return self._function(element)


class _DynamicSessions(_Sessions[T]):
    def __init__(self, session_window_time_gap_extractor: Extractor) -> None:
        extractor = session_window_time_gap_extractor
        if not isinstance(extractor, SessionWindowTimeGapExtractor):
            if not callable(extractor):
                raise TypeError(f"a SessionWindowTimeGapExtractor is wanted, not {extractor!r}")
            extractor = _GapFunction(extractor)
        self._extractor = extractor

    def _gap(self, element: T) -> int:
        gap = self._extractor.extract(element)
        if gap <= 0:
            raise ValueError(f"the gap of a session must be at least 1 ms, not {gap}")
        return gap

    def _described(self) -> dict[str, Any]:
        return {"kind": "session", "object": self._extractor}

    def __repr__(self) -> str:
        return f"{type(self).__name__}({type(self._extractor).__name__})"


class DynamicEventTimeSessionWindows(_DynamicSessions[T]):
    """Makes sessions of event time whose gaps depend on the elements.

    :param session_window_time_gap_extractor: Tells how long a session waits after an element.
    :raises TypeError: When it is no SessionWindowTimeGapExtractor and can't be called.
    """

    _built_in = _DynamicSessions._described

    @staticmethod
    def with_dynamic_gap(extractor: Extractor) -> DynamicEventTimeSessionWindows[Any]:
        """Makes the assigner.

        :param extractor: Tells how long a session waits after an element.
        :return: The assigner.
        """
        return DynamicEventTimeSessionWindows(extractor)


class DynamicProcessingTimeSessionWindows(_DynamicSessions[T]):
    """Makes sessions of the wall clock's time whose gaps depend on the elements.

    :param session_window_time_gap_extractor: Tells how long a session waits after an element.
    :raises TypeError: When it is no SessionWindowTimeGapExtractor and can't be called.
    """

    _event_time = False
    _built_in = _DynamicSessions._described

    @staticmethod
    def with_dynamic_gap(extractor: Extractor) -> DynamicProcessingTimeSessionWindows[Any]:
        """Makes the assigner.

        :param extractor: Tells how long a session waits after an element.
        :return: The assigner.
        """
        return DynamicProcessingTimeSessionWindows(extractor)


class EventTimeSessionWindows(_FixedSessions[T]):
    """Makes sessions of event time: one ends when no element comes for a gap.

    Elements exactly one gap apart share a session.

    >>> EventTimeSessionWindows.with_gap(Time.minutes(10))
    EventTimeSessionWindows(600000)

    :param session_gap: The gap in milliseconds.
    :raises ValueError: When it is not positive.
    """

    _built_in = _FixedSessions._described

    @staticmethod
    def with_gap(size: Time | Duration) -> EventTimeSessionWindows[Any]:
        """Makes the assigner.

        :param size: The gap.
        :return: The assigner.
        """
        return EventTimeSessionWindows(milliseconds(size, "the gap of a session"))

    @staticmethod
    def with_dynamic_gap(extractor: Extractor) -> DynamicEventTimeSessionWindows[Any]:
        """Makes an assigner whose gap depends on the element.

        :param extractor: Tells how long a session waits after an element.
        :return: The assigner.
        """
        return DynamicEventTimeSessionWindows(extractor)


class ProcessingTimeSessionWindows(_FixedSessions[T]):
    """Makes sessions of the wall clock's time: one ends when no element comes for a gap.

    :param session_gap: The gap in milliseconds.
    :raises ValueError: When it is not positive.
    """

    _event_time = False
    _built_in = _FixedSessions._described

    @staticmethod
    def with_gap(size: Time | Duration) -> ProcessingTimeSessionWindows[Any]:
        """Makes the assigner.

        :param size: The gap.
        :return: The assigner.
        """
        return ProcessingTimeSessionWindows(milliseconds(size, "the gap of a session"))

    @staticmethod
    def with_dynamic_gap(extractor: Extractor) -> DynamicProcessingTimeSessionWindows[Any]:
        """Makes an assigner whose gap depends on the element.

        :param extractor: Tells how long a session waits after an element.
        :return: The assigner.
        """
        return DynamicProcessingTimeSessionWindows(extractor)
