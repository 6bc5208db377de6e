"""Types and what makes them: :class:`Types` has a method for each."""

from __future__ import annotations

from collections.abc import Sequence

from pyflinkpp._missing import refuse_names
from pyflinkpp.common._type_composite import (
    BasicArrayTypeInfo,
    ListTypeInfo,
    MapTypeInfo,
    ObjectArrayTypeInfo,
    PrimitiveArrayTypeInfo,
    RowTypeInfo,
    TupleTypeInfo,
)
from pyflinkpp.common._type_information import (
    BasicType,
    BasicTypeInfo,
    DateTypeInfo,
    Descriptor,
    InstantTypeInfo,
    PickledBytesTypeInfo,
    SqlTimeTypeInfo,
    TimestampTypeInfo,
    TimeTypeInfo,
    TypeInformation,
)

__all__ = [
    "BasicArrayTypeInfo",
    "BasicType",
    "BasicTypeInfo",
    "DateTypeInfo",
    "InstantTypeInfo",
    "ListTypeInfo",
    "MapTypeInfo",
    "ObjectArrayTypeInfo",
    "PickledBytesTypeInfo",
    "PrimitiveArrayTypeInfo",
    "RowTypeInfo",
    "SqlTimeTypeInfo",
    "TimeTypeInfo",
    "TimestampTypeInfo",
    "TupleTypeInfo",
    "TypeInformation",
    "Types",
]

__getattr__ = refuse_names(__name__, frozenset({"ExternalTypeInfo", "LocalTimeTypeInfo"}))


