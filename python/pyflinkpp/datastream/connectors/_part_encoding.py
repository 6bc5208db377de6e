"""Encoders and bulk writers of file sinks while a job runs: the engine calls this, for a run of
elements at a time.
"""

from __future__ import annotations

from io import RawIOBase
from typing import TYPE_CHECKING, Any, BinaryIO, cast

from pyflinkpp.common.serialization import BulkWriter

if TYPE_CHECKING:
    from pyflinkpp.common.serialization import BulkWriterFactory, Encoder

__all__ = ["BulkParts", "EncodedParts"]


class PartStream(RawIOBase):
    """A part file as encoders see it: what is written waits here until the engine takes it."""

    def __init__(self) -> None:
        self._written: list[bytes] = []
        self._position = 0

    def writable(self) -> bool:
        """Says that it can be written to."""
        return True

    def write(self, data: Any) -> int:
        """Takes bytes."""
        written = bytes(data)
        self._written.append(written)
        self._position += len(written)
        return len(written)

    def tell(self) -> int:
        """Gives the position in the part file."""
        return self._position

    def take(self) -> bytes:
        """Gives what was written since the last call."""
        written = b"".join(self._written)
        self._written.clear()
        return written


class EncodedParts:
    """Part files of a row format.

    :param encoder: What writes an element.
    """

    def __init__(self, encoder: Encoder) -> None:
        self._encoder = encoder
        self.element: Any = None  # in hand
        self.begin()

    def begin(self) -> None:
        """A part file begins."""
        self._stream = PartStream()

    def encode(self, elements: list[Any]) -> tuple[bytes, list[int]]:
        """Gives the bytes of elements and where in them each one ends."""
        stream, encode = self._stream, self._encoder.encode
        start, ends = stream.tell(), []
        for self.element in elements:
            encode(self.element, cast("BinaryIO", stream))
            ends.append(stream.tell() - start)
        return stream.take(), ends

    def end(self) -> bytes:
        """The part file ends."""
        return b""


class BulkParts:
    """Part files of a bulk format.

    :param factory: What makes the writer of each.
    """

    def __init__(self, factory: BulkWriterFactory) -> None:
        self._factory = factory
        self.element: Any = None  # in hand

    def begin(self) -> None:
        """A part file begins."""
        self._stream = PartStream()
        self._writer = self._factory.create(cast("BinaryIO", self._stream))
        if not isinstance(self._writer, BulkWriter):
            raise TypeError(
                f"{type(self._factory).__name__}.create() must give a BulkWriter, not "
                f"{self._writer!r}"
            )

    def encode(self, elements: list[Any]) -> tuple[bytes, list[int]]:
        """Gives the bytes that are there after elements; some may come later."""
        add_element = self._writer.add_element
        for self.element in elements:
            add_element(self.element)
        return self._stream.take(), []

    def end(self) -> bytes:
        """The part file ends."""
        self._writer.finish()
        return self._stream.take()
