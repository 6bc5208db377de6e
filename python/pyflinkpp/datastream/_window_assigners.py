"""What puts elements into windows of fixed length in time."""

from __future__ import annotations

from typing import Any, NoReturn, TypeVar

from pyflinkpp.common._checks import integer
from pyflinkpp.common.constants import MIN_LONG_VALUE
from pyflinkpp.common.serializer import TypeSerializer
from pyflinkpp.common.time import Duration, Time
from pyflinkpp.datastream._window_assigner import WindowAssigner
from pyflinkpp.datastream._window_trigger import Trigger
from pyflinkpp.datastream._window_triggers import EventTimeTrigger, ProcessingTimeTrigger
from pyflinkpp.datastream._window_types import TimeWindow, TimeWindowSerializer, milliseconds

__all__ = [
    "SlidingEventTimeWindows",
    "SlidingProcessingTimeWindows",
    "TimeWindowAssigner",
    "TumblingEventTimeWindows",
    "TumblingProcessingTimeWindows",
]

T = TypeVar("T")


class TimeWindowAssigner(WindowAssigner[T, TimeWindow]):
    """What assigners of time windows have in common."""

    _event_time = True

    def get_default_trigger(self, env: Any) -> Trigger[T, TimeWindow]:
        """Gives the trigger that fires at the end of a window.

        :param env: Not used.
        :return: An EventTimeTrigger or a ProcessingTimeTrigger.
        """
        return EventTimeTrigger() if self._event_time else ProcessingTimeTrigger()

    def get_window_serializer(self) -> TypeSerializer[TimeWindow]:
        """Gives what writes the windows.

        :return: A TimeWindowSerializer.
        """
        return TimeWindowSerializer()

    def is_event_time(self) -> bool:
        """Tells which time the windows go by.

        :return: True for event time, False for processing time.
        """
        return self._event_time

    def _time(self, timestamp: int, context: Any) -> int:
        """Gives the time that decides: the element's or the wall clock's."""
        if not self._event_time:
            now: int = context.get_current_processing_time()
            return now
        if timestamp <= MIN_LONG_VALUE:
            _no_timestamp(type(self).__name__)
        return timestamp


class _Tumbling(TimeWindowAssigner[T]):
    def __init__(self, size: int, offset: int) -> None:
        if integer(size, "size") <= 0 or abs(integer(offset, "offset")) >= size:
            raise ValueError(
                f"{type(self).__name__} needs a size above 0 and an offset shorter than it, "
                f"not {size} ms and {offset} ms"
            )
        self._size = size
        self._offset = offset

    def assign_windows(self, element: T, timestamp: int, context: Any) -> list[TimeWindow]:
        """Gives the window that holds the element's time.

        :param element: Not used.
        :param timestamp: The time.
        :param context: Tells the wall clock's time.
        :return: The window.
        """
        time = self._time(timestamp, context)
        start = TimeWindow.get_window_start_with_offset(time, self._offset, self._size)
        return [TimeWindow(start, start + self._size)]

    def _described(self) -> dict[str, Any]:
        return {"kind": "tumbling", "size": self._size, "offset_ms": self._offset}

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._size}, {self._offset})"


class TumblingEventTimeWindows(_Tumbling[T]):
    """Cuts event time into windows of one length.

    >>> TumblingEventTimeWindows.of(Time.minutes(1))
    TumblingEventTimeWindows(60000, 0)

    :param size: The length in milliseconds.
    :param offset: By how much the windows are shifted from the epoch, in milliseconds.
    :raises ValueError: When size is not positive or the offset is not shorter than it.
    """

    _built_in = _Tumbling._described

    @staticmethod
    def of(
        size: Time | Duration, offset: Time | Duration | None = None
    ) -> TumblingEventTimeWindows[Any]:
        """Makes the assigner.

        :param size: The length of the windows.
        :param offset: By how much they are shifted from the epoch, as ``Time.hours(-8)`` for days
            of China; nothing when left out.
        :return: The assigner.
        """
        return TumblingEventTimeWindows(milliseconds(size, "size"), _offset(offset))


