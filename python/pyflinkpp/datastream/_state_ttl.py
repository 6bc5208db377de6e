"""When state expires."""

from __future__ import annotations

from enum import Enum
from typing import TypeVar

from pyflinkpp._missing import not_yet
from pyflinkpp.common._checks import integer
from pyflinkpp.common.time import Duration, Time
from pyflinkpp.datastream._state_cleanup import (
    Cleanup,
    CleanupSettings,
    CleanupWay,
    CompactFilterCleanup,
    IncrementalCleanup,
)

__all__ = ["StateTtlConfig"]

E = TypeVar("E", bound=Enum)


class _UpdateType(Enum):
    """What starts the time to live anew."""

    Disabled = 0
    """State never expires."""
    OnCreateAndWrite = 1
    """A write does."""
    OnReadAndWrite = 2
    """A write or a read does."""


class _StateVisibility(Enum):
    """Whether a value may be seen after it has expired."""

    ReturnExpiredIfNotCleanedUp = 0
    """It may, once: the access that finds it removes it."""
    NeverReturnExpired = 1
    """It may not."""


class _TtlTimeCharacteristic(Enum):
    """The clock that time to live goes by."""

    ProcessingTime = 0
    """The wall clock."""


class _Builder:
    """Makes a StateTtlConfig.

    :param ttl: How long a value lives after the access that counts.
    """

    def __init__(self, ttl: Time | Duration) -> None:
        self._ttl = _time_to_live(ttl)
        self._update_type = _UpdateType.OnCreateAndWrite
        self._state_visibility = _StateVisibility.NeverReturnExpired
        self._time_characteristic = _TtlTimeCharacteristic.ProcessingTime
        self._is_cleanup_in_background = True
        self._strategies: dict[CleanupWay, CleanupSettings] = {}

    def set_update_type(self, update_type: _UpdateType) -> _Builder:
        """Sets what starts the time anew; by default a write.

        :param update_type: What does.
        :return: This object.
        """
        self._update_type = _member(update_type, _UpdateType, "StateTtlConfig.UpdateType")
        return self

    def update_ttl_on_create_and_write(self) -> _Builder:
        """Lets a write start the time anew.

        :return: This object.
        """
        return self.set_update_type(_UpdateType.OnCreateAndWrite)

    def update_ttl_on_read_and_write(self) -> _Builder:
        """Lets a write or a read start the time anew.

        :return: This object.
        """
        return self.set_update_type(_UpdateType.OnReadAndWrite)

    def set_state_visibility(self, state_visibility: _StateVisibility) -> _Builder:
        """Sets whether an expired value may be seen; by default never.

        :param state_visibility: Whether it may.
        :return: This object.
        """
        self._state_visibility = _member(
            state_visibility, _StateVisibility, "StateTtlConfig.StateVisibility"
        )
        return self

    def return_expired_if_not_cleaned_up(self) -> _Builder:
        """Lets an expired value be seen by the access that removes it.

        :return: This object.
        """
        return self.set_state_visibility(_StateVisibility.ReturnExpiredIfNotCleanedUp)

    def never_return_expired(self) -> _Builder:
        """Hides expired values.

        :return: This object.
        """
        return self.set_state_visibility(_StateVisibility.NeverReturnExpired)

    def set_ttl_time_characteristic(
        self, ttl_time_characteristic: _TtlTimeCharacteristic
    ) -> _Builder:
        """Sets the clock; there is only the wall clock.

        :param ttl_time_characteristic: The clock.
        :return: This object.
        """
        self._time_characteristic = _member(
            ttl_time_characteristic, _TtlTimeCharacteristic, "StateTtlConfig.TtlTimeCharacteristic"
        )
        return self

    def use_processing_time(self) -> _Builder:
        """Goes by the wall clock.

        :return: This object.
        """
        return self.set_ttl_time_characteristic(_TtlTimeCharacteristic.ProcessingTime)

    def cleanup_full_snapshot(self) -> _Builder:
        """Leaves out of full snapshots what has expired.

        :return: This object.
        """
        self._strategies[CleanupWay.FULL_STATE_SCAN_SNAPSHOT] = Cleanup.EMPTY_STRATEGY
        return self

    def cleanup_incrementally(
        self, cleanup_size: int, run_cleanup_for_every_record: bool
    ) -> _Builder:
        """Checks some keys at each access to the state.

        :param cleanup_size: How many.
        :param run_cleanup_for_every_record: Whether to do so for each record too.
        :return: This object.
        """
        self._strategies[CleanupWay.INCREMENTAL_CLEANUP] = IncrementalCleanup(
            integer(cleanup_size, "cleanup_size"), bool(run_cleanup_for_every_record)
        )
        return self

    def cleanup_in_rocksdb_compact_filter(
        self, query_time_after_num_entries: int, periodic_compaction_time: Duration | None = None
    ) -> _Builder:
        """Drops what has expired while RocksDB compacts its files.

        :param query_time_after_num_entries: After how many entries to ask the clock again; here it is
            asked for each.
        :param periodic_compaction_time: How old a file may get before it is rewritten for this alone;
            None is 30 days.
        :return: This object.
        :raises NotImplementedError: For another age than 30 days.
        """
        if periodic_compaction_time not in (None, Duration.of_days(30)):
            raise not_yet("periodic_compaction_time other than 30 days")
        self._strategies[CleanupWay.ROCKSDB_COMPACTION_FILTER] = CompactFilterCleanup(
            integer(query_time_after_num_entries, "query_time_after_num_entries"),
            periodic_compaction_time,
        )
        return self

    def disable_cleanup_in_background(self) -> _Builder:
        """Does not use the backend's own way without a choice.

        :return: This object.
        """
        self._is_cleanup_in_background = False
        return self

    def set_ttl(self, ttl: Time | Duration) -> _Builder:
        """Sets the time to live.

        :param ttl: How long a value lives after the access that counts.
        :return: This object.
        """
        self._ttl = _time_to_live(ttl)
        return self

    def build(self) -> StateTtlConfig:
        """Makes the configuration.

        :return: The configuration.
        """
        strategies = Cleanup(dict(self._strategies), self._is_cleanup_in_background)
        return StateTtlConfig(
            self._update_type,
            self._state_visibility,
            self._time_characteristic,
            self._ttl,
            strategies,
        )


