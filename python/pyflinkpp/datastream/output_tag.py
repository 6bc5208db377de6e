"""Names of side outputs."""

from __future__ import annotations

from pyflinkpp.common.typeinfo import TypeInformation, output_type

__all__ = ["OutputTag"]


class OutputTag:
    """The name and the type of a side output.

    >>> late = OutputTag("late", Types.TUPLE([Types.STRING(), Types.LONG()]))  # doctest: +SKIP

    :param tag_id: The name, not empty.
    :param type_info: The type of the elements; a list means a ROW, None any Python object.
    :raises ValueError: When the name is empty.
    :raises TypeError: When the type is something else.
    """

    __slots__ = ("tag_id", "type_info")

    def __init__(
        self, tag_id: str, type_info: TypeInformation | list[TypeInformation] | None = None
    ) -> None:
        if not tag_id:
            raise ValueError("an OutputTag needs a name that is not empty")
        self.tag_id = tag_id
        self.type_info = output_type(type_info)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, OutputTag) and other.tag_id == self.tag_id

    def __hash__(self) -> int:
        return hash(self.tag_id)

    def __repr__(self) -> str:
        return f"OutputTag({self.tag_id!r}, {self.type_info})"
