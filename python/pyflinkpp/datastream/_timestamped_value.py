"""A value with its time."""

from __future__ import annotations

from typing import Any

from pyflinkpp.common.constants import MIN_LONG_VALUE

__all__ = ["TimestampedValue"]


class TimestampedValue:
    """A value with its time, as evictors see the elements of a window.

    :param value: The value.
    :param timestamp: Milliseconds since the epoch; None when it has none.
    """

    __slots__ = ("timestamp", "value")

    def __init__(self, value: Any, timestamp: int | None = None) -> None:
        self.value = value
        self.timestamp = timestamp

    def get_value(self) -> Any:
        """Gives the value.

        :return: The value.
        """
        return self.value

    def has_timestamp(self) -> bool:
        """Tells whether the value has a time.

        :return: True if so.
        """
        return self.timestamp is not None and self.timestamp > MIN_LONG_VALUE

    def get_timestamp(self) -> int:
        """Gives the time.

        :return: Milliseconds since the epoch.
        :raises ValueError: When it has none.
        """
        if self.timestamp is None or self.timestamp <= MIN_LONG_VALUE:
            raise ValueError(
                f"{self.value!r} has no timestamp: call assign_timestamps_and_watermarks() before"
            )
        return self.timestamp

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, TimestampedValue)
            and other.value == self.value
            and other.timestamp == self.timestamp
        )

    def __hash__(self) -> int:
        return hash((self.value, self.timestamp))

    def __repr__(self) -> str:
        return f"TimestampedValue({self.value!r}, {self.timestamp})"