class StateTtlConfig:
    """When state expires; :meth:`new_builder` makes one.

    >>> StateTtlConfig.new_builder(Time.hours(1)).update_ttl_on_read_and_write().build()

    :param update_type: What starts the time anew.
    :param state_visibility: Whether an expired value may be seen.
    :param ttl_time_characteristic: The clock.
    :param ttl: How long a value lives after the access that counts.
    :param cleanup_strategies: How what is never asked for is cleaned up.
    """

    UpdateType = _UpdateType
    StateVisibility = _StateVisibility
    TtlTimeCharacteristic = _TtlTimeCharacteristic
    CleanupStrategies = Cleanup
    Builder = _Builder

    def __init__(
        self,
        update_type: _UpdateType,
        state_visibility: _StateVisibility,
        ttl_time_characteristic: _TtlTimeCharacteristic,
        ttl: Time | Duration,
        cleanup_strategies: Cleanup,
    ) -> None:
        self._update_type = update_type
        self._state_visibility = state_visibility
        self._ttl_time_characteristic = ttl_time_characteristic
        self._ttl = _time_to_live(ttl)
        self._cleanup_strategies = cleanup_strategies

    @staticmethod
    def new_builder(ttl: Time | Duration) -> _Builder:
        """Starts a configuration.

        :param ttl: How long a value lives after the access that counts.
        :return: The builder.
        :raises ValueError: When it is not positive.
        """
        return _Builder(ttl)

    def get_update_type(self) -> _UpdateType:
        """Gives what starts the time anew.

        :return: It.
        """
        return self._update_type

    def get_state_visibility(self) -> _StateVisibility:
        """Gives whether an expired value may be seen.

        :return: Whether it may.
        """
        return self._state_visibility

    def get_ttl(self) -> Time:
        """Gives the time to live.

        :return: The time.
        """
        return self._ttl

    def get_ttl_time_characteristic(self) -> _TtlTimeCharacteristic:
        """Gives the clock.

        :return: The clock.
        """
        return self._ttl_time_characteristic

    def is_enabled(self) -> bool:
        """Tells whether state expires at all.

        :return: True if so.
        """
        return self._update_type is not _UpdateType.Disabled

    def get_cleanup_strategies(self) -> Cleanup:
        """Gives how what is never asked for is cleaned up.

        :return: The ways.
        """
        return self._cleanup_strategies

    def __repr__(self) -> str:
        return (
            f"StateTtlConfig<{self._update_type.name}, {self._state_visibility.name}, "
            f"{self._ttl_time_characteristic.name}, {self._ttl}>"
        )


def _time_to_live(value: Time | Duration) -> Time:
    if isinstance(value, Duration):
        value = Time.milliseconds(value.to_millis())
    if not isinstance(value, Time):
        raise TypeError(f"the time to live must be a Time or a Duration, not {value!r}")
    if value.to_milliseconds() <= 0:
        raise ValueError(f"the time to live must be at least 1 ms, not {value}")
    return value


def _member(value: object, kind: type[E], name: str) -> E:
    if not isinstance(value, kind):
        raise TypeError(f"a {name} is wanted, not {value!r}")
    return value
