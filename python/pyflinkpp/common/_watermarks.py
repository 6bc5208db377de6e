"""Watermarks, and what makes them of elements."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, ClassVar

from pyflinkpp.common._checks import integer
from pyflinkpp.common.constants import MAX_LONG_VALUE

__all__ = ["Watermark", "WatermarkGenerator", "WatermarkOutput"]


class Watermark:
    """Says that no element with this or an earlier time is to come.

    :param timestamp: The time in milliseconds since the epoch.
    """

    __slots__ = ("timestamp",)

    MAX_WATERMARK: ClassVar[Watermark]
    """The watermark at the end of an input."""

    def __init__(self, timestamp: int) -> None:
        self.timestamp = integer(timestamp, "a watermark's timestamp")

    def get_timestamp(self) -> int:
        """Gives the time.

        :return: Milliseconds since the epoch.
        """
        return self.timestamp

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Watermark) and other.timestamp == self.timestamp

    def __hash__(self) -> int:
        return hash(self.timestamp)

    def __repr__(self) -> str:
        return f"Watermark({self.timestamp})"


Watermark.MAX_WATERMARK = Watermark(MAX_LONG_VALUE)


class WatermarkOutput(ABC):
    """Where a WatermarkGenerator sends its watermarks."""

    __slots__ = ()

    @abstractmethod
    def emit_watermark(self, watermark: Watermark) -> None:
        """Sends a watermark; one that is not greater than the last is ignored.

        The input is no longer idle then.

        :param watermark: The watermark.
        """

    @abstractmethod
    def mark_idle(self) -> None:
        """Says that this input has nothing to tell: those that follow do not wait for it."""

    @abstractmethod
    def mark_active(self) -> None:
        """Says that this input is no longer idle."""


class WatermarkGenerator(ABC):
    """Makes watermarks of the timestamps of elements, at each element or from time to time.

    >>> class AtMarkers(WatermarkGenerator):
    ...     def on_event(self, event, event_timestamp, output):
    ...         if event.is_marker:
    ...             output.emit_watermark(Watermark(event_timestamp))
    ...
    ...     def on_periodic_emit(self, output):
    ...         pass
    """

    @abstractmethod
    def on_event(self, event: Any, event_timestamp: int, output: WatermarkOutput) -> None:
        """Takes an element.

        :param event: The element.
        :param event_timestamp: Its time in milliseconds since the epoch.
        :param output: Where a watermark may be sent now.
        """

    @abstractmethod
    def on_periodic_emit(self, output: WatermarkOutput) -> None:
        """Sends a watermark if there is a new one; called every ``pipeline.auto-watermark-interval``.

        :param output: Where to send it.
        """
