"""Streams whose elements are grouped by a key."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, NoReturn

from pyflinkpp.common.typeinfo import TypeInformation, engine_type
from pyflinkpp.common.typeinfo import output_type as read_type
from pyflinkpp.datastream._aggregation import FieldReduce, field_index
from pyflinkpp.datastream._data_stream import DataStream, Type
from pyflinkpp.datastream._function_base import (
    FilterFunction,
    FlatMapFunction,
    KeySelector,
    MapFunction,
    ReduceFunction,
)
from pyflinkpp.datastream._function_process import KeyedProcessFunction
from pyflinkpp.datastream._process_spec import KeyedFilter, call, process_spec
from pyflinkpp.datastream._transformation import Edge, Transformation

if TYPE_CHECKING:
    from pyflinkpp.datastream._interval_join import IntervalJoin
    from pyflinkpp.datastream._window_assigner import WindowAssigner
    from pyflinkpp.datastream._windowed_stream import WindowedStream

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
        spec = {"kind": "reduce", "function": "python", "key_type": self._key_type}
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

    def map(self, func: Callable[[Any], Any] | MapFunction, output_type: Type = None) -> DataStream:
        """Makes one element of each element, under its key: a MapFunction may have keyed state.

        :param func: Makes the new element.
        :param output_type: The type of the new elements; any Python object when left out.
        :return: The stream of the new elements.
        :raises TypeError: When func is no MapFunction and can't be called.
        """
        if not isinstance(func, MapFunction):
            return self._under_key(super().map(func, output_type))
        return self._call("Map", call("map"), output_type, func)

    def flat_map(
        self, func: Callable[[Any], Iterable[Any]] | FlatMapFunction, output_type: Type = None
    ) -> DataStream:
        """Makes any number of elements of each element, under its key: a FlatMapFunction may have
        keyed state.

        :param func: Gives the new elements: a generator or any other iterable.
        :param output_type: The type of the new elements; any Python object when left out.
        :return: The stream of the new elements.
        :raises TypeError: When func is no FlatMapFunction and can't be called.
        """
        if not isinstance(func, FlatMapFunction):
            return self._under_key(super().flat_map(func, output_type))
        return self._call("FlatMap", call("flat_map", many=True), output_type, func)

    def filter(self, func: Callable[[Any], bool] | FilterFunction) -> DataStream:
        """Keeps the elements for which a function says True, under their key: a FilterFunction may
        have keyed state.

        :param func: Tells whether to keep an element.
        :return: The stream of what is kept, of the same type.
        :raises TypeError: When func is no FilterFunction and can't be called.
        """
        if not isinstance(func, FilterFunction):
            return self._under_key(super().filter(func))
        return self._call("Filter", call("flat_map", many=True), self._type, KeyedFilter(func))

    def process(  # type: ignore[override]
        self, func: KeyedProcessFunction, output_type: Type = None
    ) -> DataStream:
        """Applies a process function, which has state and timers for each key.

        >>> class Timeout(KeyedProcessFunction):
        ...     def process_element(self, value, ctx):
        ...         ctx.timer_service().register_event_time_timer(ctx.timestamp() + 1000)
        ...
        ...     def on_timer(self, timestamp, ctx):
        ...         yield ctx.get_current_key(), timestamp

        :param func: The function.
        :param output_type: The type of the new elements; any Python object when left out.
        :return: The stream of the new elements.
        :raises TypeError: When func is no KeyedProcessFunction.
        """
        if not isinstance(func, KeyedProcessFunction):
            raise TypeError(f"process on a keyed stream takes a KeyedProcessFunction, not {func!r}")
        how = call("process_element", with_context=True, many=True)
        return self._call("KeyedProcess", how, output_type, func)

    def window(self, window_assigner: WindowAssigner[Any, Any]) -> WindowedStream:
        """Groups the elements of each key into windows.

        >>> keyed.window(TumblingEventTimeWindows.of(Time.minutes(1))).reduce(max)  # doctest: +SKIP

        :param window_assigner: Puts elements into windows.
        :return: The windowed stream.
        :raises TypeError: When it is no WindowAssigner.
        """
        from pyflinkpp.datastream._windowed_stream import WindowedStream

        return WindowedStream(self, window_assigner)

    def count_window(self, size: int, slide: int = 0) -> WindowedStream:
        """Groups the elements of each key into windows of so many; only full windows come out.

        :param size: The number of elements in a window.
        :param slide: After how many elements the next window starts; 0 for its size.
        :return: The windowed stream.
        :raises ValueError: When size is not at least 1 or slide is negative.
        """
        from pyflinkpp.datastream._window_counts import count_windows

        return self.window(count_windows(size, slide))

    def interval_join(self, other: KeyedStream) -> IntervalJoin:
        """Joins each element with those elements of another stream that have the same key and a
        time near its own.

        >>> orders.interval_join(payments).between(  # doctest: +SKIP
        ...     Time.milliseconds(0), Time.hours(1)
        ... ).process(Pair())

        :param other: The other keyed stream, with keys of the same type.
        :return: What :meth:`IntervalJoin.between` is called on.
        :raises TypeError: When it is no KeyedStream.
        :raises ValueError: When the types of the keys or the environments differ.
        """
        from pyflinkpp.datastream._interval_join import IntervalJoin

        return IntervalJoin(self, other)

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

    def _call(self, name: str, how: dict[str, Any], type_info: Type, func: Any) -> DataStream:
        spec = process_spec(how, key_type=self._key_type)
        return self._transform(name, spec, read_type(type_info), func)

    def _under_key(self, stream: DataStream) -> DataStream:
        """Lets errors of a function that sees no key tell it."""
        assert stream._node is not None
        stream._node.spec["key_type"] = engine_type(self._key_type)
        return stream

    def _operator(self, setting: str) -> Transformation:
        raise ValueError(
            f"a keyed stream has no {setting}: set it on the operator before key_by() "
            "or on the one that follows"
        )

    def _aggregate(self, function: str, position: int | str) -> DataStream:
        field = field_index(position, self._type)
        if field is None:
            return self.reduce(FieldReduce(function, position))
        spec = {
            "kind": "reduce",
            "function": function,
            "field": field,
            "key_type": self._key_type,
        }
        return self._transform("Reduce", spec, self._type)
