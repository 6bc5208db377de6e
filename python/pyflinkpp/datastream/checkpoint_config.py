"""Settings of checkpoints: a typed view of a configuration."""

from __future__ import annotations

from enum import Enum
from typing import TypeVar

from pyflinkpp.common import _checks
from pyflinkpp.common._values import parse_duration_ms
from pyflinkpp.common.configuration import Configuration
from pyflinkpp.common.time import Duration
from pyflinkpp.datastream._checkpoint_keys import (
    ALIGNED_TIMEOUT,
    ALIGNED_TIMEOUT_DEFAULT_MS,
    INTERVAL,
    MAX_CONCURRENT,
    MIN_PAUSE,
    MODE,
    RETENTION,
    TIMEOUT,
    TOLERABLE_FAILURES,
    UNALIGNED,
    UNALIGNED_FORCED,
)
from pyflinkpp.datastream.checkpoint_storage import CheckpointStorage, storage_of
from pyflinkpp.datastream.checkpointing_mode import CheckpointingMode
from pyflinkpp.datastream.externalized_checkpoint_retention import ExternalizedCheckpointRetention

__all__ = ["CheckpointConfig"]

E = TypeVar("E", bound=Enum)

_ANY_FAILURES = 2**31 - 1


class CheckpointConfig:
    """Settings of checkpoints; a change takes effect in the environment it came from.

    >>> config = env.enable_checkpointing(1000).get_checkpoint_config()  # doctest: +SKIP
    >>> config.set_min_pause_between_checkpoints(500)  # doctest: +SKIP

    :param configuration: The settings to show and change; new ones by default.
    """

    __slots__ = ("_configuration",)

    DEFAULT_MODE = CheckpointingMode.EXACTLY_ONCE
    """The default of :meth:`get_checkpointing_mode`."""

    DEFAULT_TIMEOUT = 600_000
    """The default of :meth:`get_checkpoint_timeout`: ten minutes."""

    DEFAULT_MIN_PAUSE_BETWEEN_CHECKPOINTS = 0
    """The default of :meth:`get_min_pause_between_checkpoints`."""

    DEFAULT_MAX_CONCURRENT_CHECKPOINTS = 1
    """The default of :meth:`get_max_concurrent_checkpoints`."""

    def __init__(self, configuration: Configuration | None = None) -> None:
        self._configuration = Configuration() if configuration is None else configuration

    def is_checkpointing_enabled(self) -> bool:
        """Tells whether checkpoints are taken.

        :return: True when an interval is set.
        """
        return self.get_checkpoint_interval() > 0

    def get_checkpointing_mode(self) -> CheckpointingMode:
        """Gives what holds after a failure.

        :return: The mode; EXACTLY_ONCE when nothing has set it.
        """
        return self._enum(MODE, self.DEFAULT_MODE)

    def set_checkpointing_mode(self, checkpointing_mode: CheckpointingMode) -> CheckpointConfig:
        """Sets what holds after a failure.

        :param checkpointing_mode: EXACTLY_ONCE, or AT_LEAST_ONCE, with which no input waits for
            another one's barrier.
        :return: This object.
        """
        return self._set_enum(MODE, checkpointing_mode, CheckpointingMode)

    def get_checkpoint_interval(self) -> int:
        """Gives the time between two checkpoints.

        :return: Milliseconds; -1 when none are taken.
        """
        interval = self._duration(INTERVAL, -1)
        return interval if interval > 0 else -1

    def set_checkpoint_interval(self, checkpoint_interval: int) -> CheckpointConfig:
        """Sets the time from the start of a checkpoint to the start of the next, at least.

        :param checkpoint_interval: Milliseconds, at least 1.
        :return: This object.
        :raises ValueError: When it is less.
        """
        return self._set_millis(INTERVAL, checkpoint_interval, "checkpoint_interval", 1)

    def get_checkpoint_timeout(self) -> int:
        """Gives the time after which a checkpoint is given up.

        :return: Milliseconds.
        """
        return self._duration(TIMEOUT, self.DEFAULT_TIMEOUT)

    def set_checkpoint_timeout(self, checkpoint_timeout: int) -> CheckpointConfig:
        """Sets the time after which a checkpoint is given up.

        :param checkpoint_timeout: Milliseconds, at least 1.
        :return: This object.
        :raises ValueError: When it is less.
        """
        return self._set_millis(TIMEOUT, checkpoint_timeout, "checkpoint_timeout", 1)

    def get_min_pause_between_checkpoints(self) -> int:
        """Gives the least time between the end of a checkpoint and the start of the next.

        :return: Milliseconds.
        """
        return self._duration(MIN_PAUSE, self.DEFAULT_MIN_PAUSE_BETWEEN_CHECKPOINTS)

    def set_min_pause_between_checkpoints(
        self, min_pause_between_checkpoints: int
    ) -> CheckpointConfig:
        """Sets the least time between the end of a checkpoint and the start of the next.

        :param min_pause_between_checkpoints: Milliseconds, at least 0.
        :return: This object.
        :raises ValueError: When it is less.
        """
        return self._set_millis(
            MIN_PAUSE, min_pause_between_checkpoints, "min_pause_between_checkpoints", 0
        )

    def get_max_concurrent_checkpoints(self) -> int:
        """Gives how many checkpoints may be under way at once.

        :return: The number.
        """
        return self._configuration.get_integer(
            MAX_CONCURRENT, self.DEFAULT_MAX_CONCURRENT_CHECKPOINTS
        )

    def set_max_concurrent_checkpoints(self, max_concurrent_checkpoints: int) -> CheckpointConfig:
        """Sets how many checkpoints may be under way at once.

        :param max_concurrent_checkpoints: The number, at least 1.
        :return: This object.
        :raises ValueError: When it is less.
        """
        number = _at_least(1, max_concurrent_checkpoints, "max_concurrent_checkpoints")
        self._configuration.set_integer(MAX_CONCURRENT, number)
        return self

    def is_fail_on_checkpointing_errors(self) -> bool:
        """Tells whether the first checkpoint that fails makes the job fail.

        :return: True if so.
        """
        return self.get_tolerable_checkpoint_failure_number() == 0

    def set_fail_on_checkpointing_errors(
        self, fail_on_checkpointing_errors: bool
    ) -> CheckpointConfig:
        """Sets whether the first checkpoint that fails makes the job fail.

        :param fail_on_checkpointing_errors: True for no failure tolerated, False for any number.
        :return: This object.
        """
        return self.set_tolerable_checkpoint_failure_number(
            0 if fail_on_checkpointing_errors else _ANY_FAILURES
        )

    def get_tolerable_checkpoint_failure_number(self) -> int:
        """Gives how many checkpoints in a row may fail before the job does.

        :return: The number; 2,147,483,647 for any.
        """
        number = self._configuration.get_integer(TOLERABLE_FAILURES, 0)
        return _ANY_FAILURES if number < 0 else number

    def set_tolerable_checkpoint_failure_number(
        self, tolerable_checkpoint_failure_number: int
    ) -> CheckpointConfig:
        """Sets how many checkpoints in a row may fail before the job does.

        :param tolerable_checkpoint_failure_number: The number, at least 0.
        :return: This object.
        :raises ValueError: When it is less.
        """
        name = "tolerable_checkpoint_failure_number"
        number = _at_least(0, tolerable_checkpoint_failure_number, name)
        self._configuration.set_integer(TOLERABLE_FAILURES, number)
        return self

    def set_externalized_checkpoint_retention(
        self, retention_mode: ExternalizedCheckpointRetention
    ) -> CheckpointConfig:
        """Sets what becomes of checkpoints in a directory when the job is cancelled or fails.

        :param retention_mode: Whether they stay.
        :return: This object.
        """
        return self._set_enum(RETENTION, retention_mode, ExternalizedCheckpointRetention)

    def is_externalized_checkpoints_enabled(self) -> bool:
        """Tells whether checkpoints may outlive the job.

        :return: True if so.
        """
        return (
            self.get_externalized_checkpoint_retention()
            is not ExternalizedCheckpointRetention.NO_EXTERNALIZED_CHECKPOINTS
        )

    def get_externalized_checkpoint_retention(self) -> ExternalizedCheckpointRetention:
        """Gives what becomes of checkpoints in a directory when the job is cancelled or fails.

        :return: Whether they stay; NO_EXTERNALIZED_CHECKPOINTS when nothing has set it.
        """
        return self._enum(RETENTION, ExternalizedCheckpointRetention.NO_EXTERNALIZED_CHECKPOINTS)

    def is_unaligned_checkpoints_enabled(self) -> bool:
        """Tells whether barriers may overtake elements.

        :return: True if so.
        """
        return self._configuration.get_boolean(UNALIGNED, False)

    def enable_unaligned_checkpoints(self, enabled: bool = True) -> CheckpointConfig:
        """Lets barriers overtake elements, which become a part of the checkpoint.

        Then checkpoints are complete in time although the job is slow. Barriers wait for each other
        for as long as :meth:`set_aligned_checkpoint_timeout` says, and one checkpoint is taken at
        a time. It needs the mode EXACTLY_ONCE. Savepoints stay aligned, and so does each exchange
        that is pointwise, broadcast or custom, with all that feeds it.

        :param enabled: Whether they do.
        :return: This object.
        """
        self._configuration.set_boolean(UNALIGNED, enabled)
        return self

    def disable_unaligned_checkpoints(self) -> CheckpointConfig:
        """Keeps barriers behind the elements before them, which is the default.

        :return: This object.
        """
        return self.enable_unaligned_checkpoints(False)

    def set_aligned_checkpoint_timeout(self, alignment_timeout: Duration) -> CheckpointConfig:
        """Sets how long barriers wait for each other before they overtake elements.

        It has an effect with unaligned checkpoints only.

        :param alignment_timeout: The time; 0 does not wait.
        :return: This object.
        """
        if not isinstance(alignment_timeout, Duration):
            raise TypeError(f"alignment_timeout must be a Duration, not {alignment_timeout!r}")
        return self._set_millis(
            ALIGNED_TIMEOUT, alignment_timeout.to_millis(), "alignment_timeout", 0
        )

    def get_aligned_checkpoint_timeout(self) -> Duration:
        """Gives how long barriers wait for each other before they overtake elements.

        :return: The time; 1 s when nothing has set it.
        """
        return Duration.of_millis(self._duration(ALIGNED_TIMEOUT, ALIGNED_TIMEOUT_DEFAULT_MS))

    def set_alignment_timeout(self, alignment_timeout: Duration) -> CheckpointConfig:
        """Sets the same as :meth:`set_aligned_checkpoint_timeout`, its newer name.

        :param alignment_timeout: The time; 0 does not wait.
        :return: This object.
        """
        return self.set_aligned_checkpoint_timeout(alignment_timeout)

    def get_alignment_timeout(self) -> Duration:
        """Gives the same as :meth:`get_aligned_checkpoint_timeout`, its newer name.

        :return: The time.
        """
        return self.get_aligned_checkpoint_timeout()

    def set_force_unaligned_checkpoints(
        self, force_unaligned_checkpoints: bool = True
    ) -> CheckpointConfig:
        """Accepted for compatibility: it changes nothing.

        In Flink it switches unaligned checkpoints on where custom partitioners are; here these stay
        aligned.

        :param force_unaligned_checkpoints: Whether they are forced.
        :return: This object.
        """
        self._configuration.set_boolean(UNALIGNED_FORCED, force_unaligned_checkpoints)
        return self

    def is_force_unaligned_checkpoints(self) -> bool:
        """Tells what :meth:`set_force_unaligned_checkpoints` was given.

        :return: True if so.
        """
        return self._configuration.get_boolean(UNALIGNED_FORCED, False)

    def set_checkpoint_storage(self, storage: CheckpointStorage) -> CheckpointConfig:
        """Sets where checkpoints are written.

        :param storage: The place.
        :return: This object.
        """
        if not isinstance(storage, CheckpointStorage):
            raise TypeError(f"a CheckpointStorage is wanted, not {storage!r}")
        storage._apply(self._configuration)
        return self

    def set_checkpoint_storage_dir(self, checkpoint_path: str) -> CheckpointConfig:
        """Sets the directory that checkpoints are written to.

        :param checkpoint_path: The directory; each job makes its own in it.
        :return: This object.
        """
        from pyflinkpp.datastream.checkpoint_storage import FileSystemCheckpointStorage

        return self.set_checkpoint_storage(FileSystemCheckpointStorage(checkpoint_path))

    def get_checkpoint_storage(self) -> CheckpointStorage | None:
        """Gives where checkpoints are written.

        :return: The place; None when nothing has set it: they stay in memory.
        """
        return storage_of(self._configuration)

    def _duration(self, key: str, default: int) -> int:
        value = self._configuration.get_string(key, None)
        return default if value is None else parse_duration_ms(key, value)

    def _set_millis(self, key: str, value: int, name: str, least: int) -> CheckpointConfig:
        self._configuration.set_string(key, f"{_at_least(least, value, name)} ms")
        return self

    def _enum(self, key: str, default: E) -> E:
        name = self._configuration.get_string(key, None)
        if name is None:
            return default
        try:
            return type(default)[name.strip().upper().replace("-", "_")]
        except KeyError:
            names = ", ".join(type(default).__members__)
            raise ValueError(f"{key}: {name!r} is none of {names}") from None

    def _set_enum(self, key: str, value: E, kind: type[E]) -> CheckpointConfig:
        if not isinstance(value, kind):
            raise TypeError(f"a {kind.__name__} is wanted, not {value!r}")
        self._configuration.set_string(key, value.name)
        return self


def _at_least(least: int, value: int, name: str) -> int:
    if _checks.integer(value, name) < least:
        raise ValueError(f"{name} must be at least {least}, not {value}")
    return value
