"""The DataStream API: streams, functions on them, and the environment that runs them."""

from __future__ import annotations

from pyflinkpp._missing import refuse_names
from pyflinkpp.datastream.async_data_stream import AsyncDataStream
from pyflinkpp.datastream.checkpoint_config import CheckpointConfig
from pyflinkpp.datastream.checkpoint_storage import (
    CheckpointStorage,
    FileSystemCheckpointStorage,
    JobManagerCheckpointStorage,
)
from pyflinkpp.datastream.checkpointing_mode import CheckpointingMode
from pyflinkpp.datastream.connectors.base import DiscardingSink, PrintSink
from pyflinkpp.datastream.data_stream import (
    BroadcastConnectedStream,
    BroadcastStream,
    CloseableIterator,
    ConnectedStreams,
    DataStream,
    DataStreamSink,
    KeyedStream,
    WindowedStream,
)
from pyflinkpp.datastream.execution_mode import RuntimeExecutionMode
from pyflinkpp.datastream.externalized_checkpoint_retention import ExternalizedCheckpointRetention
from pyflinkpp.datastream.functions import (
    AggregateFunction,
    AsyncFunction,
    AsyncRetryPredicate,
    AsyncRetryStrategy,
    BroadcastProcessFunction,
    CheckpointedFunction,
    CheckpointListener,
    CoFlatMapFunction,
    CoGroupFunction,
    CoMapFunction,
    CoProcessFunction,
    FilterFunction,
    FlatJoinFunction,
    FlatMapFunction,
    FunctionInitializationContext,
    FunctionSnapshotContext,
    JoinFunction,
    KeyedBroadcastProcessFunction,
    KeyedCoProcessFunction,
    KeyedProcessFunction,
    KeySelector,
    MapFunction,
    Partitioner,
    ProcessFunction,
    ProcessJoinFunction,
    ProcessWindowFunction,
    ReduceFunction,
    RuntimeContext,
    SinkFunction,
    SourceFunction,
    WindowFunction,
)
from pyflinkpp.datastream.output_tag import OutputTag
from pyflinkpp.datastream.slot_sharing_group import MemorySize, SlotSharingGroup
from pyflinkpp.datastream.state_backend import (
    EmbeddedRocksDBStateBackend,
    HashMapStateBackend,
    PredefinedOptions,
    StateBackend,
)
from pyflinkpp.datastream.stream_execution_environment import StreamExecutionEnvironment
from pyflinkpp.datastream.time_domain import TimeDomain
from pyflinkpp.datastream.timerservice import TimerService
from pyflinkpp.datastream.window import (
    CountWindow,
    GlobalWindow,
    MergingWindowAssigner,
    TimeWindow,
    Trigger,
    TriggerResult,
    Window,
    WindowAssigner,
)

__all__ = [
    "StateBackend",
    "PredefinedOptions",
    "JobManagerCheckpointStorage",
    "HashMapStateBackend",
    "FileSystemCheckpointStorage",
    "ExternalizedCheckpointRetention",
    "EmbeddedRocksDBStateBackend",
    "CheckpointStorage",
    "CheckpointConfig",
    "CheckpointListener",
    "CheckpointedFunction",
    "FunctionInitializationContext",
    "FunctionSnapshotContext",
    "AggregateFunction",
    "AsyncDataStream",
    "AsyncFunction",
    "AsyncRetryPredicate",
    "AsyncRetryStrategy",
    "BroadcastConnectedStream",
    "BroadcastProcessFunction",
    "BroadcastStream",
    "CheckpointingMode",
    "CloseableIterator",
    "CoFlatMapFunction",
    "CoGroupFunction",
    "CoMapFunction",
    "CoProcessFunction",
    "ConnectedStreams",
    "CountWindow",
    "DataStream",
    "DataStreamSink",
    "DiscardingSink",
    "FilterFunction",
    "FlatJoinFunction",
    "FlatMapFunction",
    "GlobalWindow",
    "JoinFunction",
    "KeySelector",
    "KeyedBroadcastProcessFunction",
    "KeyedCoProcessFunction",
    "KeyedProcessFunction",
    "KeyedStream",
    "MapFunction",
    "MemorySize",
    "MergingWindowAssigner",
    "OutputTag",
    "Partitioner",
    "PrintSink",
    "ProcessFunction",
    "ProcessJoinFunction",
    "ProcessWindowFunction",
    "ReduceFunction",
    "RuntimeContext",
    "RuntimeExecutionMode",
    "SinkFunction",
    "SlotSharingGroup",
    "SourceFunction",
    "StreamExecutionEnvironment",
    "TimeDomain",
    "TimeWindow",
    "TimerService",
    "Trigger",
    "TriggerResult",
    "Window",
    "WindowAssigner",
    "WindowFunction",
    "WindowedStream",
]

__getattr__ = refuse_names(
    __name__,
    frozenset({"CustomCheckpointStorage", "CustomStateBackend"}),
)
