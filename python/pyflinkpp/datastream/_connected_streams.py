"""Two streams that functions see together."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from pyflinkpp.datastream._function_base import CoFlatMapFunction, CoMapFunction, KeySelector
from pyflinkpp.datastream._function_process import CoProcessFunction, KeyedCoProcessFunction
from pyflinkpp.datastream._process_spec import call, process_spec
from pyflinkpp.datastream._transformation import at_input

if TYPE_CHECKING:
    from pyflinkpp.common.typeinfo import TypeInformation
    from pyflinkpp.datastream._data_stream import DataStream, Type

__all__ = ["ConnectedStreams"]


class ConnectedStreams:
    """Two streams of any types that functions see together.

    When both are keyed, functions on them run under the key and share state between the streams.

    :param stream1: The first stream.
    :param stream2: The second stream.
    :raises ValueError: When their environments differ, or both are keyed by other types.
    """

    def __init__(self, stream1: DataStream, stream2: DataStream) -> None:
        if stream1._environment is not stream2._environment:
            raise ValueError("streams of different environments can't be connected")
        self.stream1 = stream1
        self.stream2 = stream2
        keys = stream1._key_type, stream2._key_type
        if None not in keys and keys[0] != keys[1]:
            raise ValueError(
                f"connected streams must have keys of one type, not {keys[0]} and {keys[1]}: "
                "give key_by() the same key_type"
            )

    def key_by(
        self,
        key_selector1: Callable[[Any], Any] | KeySelector,
        key_selector2: Callable[[Any], Any] | KeySelector,
        key_type: TypeInformation | None = None,
    ) -> ConnectedStreams:
        """Groups the elements of both streams by keys of one type.

        >>> orders.connect(customers).key_by(  # doctest: +SKIP
        ...     lambda order: order[1], lambda customer: customer[0], Types.STRING()
        ... )

        :param key_selector1: Tells the key of an element of the first stream.
        :param key_selector2: Tells the key of an element of the second stream.
        :param key_type: The type of the keys.
        :return: The keyed streams.
        :raises TypeError: When a selector is no KeySelector and can't be called.
        """
        for selector in (key_selector1, key_selector2):
            if not isinstance(selector, KeySelector) and not callable(selector):
                raise TypeError(f"a KeySelector or a callable is wanted, not {selector!r}")
        return ConnectedStreams(
            self.stream1.key_by(key_selector1, key_type),
            self.stream2.key_by(key_selector2, key_type),
        )

    def map(self, func: CoMapFunction, output_type: Type = None) -> DataStream:
        """Makes elements of both streams into elements of one; a result None is dropped.

        :param func: The function.
        :param output_type: The type of the new elements; any Python object when left out.
        :return: The stream of the new elements.
        :raises TypeError: When func is no CoMapFunction.
        """
        if not isinstance(func, CoMapFunction):
            raise TypeError(f"map on connected streams takes a CoMapFunction, not {func!r}")
        calls = call("map1", drop_none=True), call("map2", drop_none=True)
        return self._apply("Co-Map", calls, func, output_type)

    def flat_map(self, func: CoFlatMapFunction, output_type: Type = None) -> DataStream:
        """Makes elements of both streams into any number of elements of one.

        :param func: The function.
        :param output_type: The type of the new elements; any Python object when left out.
        :return: The stream of the new elements.
        :raises TypeError: When func is no CoFlatMapFunction.
        """
        if not isinstance(func, CoFlatMapFunction):
            raise TypeError(
                f"flat_map on connected streams takes a CoFlatMapFunction, not {func!r}"
            )
        calls = call("flat_map1", many=True), call("flat_map2", many=True)
        return self._apply("Co-Flat Map", calls, func, output_type)

    def process(
        self, func: CoProcessFunction | KeyedCoProcessFunction, output_type: Type = None
    ) -> DataStream:
        """Applies a process function, which sees time, to both streams.

        >>> clicks.connect(views).key_by(user, user).process(Match())  # doctest: +SKIP

        :param func: The function; a KeyedCoProcessFunction, with timers, needs keyed streams.
        :param output_type: The type of the new elements; any Python object when left out.
        :return: The stream of the new elements.
        :raises TypeError: When func is neither, or a KeyedCoProcessFunction without keys.
        """
        if not isinstance(func, (CoProcessFunction, KeyedCoProcessFunction)):
            raise TypeError(
                "process on connected streams takes a CoProcessFunction or a "
                f"KeyedCoProcessFunction, not {func!r}"
            )
        key_type = self._key_type()
        if isinstance(func, KeyedCoProcessFunction) and key_type is None:
            raise TypeError("a KeyedCoProcessFunction needs keyed streams: call key_by() first")
        calls = (
            call("process_element1", with_context=True, many=True),
            call("process_element2", with_context=True, many=True),
        )
        name = "Co-Process" if key_type is None else "Keyed Co-Process"
        return self._apply(name, calls, func, output_type)

    def _key_type(self) -> TypeInformation | None:
        """Gives the type of the keys; None unless both streams are keyed."""
        return None if self.stream1._key_type is None else self.stream2._key_type

    def _apply(
        self,
        name: str,
        calls: tuple[dict[str, Any], dict[str, Any]],
        func: Any,
        type_info: Type,
    ) -> DataStream:
        from pyflinkpp.common.typeinfo import output_type

        spec = process_spec(*calls, key_type=self._key_type())
        inputs = at_input(self.stream1._inputs, 0) + at_input(self.stream2._inputs, 1)
        return self.stream1._transform(name, spec, output_type(type_info), func, inputs)
