"""How data travels between the tasks of a batch program."""

from enum import Enum

__all__ = ["ExecutionMode"]


class ExecutionMode(Enum):
    """Whether data exchanges between tasks are pipelined or go as batches."""

    PIPELINED = 0
    PIPELINED_FORCED = 1
    BATCH = 2
    BATCH_FORCED = 3
