"""Streams whose elements are grouped into windows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Generic, Self, TypeVar

from pyflinkpp.common._checks import integer
from pyflinkpp.common.typeinfo import TypeInformation, Types
from pyflinkpp.common.typeinfo import output_type as read_type
from pyflinkpp.datastream._aggregation import field_index
from pyflinkpp.datastream._function_base import (
    AggregateFunction,
    NullByteKeySelector,
    ReduceFunction,
)
from pyflinkpp.datastream._function_window import (
    AllWindowFunction,
    ProcessAllWindowFunction,
    ProcessWindowFunction,
    WindowFunction,
)
from pyflinkpp.datastream._window_aggregation import merges_exactly, window_reduce
from pyflinkpp.datastream._window_assigner import MergingWindowAssigner, WindowAssigner
from pyflinkpp.datastream._window_counts import (
    CountSlidingWindowAssigner,
    CountTumblingWindowAssigner,
)
from pyflinkpp.datastream._window_evictors import Evictor
from pyflinkpp.datastream._window_runtime import WindowCall
from pyflinkpp.datastream._window_trigger import Trigger
from pyflinkpp.datastream.output_tag import OutputTag

if TYPE_CHECKING:
    from collections.abc import Callable

    from pyflinkpp.datastream._data_stream import DataStream, Type
    from pyflinkpp.datastream._keyed_stream import KeyedStream
    from pyflinkpp.datastream.stream_execution_environment import StreamExecutionEnvironment

__all__ = ["AllWindowedStream", "WindowedStream"]

F = TypeVar("F")
P = TypeVar("P")


class _Windowed(Generic[F, P]):
    """What windowed streams have in common; F and P are the classes of their functions."""

    _window_function: ClassVar[type]
    _process_function: ClassVar[type]
    _all = False

    def __init__(
        self, keyed_stream: KeyedStream, window_assigner: WindowAssigner[Any, Any]
    ) -> None:
        if not isinstance(window_assigner, WindowAssigner):
            raise TypeError(f"window takes a WindowAssigner, not {window_assigner!r}")
        self._keyed_stream = keyed_stream
        self._window_assigner = window_assigner
        self._window_trigger: Trigger[Any, Any] | None = None
        self._evictor: Evictor[Any, Any] | None = None
        self._allowed_lateness = 0
        self._late_data_output_tag: OutputTag | None = None

    def get_execution_environment(self) -> StreamExecutionEnvironment:
        """Gives the environment that the stream belongs to.

        :return: The environment.
        """
        return self._keyed_stream.get_execution_environment()

    def get_input_type(self) -> TypeInformation:
        """Gives the type of the elements.

        :return: The type.
        """
        return self._keyed_stream.get_type()

    def trigger(self, trigger: Trigger[Any, Any]) -> Self:
        """Sets what decides when a window's function runs, instead of the assigner's default.

        :param trigger: The trigger.
        :return: This object.
        :raises TypeError: When it is no Trigger.
        :raises ValueError: When the windows merge and the trigger can't.
        """
        if not isinstance(trigger, Trigger):
            raise TypeError(f"a Trigger is wanted, not {trigger!r}")
        self._require_merging(trigger)
        self._window_trigger = trigger
        return self

    def allowed_lateness(self, time_ms: int) -> Self:
        """Sets how long a window is kept after the watermark has passed its end.

        A late element fires its window again until then; after that it is dropped. It counts for
        windows of event time only.

        :param time_ms: Milliseconds; 0 by default.
        :return: This object.
        :raises TypeError: When it is no int.
        :raises ValueError: When it is negative.
        """
        if integer(time_ms, "time_ms") < 0:
            raise ValueError(f"the allowed lateness must not be negative: {time_ms}")
        self._allowed_lateness = time_ms
        return self

    def side_output_late_data(self, output_tag: OutputTag) -> Self:
        """Sends elements that are too late to a side output instead of dropping them.

        >>> late = OutputTag("late", Types.STRING())
        >>> counts = windows.side_output_late_data(late).process(Count())  # doctest: +SKIP
        >>> counts.get_side_output(late).print()  # doctest: +SKIP

        :param output_tag: The side output.
        :return: This object.
        :raises TypeError: When it is no OutputTag.
        """
        if not isinstance(output_tag, OutputTag):
            raise TypeError(f"an OutputTag is wanted, not {output_tag!r}")
        self._late_data_output_tag = output_tag
        return self

    def evictor(self, evictor: Evictor[Any, Any]) -> Self:
        """Sets what drops elements of a window before or after its function runs.

        :param evictor: The evictor.
        :return: This object.
        :raises TypeError: When it is no Evictor.
        """
        if not isinstance(evictor, Evictor):
            raise TypeError(f"an Evictor is wanted, not {evictor!r}")
        self._evictor = evictor
        return self

    def reduce(
        self,
        reduce_function: Callable[[Any, Any], Any] | ReduceFunction,
        window_function: F | P | None = None,
        output_type: Type = None,
    ) -> DataStream:
        """Combines the elements of each window, two at a time, as they come.

        :param reduce_function: Combines two elements into one of the same type.
        :param window_function: Makes the results of a window of the one combined element; left out,
            that element is the result.
        :param output_type: The type of the results; left out, that of the elements, or any Python
            object when there is a window function.
        :return: The stream of the results.
        :raises TypeError: When a function is something else.
        """
        if not isinstance(reduce_function, ReduceFunction) and not callable(reduce_function):
            raise TypeError(f"reduce takes a ReduceFunction or a callable, not {reduce_function!r}")
        self._require_function(window_function)
        if output_type is None and window_function is None:
            output_type = self.get_input_type()
        return self._build(reduce_function, window_function, output_type)

    def aggregate(
        self,
        aggregate_function: AggregateFunction,
        window_function: F | P | None = None,
        accumulator_type: Type = None,
        output_type: Type = None,
    ) -> DataStream:
        """Adds the elements of each window to an accumulator as they come.

        :param aggregate_function: Adds elements and makes the result.
        :param window_function: Makes the results of a window of that one result; left out, it is
            the result.
        :param accumulator_type: The type of the accumulator; any Python object when left out.
        :param output_type: The type of the results; any Python object when left out.
        :return: The stream of the results.
        :raises TypeError: When a function is something else.
        """
        if not isinstance(aggregate_function, AggregateFunction):
            raise TypeError(f"aggregate takes an AggregateFunction, not {aggregate_function!r}")
        self._require_function(window_function)
        accumulators = read_type(accumulator_type)
        return self._build(aggregate_function, window_function, output_type, accumulators)

    def apply(self, window_function: F, output_type: Type = None) -> DataStream:
        """Makes the results of each window of all its elements, which are kept until then.

        :param window_function: Makes the results.
        :param output_type: The type of the results; any Python object when left out.
        :return: The stream of the results.
        :raises TypeError: When the function is something else.
        """
        if not isinstance(window_function, self._window_function):
            raise TypeError(
                f"apply takes a {self._window_function.__name__}, not {window_function!r}"
            )
        return self._build(None, window_function, output_type)

    def process(self, process_window_function: P, output_type: Type = None) -> DataStream:
        """Makes the results of each window of all its elements, with the window's context.

        :param process_window_function: Makes the results.
        :param output_type: The type of the results; any Python object when left out.
        :return: The stream of the results.
        :raises TypeError: When the function is something else.
        """
        if not isinstance(process_window_function, self._process_function):
            raise TypeError(
                f"process takes a {self._process_function.__name__}, not {process_window_function!r}"
            )
        return self._build(None, process_window_function, output_type)

    def sum(self, position_to_sum: int | str = 0) -> DataStream:
        """Gives the sum of a field over each window; the other fields are its first element's.

        :param position_to_sum: The field's position or name; 0 is also a value without fields.
        :return: The stream of the sums, of the same type.
        :raises TypeError: When it is no position or name, or the elements have no fields.
        :raises ValueError: When there is no such field.
        """
        return self._aggregate("sum", position_to_sum)

    def min(self, position_to_min: int | str = 0) -> DataStream:
        """Gives the least value of a field in each window; the other fields are its first
        element's.

        :param position_to_min: The field's position or name; 0 is also a value without fields.
        :return: The stream of the least values, of the same type.
        :raises TypeError: When it is no position or name, or the elements have no fields.
        :raises ValueError: When there is no such field.
        """
        return self._aggregate("min", position_to_min)

    def max(self, position_to_max: int | str = 0) -> DataStream:
        """Gives the greatest value of a field in each window; the other fields are its first
        element's.

        :param position_to_max: The field's position or name; 0 is also a value without fields.
        :return: The stream of the greatest values, of the same type.
        :raises TypeError: When it is no position or name, or the elements have no fields.
        :raises ValueError: When there is no such field.
        """
        return self._aggregate("max", position_to_max)

    def min_by(self, position_to_min_by: int | str = 0) -> DataStream:
        """Gives the element of each window whose field is the least, the earliest of equals.

        :param position_to_min_by: The field's position or name; 0 is also a value without fields.
        :return: The stream of these elements.
        :raises TypeError: When it is no position or name, or the elements have no fields.
        :raises ValueError: When there is no such field.
        """
        return self._aggregate("min_by", position_to_min_by)

    def max_by(self, position_to_max_by: int | str = 0) -> DataStream:
        """Gives the element of each window whose field is the greatest, the earliest of equals.

        :param position_to_max_by: The field's position or name; 0 is also a value without fields.
        :return: The stream of these elements.
        :raises TypeError: When it is no position or name, or the elements have no fields.
        :raises ValueError: When there is no such field.
        """
        return self._aggregate("max_by", position_to_max_by)

    def _aggregate(self, function: str, position: int | str) -> DataStream:
        field = field_index(position, self.get_input_type())
        reduce = window_reduce(function, position, field)
        reduce.merges_panes = merges_exactly(function, field, self.get_input_type())
        stream = self._build(reduce, None, self.get_input_type())
        if field is not None and self._evictor is None:
            assert stream._node is not None
            stream._node.spec["aggregation"] = {"function": function, "field": field}
        return stream

    def _require_function(self, function: object) -> None:
        kinds = self._window_function, self._process_function
        if function is not None and not isinstance(function, kinds):
            raise TypeError(
                f"window_function must be a {kinds[0].__name__} or a {kinds[1].__name__}, "
                f"not {function!r}"
            )

    def _require_merging(self, trigger: Trigger[Any, Any]) -> None:
        if isinstance(self._window_assigner, MergingWindowAssigner) and not trigger.can_merge():
            raise ValueError(
                f"the windows of {type(self._window_assigner).__name__} merge, which "
                f"{type(trigger).__name__} does not support (can_merge() is False)"
            )

    def _build(
        self,
        combine: Any,
        window_function: Any,
        output_type: Type,
        accumulator_type: TypeInformation | None = None,
    ) -> DataStream:
        assigner, trigger = self._window_assigner, self._window_trigger
        if trigger is None:
            trigger = assigner.get_default_trigger(self.get_execution_environment())
            if not isinstance(trigger, Trigger):
                raise TypeError(f"{assigner!r} has no Trigger as its default but {trigger!r}")
            self._require_merging(trigger)
        function = WindowCall(combine, window_function, self._evictor)
        spec: dict[str, Any] = {
            "kind": "window",
            "assigner": assigner._spec(),
            "trigger": trigger._spec(),
            "allowed_lateness_ms": self._allowed_lateness,
            "late_tag": self._late_data_output_tag,
            "function": function.function_kind,
            "key_type": self._keyed_stream._key_type,
            "all": self._all,
            "input_type": self.get_input_type(),
            "accumulator_type": accumulator_type,
            "merges_panes": function.merges_panes,
            "aggregation": None,
        }
        if self._window_trigger is None and type(assigner) in _COUNTING:
            spec["trigger"]["purging"] = True  # a full window gets no further elements
        stream = self._keyed_stream._transform(
            type(assigner).__name__, spec, read_type(output_type), function
        )
        assert stream._node is not None
        functions = [_name(f) for f in (combine, window_function) if f is not None]
        stream._node.description = (
            f"{'AllWindow' if self._all else 'Window'}({assigner!r}, {type(trigger).__name__}, "
            f"{', '.join(functions)})"
        )
        return stream


_COUNTING = (CountTumblingWindowAssigner, CountSlidingWindowAssigner)


class WindowedStream(
    _Windowed[WindowFunction[Any, Any, Any, Any], ProcessWindowFunction[Any, Any, Any, Any]]
):
    """A stream whose elements are grouped, for each key, into windows.

    ``trigger``, ``evictor``, ``allowed_lateness`` and ``side_output_late_data`` change how; one of
    the other methods then makes the results.

    >>> keyed.window(TumblingEventTimeWindows.of(Time.minutes(1))).allowed_lateness(5000).sum(1)

    :param keyed_stream: The keyed stream.
    :param window_assigner: Puts elements into windows.
    :raises TypeError: When window_assigner is no WindowAssigner.
    """

    _window_function = WindowFunction
    _process_function = ProcessWindowFunction


class AllWindowedStream(
    _Windowed[AllWindowFunction[Any, Any, Any], ProcessAllWindowFunction[Any, Any, Any]]
):
    """A stream whose elements, of all keys, are grouped into windows, in one subtask.

    :param data_stream: The stream.
    :param window_assigner: Puts elements into windows.
    :raises TypeError: When window_assigner is no WindowAssigner.
    """

    _window_function = AllWindowFunction
    _process_function = ProcessAllWindowFunction
    _all = True

    def __init__(self, data_stream: DataStream, window_assigner: WindowAssigner[Any, Any]) -> None:
        super().__init__(data_stream.key_by(NullByteKeySelector(), Types.BYTE()), window_assigner)

    def _build(
        self,
        combine: Any,
        window_function: Any,
        output_type: Type,
        accumulator_type: TypeInformation | None = None,
    ) -> DataStream:
        stream = super()._build(combine, window_function, output_type, accumulator_type)
        return stream.force_non_parallel()


def _name(function: Any) -> str:
    return getattr(function, "__name__", None) or type(function).__name__
