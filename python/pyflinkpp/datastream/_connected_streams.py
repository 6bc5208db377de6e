"""Two streams that functions see together."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NoReturn

from pyflinkpp._missing import not_yet
from pyflinkpp.datastream._function_base import CoFlatMapFunction, CoMapFunction, KeySelector
from pyflinkpp.datastream._function_process import CoProcessFunction, KeyedCoProcessFunction

if TYPE_CHECKING:
    from pyflinkpp.datastream._data_stream import DataStream

__all__ = ["ConnectedStreams"]


class ConnectedStreams:
    """Two streams of any types that functions see together.

    :param stream1: The first stream.
    :param stream2: The second stream.
    """

    def __init__(self, stream1: DataStream, stream2: DataStream) -> None:
        self.stream1 = stream1
        self.stream2 = stream2

    def key_by(
        self, key_selector1: Any, key_selector2: Any, key_type: Any = None
    ) -> ConnectedStreams:
        """Groups the elements of both streams by keys of one type.

        :param key_selector1: Tells the key of an element of the first stream.
        :param key_selector2: Tells the key of an element of the second stream.
        :param key_type: The type of the keys.
        :return: The keyed streams.
        """
        for selector in (key_selector1, key_selector2):
            if not isinstance(selector, KeySelector) and not callable(selector):
                raise TypeError(f"a KeySelector or a callable is wanted, not {selector!r}")
        return ConnectedStreams(
            self.stream1.key_by(key_selector1, key_type),
            self.stream2.key_by(key_selector2, key_type),
        )

    def map(self, func: CoMapFunction, output_type: Any = None) -> NoReturn:
        """Would make elements of both streams into elements of one.

        :param func: The function.
        :param output_type: The type of the new elements.
        :raises TypeError: When func is no CoMapFunction.
        :raises NotImplementedError: Otherwise, in this version.
        """
        if not isinstance(func, CoMapFunction):
            raise TypeError(f"map on connected streams takes a CoMapFunction, not {func!r}")
        raise not_yet("ConnectedStreams.map()")

    def flat_map(self, func: CoFlatMapFunction, output_type: Any = None) -> NoReturn:
        """Would make elements of both streams into any number of elements of one.

        :param func: The function.
        :param output_type: The type of the new elements.
        :raises TypeError: When func is no CoFlatMapFunction.
        :raises NotImplementedError: Otherwise, in this version.
        """
        if not isinstance(func, CoFlatMapFunction):
            raise TypeError(
                f"flat_map on connected streams takes a CoFlatMapFunction, not {func!r}"
            )
        raise not_yet("ConnectedStreams.flat_map()")

    def process(
        self, func: CoProcessFunction | KeyedCoProcessFunction, output_type: Any = None
    ) -> NoReturn:
        """Would apply a process function to both streams.

        :param func: The function.
        :param output_type: The type of the new elements.
        :raises TypeError: When func is no CoProcessFunction and no KeyedCoProcessFunction.
        :raises NotImplementedError: Otherwise, in this version.
        """
        if not isinstance(func, (CoProcessFunction, KeyedCoProcessFunction)):
            raise TypeError(
                "process on connected streams takes a CoProcessFunction or a "
                f"KeyedCoProcessFunction, not {func!r}"
            )
        raise not_yet("ConnectedStreams.process()")
