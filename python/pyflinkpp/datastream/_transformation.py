"""The description of a program: operators and how they follow each other. Nothing runs here."""

from __future__ import annotations

from collections.abc import Callable
from itertools import count
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from pyflinkpp.common.typeinfo import TypeInformation
    from pyflinkpp.datastream.output_tag import OutputTag

__all__ = ["Edge", "Transformation", "at_input"]

_numbers = count()


class Edge(NamedTuple):
    """Where elements come from.

    ``partitioner`` says how they are dealt out to the subtasks that follow; None leaves it to the
    translation: forward when the parallelism is the same, otherwise rebalance. ``input`` is the
    number of the follower's input that they come to, from 0. ``side_output`` is the id of the side
    output of ``source`` that they are taken from; None for its main output.
    """

    source: Transformation
    partitioner: str | None
    input: int = 0
    side_output: str | None = None


def at_input(
    edges: tuple[Edge, ...], number: int, partitioner: str | None = None
) -> tuple[Edge, ...]:
    """Leads edges to one of the inputs of an operator.

    :param edges: The edges of a stream.
    :param number: The number of the input, from 0.
    :param partitioner: How the elements are dealt out instead; None leaves that as it is.
    :return: The new edges.
    """
    return tuple(
        edge._replace(input=number, partitioner=partitioner or edge.partitioner) for edge in edges
    )


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
        "side_outputs",
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
        self.side_outputs: list[OutputTag] = []
        self.check: Callable[[str], None] | None = None
