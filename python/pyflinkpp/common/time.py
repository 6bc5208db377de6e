"""Lengths and points of time."""

from __future__ import annotations

__all__ = ["Duration", "Instant", "Time"]

_NANOS_PER_SECOND = 1_000_000_000


class Duration:
    """A length of time in nanoseconds.

    :param nanos: Its length in nanoseconds.
    """

    __slots__ = ("_nanos",)

    def __init__(self, nanos: int) -> None:
        self._nanos = nanos

    @staticmethod
    def of_days(days: int) -> Duration:
        """Makes a duration of so many days of 24 hours.

        :param days: The number of days.
        :return: The duration.
        """
        return Duration.of_hours(days * 24)

    @staticmethod
    def of_hours(hours: int) -> Duration:
        """Makes a duration of so many hours.

        :param hours: The number of hours.
        :return: The duration.
        """
        return Duration.of_seconds(hours * 3600)

    @staticmethod
    def of_minutes(minutes: int) -> Duration:
        """Makes a duration of so many minutes.

        :param minutes: The number of minutes.
        :return: The duration.
        """
        return Duration.of_seconds(minutes * 60)

    @staticmethod
    def of_seconds(seconds: int) -> Duration:
        """Makes a duration of so many seconds.

        :param seconds: The number of seconds.
        :return: The duration.
        """
        return Duration(seconds * _NANOS_PER_SECOND)

    @staticmethod
    def of_millis(millis: int) -> Duration:
        """Makes a duration of so many milliseconds.

        :param millis: The number of milliseconds.
        :return: The duration.
        """
        return Duration(millis * 1_000_000)

    @staticmethod
    def of_nanos(nanos: int) -> Duration:
        """Makes a duration of so many nanoseconds.

        :param nanos: The number of nanoseconds.
        :return: The duration.
        """
        return Duration(nanos)

    def to_millis(self) -> int:
        """Gives the length in milliseconds.

        :return: Whole milliseconds, rounded down.
        """
        return self._nanos // 1_000_000

    def to_nanos(self) -> int:
        """Gives the length in nanoseconds.

        :return: Nanoseconds.
        """
        return self._nanos

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Duration) and other._nanos == self._nanos

    def __lt__(self, other: Duration) -> bool:
        return self._nanos < other._nanos

    def __hash__(self) -> int:
        return hash(self._nanos)

    def __repr__(self) -> str:
        for unit, name in ((_NANOS_PER_SECOND, "seconds"), (1_000_000, "millis")):
            if self._nanos % unit == 0:
                return f"Duration.of_{name}({self._nanos // unit})"
        return f"Duration.of_nanos({self._nanos})"


class Instant:
    """A point on the time-line: seconds since 1970-01-01T00:00:00Z and nanoseconds within the second.

    :param seconds: Seconds since the epoch; negative before it.
    :param nanos: Nanoseconds that follow, 0 to 999,999,999.
    """

    __slots__ = ("nanos", "seconds")

    def __init__(self, seconds: int, nanos: int) -> None:
        self.seconds = seconds
        self.nanos = nanos

    def to_epoch_milli(self) -> int:
        """Gives the milliseconds since the epoch.

        :return: Whole milliseconds, rounded down.
        """
        return self.seconds * 1000 + self.nanos // 1_000_000

    @staticmethod
    def of_epoch_milli(epoch_milli: int) -> Instant:
        """Makes the instant of so many milliseconds since the epoch.

        :param epoch_milli: Milliseconds since 1970-01-01T00:00:00Z.
        :return: The instant.
        """
        seconds, millis = divmod(epoch_milli, 1000)
        return Instant(seconds, millis * 1_000_000)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Instant) and (other.seconds, other.nanos) == (
            self.seconds,
            self.nanos,
        )

    def __lt__(self, other: Instant) -> bool:
        return (self.seconds, self.nanos) < (other.seconds, other.nanos)

    def __hash__(self) -> int:
        return hash((self.seconds, self.nanos))

    def __repr__(self) -> str:
        return f"Instant<{self.seconds}, {self.nanos}>"


class Time:
    """A length of time in milliseconds, as windows and time-outs take it.

    :param milliseconds: Its length in milliseconds.
    """

    __slots__ = ("_milliseconds",)

    def __init__(self, milliseconds: int) -> None:
        self._milliseconds = milliseconds

    def to_milliseconds(self) -> int:
        """Gives the length in milliseconds.

        :return: Milliseconds.
        """
        return self._milliseconds

    @staticmethod
    def milliseconds(milliseconds: int) -> Time:
        """Makes a time of so many milliseconds.

        :param milliseconds: The number of milliseconds.
        :return: The time.
        """
        return Time(milliseconds)

    @staticmethod
    def seconds(seconds: int) -> Time:
        """Makes a time of so many seconds.

        :param seconds: The number of seconds.
        :return: The time.
        """
        return Time(seconds * 1000)

    @staticmethod
    def minutes(minutes: int) -> Time:
        """Makes a time of so many minutes.

        :param minutes: The number of minutes.
        :return: The time.
        """
        return Time(minutes * 60_000)

    @staticmethod
    def hours(hours: int) -> Time:
        """Makes a time of so many hours.

        :param hours: The number of hours.
        :return: The time.
        """
        return Time(hours * 3_600_000)

    @staticmethod
    def days(days: int) -> Time:
        """Makes a time of so many days of 24 hours.

        :param days: The number of days.
        :return: The time.
        """
        return Time(days * 86_400_000)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Time) and other._milliseconds == self._milliseconds

    def __hash__(self) -> int:
        return hash(self._milliseconds)

    def __str__(self) -> str:
        return f"{self._milliseconds} ms"

    def __repr__(self) -> str:
        return f"Time({self._milliseconds})"
