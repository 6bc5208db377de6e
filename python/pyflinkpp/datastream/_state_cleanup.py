"""How state that has expired is cleaned up."""

from __future__ import annotations

from enum import Enum

from pyflinkpp.common.time import Duration

__all__ = [
    "Cleanup",
    "CleanupSettings",
    "CleanupWay",
    "CompactFilterCleanup",
    "IncrementalCleanup",
    "NoSettings",
]


class CleanupWay(Enum):
    """The ways to clean up what has expired and is never asked for."""

    FULL_STATE_SCAN_SNAPSHOT = 0
    INCREMENTAL_CLEANUP = 1
    ROCKSDB_COMPACTION_FILTER = 2


class CleanupSettings:
    """The settings of such a way."""


class NoSettings(CleanupSettings):
    """A way that has no settings."""


class IncrementalCleanup(CleanupSettings):
    """Checks some keys at each access.

    :param cleanup_size: How many.
    :param run_cleanup_for_every_record: Whether to do so for each record too.
    """

    def __init__(self, cleanup_size: int, run_cleanup_for_every_record: bool) -> None:
        self._cleanup_size = cleanup_size
        self._run_cleanup_for_every_record = run_cleanup_for_every_record

    def get_cleanup_size(self) -> int:
        """Gives how many keys are checked at a time.

        :return: The number.
        """
        return self._cleanup_size

    def run_cleanup_for_every_record(self) -> bool:
        """Tells whether each record lets keys be checked.

        :return: True if so; False when only an access does.
        """
        return self._run_cleanup_for_every_record


class CompactFilterCleanup(CleanupSettings):
    """Drops what has expired while RocksDB compacts its files.

    :param query_time_after_num_entries: After how many entries to ask the clock again.
    :param periodic_compaction_time: How old a file may get before it is compacted; None is 30 days.
    """

    def __init__(
        self, query_time_after_num_entries: int, periodic_compaction_time: Duration | None = None
    ) -> None:
        self._query_time_after_num_entries = query_time_after_num_entries
        self._periodic_compaction_time = periodic_compaction_time or Duration.of_days(30)

    def get_query_time_after_num_entries(self) -> int:
        """Gives after how many entries the clock is asked again.

        :return: The number.
        """
        return self._query_time_after_num_entries

    def get_periodic_compaction_time(self) -> Duration:
        """Gives how old a file may get before it is compacted.

        :return: The age.
        """
        return self._periodic_compaction_time


class Cleanup:
    """How what has expired and is never asked for is cleaned up.

    :param strategies: The ways that were chosen.
    :param is_cleanup_in_background: Whether the backend's own way is used without a choice.
    """

    Strategies = CleanupWay
    CleanupStrategy = CleanupSettings
    EmptyCleanupStrategy = NoSettings
    IncrementalCleanupStrategy = IncrementalCleanup
    RocksdbCompactFilterCleanupStrategy = CompactFilterCleanup
    EMPTY_STRATEGY = NoSettings()

    def __init__(
        self, strategies: dict[CleanupWay, CleanupSettings], is_cleanup_in_background: bool
    ) -> None:
        self._strategies = strategies
        self._is_cleanup_in_background = is_cleanup_in_background

    def is_cleanup_in_background(self) -> bool:
        """Tells whether the backend's own way is used without a choice.

        :return: True if so.
        """
        return self._is_cleanup_in_background

    def in_full_snapshot(self) -> bool:
        """Tells whether a full snapshot leaves out what has expired.

        :return: True if so.
        """
        return CleanupWay.FULL_STATE_SCAN_SNAPSHOT in self._strategies

    def get_incremental_cleanup_strategy(self) -> IncrementalCleanup | None:
        """Gives how accesses clean up.

        :return: The settings, or None when they do not.
        """
        chosen = self._strategies.get(CleanupWay.INCREMENTAL_CLEANUP)
        if isinstance(chosen, IncrementalCleanup):
            return chosen
        return IncrementalCleanup(5, False) if self._is_cleanup_in_background else None

    def get_rocksdb_compact_filter_cleanup_strategy(
        self,
    ) -> CompactFilterCleanup | None:
        """Gives how compaction cleans up.

        :return: The settings, or None when it does not.
        """
        chosen = self._strategies.get(CleanupWay.ROCKSDB_COMPACTION_FILTER)
        if isinstance(chosen, CompactFilterCleanup):
            return chosen
        return CompactFilterCleanup(1000) if self._is_cleanup_in_background else None
