"""Sources and sinks, one module each."""

from __future__ import annotations

from pyflinkpp.datastream.connectors.base import (
    CheckpointCommitter,
    CommitRequest,
    Committer,
    CommittingSinkWriter,
    DeliveryGuarantee,
    GenericWriteAheadSink,
    SimpleVersionedSerializer,
    Sink,
    SinkWriter,
    Source,
    StatefulSinkWriter,
    SupportsCommitter,
    SupportsWriterState,
    TwoPhaseCommitSinkFunction,
    WriterInitContext,
)

__all__ = [
    "CheckpointCommitter",
    "CommitRequest",
    "Committer",
    "CommittingSinkWriter",
    "DeliveryGuarantee",
    "GenericWriteAheadSink",
    "SimpleVersionedSerializer",
    "Sink",
    "SinkWriter",
    "Source",
    "StatefulSinkWriter",
    "SupportsCommitter",
    "SupportsWriterState",
    "TwoPhaseCommitSinkFunction",
    "WriterInitContext",
]
