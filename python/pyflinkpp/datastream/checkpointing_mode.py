"""What holds after a failure."""

from enum import Enum

__all__ = ["CheckpointingMode"]


class CheckpointingMode(Enum):
    """Whether each element takes effect on the state exactly once or, after a failure, possibly
    more often.
    """

    EXACTLY_ONCE = 0
    AT_LEAST_ONCE = 1
