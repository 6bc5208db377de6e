"""How values become bytes at the edges of a job."""

from __future__ import annotations

from pyflinkpp._missing import not_yet

__all__ = [
    "BulkWriterFactory",
    "ByteArraySchema",
    "DeserializationSchema",
    "Encoder",
    "RowDataBulkWriterFactory",
    "RowFieldExtractorSchema",
    "SerializationSchema",
    "SimpleStringSchema",
]


class SerializationSchema:
    """How a sink turns a value into bytes."""


class DeserializationSchema:
    """How a source turns bytes into a value."""


class SimpleStringSchema(SerializationSchema, DeserializationSchema):
    """Text in an encoding.

    :param charset: The name of the encoding.
    :raises LookupError: When there is no such encoding.
    """

    def __init__(self, charset: str = "UTF-8") -> None:
        self.charset = _known_charset(charset)


class ByteArraySchema(SerializationSchema, DeserializationSchema):
    """Bytes as they are."""


class RowFieldExtractorSchema(SerializationSchema):
    """The bytes in one field of a row.

    :param field_index: The position of the field.
    :raises ValueError: When it is negative.
    """

    def __init__(self, field_index: int) -> None:
        if isinstance(field_index, bool) or not isinstance(field_index, int):
            raise TypeError(f"field_index must be an int, not {field_index!r}")
        if field_index < 0:
            raise ValueError(f"field_index must not be negative: {field_index}")
        self.field_index = field_index


class Encoder:
    """How a row-format file sink writes an element.

    :param charset_name: The encoding of the text.
    """

    def __init__(self, charset_name: str) -> None:
        self.charset_name = _known_charset(charset_name)

    @staticmethod
    def simple_string_encoder(charset_name: str = "UTF-8") -> Encoder:
        """Writes each element as its string and a line feed.

        :param charset_name: The encoding of the text.
        :return: The encoder.
        :raises LookupError: When there is no such encoding.
        """
        return Encoder(charset_name)


class BulkWriterFactory:
    """How a bulk-format file sink writes its elements."""

    def __init__(self) -> None:
        raise not_yet("BulkWriterFactory", "use FileSink.for_row_format(…)")


class RowDataBulkWriterFactory(BulkWriterFactory):
    """How a bulk-format file sink writes rows."""


def _known_charset(name: str) -> str:
    import codecs

    codecs.lookup(name)
    return name
