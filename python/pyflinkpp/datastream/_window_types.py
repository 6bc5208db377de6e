"""Windows: what groups the elements of a key."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable
from struct import Struct
from typing import TYPE_CHECKING, Any

from pyflinkpp.common.constants import MAX_LONG_VALUE
from pyflinkpp.common.serializer import TypeSerializer
from pyflinkpp.common.time import Duration, Time

if TYPE_CHECKING:
    from io import BytesIO

__all__ = [
    "CountWindow",
    "CountWindowSerializer",
    "GlobalWindow",
    "GlobalWindowSerializer",
    "TimeWindow",
    "TimeWindowSerializer",
    "Window",
    "milliseconds",
]

_TWO_LONGS = Struct(">qq")
_LONG = Struct(">q")


class Window(ABC):
    """A group of elements; two of one kind must compare and hash by value."""

    __slots__ = ()

    @abstractmethod
    def max_timestamp(self) -> int:
        """Gives the last time that belongs to the window.

        :return: Milliseconds since the epoch.
        """


class TimeWindow(Window):
    """The elements of a span of time.

    :param start: Its first millisecond since the epoch.
    :param end: The millisecond after its last.
    """

    __slots__ = ("end", "start")

    def __init__(self, start: int, end: int) -> None:
        self.start = start
        self.end = end

    def max_timestamp(self) -> int:
        """Gives the last time that belongs to the window.

        :return: end - 1.
        """
        return self.end - 1

    def intersects(self, other: TimeWindow) -> bool:
        """Tells whether two windows overlap or touch.

        :param other: The other window.
        :return: True if so.
        """
        return self.start <= other.end and other.start <= self.end

    def cover(self, other: TimeWindow) -> TimeWindow:
        """Gives the smallest window that holds two windows.

        :param other: The other window.
        :return: That window.
        """
        return TimeWindow(min(self.start, other.start), max(self.end, other.end))

    @staticmethod
    def get_window_start_with_offset(timestamp: int, offset: int, window_size: int) -> int:
        """Finds where the window that holds a time starts.

        :param timestamp: The time in milliseconds.
        :param offset: By how much the windows are shifted from the epoch, in milliseconds.
        :param window_size: The length of the windows in milliseconds.
        :return: The start in milliseconds.
        """
        return timestamp - (timestamp - offset) % window_size

    @staticmethod
    def merge_windows(windows: Iterable[TimeWindow], callback: Any) -> None:
        """Merges the windows that overlap or touch.

        :param windows: The windows.
        :param callback: A MergingWindowAssigner.MergeCallback: its ``merge`` is called for each
            group of at least two windows.
        """
        group: set[TimeWindow] = set()
        merged: TimeWindow | None = None
        for window in sorted(windows):
            if merged is not None and merged.intersects(window):
                group.add(window)
                merged = merged.cover(window)
                continue
            if len(group) > 1:
                callback.merge(group, merged)
            group, merged = {window}, window
        if len(group) > 1:
            callback.merge(group, merged)

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, TimeWindow)
            and other.__class__ is self.__class__
            and other.start == self.start
            and other.end == self.end
        )

    def __hash__(self) -> int:
        return hash((self.start, self.end))

    def __lt__(self, other: TimeWindow) -> bool:
        if not isinstance(other, TimeWindow):
            return NotImplemented
        return (self.start, self.end) < (other.start, other.end)

    def __le__(self, other: TimeWindow) -> bool:
        if not isinstance(other, TimeWindow):
            return NotImplemented
        return (self.start, self.end) <= (other.start, other.end)

    def __repr__(self) -> str:
        return f"TimeWindow(start={self.start}, end={self.end})"


class CountWindow(Window):
    """A number of elements that came one after the other.

    :param id: Which window of the key it is, from 0.
    """

    __slots__ = ("id",)

    def __init__(self, id: int) -> None:
        self.id = id

    def max_timestamp(self) -> int:
        """Gives the greatest time there is: the window does not go by time.

        :return: 2^63 - 1.
        """
        return MAX_LONG_VALUE

    def __eq__(self, other: object) -> bool:
        return isinstance(other, CountWindow) and other.id == self.id

    def __hash__(self) -> int:
        return hash(self.id)

    def __repr__(self) -> str:
        return f"CountWindow(id={self.id})"


class GlobalWindow(Window):
    """The one window of all elements of a key."""

    __slots__ = ()

    @staticmethod
    def get() -> GlobalWindow:
        """Gives the window.

        :return: The window.
        """
        return GlobalWindow()

    def max_timestamp(self) -> int:
        """Gives the greatest time there is: the window does not end.

        :return: 2^63 - 1.
        """
        return MAX_LONG_VALUE

    def __eq__(self, other: object) -> bool:
        return isinstance(other, GlobalWindow)

    def __hash__(self) -> int:
        return 0

    def __repr__(self) -> str:
        return "GlobalWindow"


class TimeWindowSerializer(TypeSerializer[TimeWindow]):
    """Says that an assigner makes TimeWindows; writes one in 16 bytes."""

    def serialize(self, element: TimeWindow, stream: BytesIO) -> None:  # noqa: D102
        stream.write(_TWO_LONGS.pack(element.start, element.end))

    def deserialize(self, stream: BytesIO) -> TimeWindow:  # noqa: D102
        return TimeWindow(*_TWO_LONGS.unpack(stream.read(16)))


class CountWindowSerializer(TypeSerializer[CountWindow]):
    """Says that an assigner makes CountWindows; writes one in 8 bytes."""

    def serialize(self, element: CountWindow, stream: BytesIO) -> None:  # noqa: D102
        stream.write(_LONG.pack(element.id))

    def deserialize(self, stream: BytesIO) -> CountWindow:  # noqa: D102
        return CountWindow(*_LONG.unpack(stream.read(8)))


class GlobalWindowSerializer(TypeSerializer[GlobalWindow]):
    """Says that an assigner makes the GlobalWindow; writes it in one byte."""

    def serialize(self, element: GlobalWindow, stream: BytesIO) -> None:  # noqa: D102
        stream.write(b"\0")

    def deserialize(self, stream: BytesIO) -> GlobalWindow:  # noqa: D102
        stream.read(1)
        return GlobalWindow()


def milliseconds(value: object, name: str) -> int:
    """Reads a length of time.

    :param value: A Time or a Duration.
    :param name: What it is, for the error.
    :return: Its length in milliseconds.
    :raises ValueError: When it is None.
    :raises TypeError: When it is something else.
    """
    if isinstance(value, Time):
        return value.to_milliseconds()
    if isinstance(value, Duration):
        return value.to_millis()
    if value is None:
        raise ValueError(f"{name} is missing: give a Time, as Time.seconds(5)")
    raise TypeError(f"{name} must be a Time, as Time.seconds(5), or a Duration, not {value!r}")
