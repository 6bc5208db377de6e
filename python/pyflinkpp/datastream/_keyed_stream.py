"""Streams whose elements are grouped by a key."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NoReturn

from pyflinkpp._missing import not_yet
from pyflinkpp.datastream._aggregation import FieldReduce, field_index
from pyflinkpp.datastream._data_stream import DataStream, Type
from pyflinkpp.datastream._function_base import KeySelector, ReduceFunction
from pyflinkpp.datastream._function_process import KeyedProcessFunction
from pyflinkpp.datastream._transformation import Edge, Transformation

if TYPE_CHECKING:
    from pyflinkpp.common.typeinfo import TypeInformation

__all__ = ["KeyedStream"]


class KeyedStream(DataStream):
    """A stream whose elements are grouped by a key: functions on it run under the key.

    It is no operator, so it has no name, uid or parallelism, and it can't be dealt out otherwise.
    """

    def __init__(self, origin: DataStream, node: Transformation, key_type: TypeInformation) -> None:
        super().__init__(origin._environment, (Edge(node, "hash"),), origin._type)
        self._origin = origin
        self._key_type = key_type

    def reduce(self, func: Callable[[Any, Any], Any] | ReduceFunction) -> DataStream:
        """Combines the elements of each key, two at a time, and gives what came so far.

        The first element of a key comes out as it is. In batch mode only each key's last result
        comes out.

        >>> pairs.key_by(lambda t: t[0]).reduce(lambda a, b: (a[0], a[1] + b[1]))  # doctest: +SKIP

        :param func: Combines two elements into one of the same type.
        :return: The stream of the combinations, of the same type.
        :raises TypeError: When func is no ReduceFunction and can't be called.
        """
        if not isinstance(func, ReduceFunction) and not callable(func):
            raise TypeError(f"reduce takes a ReduceFunction or a callable, not {func!r}")
        spec = {"kind": "reduce", "function": "python"}
        return self._transform("Reduce", spec, self._type, func)

    def sum(self, position_to_sum: int | str = 0) -> DataStream:
        """Gives the sum so far of a field over the elements of each key.

        The other fields are those of the key's first element.

        >>> pairs.key_by(lambda t: t[0]).sum(1)  # doctest: +SKIP

        :param position_to_sum: The field's position or name; 0 is also a value without fields.
        :return: The stream of the sums, of the same type.
        :raises TypeError: When it is no position or name, or the elements have no fields.
        :raises ValueError: When there is no such field.
        """
        return self._aggregate("sum", position_to_sum)

    def min(self, position_to_min: int | str = 0) -> DataStream:
        """Gives the least value so far of a field over the elements of each key.

        The other fields are those of the key's first element.

        :param position_to_min: The field's position or name; 0 is also a value without fields.
        :return: The stream of the least values, of the same type.
        :raises TypeError: When it is no position or name, or the elements have no fields.
        :raises ValueError: When there is no such field.
        """
        return self._aggregate("min", position_to_min)

    def max(self, position_to_max: int | str = 0) -> DataStream:
        """Gives the greatest value so far of a field over the elements of each key.

        The other fields are those of the key's first element.

        :param position_to_max: The field's position or name; 0 is also a value without fields.
        :return: The stream of the greatest values, of the same type.
        :raises TypeError: When it is no position or name, or the elements have no fields.
        :raises ValueError: When there is no such field.
        """
        return self._aggregate("max", position_to_max)

    def min_by(self, position_to_min_by: int | str = 0) -> DataStream:
        """Gives the element of each key whose field is the least so far, the earliest of equals.

        :param position_to_min_by: The field's position or name; 0 is also a value without fields.
        :return: The stream of these elements.
        :raises TypeError: When it is no position or name, or the elements have no fields.
        :raises ValueError: When there is no such field.
        """
        return self._aggregate("min_by", position_to_min_by)

    def max_by(self, position_to_max_by: int | str = 0) -> DataStream:
        """Gives the element of each key whose field is the greatest so far, the earliest of equals.

        :param position_to_max_by: The field's position or name; 0 is also a value without fields.
        :return: The stream of these elements.
        :raises TypeError: When it is no position or name, or the elements have no fields.
        :raises ValueError: When there is no such field.
        """
        return self._aggregate("max_by", position_to_max_by)

    def key_by(
        self,
        key_selector: Callable[[Any], Any] | KeySelector,
        key_type: TypeInformation | None = None,
    ) -> KeyedStream:
        """Groups the elements by another key instead.

        :param key_selector: Tells the key of an element.
        :param key_type: The type of the key.
        :return: The keyed stream.
        """
        return self._origin.key_by(key_selector, key_type)

    def process(self, func: KeyedProcessFunction, output_type: Type = None) -> DataStream:  # type: ignore[override]
        """Would apply a process function, which has state and timers for each key.

        :param func: The function.
        :param output_type: The type of the new elements.
        :raises TypeError: When func is no KeyedProcessFunction.
        :raises NotImplementedError: Otherwise, in this version.
        """
        if not isinstance(func, KeyedProcessFunction):
            raise TypeError(f"process on a keyed stream takes a KeyedProcessFunction, not {func!r}")
        raise not_yet("KeyedStream.process(), keyed state and timers", "use reduce()")

    def window(self, window_assigner: Any) -> NoReturn:
        """Would group the elements of each key into windows.

        :param window_assigner: Puts elements into windows.
        :raises NotImplementedError: Always, in this version.
        """
        raise not_yet("KeyedStream.window()")

    def count_window(self, size: int, slide: int = 0) -> NoReturn:
        """Would group the elements of each key into windows of so many.

        :param size: The number of elements in a window.
        :param slide: After how many elements the next window starts; 0 for its size.
        :raises NotImplementedError: Always, in this version.
        """
        raise not_yet("KeyedStream.count_window()")

    def partition_custom(self, partitioner: Any, key_selector: Any) -> NoReturn:
        """Refuses: elements go where their key says.

        :param partitioner: Not used.
        :param key_selector: Not used.
        :raises ValueError: Always.
        """
        self._partitioned("partition_custom")

    def broadcast(
        self, broadcast_state_descriptor: Any = None, *other_broadcast_state_descriptors: Any
    ) -> NoReturn:
        """Refuses: elements go where their key says.

        :param broadcast_state_descriptor: Not used.
        :param other_broadcast_state_descriptors: Not used.
        :raises ValueError: Always.
        """
        self._partitioned("broadcast")

    def cache(self) -> NoReturn:
        """Refuses: a keyed stream is no operator.

        :raises ValueError: Always.
        """
        self._operator("cache")
        raise AssertionError

    def _partitioned(self, partitioner: str) -> NoReturn:
        raise ValueError(
            f"a keyed stream can't be dealt out by {partitioner}: elements go where their key "
            "says; redistribute the stream before key_by(), or what comes of this one"
        )

    def _operator(self, setting: str) -> Transformation:
        raise ValueError(
            f"a keyed stream has no {setting}: set it on the operator before key_by() "
            "or on the one that follows"
        )

    def _aggregate(self, function: str, position: int | str) -> DataStream:
        field = field_index(position, self._type)
        if field is None:
            return self.reduce(FieldReduce(function, position))
        spec = {"kind": "reduce", "function": function, "field": field}
        return self._transform("Reduce", spec, self._type)