class TumblingProcessingTimeWindows(_Tumbling[T]):
    """Cuts the wall clock's time into windows of one length.

    :param size: The length in milliseconds.
    :param offset: By how much the windows are shifted from the epoch, in milliseconds.
    :raises ValueError: When size is not positive or the offset is not shorter than it.
    """

    _event_time = False
    _built_in = _Tumbling._described

    @staticmethod
    def of(
        size: Time | Duration, offset: Time | Duration | None = None
    ) -> TumblingProcessingTimeWindows[Any]:
        """Makes the assigner.

        :param size: The length of the windows.
        :param offset: By how much they are shifted from the epoch; nothing when left out.
        :return: The assigner.
        """
        return TumblingProcessingTimeWindows(milliseconds(size, "size"), _offset(offset))


class _Sliding(TimeWindowAssigner[T]):
    def __init__(self, size: int, slide: int, offset: int) -> None:
        if (
            integer(size, "size") <= 0
            or integer(slide, "slide") <= 0
            or abs(integer(offset, "offset")) >= slide
        ):
            raise ValueError(
                f"{type(self).__name__} needs a size and a slide above 0 and an offset shorter "
                f"than the slide, not {size} ms, {slide} ms and {offset} ms"
            )
        self._size = size
        self._slide = slide
        self._offset = offset

    def assign_windows(self, element: T, timestamp: int, context: Any) -> list[TimeWindow]:
        """Gives the windows that hold the element's time, the latest first.

        :param element: Not used.
        :param timestamp: The time.
        :param context: Tells the wall clock's time.
        :return: The windows.
        """
        time = self._time(timestamp, context)
        last = TimeWindow.get_window_start_with_offset(time, self._offset, self._slide)
        starts = range(last, time - self._size, -self._slide)
        return [TimeWindow(start, start + self._size) for start in starts]

    def _described(self) -> dict[str, Any]:
        return {
            "kind": "sliding",
            "size": self._size,
            "slide": self._slide,
            "offset_ms": self._offset,
        }

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._size}, {self._slide}, {self._offset})"


class SlidingEventTimeWindows(_Sliding[T]):
    """Starts a window of event time every so often; windows overlap when they are longer.

    >>> SlidingEventTimeWindows.of(Time.minutes(1), Time.seconds(10))
    SlidingEventTimeWindows(60000, 10000, 0)

    :param size: The length in milliseconds.
    :param slide: The time from one start to the next, in milliseconds.
    :param offset: By how much the windows are shifted from the epoch, in milliseconds.
    :raises ValueError: When size or slide is not positive or the offset is not shorter than slide.
    """

    _built_in = _Sliding._described

    @staticmethod
    def of(
        size: Time | Duration, slide: Time | Duration, offset: Time | Duration | None = None
    ) -> SlidingEventTimeWindows[Any]:
        """Makes the assigner.

        :param size: The length of the windows.
        :param slide: The time from one start to the next.
        :param offset: By how much they are shifted from the epoch; nothing when left out.
        :return: The assigner.
        """
        return SlidingEventTimeWindows(
            milliseconds(size, "size"), milliseconds(slide, "slide"), _offset(offset)
        )


class SlidingProcessingTimeWindows(_Sliding[T]):
    """Starts a window of the wall clock's time every so often.

    :param size: The length in milliseconds.
    :param slide: The time from one start to the next, in milliseconds.
    :param offset: By how much the windows are shifted from the epoch, in milliseconds.
    :raises ValueError: When size or slide is not positive or the offset is not shorter than slide.
    """

    _event_time = False
    _built_in = _Sliding._described

    @staticmethod
    def of(
        size: Time | Duration, slide: Time | Duration, offset: Time | Duration | None = None
    ) -> SlidingProcessingTimeWindows[Any]:
        """Makes the assigner.

        :param size: The length of the windows.
        :param slide: The time from one start to the next.
        :param offset: By how much they are shifted from the epoch; nothing when left out.
        :return: The assigner.
        """
        return SlidingProcessingTimeWindows(
            milliseconds(size, "size"), milliseconds(slide, "slide"), _offset(offset)
        )


def _offset(offset: Time | Duration | None) -> int:
    return 0 if offset is None else milliseconds(offset, "offset")


def _no_timestamp(assigner: str) -> NoReturn:
    raise ValueError(
        f"{assigner} needs elements with timestamps, and this one has none: call "
        "assign_timestamps_and_watermarks() before, or use windows of processing time"
    )
