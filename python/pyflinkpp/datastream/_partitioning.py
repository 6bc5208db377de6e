"""How a stream's elements are dealt out to the subtasks of what follows."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, overload

from pyflinkpp.datastream._function_base import KeySelector, Partitioner
from pyflinkpp.datastream._transformation import Edge, Transformation

if TYPE_CHECKING:
    from pyflinkpp.common.typeinfo import TypeInformation
    from pyflinkpp.datastream._broadcast_streams import BroadcastStream
    from pyflinkpp.datastream._data_stream import DataStream
    from pyflinkpp.datastream._state_descriptors import MapStateDescriptor
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

    @overload
    def broadcast(self) -> DataStream: ...

    @overload
    def broadcast(
        self,
        broadcast_state_descriptor: MapStateDescriptor,
        *other_broadcast_state_descriptors: MapStateDescriptor,
    ) -> BroadcastStream: ...

    def broadcast(
        self,
        broadcast_state_descriptor: MapStateDescriptor | None = None,
        *other_broadcast_state_descriptors: MapStateDescriptor,
    ) -> DataStream | BroadcastStream:
        """Sends each element to all subtasks; with state descriptors they remember it there.

        >>> rules = MapStateDescriptor("rules", Types.STRING(), Types.LONG())
        >>> elements.connect(changes.broadcast(rules)).process(Apply())  # doctest: +SKIP

        :param broadcast_state_descriptor: A state that the elements change.
        :param other_broadcast_state_descriptors: Further states.
        :return: The stream, dealt out so; with a descriptor, a BroadcastStream to connect with.
        :raises TypeError: When a descriptor is no MapStateDescriptor.
        :raises ValueError: When two descriptors have one name.
        """
        if broadcast_state_descriptor is None:
            return self._partitioned("broadcast")
        from pyflinkpp.datastream._broadcast_streams import BroadcastStream

        descriptors = [broadcast_state_descriptor, *other_broadcast_state_descriptors]
        return BroadcastStream(self._partitioned("broadcast"), descriptors)

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
        return self._stream(tuple(edge._replace(partitioner=partitioner) for edge in self._inputs))

    def _stream(self, inputs: tuple[Edge, ...]) -> DataStream:
        from pyflinkpp.datastream._data_stream import DataStream

        return DataStream(self._environment, inputs, self._type)
