"""Joins of elements of two keyed streams whose times are near each other."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any, Self

from pyflinkpp.common.constants import MIN_LONG_VALUE
from pyflinkpp.common.typeinfo import ListTypeInfo, Types
from pyflinkpp.common.typeinfo import output_type as read_type
from pyflinkpp.datastream._function_base import parts_of
from pyflinkpp.datastream._function_join import ProcessJoinFunction, _JoinContext
from pyflinkpp.datastream._function_process import KeyedCoProcessFunction
from pyflinkpp.datastream._process_spec import call, process_spec
from pyflinkpp.datastream._state_descriptors import MapStateDescriptor
from pyflinkpp.datastream._timestamped_value import TimestampedValue
from pyflinkpp.datastream._transformation import at_input
from pyflinkpp.datastream._window_types import milliseconds
from pyflinkpp.datastream.output_tag import OutputTag

if TYPE_CHECKING:
    from pyflinkpp.common.time import Duration, Time
    from pyflinkpp.common.typeinfo import TypeInformation
    from pyflinkpp.datastream._data_stream import DataStream, Type
    from pyflinkpp.datastream._keyed_stream import KeyedStream

__all__ = ["IntervalJoin", "IntervalJoined"]


class IntervalJoin:
    """Two keyed streams that are to be joined by time.

    :param stream1: The left stream.
    :param stream2: The right stream.
    :raises TypeError: When one is no KeyedStream.
    :raises ValueError: When the types of the keys or the environments differ.
    """

    def __init__(self, stream1: KeyedStream, stream2: KeyedStream) -> None:
        from pyflinkpp.datastream._connected_streams import ConnectedStreams
        from pyflinkpp.datastream._keyed_stream import KeyedStream

        if not isinstance(stream2, KeyedStream):
            raise TypeError(f"interval_join takes a KeyedStream, not {stream2!r}")
        self._streams = ConnectedStreams(stream1, stream2)

    def between(self, lower_bound: Time | Duration, upper_bound: Time | Duration) -> IntervalJoined:
        """Sets where the times of right elements lie, seen from a left element.

        :param lower_bound: How much later than the left element at least; negative for earlier.
        :param upper_bound: How much later than the left element at most; negative for earlier.
        :return: What ``process`` is called on; both bounds are inclusive unless it is told.
        :raises ValueError: When the lower bound is above the upper one.
        """
        lower = milliseconds(lower_bound, "lower_bound")
        upper = milliseconds(upper_bound, "upper_bound")
        _require_interval(lower, upper)
        return IntervalJoined(self._streams.stream1, self._streams.stream2, lower, upper)


class IntervalJoined:
    """Two keyed streams that are joined by time; ``process`` makes the results.

    :param left: The left stream.
    :param right: The right stream.
    :param lower_ms: How much later right elements are at least, in milliseconds.
    :param upper_ms: How much later right elements are at most, in milliseconds.
    """

    def __init__(self, left: DataStream, right: DataStream, lower_ms: int, upper_ms: int) -> None:
        self._left = left
        self._right = right
        self._bounds_ms = lower_ms, upper_ms
        self._exclusive = [False, False]
        self._late: list[OutputTag | None] = [None, None]

    def lower_bound_exclusive(self) -> Self:
        """Leaves out right elements exactly at the lower bound.

        :return: This object.
        """
        self._exclusive[0] = True
        return self

    def upper_bound_exclusive(self) -> Self:
        """Leaves out right elements exactly at the upper bound.

        :return: This object.
        """
        self._exclusive[1] = True
        return self

    def side_output_left_late_data(self, output_tag: OutputTag) -> Self:
        """Sends left elements behind the watermark to a side output instead of dropping them.

        :param output_tag: The side output.
        :return: This object.
        :raises TypeError: When it is no OutputTag.
        """
        self._late[0] = _tag(output_tag)
        return self

    def side_output_right_late_data(self, output_tag: OutputTag) -> Self:
        """Sends right elements behind the watermark to a side output instead of dropping them.

        :param output_tag: The side output.
        :return: This object.
        :raises TypeError: When it is no OutputTag.
        """
        self._late[1] = _tag(output_tag)
        return self

    def process(self, function: ProcessJoinFunction, output_type: Type = None) -> DataStream:
        """Makes the results of all pairs of a left and a right element in the interval.

        Elements behind the watermark are dropped; an element without a timestamp is an error.

        :param function: Makes the results of a pair.
        :param output_type: The type of the results; any Python object when left out.
        :return: The stream of the results; their time is the later of the pair's.
        :raises TypeError: When the function is no ProcessJoinFunction.
        :raises ValueError: When no time is left between exclusive bounds.
        """
        if not isinstance(function, ProcessJoinFunction):
            raise TypeError(f"process takes a ProcessJoinFunction, not {function!r}")
        lower = self._bounds_ms[0] + self._exclusive[0]
        upper = self._bounds_ms[1] - self._exclusive[1]
        _require_interval(lower, upper)
        left, right = self._left, self._right
        join = JoinByInterval(
            function, lower, upper, (left.get_type(), right.get_type()), (*self._late,)
        )
        spec = process_spec(
            call("process_element1", with_context=True, many=True),
            call("process_element2", with_context=True, many=True),
            key_type=left._key_type,
        )
        spec["timestamped"] = True
        inputs = at_input(left._inputs, 0) + at_input(right._inputs, 1)
        return left._transform("Interval Join", spec, read_type(output_type), join, inputs)


class JoinByInterval(KeyedCoProcessFunction):
    """Keeps the elements of both sides as long as a partner may come.

    Each result is a TimestampedValue, whose value is what a process function gives.

    :param function: Makes the results of a pair.
    :param lower: How much later right elements are at least, in milliseconds.
    :param upper: How much later right elements are at most, in milliseconds.
    :param types: The types of the left and of the right elements.
    :param late: The side outputs for late elements of both.
    """

    def __init__(
        self,
        function: ProcessJoinFunction,
        lower: int,
        upper: int,
        types: tuple[TypeInformation, TypeInformation],
        late: tuple[OutputTag | None, ...],
    ) -> None:
        self._function = function
        self._intervals = (lower, upper), (-upper, -lower)
        self._late = late
        self._descriptors = [
            MapStateDescriptor(name, Types.LONG(), ListTypeInfo(kind))
            for name, kind in zip(("left-buffer", "right-buffer"), types, strict=True)
        ]
        self._buffers: list[Any] = []

    def open(self, runtime_context: Any) -> None:
        self._buffers = [runtime_context.get_map_state(d) for d in self._descriptors]
        self._function.open(runtime_context)

    def close(self) -> None:
        self._function.close()

    def _parts(self) -> Iterable[Any]:
        return parts_of(self._function)

    def process_element1(self, value: Any, ctx: Any) -> Iterator[TimestampedValue]:
        return self._take(0, value, ctx)

    def process_element2(self, value: Any, ctx: Any) -> Iterator[TimestampedValue]:
        return self._take(1, value, ctx)

    def on_timer(self, timestamp: int, ctx: Any) -> None:
        for (_, upper), buffer in zip(self._intervals, self._buffers, strict=True):
            buffer.remove(timestamp - max(0, upper))

    def _take(self, side: int, value: Any, ctx: Any) -> Iterator[TimestampedValue]:
        time: int | None = ctx.timestamp()
        if time is None or time <= MIN_LONG_VALUE:
            raise ValueError(
                "an interval join needs elements with timestamps, and this one has none: call "
                "assign_timestamps_and_watermarks() before"
            )
        timers = ctx.timer_service()
        if time < timers.current_watermark():
            tag = self._late[side]
            if tag is not None:
                yield TimestampedValue((tag, value), time)
            return
        own, others = self._buffers[side], self._buffers[1 - side]
        own.put(time, [*(own.get(time) or ()), value])
        lower, upper = self._intervals[side]
        near = [entry for entry in others.items() if time + lower <= entry[0] <= time + upper]
        for other_time, partners in sorted(near, key=_time):
            times = (time, other_time) if side == 0 else (other_time, time)
            for partner in partners:
                yield from self._pair(side, value, partner, times)
        timers.register_event_time_timer(time + max(0, upper))

    def _pair(
        self, side: int, value: Any, partner: Any, times: tuple[int, int]
    ) -> Iterator[TimestampedValue]:
        pair = (value, partner) if side == 0 else (partner, value)
        context = _PairContext(*times)
        time = max(times)
        for result in self._function.process_element(*pair, context) or ():
            yield TimestampedValue(result, time)


class _PairContext(_JoinContext):
    __slots__ = ("_left", "_right")

    def __init__(self, left: int, right: int) -> None:
        self._left = left
        self._right = right

    def get_left_timestamp(self) -> int:
        return self._left

    def get_right_timestamp(self) -> int:
        return self._right

    def get_timestamp(self) -> int:
        return max(self._left, self._right)


def _time(entry: tuple[int, Any]) -> int:
    return entry[0]


def _tag(tag: object) -> OutputTag:
    if not isinstance(tag, OutputTag):
        raise TypeError(f"an OutputTag is wanted, not {tag!r}")
    return tag


def _require_interval(lower_ms: int, upper_ms: int) -> None:
    if lower_ms > upper_ms:
        raise ValueError(
            f"an interval join needs a lower bound that is not above the upper one, "
            f"not {lower_ms} ms and {upper_ms} ms"
        )
