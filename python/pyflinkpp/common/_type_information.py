"""Type information of single values: numbers, text, dates and pickled objects."""

from __future__ import annotations

from enum import Enum

__all__ = [
    "BasicType",
    "BasicTypeInfo",
    "DateTypeInfo",
    "Descriptor",
    "InstantTypeInfo",
    "PickledBytesTypeInfo",
    "SqlTimeTypeInfo",
    "TimeTypeInfo",
    "TimestampTypeInfo",
    "TypeInformation",
]

Descriptor = tuple[str, tuple["Descriptor", ...], tuple[str, ...]]
"""A type as the engine reads it: kind, children, field names; see ``_native.pyi``."""


class TypeInformation:
    """The declared type of a stream's elements, of a key or of a state.

    It decides how values are stored and sent, and what an operator makes of its results: a FLOAT
    is rounded to 32 bits, a ROW gets its field names. Objects of this class are made by
    :class:`~pyflinkpp.common.typeinfo.Types`, never change and compare by value.
    """

    __slots__ = ()

    def descriptor(self) -> Descriptor:
        """Describes the type to the engine.

        :return: Nested tuples (kind, children, field names).
        """
        raise NotImplementedError(f"{type(self).__name__}.descriptor()")

    def __eq__(self, other: object) -> bool:
        return isinstance(other, TypeInformation) and other.descriptor() == self.descriptor()

    def __hash__(self) -> int:
        return hash(self.descriptor())


class BasicType(Enum):
    """The basic types; the value is the name of the Java class that Flink uses for it."""

    STRING = "String"
    BYTE = "Byte"
    BOOLEAN = "Boolean"
    SHORT = "Short"
    INT = "Integer"
    LONG = "Long"
    FLOAT = "Float"
    DOUBLE = "Double"
    CHAR = "Char"
    BIG_INT = "BigInteger"
    BIG_DEC = "BigDecimal"
    INSTANT = "Instant"


class BasicTypeInfo(TypeInformation):
    """The type of a number, a text, a truth value or an instant.

    :param basic_type: Which of them.
    """

    __slots__ = ("_basic_type",)

    def __init__(self, basic_type: BasicType) -> None:
        self._basic_type = basic_type

    def descriptor(self) -> Descriptor:  # noqa: D102
        return self._basic_type.name, (), ()

    def __repr__(self) -> str:
        return self._basic_type.value

    @staticmethod
    def STRING_TYPE_INFO() -> BasicTypeInfo:
        """Gives the type of ``str``."""
        return BasicTypeInfo(BasicType.STRING)

    @staticmethod
    def BOOLEAN_TYPE_INFO() -> BasicTypeInfo:
        """Gives the type of ``bool``."""
        return BasicTypeInfo(BasicType.BOOLEAN)

    @staticmethod
    def BYTE_TYPE_INFO() -> BasicTypeInfo:
        """Gives the type of ``int`` in 8 bits."""
        return BasicTypeInfo(BasicType.BYTE)

    @staticmethod
    def SHORT_TYPE_INFO() -> BasicTypeInfo:
        """Gives the type of ``int`` in 16 bits."""
        return BasicTypeInfo(BasicType.SHORT)

    @staticmethod
    def INT_TYPE_INFO() -> BasicTypeInfo:
        """Gives the type of ``int`` in 32 bits."""
        return BasicTypeInfo(BasicType.INT)

    @staticmethod
    def LONG_TYPE_INFO() -> BasicTypeInfo:
        """Gives the type of ``int`` in 64 bits."""
        return BasicTypeInfo(BasicType.LONG)

    @staticmethod
    def FLOAT_TYPE_INFO() -> BasicTypeInfo:
        """Gives the type of ``float`` in 32 bits."""
        return BasicTypeInfo(BasicType.FLOAT)

    @staticmethod
    def DOUBLE_TYPE_INFO() -> BasicTypeInfo:
        """Gives the type of ``float`` in 64 bits."""
        return BasicTypeInfo(BasicType.DOUBLE)

    @staticmethod
    def CHAR_TYPE_INFO() -> BasicTypeInfo:
        """Gives the type of a ``str`` of one character."""
        return BasicTypeInfo(BasicType.CHAR)

    @staticmethod
    def BIG_INT_TYPE_INFO() -> BasicTypeInfo:
        """Gives the type of ``int`` of any size."""
        return BasicTypeInfo(BasicType.BIG_INT)

    @staticmethod
    def BIG_DEC_TYPE_INFO() -> BasicTypeInfo:
        """Gives the type of ``decimal.Decimal``."""
        return BasicTypeInfo(BasicType.BIG_DEC)

    @staticmethod
    def INSTANT_TYPE_INFO() -> BasicTypeInfo:
        """Gives the type of :class:`~pyflinkpp.common.time.Instant`."""
        return InstantTypeInfo(BasicType.INSTANT)


class InstantTypeInfo(BasicTypeInfo):
    """The type of :class:`~pyflinkpp.common.time.Instant`."""

    __slots__ = ()


class DateTypeInfo(TypeInformation):
    """The type of ``datetime.date``."""

    __slots__ = ()

    def descriptor(self) -> Descriptor:  # noqa: D102
        return "SQL_DATE", (), ()

    def __repr__(self) -> str:
        return "DateTypeInfo"


class TimeTypeInfo(TypeInformation):
    """The type of ``datetime.time``, cut to milliseconds."""

    __slots__ = ()

    def descriptor(self) -> Descriptor:  # noqa: D102
        return "SQL_TIME", (), ()

    def __repr__(self) -> str:
        return "TimeTypeInfo"


class TimestampTypeInfo(TypeInformation):
    """The type of ``datetime.datetime``, cut to milliseconds."""

    __slots__ = ()

    def descriptor(self) -> Descriptor:  # noqa: D102
        return "SQL_TIMESTAMP", (), ()

    def __repr__(self) -> str:
        return "TimestampTypeInfo"


class SqlTimeTypeInfo(TypeInformation):
    """Gives access to the types of dates and times."""

    __slots__ = ()

    @staticmethod
    def DATE() -> DateTypeInfo:
        """Gives the type of ``datetime.date``."""
        return DateTypeInfo()

    @staticmethod
    def TIME() -> TimeTypeInfo:
        """Gives the type of ``datetime.time``."""
        return TimeTypeInfo()

    @staticmethod
    def TIMESTAMP() -> TimestampTypeInfo:
        """Gives the type of ``datetime.datetime``."""
        return TimestampTypeInfo()


class PickledBytesTypeInfo(TypeInformation):
    """The type of any Python object: it travels unchanged and is pickled where bytes are needed."""

    __slots__ = ()

    def descriptor(self) -> Descriptor:  # noqa: D102
        return "PICKLED_BYTE_ARRAY", (), ()

    def __repr__(self) -> str:
        return "PickledByteArrayTypeInfo"
