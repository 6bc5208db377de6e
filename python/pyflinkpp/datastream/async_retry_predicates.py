"""Rules that tell which outcomes of an asynchronous function to try again."""

from __future__ import annotations

from typing import Any

__all__ = ["empty_result_predicate", "exception_type_predicate", "has_exception_predicate"]


def empty_result_predicate(result: list[Any] | None) -> bool:
    """Tries again when there is no result.

    :param result: The results.
    :return: True for None or an empty list.
    """
    return not result


def has_exception_predicate(error: Exception | None) -> bool:
    """Tries again after any exception.

    :param error: The exception.
    :return: True unless it is None.
    """
    return error is not None


def exception_type_predicate(error: Exception, expected_error_type: type[Exception]) -> bool:
    """Tries again after exceptions of a class; its second argument has to be bound.

    :param error: The exception.
    :param expected_error_type: The class.
    :return: True when the exception is of that class.
    """
    return isinstance(error, expected_error_type)
