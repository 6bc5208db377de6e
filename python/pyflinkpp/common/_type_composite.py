"""Type information of values that hold others: arrays, lists, maps, tuples and rows."""

from __future__ import annotations

from collections.abc import Sequence

from pyflinkpp.common._type_information import BasicTypeInfo, Descriptor, TypeInformation

__all__ = [
    "BasicArrayTypeInfo",
    "ListTypeInfo",
    "MapTypeInfo",
    "ObjectArrayTypeInfo",
    "PrimitiveArrayTypeInfo",
    "RowTypeInfo",
    "TupleTypeInfo",
]

_PRIMITIVE = frozenset({"BOOLEAN", "BYTE", "SHORT", "INT", "LONG", "FLOAT", "DOUBLE", "CHAR"})


def checked(type_info: object, what: str) -> TypeInformation:
    """Refuses what is no type information.

    :param type_info: The object.
    :param what: How to name it in the error.
    :return: The same object.
    :raises TypeError: When it is something else.
    """
    if not isinstance(type_info, TypeInformation):
        hint = " (call it: Types.X())" if callable(type_info) else ""
        raise TypeError(f"{what} must be a TypeInformation, not {type_info!r}{hint}")
    return type_info


class _ArrayTypeInfo(TypeInformation):
    __slots__ = ("_element_type",)

    kind = ""

    def __init__(self, element_type: TypeInformation) -> None:
        self._element_type = checked(element_type, "an array's element type")

    def get_element_type(self) -> TypeInformation:
        """Gives the type of the elements.

        :return: The type.
        """
        return self._element_type

    def descriptor(self) -> Descriptor:
        return self.kind, (self._element_type.descriptor(),), ()

    def __repr__(self) -> str:
        return f"{type(self).__name__}<{self._element_type}>"


class PrimitiveArrayTypeInfo(_ArrayTypeInfo):
    """The type of a list of numbers or truth values without None; of BYTE: ``bytes``.

    :param element_type: BOOLEAN, BYTE, SHORT, INT, LONG, FLOAT, DOUBLE or CHAR.
    """

    __slots__ = ()

    kind = "PRIMITIVE_ARRAY"

    def __init__(self, element_type: TypeInformation) -> None:
        super().__init__(element_type)
        if not isinstance(element_type, BasicTypeInfo) or (
            element_type.descriptor()[0] not in _PRIMITIVE
        ):
            raise TypeError(
                f"a primitive array can't have elements of type {element_type}: use "
                "Types.BASIC_ARRAY for other basic types, Types.OBJECT_ARRAY for everything else"
            )


class BasicArrayTypeInfo(_ArrayTypeInfo):
    """The type of a list of basic values, None allowed.

    :param element_type: A basic type.
    """

    __slots__ = ()

    kind = "BASIC_ARRAY"

    def __init__(self, element_type: TypeInformation) -> None:
        super().__init__(element_type)
        if not isinstance(element_type, BasicTypeInfo):
            raise TypeError(
                f"a basic array can't have elements of type {element_type}: use Types.OBJECT_ARRAY"
            )


class ObjectArrayTypeInfo(_ArrayTypeInfo):
    """The type of a list of values of any one type.

    :param element_type: The type of the elements.
    """

    __slots__ = ()

    kind = "OBJECT_ARRAY"


class ListTypeInfo(TypeInformation):
    """The type of a ``list``.

    :param element_type: The type of its elements.
    """

    __slots__ = ("elem_type",)

    def __init__(self, element_type: TypeInformation) -> None:
        self.elem_type = checked(element_type, "a list's element type")

    def descriptor(self) -> Descriptor:  # noqa: D102
        return "LIST", (self.elem_type.descriptor(),), ()

    def __repr__(self) -> str:
        return f"ListTypeInfo<{self.elem_type}>"


