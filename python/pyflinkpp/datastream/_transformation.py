"""The description of a program: operators and how they follow each other. Nothing runs here."""

from __future__ import annotations

from collections.abc import Callable
from itertools import count
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from pyflinkpp.common.typeinfo import TypeInformation

__all__ = ["Edge", "Transformation"]

_numbers = count()


class Edge(NamedTuple):
    """Where elements come from.

    ``partitioner`` says how they are dealt out to the subtasks that follow; None leaves it to the
    translation: forward when the parallelism is the same, otherwise rebalance.
    """

    source: Transformation
    partitioner: str | None


class Transformation:
    """An operator as described so far; its settings may change until the job is submitted."""

    __slots__ = (
        "bounded",
        "buffer_timeout_ms",
        "can_be_parallel",
        "chaining",
        "check",
        "description",
        "follows_input",
        "function",
        "inputs",
        "max_parallelism",
        "name",
        "number",
        "output_type",
        "parallelism",
        "slot_sharing_group",
        "spec",
        "uid",
        "uid_hash",
    )

    def __init__(
        self,
        name: str,
        spec: dict[str, Any],
        parallelism: int,
        inputs: tuple[Edge, ...] = (),
        output_type: TypeInformation | None = None,
        function: Any = None,
    ) -> None:
        self.name = name
        self.spec = spec
        self.parallelism = parallelism
        self.inputs = inputs
        self.output_type = output_type
        self.function = function
        self.number = next(_numbers)
        self.max_parallelism: int | None = None
        self.can_be_parallel = True
        self.follows_input = False
        self.bounded = True
        self.chaining = "always"
        self.slot_sharing_group: str | None = None
        self.buffer_timeout_ms: int | None = None
        self.uid: str | None = None
        self.uid_hash: str | None = None
        self.description: str | None = None
        self.check: Callable[[str], None] | None = None
