"""Whether a program runs as a stream or as a batch."""

from enum import Enum

__all__ = ["RuntimeExecutionMode"]


class RuntimeExecutionMode(Enum):
    """How a program runs.

    STREAMING: results follow each element; AUTOMATIC: BATCH if all sources are bounded, otherwise
    STREAMING; BATCH: only final results, once all input of a key has been seen.
    """

    STREAMING = 0
    BATCH = 1
    AUTOMATIC = 2