class MapTypeInfo(TypeInformation):
    """The type of a ``dict``.

    :param key_type_info: The type of its keys.
    :param value_type_info: The type of its values.
    """

    __slots__ = ("_key_type_info", "_value_type_info")

    def __init__(self, key_type_info: TypeInformation, value_type_info: TypeInformation) -> None:
        self._key_type_info = checked(key_type_info, "a map's key type")
        self._value_type_info = checked(value_type_info, "a map's value type")

    def get_key_type_info(self) -> TypeInformation:
        """Gives the type of the keys.

        :return: The type.
        """
        return self._key_type_info

    def get_value_type_info(self) -> TypeInformation:
        """Gives the type of the values.

        :return: The type.
        """
        return self._value_type_info

    def descriptor(self) -> Descriptor:  # noqa: D102
        return "MAP", (self._key_type_info.descriptor(), self._value_type_info.descriptor()), ()

    def __repr__(self) -> str:
        return f"MapTypeInfo<{self._key_type_info}, {self._value_type_info}>"


class TupleTypeInfo(TypeInformation):
    """The type of a ``tuple`` of a fixed number of fields.

    :param field_types: The types of the fields.
    """

    __slots__ = ("_field_types",)

    def __init__(self, field_types: Sequence[TypeInformation]) -> None:
        self._field_types = [checked(t, "a tuple's field type") for t in field_types]

    def get_field_types(self) -> list[TypeInformation]:
        """Gives the types of the fields.

        :return: The types, in order.
        """
        return self._field_types

    def get_field_names(self) -> list[str]:
        """Gives the names under which the fields can be addressed.

        :return: f0, f1, …
        """
        return [f"f{i}" for i in range(len(self._field_types))]

    def descriptor(self) -> Descriptor:  # noqa: D102
        return "TUPLE", tuple(t.descriptor() for t in self._field_types), ()

    def __repr__(self) -> str:
        return f"TupleTypeInfo({', '.join(map(str, self._field_types))})"


class RowTypeInfo(TypeInformation):
    """The type of a :class:`~pyflinkpp.common.types.Row`; its fields may be None.

    :param field_types: The types of the fields.
    :param field_names: Their names; f0, f1, … when left out.
    :raises ValueError: When the numbers of names and types differ or a name occurs twice.
    """

    __slots__ = ("_field_names", "_field_types")

    def __init__(
        self, field_types: Sequence[TypeInformation], field_names: Sequence[str] | None = None
    ) -> None:
        self._field_types = [checked(t, "a row's field type") for t in field_types]
        self._field_names = list(field_names) if field_names else None
        if self._field_names is not None:
            if len(self._field_names) != len(self._field_types):
                raise ValueError(
                    f"a row needs as many field names as field types: "
                    f"{len(self._field_names)} names, {len(self._field_types)} types"
                )
            if len(set(self._field_names)) != len(self._field_names):
                raise ValueError(f"a row's field names must differ: {self._field_names}")

    def get_field_names(self) -> list[str]:
        """Gives the names of the fields.

        :return: The names, in order.
        """
        if self._field_names is not None:
            return self._field_names
        return [f"f{i}" for i in range(len(self._field_types))]

    def get_field_index(self, field_name: str) -> int:
        """Finds a field.

        :param field_name: The field's name.
        :return: Its position, or -1 when there is none of that name.
        """
        names = self.get_field_names()
        return names.index(field_name) if field_name in names else -1

    def get_field_types(self) -> list[TypeInformation]:
        """Gives the types of the fields.

        :return: The types, in order.
        """
        return self._field_types

    def descriptor(self) -> Descriptor:  # noqa: D102
        children = tuple(t.descriptor() for t in self._field_types)
        return "ROW", children, tuple(self.get_field_names())

    def __eq__(self, other: object) -> bool:
        return isinstance(other, RowTypeInfo) and other._field_types == self._field_types

    def __hash__(self) -> int:
        return hash(("ROW", tuple(self._field_types)))

    def __repr__(self) -> str:
        if self._field_names is None:
            return f"RowTypeInfo({', '.join(map(str, self._field_types))})"
        fields = zip(self._field_names, self._field_types, strict=True)
        return f"RowTypeInfo({', '.join(f'{name}: {kind}' for name, kind in fields)})"
