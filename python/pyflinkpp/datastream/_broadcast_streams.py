"""Broadcast streams with state, and streams that are connected with them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyflinkpp.datastream._function_process import (
    BroadcastProcessFunction,
    KeyedBroadcastProcessFunction,
)
from pyflinkpp.datastream._process_spec import call, process_spec
from pyflinkpp.datastream._state_descriptors import MapStateDescriptor
from pyflinkpp.datastream._transformation import at_input

if TYPE_CHECKING:
    from typing import Any

    from pyflinkpp.datastream._data_stream import DataStream, Type

__all__ = ["BroadcastConnectedStream", "BroadcastStream"]


class BroadcastStream:
    """A stream whose elements go to all subtasks and are remembered there in broadcast state.

    :meth:`DataStream.broadcast` with state descriptors makes it; connecting it with another stream
    is all that can be done with it.

    >>> rules = MapStateDescriptor("rules", Types.STRING(), Types.LONG())
    >>> elements.connect(changes.broadcast(rules)).process(Apply())  # doctest: +SKIP

    :param input_stream: The stream.
    :param broadcast_state_descriptors: The states that follow from it.
    :raises TypeError: When a descriptor is no MapStateDescriptor.
    :raises ValueError: When two have one name.
    """

    def __init__(
        self, input_stream: DataStream, broadcast_state_descriptors: list[MapStateDescriptor]
    ) -> None:
        names = set()
        for descriptor in broadcast_state_descriptors:
            if not isinstance(descriptor, MapStateDescriptor):
                raise TypeError(f"broadcast takes MapStateDescriptors, not {descriptor!r}")
            if descriptor.name in names:
                raise ValueError(f"there are two broadcast states {descriptor.name!r}")
            names.add(descriptor.name)
        self.input_stream = input_stream
        self.broadcast_state_descriptors = broadcast_state_descriptors


class BroadcastConnectedStream:
    """A stream, keyed or not, connected with a broadcast stream.

    :param non_broadcast_stream: The stream.
    :param broadcast_stream: The broadcast stream.
    :param broadcast_state_descriptors: The states of the broadcast stream.
    :raises ValueError: When the environments of the streams differ.
    """

    def __init__(
        self,
        non_broadcast_stream: DataStream,
        broadcast_stream: BroadcastStream,
        broadcast_state_descriptors: list[MapStateDescriptor],
    ) -> None:
        if non_broadcast_stream._environment is not broadcast_stream.input_stream._environment:
            raise ValueError("streams of different environments can't be connected")
        self.non_broadcast_stream = non_broadcast_stream
        self.broadcast_stream = broadcast_stream
        self.broadcast_state_descriptors = broadcast_state_descriptors

    def process(
        self,
        func: BroadcastProcessFunction[Any, Any, Any]
        | KeyedBroadcastProcessFunction[Any, Any, Any, Any],
        output_type: Type = None,
    ) -> DataStream:
        """Applies a function that sees the elements of both streams and the broadcast state.

        :param func: A KeyedBroadcastProcessFunction when the stream is keyed, otherwise a
            BroadcastProcessFunction.
        :param output_type: The type of the new elements; any Python object when left out.
        :return: The stream of the new elements.
        :raises TypeError: When func is something else.
        """
        from pyflinkpp.common.typeinfo import output_type as read_type

        stream = self.non_broadcast_stream
        key_type = stream._key_type
        wanted: type = (
            BroadcastProcessFunction if key_type is None else KeyedBroadcastProcessFunction
        )
        if not isinstance(func, wanted):
            raise TypeError(
                f"process on a stream that is {'not ' if key_type is None else ''}keyed and a "
                f"broadcast stream takes a {wanted.__name__}, not {func!r}"
            )
        spec = process_spec(
            call("process_element", with_context=True, many=True),
            call("process_broadcast_element", with_context=True, many=True),
            key_type=key_type,
            broadcast=True,
        )
        spec["broadcast_states"] = list(self.broadcast_state_descriptors)
        name = "Co-Process-Broadcast" if key_type is None else "Keyed-Co-Process-Broadcast"
        inputs = at_input(stream._inputs, 0)
        inputs += at_input(self.broadcast_stream.input_stream._inputs, 1, "broadcast")
        return stream._transform(name, spec, read_type(output_type), func, inputs)
