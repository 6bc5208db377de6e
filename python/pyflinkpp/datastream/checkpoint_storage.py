"""Where checkpoints are written."""

from __future__ import annotations

from pyflinkpp._missing import refuse_names
from pyflinkpp.common import _checks
from pyflinkpp.common._values import parse_memory_size
from pyflinkpp.common.configuration import Configuration
from pyflinkpp.datastream._checkpoint_keys import (
    DIRECTORY,
    INLINE_THRESHOLD,
    SAVEPOINT_DIRECTORY,
    STORAGE,
    WRITE_BUFFER,
)

__all__ = ["CheckpointStorage", "FileSystemCheckpointStorage", "JobManagerCheckpointStorage"]


class CheckpointStorage:
    """Where checkpoints are written."""

    _savepoint_path: str | None = None

    def _apply(self, configuration: Configuration) -> None:
        """Writes the settings that stand for it."""
        raise NotImplementedError(f"{type(self).__name__} can't be used as checkpoint storage")

    def get_savepoint_path(self) -> str | None:
        """Gives the directory of savepoints that are taken without naming one.

        :return: The directory; None when the environment's default counts.
        """
        return self._savepoint_path

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and other.__dict__ == self.__dict__

    def __hash__(self) -> int:
        return hash((type(self), *self.__dict__.values()))


class JobManagerCheckpointStorage(CheckpointStorage):
    """Checkpoints stay in the memory of this process, so they survive failures of functions only.

    :param checkpoint_path: A directory to write them to all the same.
    :param max_state_size: The most bytes of one state that Flink would keep so; it is not enforced
        here: memory is the limit.
    """

    DEFAULT_MAX_STATE_SIZE = 5 * 1024 * 1024
    """The default of :meth:`get_max_state_size`."""

    def __init__(
        self, checkpoint_path: str | None = None, max_state_size: int | None = None
    ) -> None:
        self._checkpoint_path = _path(checkpoint_path) if checkpoint_path is not None else None
        self._max_state_size = (
            self.DEFAULT_MAX_STATE_SIZE
            if max_state_size is None
            else _positive(max_state_size, "max_state_size")
        )

    def get_checkpoint_path(self) -> str | None:
        """Gives the directory they are written to.

        :return: The directory, or None.
        """
        return self._checkpoint_path

    def get_max_state_size(self) -> int:
        """Gives the most bytes of one state.

        :return: Bytes.
        """
        return self._max_state_size

    def __str__(self) -> str:
        return f"JobManagerCheckpointStorage({self._checkpoint_path or 'in memory'})"

    def _apply(self, configuration: Configuration) -> None:
        configuration.set_string(STORAGE, "jobmanager")
        if self._checkpoint_path is None:
            configuration.remove_config(DIRECTORY)
        else:
            configuration.set_string(DIRECTORY, self._checkpoint_path)


class FileSystemCheckpointStorage(CheckpointStorage):
    """Checkpoints are written to a directory, so they survive the process.

    >>> storage = FileSystemCheckpointStorage("file:///var/checkpoints")

    :param checkpoint_path: The directory; each job makes its own in it.
    :param file_state_size_threshold: State of at most so many bytes would be written into the
        metadata; accepted.
    :param write_buffer_size: The bytes that are gathered before they are written; accepted. -1 for
        the default.
    :raises ValueError: When the path is empty or a number is out of range.
    """

    MAX_FILE_STATE_THRESHOLD = 1024 * 1024
    """The greatest possible threshold."""

    def __init__(
        self,
        checkpoint_path: str | None = None,
        file_state_size_threshold: int | None = None,
        write_buffer_size: int = -1,
    ) -> None:
        if checkpoint_path is None:
            raise ValueError("a FileSystemCheckpointStorage needs the path of a directory")
        self._checkpoint_path = _path(checkpoint_path)
        threshold = 20 * 1024 if file_state_size_threshold is None else file_state_size_threshold
        if (
            not -1
            <= _checks.integer(threshold, "file_state_size_threshold")
            <= (self.MAX_FILE_STATE_THRESHOLD)
        ):
            raise ValueError(
                f"file_state_size_threshold must be from 0 to {self.MAX_FILE_STATE_THRESHOLD:,} "
                f"(or -1 for the default), not {threshold}"
            )
        self._threshold = 20 * 1024 if threshold == -1 else threshold
        if write_buffer_size != -1:
            _positive(write_buffer_size, "write_buffer_size")
        self._write_buffer_size = max(write_buffer_size, self._threshold, 4096)

    def get_checkpoint_path(self) -> str:
        """Gives the directory.

        :return: The directory.
        """
        return self._checkpoint_path

    def get_min_file_size_threshold(self) -> int:
        """Gives up to which size state would be written into the metadata.

        :return: Bytes.
        """
        return self._threshold

    def get_write_buffer_size(self) -> int:
        """Gives how much is gathered before it is written.

        :return: Bytes.
        """
        return self._write_buffer_size

    def __str__(self) -> str:
        return f"FileSystemCheckpointStorage({self._checkpoint_path})"

    def _apply(self, configuration: Configuration) -> None:
        configuration.set_string(STORAGE, "filesystem")
        configuration.set_string(DIRECTORY, self._checkpoint_path)
        configuration.set_string(INLINE_THRESHOLD, f"{self._threshold} bytes")
        configuration.set_integer(WRITE_BUFFER, self._write_buffer_size)


def storage_of(configuration: Configuration) -> CheckpointStorage | None:
    """Gives the storage that settings stand for.

    :param configuration: The settings.
    :return: The storage; None when nothing has set it.
    """
    path = configuration.get_string(DIRECTORY, None)
    kind = configuration.get_string(STORAGE, None)
    storage: CheckpointStorage
    if kind is not None and kind.lower() == "jobmanager":
        storage = JobManagerCheckpointStorage(path)
    elif path is None:
        return None
    else:
        threshold = configuration.get_string(INLINE_THRESHOLD, None)
        storage = FileSystemCheckpointStorage(
            path,
            None if threshold is None else parse_memory_size(INLINE_THRESHOLD, threshold),
            configuration.get_integer(WRITE_BUFFER, -1),
        )
    storage._savepoint_path = configuration.get_string(SAVEPOINT_DIRECTORY, None)
    return storage


def _path(path: str) -> str:
    if not isinstance(path, str) or not path:
        raise ValueError(f"the path of a checkpoint directory must be a text, not {path!r}")
    return path


def _positive(value: int, name: str) -> int:
    if _checks.integer(value, name) < 1:
        raise ValueError(f"{name} must be at least 1, not {value}")
    return value


__getattr__ = refuse_names(__name__, frozenset({"CustomCheckpointStorage"}))
