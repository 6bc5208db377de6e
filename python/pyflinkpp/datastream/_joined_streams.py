"""Joins and co-groups of two streams by key and window."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import chain
from typing import TYPE_CHECKING, Any, Generic, Self, TypeVar

from pyflinkpp.common.typeinfo import Types
from pyflinkpp.common.typeinfo import output_type as read_type
from pyflinkpp.datastream._function_base import (
    Function,
    FunctionWrapper,
    KeySelector,
    parts_of,
)
from pyflinkpp.datastream._function_join import CoGroupFunction, FlatJoinFunction, JoinFunction
from pyflinkpp.datastream._function_window import WindowFunction
from pyflinkpp.datastream._transformation import Edge, Transformation
from pyflinkpp.datastream._windowed_stream import WindowedStream

if TYPE_CHECKING:
    from pyflinkpp.common.typeinfo import TypeInformation
    from pyflinkpp.datastream._data_stream import DataStream, Type
    from pyflinkpp.datastream._window_assigner import WindowAssigner
    from pyflinkpp.datastream._window_evictors import Evictor
    from pyflinkpp.datastream._window_trigger import Trigger
    from pyflinkpp.datastream.output_tag import OutputTag

__all__ = ["CoGroupedStreams", "JoinedStreams"]

Selector = Callable[[Any], Any] | KeySelector


class _TwoStreams:
    """What ``join`` and ``co_group`` give; ``where`` goes on.

    :param stream1: The first stream.
    :param stream2: The second stream.
    """

    def __init__(self, stream1: DataStream, stream2: DataStream) -> None:
        from pyflinkpp.datastream._data_stream import DataStream

        if not isinstance(stream2, DataStream):
            raise TypeError(f"a DataStream is wanted, not {stream2!r}")
        if stream1._environment is not stream2._environment:
            raise ValueError("streams of different environments can't be joined")
        self._streams = stream1, stream2


W = TypeVar("W", bound="_WithWindow")


class _Where(Generic[W]):
    """Knows the key of the first stream; ``equal_to`` goes on."""

    def __init__(
        self,
        streams: tuple[DataStream, DataStream],
        selector: Selector,
        key_type: TypeInformation | None,
        result: type[W],
    ) -> None:
        self._streams = streams
        self._selector = _checked(selector)
        self._key_type = key_type
        self._result = result

    def equal_to(
        self, key_selector: Selector, key_type: TypeInformation | None = None
    ) -> _EqualTo[W]:
        """Sets the key of the second stream.

        :param key_selector: Tells the key of an element of the second stream.
        :param key_type: The type of the keys, as in ``where``.
        :return: What ``window`` is called on.
        :raises TypeError: When it is no KeySelector and can't be called.
        :raises ValueError: When the type is another one than in ``where``.
        """
        selectors = self._selector, _checked(key_selector)
        known = self._key_type
        if known is not None and key_type is not None and known != key_type:
            raise ValueError(f"both streams need keys of one type, not {known} and {key_type}")
        return _EqualTo(self._streams, selectors, known or key_type, self._result)


class _EqualTo(Generic[W]):
    """Knows both keys; ``window`` goes on."""

    def __init__(
        self,
        streams: tuple[DataStream, DataStream],
        selectors: tuple[Selector, Selector],
        key_type: TypeInformation | None,
        result: type[W],
    ) -> None:
        self._streams = streams
        self._selectors = selectors
        self._key_type = key_type
        self._result = result

    def window(self, assigner: WindowAssigner[Any, Any]) -> W:
        """Sets the windows.

        :param assigner: Puts elements of both streams into windows. An assigner, a trigger or an
            evictor that looks at elements sees (0, element) of the first and (1, element) of the
            second stream.
        :return: What ``apply`` is called on.
        :raises TypeError: When it is no WindowAssigner.
        """
        first, second = (_tagged(stream, side) for side, stream in enumerate(self._streams))
        key = _TaggedKey(*self._selectors)
        return self._result(
            WindowedStream(first.union(second).key_by(key, self._key_type), assigner)
        )


class _WithWindow:
    """Knows keys and windows; ``apply`` makes the results."""

    def __init__(self, windowed: WindowedStream) -> None:
        self._windowed = windowed

    def trigger(self, trigger: Trigger[Any, Any]) -> Self:
        """Sets what decides when a window is joined.

        :param trigger: The trigger.
        :return: This object.
        :raises TypeError: When it is no Trigger.
        :raises ValueError: When the windows merge and the trigger can't.
        """
        self._windowed.trigger(trigger)
        return self

    def evictor(self, evictor: Evictor[Any, Any]) -> Self:
        """Sets what drops elements of a window before or after it is joined.

        :param evictor: The evictor.
        :return: This object.
        :raises TypeError: When it is no Evictor.
        """
        self._windowed.evictor(evictor)
        return self

    def allowed_lateness(self, time_ms: int) -> Self:
        """Sets how long a window is kept after the watermark has passed its end.

        :param time_ms: Milliseconds; 0 by default.
        :return: This object.
        :raises ValueError: When it is negative.
        """
        self._windowed.allowed_lateness(time_ms)
        return self

    def side_output_late_data(self, output_tag: OutputTag) -> Self:
        """Sends elements that are too late to a side output, as (0, element) or (1, element).

        :param output_tag: The side output.
        :return: This object.
        :raises TypeError: When it is no OutputTag.
        """
        self._windowed.side_output_late_data(output_tag)
        return self


class _JoinWindow(_WithWindow):
    def apply(
        self,
        function: Callable[[Any, Any], Any] | JoinFunction | FlatJoinFunction,
        output_type: Type = None,
    ) -> DataStream:
        """Makes the results of all pairs of elements, one of each stream, in a key's window.

        :param function: Makes the results of a pair; a callable gives one element.
        :param output_type: The type of the results; any Python object when left out.
        :return: The stream of the results; their time is the end of the window.
        :raises TypeError: When the function is something else.
        """
        if isinstance(function, FlatJoinFunction):
            join: _PairsCall = _FlatPairsCall(function)
        elif isinstance(function, JoinFunction) or (
            callable(function) and not isinstance(function, Function)
        ):
            join = _PairsCall(function)
        else:
            raise TypeError(
                f"apply takes a JoinFunction, a FlatJoinFunction or a callable, not {function!r}"
            )
        return self._windowed.apply(join, output_type).name("Join")


class _CoGroupWindow(_WithWindow):
    def apply(
        self,
        function: Callable[[list[Any], list[Any]], Iterable[Any]] | CoGroupFunction,
        output_type: Type = None,
    ) -> DataStream:
        """Makes the results of the elements of both streams in a key's window.

        :param function: Makes the results; a callable gives any number, as a generator does.
        :param output_type: The type of the results; any Python object when left out.
        :return: The stream of the results; their time is the end of the window.
        :raises TypeError: When the function is something else.
        """
        if not isinstance(function, CoGroupFunction) and (
            not callable(function) or isinstance(function, Function)
        ):
            raise TypeError(f"apply takes a CoGroupFunction or a callable, not {function!r}")
        return self._windowed.apply(_GroupsCall(function), output_type).name("CoGroup")


class JoinedStreams(_TwoStreams):
    """Two streams that are joined by key and window.

    >>> a.join(b).where(lambda v: v[0], Types.STRING()).equal_to(lambda v: v[0]).window(
    ...     TumblingEventTimeWindows.of(Time.seconds(5))
    ... ).apply(lambda first, second: first + second)  # doctest: +SKIP

    :param stream1: The first stream.
    :param stream2: The second stream.
    """

    def where(
        self, key_selector: Selector, key_type: TypeInformation | None = None
    ) -> _Where[_JoinWindow]:
        """Sets the key of the first stream.

        :param key_selector: Tells the key of an element of the first stream.
        :param key_type: The type of the keys; any Python object when left out.
        :return: What ``equal_to`` is called on.
        :raises TypeError: When it is no KeySelector and can't be called.
        """
        return _Where(self._streams, key_selector, key_type, _JoinWindow)


class CoGroupedStreams(_TwoStreams):
    """Two streams whose elements are put together by key and window.

    :param stream1: The first stream.
    :param stream2: The second stream.
    """

    def where(
        self, key_selector: Selector, key_type: TypeInformation | None = None
    ) -> _Where[_CoGroupWindow]:
        """Sets the key of the first stream.

        :param key_selector: Tells the key of an element of the first stream.
        :param key_type: The type of the keys; any Python object when left out.
        :return: What ``equal_to`` is called on.
        :raises TypeError: When it is no KeySelector and can't be called.
        """
        return _Where(self._streams, key_selector, key_type, _CoGroupWindow)


class _TaggedKey(KeySelector):
    """Tells the key of a tagged element."""

    def __init__(self, first: Selector, second: Selector) -> None:
        self._functions = first, second
        self._selectors = tuple(getattr(f, "get_key", f) for f in self._functions)

    def open(self, runtime_context: Any) -> None:
        for function in self._functions:
            if isinstance(function, Function):
                function.open(runtime_context)

    def close(self) -> None:
        for function in self._functions:
            if isinstance(function, Function):
                function.close()

    def _parts(self) -> Iterable[Any]:
        return chain.from_iterable(map(parts_of, self._functions))

    def get_key(self, value: Any) -> Any:
        return self._selectors[value[0]](value[1])


class _GroupsCall(FunctionWrapper, WindowFunction[Any, Any, Any, Any]):
    """Runs a CoGroupFunction as a function over a window of tagged elements."""

    def apply(self, key: Any, window: Any, inputs: Iterable[Any]) -> Iterable[Any]:
        groups: tuple[list[Any], list[Any]] = [], []
        for side, value in inputs:
            groups[side].append(value)
        if not groups[0] and not groups[1]:
            return ()  # an evictor has taken all
        return self._results(*groups)

    def _results(self, first: list[Any], second: list[Any]) -> Iterable[Any]:
        results = getattr(self._func, "co_group", self._func)(first, second)
        return () if results is None else results


class _PairsCall(_GroupsCall):
    """Runs a JoinFunction so."""

    def _results(self, first: list[Any], second: list[Any]) -> Iterable[Any]:
        join = getattr(self._func, "join", self._func)
        return (join(a, b) for a in first for b in second)


class _FlatPairsCall(_PairsCall):
    """Runs a FlatJoinFunction so."""

    def _results(self, first: list[Any], second: list[Any]) -> Iterable[Any]:
        return (result for results in super()._results(first, second) for result in results or ())


def _tagged(stream: DataStream, side: int) -> DataStream:
    from pyflinkpp.datastream._data_stream import DataStream

    spec = {"kind": "python", "function": "map"}
    untyped = read_type(None, Types.PICKLED_BYTE_ARRAY())
    node = Transformation("Tag", spec, -1, stream._inputs, untyped, _Tag(side))
    node.follows_input = True
    return DataStream(stream._environment, (Edge(node, None),), untyped)


class _Tag:
    """Makes (side, element) of an element."""

    def __init__(self, side: int) -> None:
        self._side = side

    def __call__(self, value: Any) -> tuple[int, Any]:
        return self._side, value


def _checked(selector: Selector) -> Selector:
    if not isinstance(selector, KeySelector) and not callable(selector):
        raise TypeError(f"a KeySelector or a callable is wanted, not {selector!r}")
    return selector
