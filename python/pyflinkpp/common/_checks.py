"""Checks of arguments that several classes share."""

from __future__ import annotations

__all__ = ["MAX_PARALLELISM", "integer", "max_parallelism", "parallelism"]

MAX_PARALLELISM = 2**15
"""The greatest possible number of key groups."""


def integer(value: object, name: str) -> int:
    """Refuses what is no integer.

    :param value: The value.
    :param name: The name of the parameter.
    :return: The value.
    :raises TypeError: When it is no int.
    """
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError(f"{name} must be an int, not {value!r}")
    return value


def parallelism(value: object) -> int:
    """Refuses what is no parallelism.

    :param value: At least 1, or -1 for the default of the environment.
    :return: The value.
    :raises TypeError: When it is no int.
    :raises ValueError: When it is out of range.
    """
    number = integer(value, "parallelism")
    if not (1 <= number <= MAX_PARALLELISM or number == -1):
        raise ValueError(
            f"parallelism must be from 1 to {MAX_PARALLELISM:,} "
            f"(or -1 for the default), not {number}"
        )
    return number


def max_parallelism(value: object) -> int:
    """Refuses what is no maximum parallelism.

    :param value: From 1 to 32,768.
    :return: The value.
    :raises TypeError: When it is no int.
    :raises ValueError: When it is out of range.
    """
    number = integer(value, "max_parallelism")
    if not 1 <= number <= MAX_PARALLELISM:
        raise ValueError(f"max parallelism must be from 1 to {MAX_PARALLELISM:,}, not {number}")
    return number
