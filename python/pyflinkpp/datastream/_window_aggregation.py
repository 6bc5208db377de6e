"""How ``sum``, ``min``, ``max``, ``min_by`` and ``max_by`` combine the elements of a window."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pyflinkpp.common.typeinfo import (
    BasicTypeInfo,
    RowTypeInfo,
    TupleTypeInfo,
    TypeInformation,
    Types,
)
from pyflinkpp.datastream._aggregation import FieldReduce
from pyflinkpp.datastream._function_base import ReduceFunction

__all__ = ["merges_exactly", "window_reduce"]


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


_INTEGERS = (Types.BYTE(), Types.SHORT(), Types.INT(), Types.LONG(), Types.BIG_INT())
_ORDERED = (*_INTEGERS, Types.BOOLEAN(), Types.STRING())


def merges_exactly(function: str, field: int | None, type_info: TypeInformation) -> bool:
    """Tells whether parts of a window may be combined first, whichever elements are in them.

    A sum of floats depends on the order of the additions, and of elements that are equally small
    the first to come wins. Where equal values are the same in every way, that doesn't matter; the
    other fields of a sum or a least value are those of the first element, which stays the first.

    :param function: "sum", "min", "max", "min_by" or "max_by".
    :param field: The field's position; -1 for the element itself; None when it isn't known.
    :param type_info: The type of the elements.
    :return: Whether the result is the same.
    """
    if field is None:
        return False
    if field >= 0 and isinstance(type_info, (RowTypeInfo, TupleTypeInfo)):
        type_info = type_info.get_field_types()[field]
    elif field >= 0:
        return False
    exact = {"sum": _INTEGERS, "min": _ORDERED, "max": _ORDERED}.get(function, ())
    return isinstance(type_info, BasicTypeInfo) and type_info in exact
