"""How ``sum``, ``min``, ``max``, ``min_by`` and ``max_by`` combine the elements of a window."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pyflinkpp.datastream._aggregation import FieldReduce
from pyflinkpp.datastream._function_base import ReduceFunction

__all__ = ["window_reduce"]


class ElementReduce(ReduceFunction):
    """Combines elements that have no fields.

    :param function: "sum", "min", "max", "min_by" or "max_by".
    """

    def __init__(self, function: str) -> None:
        self._combine = _COMBINE[function.removesuffix("_by")]

    def reduce(self, value1: Any, value2: Any) -> Any:
        """Combines two elements.

        :param value1: What came of the elements so far.
        :param value2: The next element.
        :return: The combination.
        """
        return self._combine(value1, value2)


def _sum(a: Any, b: Any) -> Any:
    return a + b


def _min(a: Any, b: Any) -> Any:
    return b if b < a else a


def _max(a: Any, b: Any) -> Any:
    return b if b > a else a


_COMBINE: dict[str, Callable[[Any, Any], Any]] = {"sum": _sum, "min": _min, "max": _max}


def window_reduce(function: str, position: int | str, field: int | None) -> ReduceFunction:
    """Makes the function that combines two elements.

    :param function: "sum", "min", "max", "min_by" or "max_by".
    :param position: The field as the user gave it.
    :param field: Its position; -1 for the element itself; None when it depends on the element.
    :return: The function.
    """
    if field == -1:
        return ElementReduce(function)
    return FieldReduce(function, position if field is None else field)
