"""The kinds of time."""

from enum import Enum

__all__ = ["TimeDomain"]


class TimeDomain(Enum):
    """Whether a timer stands in event time or in processing time."""

    EVENT_TIME = 0
    PROCESSING_TIME = 1
