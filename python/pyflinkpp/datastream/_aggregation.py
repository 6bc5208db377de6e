"""Which field of its elements a keyed aggregation works on."""

from __future__ import annotations

from typing import Any

from pyflinkpp.common.typeinfo import (
    BasicArrayTypeInfo,
    ListTypeInfo,
    MapTypeInfo,
    ObjectArrayTypeInfo,
    PickledBytesTypeInfo,
    PrimitiveArrayTypeInfo,
    RowTypeInfo,
    TupleTypeInfo,
    TypeInformation,
)
from pyflinkpp.common.types import Row
from pyflinkpp.datastream._function_base import ReduceFunction

__all__ = ["FieldReduce", "field_index"]

_SEQUENCES = (BasicArrayTypeInfo, ListTypeInfo, ObjectArrayTypeInfo, PrimitiveArrayTypeInfo)


def field_index(position: object, type_info: TypeInformation) -> int | None:
    """Finds the field that a keyed aggregation works on.

    :param position: The field's position or name, as the user gave it.
    :param type_info: The type of the elements.
    :return: The field's position; -1 for the element itself; None when it depends on the element.
    :raises TypeError: When it is no position or name, or elements of the type have no fields.
    :raises ValueError: When there is no such field.
    """
    if not isinstance(position, (int, str)):
        raise TypeError(f"the field must be given by position or name, not by {position!r}")
    if isinstance(type_info, (RowTypeInfo, TupleTypeInfo)):
        names = type_info.get_field_names()
        if isinstance(position, str):
            if position not in names:
                raise ValueError(f"there is no field {position!r}: the fields are {names}")
            return names.index(position)
        if not -len(names) <= position < len(names):
            raise ValueError(
                f"there is no field {position}: {type_info} has {len(names)} fields, counted from 0"
            )
        return position % len(names)
    if isinstance(type_info, (PickledBytesTypeInfo, *_SEQUENCES)):
        if isinstance(position, str) or position < 0:
            if isinstance(position, str) and not isinstance(type_info, PickledBytesTypeInfo):
                raise TypeError(f"the fields of {type_info} have no names: use a position")
            return None
        return int(position)
    if isinstance(type_info, MapTypeInfo):
        raise TypeError(f"elements of type {type_info} have no fields: use reduce()")
    if position != 0:
        raise TypeError(
            f"elements of type {type_info} have no field {position!r}: "
            "only position 0, the element itself"
        )
    return -1


class FieldReduce(ReduceFunction):
    """Aggregates a field that only the elements themselves can tell, such as a name of a Row.

    :param function: "sum", "min", "max", "min_by" or "max_by".
    :param position: The name or the position of the field.
    """

    def __init__(self, function: str, position: int | str) -> None:
        self.function = function
        self.position = position

    def reduce(self, value1: Any, value2: Any) -> Any:
        """Combines two elements of a key.

        :param value1: What came of the elements so far.
        :param value2: The next element.
        :return: The combination.
        """
        if not isinstance(value1, (tuple, list, Row)):
            raise TypeError(
                f"a {type(value1).__name__} has no field {self.position!r}: "
                f"{self.function}() takes a position or a name of a tuple, list or Row"
            )
        position: Any = self.position
        if isinstance(position, str) and not isinstance(value1, Row):
            raise TypeError(f"a {type(value1).__name__} has no names: {position!r}")
        old, new = value1[position], value2[position]
        if self.function in ("min_by", "max_by"):
            return value2 if (new < old if self.function == "min_by" else new > old) else value1
        if self.function == "sum":
            combined = old + new
        else:
            combined = new if (new < old if self.function == "min" else new > old) else old
        if isinstance(value1, Row):
            result = Row.of_kind(value1.get_row_kind(), *value1)
            if hasattr(value1, "_fields"):
                result.set_field_names(value1._fields)
            result[position] = combined
            return result
        fields = list(value1)
        fields[position] = combined
        return tuple(fields) if isinstance(value1, tuple) else fields
