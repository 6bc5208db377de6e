"""How a stream's elements are dealt out to the subtasks of what follows."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from pyflinkpp._missing import not_yet
from pyflinkpp.datastream._function_base import KeySelector, Partitioner
from pyflinkpp.datastream._transformation import Edge, Transformation

if TYPE_CHECKING:
    from pyflinkpp.common.typeinfo import TypeInformation
    from pyflinkpp.datastream._data_stream import DataStream
    from pyflinkpp.datastream.stream_execution_environment import StreamExecutionEnvironment

__all__ = ["Partitioning"]


class Partitioning:
    """The ways to deal out a stream's elements to the subtasks of what follows."""

    _environment: StreamExecutionEnvironment
    _inputs: tuple[Edge, ...]
    _type: TypeInformation

    def rebalance(self) -> DataStream:
        """Deals the elements out in turn.

        :return: The stream, dealt out so.
        """
        return self._partitioned("rebalance")

    def rescale(self) -> DataStream:
        """Deals the elements of each subtask out in turn to its share of the subtasks that follow.

        :return: The stream, dealt out so.
        """
        return self._partitioned("rescale")

    def shuffle(self) -> DataStream:
        """Deals the elements out at random.

        :return: The stream, dealt out so.
        """
        return self._partitioned("shuffle")

    def forward(self) -> DataStream:
        """Sends the elements to the subtask of the same index; the parallelism must be the same.

        :return: The stream, dealt out so.
        """
        return self._partitioned("forward")

    def global_(self) -> DataStream:
        """Sends all elements to the first subtask.

        :return: The stream, dealt out so.
        """
        return self._partitioned("global")

    def broadcast(
        self, broadcast_state_descriptor: Any = None, *other_broadcast_state_descriptors: Any
    ) -> DataStream:
        """Sends each element to all subtasks.

        :param broadcast_state_descriptor: With state descriptors it would be a BroadcastStream,
            which this version does not have.
        :param other_broadcast_state_descriptors: Further descriptors.
        :return: The stream, dealt out so.
        :raises NotImplementedError: When a state descriptor is given.
        """
        if broadcast_state_descriptor is not None:
            raise not_yet("DataStream.broadcast(state_descriptor), broadcast state")
        return self._partitioned("broadcast")

    def partition_custom(
        self,
        partitioner: Callable[[Any, int], int] | Partitioner,
        key_selector: Callable[[Any], Any] | KeySelector,
    ) -> DataStream:
        """Lets a function choose the subtask for each element.

        >>> stream.partition_custom(lambda key, n: key % n, lambda v: v[0])  # doctest: +SKIP

        :param partitioner: Given the key and the number of subtasks, tells the index of one.
        :param key_selector: Tells the key of an element.
        :return: The stream, dealt out so.
        :raises TypeError: When one of them is no such function.
        """
        if not isinstance(partitioner, Partitioner) and not callable(partitioner):
            raise TypeError(f"partitioner must be a Partitioner or a callable, not {partitioner!r}")
        if not isinstance(key_selector, KeySelector) and not callable(key_selector):
            raise TypeError(
                f"key_selector must be a KeySelector or a callable, not {key_selector!r}"
            )
        spec = {"kind": "python", "function": "partition_custom"}
        node = Transformation(
            "PartitionCustom", spec, -1, self._inputs, self._type, (partitioner, key_selector)
        )
        node.follows_input = True
        return self._stream((Edge(node, "custom"),))

    def _partitioned(self, partitioner: str) -> DataStream:
        return self._stream(tuple(Edge(edge.source, partitioner) for edge in self._inputs))

    def _stream(self, inputs: tuple[Edge, ...]) -> DataStream:
        from pyflinkpp.datastream._data_stream import DataStream

        return DataStream(self._environment, inputs, self._type)