class Types:
    """Makes the types that streams, keys and states may be declared with.

    >>> Types.ROW_NAMED(["word", "count"], [Types.STRING(), Types.LONG()])
    RowTypeInfo(word: String, count: Long)
    """

    @staticmethod
    def STRING() -> TypeInformation:
        """Declares ``str``.

        :return: The type.
        """
        return BasicTypeInfo(BasicType.STRING)

    @staticmethod
    def BYTE() -> TypeInformation:
        """Declares ``int`` from -128 to 127.

        :return: The type.
        """
        return BasicTypeInfo(BasicType.BYTE)

    @staticmethod
    def BOOLEAN() -> TypeInformation:
        """Declares ``bool``.

        :return: The type.
        """
        return BasicTypeInfo(BasicType.BOOLEAN)

    @staticmethod
    def SHORT() -> TypeInformation:
        """Declares ``int`` from -32,768 to 32,767.

        :return: The type.
        """
        return BasicTypeInfo(BasicType.SHORT)

    @staticmethod
    def INT() -> TypeInformation:
        """Declares ``int`` from -2^31 to 2^31 - 1.

        :return: The type.
        """
        return BasicTypeInfo(BasicType.INT)

    @staticmethod
    def LONG() -> TypeInformation:
        """Declares ``int`` from -2^63 to 2^63 - 1.

        :return: The type.
        """
        return BasicTypeInfo(BasicType.LONG)

    @staticmethod
    def FLOAT() -> TypeInformation:
        """Declares ``float``, rounded to 32 bits.

        :return: The type.
        """
        return BasicTypeInfo(BasicType.FLOAT)

    @staticmethod
    def DOUBLE() -> TypeInformation:
        """Declares ``float``.

        :return: The type.
        """
        return BasicTypeInfo(BasicType.DOUBLE)

    @staticmethod
    def CHAR() -> TypeInformation:
        """Declares ``str`` of one character.

        :return: The type.
        """
        return BasicTypeInfo(BasicType.CHAR)

    @staticmethod
    def BIG_INT() -> TypeInformation:
        """Declares ``int`` of any size.

        :return: The type.
        """
        return BasicTypeInfo(BasicType.BIG_INT)

    @staticmethod
    def BIG_DEC() -> TypeInformation:
        """Declares ``decimal.Decimal``.

        :return: The type.
        """
        return BasicTypeInfo(BasicType.BIG_DEC)

    @staticmethod
    def INSTANT() -> TypeInformation:
        """Declares :class:`~pyflinkpp.common.time.Instant`.

        :return: The type.
        """
        return InstantTypeInfo(BasicType.INSTANT)

    @staticmethod
    def SQL_DATE() -> TypeInformation:
        """Declares ``datetime.date``.

        :return: The type.
        """
        return DateTypeInfo()

    @staticmethod
    def SQL_TIME() -> TypeInformation:
        """Declares ``datetime.time``, cut to milliseconds.

        :return: The type.
        """
        return TimeTypeInfo()

    @staticmethod
    def SQL_TIMESTAMP() -> TypeInformation:
        """Declares ``datetime.datetime`` without a time zone, cut to milliseconds.

        :return: The type.
        """
        return TimestampTypeInfo()

    @staticmethod
    def PICKLED_BYTE_ARRAY() -> TypeInformation:
        """Declares any Python object; it is what streams without a declared type have.

        :return: The type.
        """
        return PickledBytesTypeInfo()

    @staticmethod
    def ROW(field_types: Sequence[TypeInformation]) -> RowTypeInfo:
        """Declares a :class:`~pyflinkpp.common.types.Row` with the field names f0, f1, …

        :param field_types: The types of the fields.
        :return: The type.
        """
        return RowTypeInfo(field_types)

    @staticmethod
    def ROW_NAMED(
        field_names: Sequence[str], field_types: Sequence[TypeInformation]
    ) -> RowTypeInfo:
        """Declares a :class:`~pyflinkpp.common.types.Row` with named fields.

        :param field_names: The names of the fields.
        :param field_types: The types of the fields.
        :return: The type.
        :raises ValueError: When the numbers of names and types differ or a name occurs twice.
        """
        return RowTypeInfo(field_types, field_names)

    @staticmethod
    def TUPLE(field_types: Sequence[TypeInformation]) -> TupleTypeInfo:
        """Declares a ``tuple`` of a fixed number of fields.

        :param field_types: The types of the fields.
        :return: The type.
        """
        return TupleTypeInfo(field_types)

    @staticmethod
    def PRIMITIVE_ARRAY(element_type: TypeInformation) -> TypeInformation:
        """Declares a ``list`` of numbers or truth values without None; of BYTE: ``bytes``.

        :param element_type: BOOLEAN, BYTE, SHORT, INT, LONG, FLOAT, DOUBLE or CHAR.
        :return: The type.
        :raises TypeError: When the elements are of another type.
        """
        return PrimitiveArrayTypeInfo(element_type)

    @staticmethod
    def BASIC_ARRAY(element_type: TypeInformation) -> TypeInformation:
        """Declares a ``list`` of basic values or None.

        :param element_type: A basic type.
        :return: The type.
        :raises TypeError: When the elements are of another type.
        """
        return BasicArrayTypeInfo(element_type)

    @staticmethod
    def OBJECT_ARRAY(element_type: TypeInformation) -> TypeInformation:
        """Declares a ``list`` of values of any one type.

        :param element_type: The type of the elements.
        :return: The type.
        """
        return ObjectArrayTypeInfo(element_type)

    @staticmethod
    def MAP(key_type_info: TypeInformation, value_type_info: TypeInformation) -> TypeInformation:
        """Declares a ``dict``.

        :param key_type_info: The type of the keys.
        :param value_type_info: The type of the values.
        :return: The type.
        """
        return MapTypeInfo(key_type_info, value_type_info)

    @staticmethod
    def LIST(element_type_info: TypeInformation) -> TypeInformation:
        """Declares a ``list``.

        :param element_type_info: The type of the elements.
        :return: The type.
        """
        return ListTypeInfo(element_type_info)


def output_type(given: object, default: TypeInformation | None = None) -> TypeInformation:
    """Reads an ``output_type`` argument as PyFlink does.

    :param given: None, a type, or a list of types, which means a ROW of them.
    :param default: What None means; without it, any Python object.
    :return: The type.
    :raises TypeError: When it is something else.
    """
    if given is None:
        return PickledBytesTypeInfo() if default is None else default
    if isinstance(given, list):
        return RowTypeInfo(given)
    if not isinstance(given, TypeInformation):
        hint = ": call it, as in Types.STRING()" if callable(given) else ""
        raise TypeError(f"the type must be None, a list or a TypeInformation, not {given!r}{hint}")
    return given


def engine_type(type_info: TypeInformation | None) -> Descriptor | None:
    """Gives the engine's name of a type.

    :param type_info: The type, or None.
    :return: Nested tuples; None for any Python object.
    """
    if type_info is None or isinstance(type_info, PickledBytesTypeInfo):
        return None
    return type_info.descriptor()
