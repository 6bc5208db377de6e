"""Where keyed state lives while a job runs."""

from __future__ import annotations

import os
from enum import Enum

from pyflinkpp._missing import no_jvm, refuse_names
from pyflinkpp.common import _checks
from pyflinkpp.common.configuration import Configuration
from pyflinkpp.datastream._checkpoint_keys import (
    INCREMENTAL,
    ROCKSDB_DIRECTORIES,
    ROCKSDB_OPTIONS,
    ROCKSDB_THREADS,
    STATE_BACKEND,
)

__all__ = [
    "EmbeddedRocksDBStateBackend",
    "HashMapStateBackend",
    "PredefinedOptions",
    "StateBackend",
]


class StateBackend:
    """Where keyed state lives while a job runs."""

    def _apply(self, configuration: Configuration) -> None:
        """Writes the settings that stand for it."""
        raise NotImplementedError(f"{type(self).__name__} can't be used as a state backend")

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and other.__dict__ == self.__dict__

    def __hash__(self) -> int:
        return hash((type(self), str(self)))


class HashMapStateBackend(StateBackend):
    """State lives in memory, as objects."""

    def __str__(self) -> str:
        return "HashMapStateBackend"

    def _apply(self, configuration: Configuration) -> None:
        configuration.set_string(STATE_BACKEND, "hashmap")


class PredefinedOptions(Enum):
    """RocksDB's settings for kinds of disks; accepted: there is one set for all."""

    DEFAULT = 0
    SPINNING_DISK_OPTIMIZED = 1
    SPINNING_DISK_OPTIMIZED_HIGH_MEM = 2
    FLASH_SSD_OPTIMIZED = 3


class EmbeddedRocksDBStateBackend(StateBackend):
    """State lives on the local disk, in RocksDB: it may be larger than memory.

    >>> backend = EmbeddedRocksDBStateBackend()
    >>> backend.set_db_storage_paths("/mnt/fast/state")

    :param enable_incremental_checkpointing: Whether a checkpoint writes only the files that the one
        before lacks; it needs a directory of checkpoints. None leaves it to the configuration.
    """

    def __init__(self, enable_incremental_checkpointing: bool | None = None) -> None:
        self._incremental = enable_incremental_checkpointing
        self._paths: list[str] = []
        self._options = PredefinedOptions.DEFAULT
        self._threads: int | None = None

    def set_db_storage_paths(self, *paths: str) -> None:
        """Sets where the files lie while a job runs; they are gone with it.

        :param paths: One directory on a local disk; its subtasks share it.
        :raises ValueError: When there is none, or more than one.
        """
        if len(paths) != 1:
            raise ValueError(f"one storage path is wanted, not {len(paths)}")
        if not isinstance(paths[0], str) or not paths[0]:
            raise ValueError(f"a storage path must be a text, not {paths[0]!r}")
        self._paths = list(paths)

    def get_db_storage_paths(self) -> list[str]:
        """Gives where the files lie.

        :return: The directories; [] for the system's directory of temporary files.
        """
        return list(self._paths)

    def is_incremental_checkpoints_enabled(self) -> bool:
        """Tells whether checkpoints write only what has changed.

        :return: True if so; False when nothing has set it.
        """
        return bool(self._incremental)

    def set_predefined_options(self, options: PredefinedOptions) -> None:
        """Sets the settings for a kind of disk; accepted: there is one set for all.

        :param options: The kind.
        """
        if not isinstance(options, PredefinedOptions):
            raise TypeError(f"PredefinedOptions are wanted, not {options!r}")
        self._options = options

    def get_predefined_options(self) -> PredefinedOptions:
        """Gives the settings for a kind of disk.

        :return: The kind.
        """
        return self._options

    def set_options(self, options_factory_class_name: str) -> None:
        """Refuses: such factories are written in Java.

        :param options_factory_class_name: Not used.
        :raises NotImplementedError: Always.
        """
        raise no_jvm(
            "EmbeddedRocksDBStateBackend.set_options()",
            "RocksDB is configured by its memory budget",
        )

    def get_options(self) -> str | None:
        """Gives the factory of RocksDB's settings.

        :return: None: there is none.
        """
        return None

    def get_number_of_transfer_threads(self) -> int:
        """Gives how many threads copy files for a checkpoint.

        :return: The number; 4 when nothing has set it.
        """
        return 4 if self._threads is None else self._threads

    def set_number_of_transfer_threads(self, number_of_transfering_threads: int) -> None:
        """Sets how many threads copy files for a checkpoint; accepted: the process's pool does.

        :param number_of_transfering_threads: The number, at least 1.
        :raises ValueError: When it is less.
        """
        number = _checks.integer(number_of_transfering_threads, "number_of_transfering_threads")
        if number < 1:
            raise ValueError(f"number_of_transfering_threads must be at least 1, not {number}")
        self._threads = number

    def __str__(self) -> str:
        return f"EmbeddedRocksDBStateBackend({os.pathsep.join(self._paths)})"

    def _apply(self, configuration: Configuration) -> None:
        configuration.set_string(STATE_BACKEND, "rocksdb")
        if self._incremental is not None:
            configuration.set_boolean(INCREMENTAL, self._incremental)
        if self._paths:
            configuration.set_string(ROCKSDB_DIRECTORIES, self._paths[0])
        if self._options is not PredefinedOptions.DEFAULT:
            configuration.set_string(ROCKSDB_OPTIONS, self._options.name)
        if self._threads is not None:
            configuration.set_integer(ROCKSDB_THREADS, self._threads)


def state_backend_of(configuration: Configuration) -> StateBackend | None:
    """Gives the state backend that settings stand for.

    :param configuration: The settings.
    :return: The backend; None when nothing has set it.
    """
    kind = configuration.get_string(STATE_BACKEND, None)
    if kind is None:
        return None
    if kind.lower() != "rocksdb":
        return HashMapStateBackend()
    backend = EmbeddedRocksDBStateBackend(
        configuration.get_boolean(INCREMENTAL, False)
        if configuration.contains_key(INCREMENTAL)
        else None
    )
    directory = configuration.get_string(ROCKSDB_DIRECTORIES, None)
    if directory:
        backend.set_db_storage_paths(directory)
    options = configuration.get_string(ROCKSDB_OPTIONS, None)
    if options is not None:
        backend.set_predefined_options(PredefinedOptions[options.upper()])
    if configuration.contains_key(ROCKSDB_THREADS):
        backend.set_number_of_transfer_threads(configuration.get_integer(ROCKSDB_THREADS, 4))
    return backend


__getattr__ = refuse_names(__name__, frozenset({"CustomStateBackend"}))
