"""The DataStream API: streams, functions on them, and the environment that runs them."""

from __future__ import annotations

from pyflinkpp._missing import refuse_names
from pyflinkpp.datastream.checkpointing_mode import CheckpointingMode
from pyflinkpp.datastream.connectors.base import DiscardingSink, PrintSink
from pyflinkpp.datastream.data_stream import (
    CloseableIterator,
    ConnectedStreams,
    DataStream,
    DataStreamSink,
    KeyedStream,
)
from pyflinkpp.datastream.execution_mode import RuntimeExecutionMode
from pyflinkpp.datastream.functions import (
    AggregateFunction,
    AsyncFunction,
    AsyncRetryPredicate,
    AsyncRetryStrategy,
    BroadcastProcessFunction,
    CoFlatMapFunction,
    CoMapFunction,
    CoProcessFunction,
    FilterFunction,
    FlatMapFunction,
    KeyedBroadcastProcessFunction,
    KeyedCoProcessFunction,
    KeyedProcessFunction,
    KeySelector,
    MapFunction,
    Partitioner,
    ProcessFunction,
    ProcessWindowFunction,
    ReduceFunction,
    RuntimeContext,
    SinkFunction,
    SourceFunction,
    WindowFunction,
)
from pyflinkpp.datastream.output_tag import OutputTag
from pyflinkpp.datastream.slot_sharing_group import MemorySize, SlotSharingGroup
from pyflinkpp.datastream.stream_execution_environment import StreamExecutionEnvironment
from pyflinkpp.datastream.time_domain import TimeDomain

__all__ = [
    "AggregateFunction",
    "AsyncFunction",
    "AsyncRetryPredicate",
    "AsyncRetryStrategy",
    "BroadcastProcessFunction",
    "CheckpointingMode",
    "CloseableIterator",
    "CoFlatMapFunction",
    "CoMapFunction",
    "CoProcessFunction",
    "ConnectedStreams",
    "DataStream",
    "DataStreamSink",
    "DiscardingSink",
    "FilterFunction",
    "FlatMapFunction",
    "KeySelector",
    "KeyedBroadcastProcessFunction",
    "KeyedCoProcessFunction",
    "KeyedProcessFunction",
    "KeyedStream",
    "MapFunction",
    "MemorySize",
    "OutputTag",
    "Partitioner",
    "PrintSink",
    "ProcessFunction",
    "ProcessWindowFunction",
    "ReduceFunction",
    "RuntimeContext",
    "RuntimeExecutionMode",
    "SinkFunction",
    "SlotSharingGroup",
    "SourceFunction",
    "StreamExecutionEnvironment",
    "TimeDomain",
    "WindowFunction",
]

__getattr__ = refuse_names(
    __name__,
    frozenset(
        {
            "AsyncDataStream",
            "BroadcastConnectedStream",
            "BroadcastStream",
            "CheckpointConfig",
            "CheckpointStorage",
            "CountWindow",
            "CustomCheckpointStorage",
            "CustomStateBackend",
            "EmbeddedRocksDBStateBackend",
            "ExternalizedCheckpointRetention",
            "FileSystemCheckpointStorage",
            "GlobalWindow",
            "HashMapStateBackend",
            "JobManagerCheckpointStorage",
            "MergingWindowAssigner",
            "PredefinedOptions",
            "StateBackend",
            "TimeWindow",
            "TimerService",
            "Trigger",
            "TriggerResult",
            "Window",
            "WindowAssigner",
            "WindowedStream",
        }
    ),
)
