"""Time and timers, as process functions see them."""

from __future__ import annotations

from abc import ABC, abstractmethod

__all__ = ["TimerService"]


class TimerService(ABC):
    """Tells the time and sets timers for the key in hand; ``ctx.timer_service()`` gives it.

    There is one timer for a key and a time, however often it is set. When it fires, ``on_timer`` is
    called under its key. Only functions on keyed streams may set timers.

    >>> def process_element(self, value, ctx):
    ...     ctx.timer_service().register_event_time_timer(ctx.timestamp() + 60_000)
    """

    __slots__ = ()

    @abstractmethod
    def current_processing_time(self) -> int:
        """Gives the wall clock's time.

        :return: Milliseconds since the epoch.
        """

    @abstractmethod
    def current_watermark(self) -> int:
        """Gives the event time that the task has reached.

        :return: Milliseconds since the epoch; the least 64-bit integer before any watermark.
        """

    @abstractmethod
    def register_processing_time_timer(self, timestamp: int) -> None:
        """Sets a timer in processing time.

        :param timestamp: When it fires, in milliseconds since the epoch; at once if that is over.
        """

    @abstractmethod
    def register_event_time_timer(self, timestamp: int) -> None:
        """Sets a timer in event time.

        :param timestamp: The watermark at which it fires, in milliseconds since the epoch.
        """

    @abstractmethod
    def delete_processing_time_timer(self, timestamp: int) -> None:
        """Removes a timer in processing time; nothing happens when there is none.

        :param timestamp: The time it was set for.
        """

    @abstractmethod
    def delete_event_time_timer(self, timestamp: int) -> None:
        """Removes a timer in event time; nothing happens when there is none.

        :param timestamp: The time it was set for.
        """
