"""Streams, and the operators that make streams of streams."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, NoReturn, overload

from pyflinkpp._missing import no_jvm, not_yet
from pyflinkpp.common.typeinfo import TupleTypeInfo, TypeInformation
from pyflinkpp.common.typeinfo import output_type as read_type
from pyflinkpp.datastream._data_stream_sink import DataStreamSink
from pyflinkpp.datastream._function_base import (
    FilterFunction,
    FlatMapFunction,
    KeySelector,
    MapFunction,
    SinkFunction,
)
from pyflinkpp.datastream._function_process import ProcessFunction
from pyflinkpp.datastream._partitioning import Partitioning
from pyflinkpp.datastream._process_spec import call, process_spec
from pyflinkpp.datastream._settings import StreamSettings
from pyflinkpp.datastream._timed_operations import TimedOperations
from pyflinkpp.datastream._transformation import Edge, Transformation

if TYPE_CHECKING:
    from pyflinkpp.common.execution_config import ExecutionConfig
    from pyflinkpp.datastream._broadcast_streams import BroadcastConnectedStream, BroadcastStream
    from pyflinkpp.datastream._collect import CloseableIterator
    from pyflinkpp.datastream._connected_streams import ConnectedStreams
    from pyflinkpp.datastream._keyed_stream import KeyedStream
    from pyflinkpp.datastream.connectors.base import Sink
    from pyflinkpp.datastream.output_tag import OutputTag
    from pyflinkpp.datastream.stream_execution_environment import StreamExecutionEnvironment

__all__ = ["DataStream"]

Type = TypeInformation | list[TypeInformation] | None


class DataStream(StreamSettings, Partitioning, TimedOperations):
    """A stream of elements of one type.

    Its methods describe what is to be made of it; nothing runs before the environment's
    ``execute`` or :meth:`execute_and_collect`.
    """

    def __init__(
        self,
        environment: StreamExecutionEnvironment,
        inputs: tuple[Edge, ...],
        type_info: TypeInformation,
        node: Transformation | None = None,
    ) -> None:
        self._environment = environment
        self._inputs = inputs
        self._type = type_info
        self._node = node
        self._key_type: TypeInformation | None = None

    def get_type(self) -> TypeInformation:
        """Gives the type of the elements.

        :return: The type.
        """
        return self._type

    def get_execution_environment(self) -> StreamExecutionEnvironment:
        """Gives the environment that the stream belongs to.

        :return: The environment.
        """
        return self._environment

    def get_execution_config(self) -> ExecutionConfig:
        """Gives the settings of the environment.

        :return: The settings.
        """
        return self._environment.get_config()

    def map(self, func: Callable[[Any], Any] | MapFunction, output_type: Type = None) -> DataStream:
        """Makes one element of each element.

        >>> numbers.map(lambda n: n + 1, Types.LONG())  # doctest: +SKIP

        :param func: Makes the new element.
        :param output_type: The type of the new elements; any Python object when left out.
        :return: The stream of the new elements.
        :raises TypeError: When func is no MapFunction and can't be called.
        """
        return self._apply("Map", "map", MapFunction, func, output_type)

    def flat_map(
        self, func: Callable[[Any], Iterable[Any]] | FlatMapFunction, output_type: Type = None
    ) -> DataStream:
        """Makes any number of elements of each element.

        >>> lines.flat_map(lambda line: line.split(), Types.STRING())  # doctest: +SKIP

        :param func: Gives the new elements: a generator or any other iterable.
        :param output_type: The type of the new elements; any Python object when left out.
        :return: The stream of the new elements.
        :raises TypeError: When func is no FlatMapFunction and can't be called.
        """
        return self._apply("FlatMap", "flat_map", FlatMapFunction, func, output_type)

    def filter(self, func: Callable[[Any], bool] | FilterFunction) -> DataStream:
        """Keeps the elements for which a function says True.

        >>> numbers.filter(lambda n: n % 2 == 0)  # doctest: +SKIP

        :param func: Tells whether to keep an element.
        :return: The stream of what is kept, of the same type.
        :raises TypeError: When func is no FilterFunction and can't be called.
        """
        return self._apply("Filter", "filter", FilterFunction, func, self._type)

    def key_by(
        self,
        key_selector: Callable[[Any], Any] | KeySelector,
        key_type: TypeInformation | None = None,
    ) -> KeyedStream:
        """Groups the elements by a key: equal keys go to the same subtask and share state.

        Without a type, keys are equal when they are of the same Python type and value.

        >>> counted.key_by(lambda t: t[0], key_type=Types.STRING()).sum(1)  # doctest: +SKIP

        :param key_selector: Tells the key of an element.
        :param key_type: The type of the key.
        :return: The keyed stream.
        :raises TypeError: When key_selector is no KeySelector and can't be called.
        """
        from pyflinkpp.common.typeinfo import engine_type
        from pyflinkpp.datastream._keyed_stream import KeyedStream

        if not isinstance(key_selector, KeySelector) and not callable(key_selector):
            raise TypeError(
                f"key_selector must be a KeySelector or a callable, not {key_selector!r}"
            )
        type_of_key = read_type(key_type)
        spec = {"kind": "python", "function": "key_by", "key_type": engine_type(type_of_key)}
        node = Transformation("KeyBy", spec, -1, self._inputs, self._type, key_selector)
        node.follows_input = True
        return KeyedStream(self, node, type_of_key)

    def union(self, *streams: DataStream) -> DataStream:
        """Puts this and other streams together; each element stays, in no order between streams.

        :param streams: Streams of the same type and environment, also this one again.
        :return: The united stream.
        :raises ValueError: When a type or the environment differs.
        """
        inputs = self._inputs
        for stream in streams:
            if not isinstance(stream, DataStream):
                raise TypeError(f"union takes DataStreams, not {stream!r}")
            if stream._environment is not self._environment:
                raise ValueError("streams of different environments can't be united")
            if stream._type != self._type:
                raise ValueError(
                    f"streams of different types can't be united: {self._type} and {stream._type}"
                )
            inputs += stream._inputs
        return self._stream(inputs)

    def project(self, *field_indexes: int) -> DataStream:
        """Picks fields of tuples.

        >>> people.project(2, 0)  # doctest: +SKIP

        :param field_indexes: The positions of the fields, in the order of the new tuples.
        :return: The stream of the new tuples.
        :raises ValueError: When the stream's type is no TUPLE.
        :raises ValueError: When there is no such field.
        """
        if not isinstance(self._type, TupleTypeInfo):
            raise ValueError(
                f"only streams of tuples can be projected, not of {self._type}: "
                "declare Types.TUPLE([…]) where the stream is made, or use map()"
            )
        types = self._type.get_field_types()
        if not field_indexes:
            raise ValueError("project needs at least one field")
        for index in field_indexes:
            if isinstance(index, bool) or not isinstance(index, int):
                raise TypeError(f"project takes positions of fields, not {index!r}")
            if not 0 <= index < len(types):
                raise ValueError(f"there is no field {index}: the tuples have {len(types)} fields")
        spec = {"kind": "project", "fields": list(field_indexes)}
        return self._transform("Projection", spec, TupleTypeInfo([types[i] for i in field_indexes]))

    def print(self, sink_identifier: str | None = None) -> DataStreamSink:
        """Prints each element on standard output, a line each.

        With a parallelism above 1 the subtask, counted from 1, comes first, as in "2> value".

        :param sink_identifier: What comes before that, as in "name:2> value" or "name> value".
        :return: The sink.
        """
        from pyflinkpp.datastream.connectors.base import PrintSink

        return self._sink(PrintSink(sink_identifier or ""))

    def sink_to(self, sink: Sink) -> DataStreamSink:
        """Sends the elements to a sink.

        :param sink: A sink of :mod:`pyflinkpp.datastream.connectors`, or an object of a class of
            your own that is derived from :class:`~pyflinkpp.datastream.connectors.Sink`.
        :return: The sink's operator.
        :raises TypeError: When it is something else.
        """
        from pyflinkpp.datastream.connectors.base import Sink

        if not isinstance(sink, Sink):
            raise TypeError(
                f"sink_to takes a sink of pyflinkpp.datastream.connectors, not {sink!r}"
            )
        return self._sink(sink)

    def execute_and_collect(
        self, job_execution_name: str | None = None, limit: int | None = None
    ) -> CloseableIterator | list[Any]:
        """Runs the program, with all sinks added so far, and gives this stream's elements.

        >>> with stream.execute_and_collect() as elements:  # doctest: +SKIP
        ...     print(sorted(elements))

        :param job_execution_name: The name of the job.
        :param limit: How many elements are wanted; the job is stopped after so many.
        :return: An iterator that must be closed; with a limit, a list.
        :raises ValueError: When the limit is not at least 1.
        """
        from pyflinkpp.datastream._collect import CloseableIterator

        if limit is not None:
            from pyflinkpp.common._checks import integer

            if integer(limit, "limit") < 1:
                raise ValueError(f"limit must be at least 1, not {limit}")
        sink = Transformation("Collect", {"kind": "collect_sink"}, 1, self._inputs, self._type)
        sink.can_be_parallel = False
        elements = CloseableIterator(
            self._environment._submit(job_execution_name or "DataStream Collect", sink)
        )
        if limit is None:
            return elements
        from itertools import islice

        with elements:
            return list(islice(elements, limit))

    def process(self, func: ProcessFunction, output_type: Type = None) -> DataStream:
        """Applies a process function, which sees time and may send elements to side outputs.

        >>> class Late(ProcessFunction):
        ...     def process_element(self, value, ctx):
        ...         yield value, ctx.timestamp(), ctx.timer_service().current_watermark()

        :param func: The function.
        :param output_type: The type of the new elements; any Python object when left out.
        :return: The stream of the new elements.
        :raises TypeError: When func is no ProcessFunction.
        """
        if not isinstance(func, ProcessFunction):
            raise TypeError(f"process takes a ProcessFunction, not {func!r}")
        spec = process_spec(call("process_element", with_context=True, many=True))
        return self._transform("Process", spec, read_type(output_type), func)

    @overload
    def connect(self, ds: DataStream) -> ConnectedStreams: ...

    @overload
    def connect(self, ds: BroadcastStream) -> BroadcastConnectedStream: ...

    def connect(
        self, ds: DataStream | BroadcastStream
    ) -> ConnectedStreams | BroadcastConnectedStream:
        """Connects this stream with one of any type; functions then see both.

        :param ds: The other stream; one with broadcast state comes from ``broadcast()``.
        :return: The two streams.
        :raises TypeError: When ds is no stream.
        :raises ValueError: When the environments differ.
        """
        from pyflinkpp.datastream._broadcast_streams import (
            BroadcastConnectedStream,
            BroadcastStream,
        )
        from pyflinkpp.datastream._connected_streams import ConnectedStreams

        if isinstance(ds, BroadcastStream):
            return BroadcastConnectedStream(self, ds, ds.broadcast_state_descriptors)
        if not isinstance(ds, DataStream):
            raise TypeError(f"connect takes a DataStream or a BroadcastStream, not {ds!r}")
        return ConnectedStreams(self, ds)

    def get_side_output(self, output_tag: OutputTag) -> DataStream:
        """Gives the elements that this stream's operator has sent to a side output.

        >>> late = OutputTag("late", Types.STRING())
        >>> windows.side_output_late_data(late).process(Count()).get_side_output(late)

        :param output_tag: The name and type of the side output.
        :return: The stream of these elements.
        :raises TypeError: When it is no OutputTag.
        :raises ValueError: When the stream is no operator's output, or the side output was asked
            for with another type.
        """
        from pyflinkpp.datastream.output_tag import OutputTag

        if not isinstance(output_tag, OutputTag):
            raise TypeError(f"an OutputTag is wanted, not {output_tag!r}")
        node = self._operator("side output")
        late: OutputTag | None = node.spec.get("late_tag")
        for known in (*node.side_outputs, *filter(None, (late,))):
            if known == output_tag and known.type_info != output_tag.type_info:
                raise ValueError(
                    f"side output {output_tag.tag_id!r} of operator {node.name!r} has the type "
                    f"{known.type_info}, not {output_tag.type_info}"
                )
        if output_tag not in node.side_outputs:
            node.side_outputs.append(output_tag)
        edge = Edge(node, None, side_output=output_tag.tag_id)
        return DataStream(self._environment, (edge,), output_tag.type_info)

    def cache(self) -> NoReturn:
        """Would keep the elements for further jobs.

        :raises NotImplementedError: Always, in this version.
        """
        raise not_yet("DataStream.cache()")

    def add_sink(self, sink_func: SinkFunction) -> NoReturn:
        """Refuses: such sinks are written in Java.

        :param sink_func: The sink.
        :raises NotImplementedError: Always.
        """
        raise no_jvm(
            "DataStream.add_sink()",
            "use sink_to() with a sink of pyflinkpp.datastream.connectors, as FileSink",
        )

    def _stream_itself(self) -> DataStream:
        return self

    def _operator(self, setting: str) -> Transformation:
        if self._node is None:
            raise ValueError(
                f"this stream has no {setting} of its own: it is a union, a redistribution or a "
                "side output, no operator; use the operator before or after it"
            )
        return self._node

    def _apply(
        self, name: str, function: str, kind: type, func: Any, type_info: Type
    ) -> DataStream:
        if not isinstance(func, kind) and not callable(func):
            raise TypeError(f"{function} takes a {kind.__name__} or a callable, not {func!r}")
        spec = {"kind": "python", "function": function}
        return self._transform(name, spec, read_type(type_info), func)

    def _transform(
        self,
        name: str,
        spec: dict[str, Any],
        type_info: TypeInformation,
        function: Any = None,
        inputs: tuple[Edge, ...] | None = None,
    ) -> DataStream:
        parallelism = self._environment.get_parallelism()
        edges = self._inputs if inputs is None else inputs
        node = Transformation(name, spec, parallelism, edges, type_info, function)
        return DataStream(self._environment, (Edge(node, None),), type_info, node)

    def _sink(self, sink: Sink) -> DataStreamSink:
        parallelism = self._environment.get_parallelism()
        node = Transformation(
            sink._name, sink._spec(), parallelism, self._inputs, self._type, sink._function()
        )
        self._environment._sinks.append(node)
        return DataStreamSink(node)
