"""How values become bytes at the edges of a job."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, BinaryIO

if TYPE_CHECKING:
    from pyflinkpp.common.typeinfo import TypeInformation

__all__ = [
    "BulkWriter",
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
    """How a row-format file sink writes an element. A class of your own overrides :meth:`encode`:

    >>> class AsJson(Encoder):
    ...     def encode(self, element, stream):
    ...         stream.write(json.dumps(element).encode() + bytes([10]))

    :param charset_name: The encoding of the text.
    :raises LookupError: When there is no such encoding.
    """

    def __init__(self, charset_name: str = "UTF-8") -> None:
        self.charset_name = _known_charset(charset_name)

    @staticmethod
    def simple_string_encoder(charset_name: str = "UTF-8") -> Encoder:
        """Writes each element as its string and a line feed.

        :param charset_name: The encoding of the text.
        :return: The encoder.
        :raises LookupError: When there is no such encoding.
        """
        return Encoder(charset_name)

    def encode(self, element: Any, stream: BinaryIO) -> None:
        """Writes an element: all of its bytes, because a part file may end behind any element.

        :param element: The element.
        :param stream: The part file; it can be written to and knows its position.
        """
        stream.write(f"{element}\n".encode(getattr(self, "charset_name", "UTF-8")))


class BulkWriter(ABC):
    """Writes the elements of one part file of a bulk format."""

    @abstractmethod
    def add_element(self, element: Any) -> None:
        """Takes an element, which may be written later.

        :param element: The element.
        """

    def flush(self) -> None:  # noqa: B027
        """Writes what was taken so far, as far as the format can."""

    @abstractmethod
    def finish(self) -> None:
        """Writes what is left and the file's end; it does not close the stream."""


class BulkWriterFactory(ABC):
    """How a bulk-format file sink writes its elements: it makes a writer for each part file.

    >>> class Pickles(BulkWriterFactory):
    ...     def create(self, out):
    ...         return PickleWriter(out)
    """

    @abstractmethod
    def create(self, out: BinaryIO) -> BulkWriter:
        """Makes the writer of a part file.

        :param out: The file; it can be written to and knows its position.
        :return: The writer.
        """


class RowDataBulkWriterFactory(BulkWriterFactory):
    """How a bulk-format file sink writes rows of a type.

    :param row_type: The type of the rows.
    """

    def __init__(self, row_type: TypeInformation) -> None:
        self._row_type = row_type

    def get_row_type(self) -> TypeInformation:
        """Gives the type of the rows.

        :return: The type.
        """
        return self._row_type


def _known_charset(name: str) -> str:
    import codecs

    codecs.lookup(name)
    return name
