"""The configuration keys of checkpoints and state."""

from __future__ import annotations

from pyflinkpp._missing import not_yet

__all__ = ["refuse_unaligned"]

_CHECKPOINTING = "execution.checkpointing."
ALIGNED_TIMEOUT = _CHECKPOINTING + "aligned-checkpoint-timeout"
DIRECTORY = _CHECKPOINTING + "dir"
INCREMENTAL = _CHECKPOINTING + "incremental"
INLINE_THRESHOLD = _CHECKPOINTING + "data-inline-threshold"
INTERVAL = _CHECKPOINTING + "interval"
MAX_CONCURRENT = _CHECKPOINTING + "max-concurrent-checkpoints"
MIN_PAUSE = _CHECKPOINTING + "min-pause"
MODE = _CHECKPOINTING + "mode"
RETENTION = _CHECKPOINTING + "externalized-checkpoint-retention"
SAVEPOINT_DIRECTORY = _CHECKPOINTING + "savepoint-dir"
STORAGE = _CHECKPOINTING + "storage"
TIMEOUT = _CHECKPOINTING + "timeout"
TOLERABLE_FAILURES = _CHECKPOINTING + "tolerable-failed-checkpoints"
UNALIGNED = _CHECKPOINTING + "unaligned.enabled"
UNALIGNED_FORCED = _CHECKPOINTING + "unaligned.forced"
WRITE_BUFFER = _CHECKPOINTING + "write-buffer-size"

STATE_BACKEND = "state.backend.type"
ROCKSDB_DIRECTORIES = "state.backend.rocksdb.localdir"
ROCKSDB_OPTIONS = "state.backend.rocksdb.predefined-options"
ROCKSDB_THREADS = "state.backend.rocksdb.checkpoint.transfer.thread.num"


def refuse_unaligned(asked: str) -> NotImplementedError:
    """Makes the error for who switches unaligned checkpoints on.

    :param asked: The method or setting.
    :return: The exception to raise.
    """
    return not_yet(f"{asked}: unaligned checkpoints", "aligned ones are taken")
