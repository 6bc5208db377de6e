"""What becomes of a job's checkpoints when it ends."""

from enum import Enum

__all__ = ["ExternalizedCheckpointRetention"]


class ExternalizedCheckpointRetention(Enum):
    """Whose a job's last checkpoints are when it was cancelled or has failed.

    A job that has finished leaves none.
    """

    DELETE_ON_CANCELLATION = 0
    """They stay when the job fails, and go when it is cancelled."""

    RETAIN_ON_CANCELLATION = 1
    """They stay; who cancels the job deletes them."""

    NO_EXTERNALIZED_CHECKPOINTS = 2
    """They go with the job, however it ends."""
