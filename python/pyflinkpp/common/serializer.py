"""Serializers that are written in Python."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from io import BytesIO

__all__ = ["TypeSerializer", "VoidNamespaceSerializer"]

T = TypeVar("T")


class TypeSerializer(ABC, Generic[T]):
    """Turns values of one type into bytes and back; two of one class are equal."""

    @abstractmethod
    def serialize(self, element: T, stream: BytesIO) -> None:
        """Writes a value.

        :param element: The value.
        :param stream: Where to write it.
        """

    @abstractmethod
    def deserialize(self, stream: BytesIO) -> T:
        """Reads a value.

        :param stream: Where to read it.
        :return: The value.
        """

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and self.__dict__ == other.__dict__

    def __hash__(self) -> int:
        return hash(type(self))

    def __repr__(self) -> str:
        return type(self).__name__


class VoidNamespaceSerializer(TypeSerializer[bytes]):
    """Writes nothing."""

    def serialize(self, element: bytes, stream: BytesIO) -> None:  # noqa: D102
        pass

    def deserialize(self, stream: BytesIO) -> bytes:  # noqa: D102
        return b""
