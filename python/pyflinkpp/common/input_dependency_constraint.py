"""When a batch task may start, in terms of its inputs."""

from enum import Enum

__all__ = ["InputDependencyConstraint"]


class InputDependencyConstraint(Enum):
    """Whether a task may be scheduled when any or only when all of its inputs are there."""

    ANY = 0
    ALL = 1
