"""The configuration keys of checkpoints and state."""

from __future__ import annotations

__all__: list[str] = []

_CHECKPOINTING = "execution.checkpointing."
ALIGNED_TIMEOUT = _CHECKPOINTING + "aligned-checkpoint-timeout"
ALIGNED_TIMEOUT_DEFAULT_MS = 1_000
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
