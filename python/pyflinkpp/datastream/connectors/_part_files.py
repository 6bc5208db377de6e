"""Which directories a file sink writes to, when its part files end, and how they are named."""

from __future__ import annotations

import re

from pyflinkpp.common._checks import integer

__all__ = [
    "BucketAssigner",
    "DefaultRollingPolicy",
    "OnCheckpointRollingPolicy",
    "OutputFileConfig",
    "RollingPolicy",
]

_DEFAULT_BUCKETS = "yyyy-MM-dd--HH"


class BucketAssigner:
    """Which directory below the base path an element is written to.

    :param format_str: The pattern of the time in a directory's name; "" for no directory.
    :param time_zone: The zone of that time; None for the local one.
    """

    def __init__(self, format_str: str, time_zone: str | None = None) -> None:
        self._format = format_str
        self._time_zone = time_zone

    @staticmethod
    def base_path_bucket_assigner() -> BucketAssigner:
        """Writes all elements to the base path itself.

        :return: The assigner.
        """
        return BucketAssigner("")

    @staticmethod
    def date_time_bucket_assigner(
        format_str: str = _DEFAULT_BUCKETS, timezone_id: str | None = None
    ) -> BucketAssigner:
        """Writes elements to a directory named by the time at which they are written.

        :param format_str: The pattern of the name, as in Java: "yyyy-MM-dd--HH" for each hour.
        :param timezone_id: The time zone, as "Europe/Berlin", "UTC" or "+08:00"; None for the local
            one.
        :return: The assigner.
        :raises ValueError: When there is no such time zone, or the pattern is empty.
        """
        if not isinstance(format_str, str) or not format_str:
            raise ValueError(f"format_str must be a pattern of the time, not {format_str!r}")
        return BucketAssigner(format_str, None if timezone_id is None else _zone(timezone_id))


class RollingPolicy:
    """When a part file ends and the next one begins.

    Whatever the policy, a part file ends with its directory's time, with a savepoint, after a
    failure and with the job.
    """

    def _rolling(self) -> tuple[int, int, int]:
        """Bytes; milliseconds since the beginning and since the last element. Zeros: at checkpoints
        only.
        """
        raise NotImplementedError

    @staticmethod
    def default_rolling_policy(
        part_size: int = 1024 * 1024 * 128,
        rollover_interval: int = 60 * 1000,
        inactivity_interval: int = 60 * 1000,
    ) -> DefaultRollingPolicy:
        """Ends a part file when it is large or old enough.

        :param part_size: Bytes.
        :param rollover_interval: Milliseconds since its beginning.
        :param inactivity_interval: Milliseconds since the last element.
        :return: The policy.
        """
        return DefaultRollingPolicy(part_size, rollover_interval, inactivity_interval)

    @staticmethod
    def on_checkpoint_rolling_policy() -> OnCheckpointRollingPolicy:
        """Ends part files at each checkpoint.

        :return: The policy.
        """
        return OnCheckpointRollingPolicy()


class DefaultRollingPolicy(RollingPolicy):
    """Ends a part file when it is large or old enough.

    :param part_size: Bytes.
    :param rollover_interval: Milliseconds since its beginning.
    :param inactivity_interval: Milliseconds since the last element.
    """

    def __init__(self, part_size: int, rollover_interval: int, inactivity_interval: int) -> None:
        for name, value in (
            ("part_size", part_size),
            ("rollover_interval", rollover_interval),
            ("inactivity_interval", inactivity_interval),
        ):
            if integer(value, name) <= 0:
                raise ValueError(f"{name} must be more than 0, not {value}")
        self.part_size = part_size
        self.rollover_interval = rollover_interval
        self.inactivity_interval = inactivity_interval

    def _rolling(self) -> tuple[int, int, int]:
        return self.part_size, self.rollover_interval, self.inactivity_interval


class OnCheckpointRollingPolicy(RollingPolicy):
    """Ends part files at each checkpoint."""

    def _rolling(self) -> tuple[int, int, int]:
        return 0, 0, 0


class OutputFileConfig:
    """How part files are named: prefix-subtask-number and suffix.

    :param part_prefix: The prefix.
    :param part_suffix: The suffix, such as ".txt".
    """

    def __init__(self, part_prefix: str, part_suffix: str) -> None:
        for name, value in (("part_prefix", part_prefix), ("part_suffix", part_suffix)):
            if not isinstance(value, str):
                raise TypeError(f"{name} must be a str, not {value!r}")
            if "/" in value or "\0" in value:
                raise ValueError(f"{name} is part of a file's name and can't hold {value!r}")
        self._part_prefix = part_prefix
        self._part_suffix = part_suffix

    @staticmethod
    def builder() -> OutputFileConfig.OutputFileConfigBuilder:
        """Starts to build the names, which are "part-…" by default.

        :return: The builder.
        """
        return OutputFileConfig.OutputFileConfigBuilder()

    def get_part_prefix(self) -> str:
        """Gives the prefix.

        :return: The prefix.
        """
        return self._part_prefix

    def get_part_suffix(self) -> str:
        """Gives the suffix.

        :return: The suffix.
        """
        return self._part_suffix

    class OutputFileConfigBuilder:
        """Builds the names of part files."""

        def __init__(self) -> None:
            self._prefix = "part"
            self._suffix = ""

        def with_part_prefix(self, prefix: str) -> OutputFileConfig.OutputFileConfigBuilder:
            """Sets the prefix.

            :param prefix: The prefix.
            :return: This object.
            """
            self._prefix = prefix
            return self

        def with_part_suffix(self, suffix: str) -> OutputFileConfig.OutputFileConfigBuilder:
            """Sets the suffix.

            :param suffix: The suffix, such as ".txt".
            :return: This object.
            """
            self._suffix = suffix
            return self

        def build(self) -> OutputFileConfig:
            """Ends the names.

            :return: The names.
            """
            return OutputFileConfig(self._prefix, self._suffix)


def _zone(timezone_id: str) -> str:
    """A time zone as the engine knows it."""
    if not isinstance(timezone_id, str):
        raise TypeError(f"timezone_id must be a str, not {timezone_id!r}")
    offset = re.fullmatch(r"(?:UTC|GMT|UT)?([+-])(\d\d?)(?::?([0-5]\d))?", timezone_id)
    if offset:
        sign, hours, minutes = offset.groups()
        if int(hours) <= 18:
            return f"Fixed/UTC{sign}{int(hours):02}:{minutes or '00'}:00"
    elif timezone_id in ("Z", "UTC", "GMT", "UT"):
        return "UTC"
    else:
        from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

        try:
            return ZoneInfo(timezone_id).key
        except (ZoneInfoNotFoundError, ValueError, OSError):
            pass
    raise ValueError(f"timezone_id {timezone_id!r} is no time zone that is known here")
