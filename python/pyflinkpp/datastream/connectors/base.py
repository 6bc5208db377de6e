"""What all sources and sinks are, and the sinks that need no system outside."""

from __future__ import annotations

from abc import ABC, abstractmethod
from enum import Enum
from typing import TYPE_CHECKING, Any

from pyflinkpp.datastream.connectors._sink import (
    CommitRequest,
    Committer,
    CommittingSinkWriter,
    SimpleVersionedSerializer,
    Sink,
    SinkWriter,
    StatefulSinkWriter,
    SupportsCommitter,
    SupportsWriterState,
    WriterInitContext,
)
from pyflinkpp.datastream.connectors._two_phase_commit_sink import TwoPhaseCommitSinkFunction
from pyflinkpp.datastream.connectors._write_ahead_sink import (
    CheckpointCommitter,
    GenericWriteAheadSink,
)

if TYPE_CHECKING:
    from pyflinkpp.common.typeinfo import TypeInformation
    from pyflinkpp.datastream._data_stream import DataStream

__all__ = [
    "CheckpointCommitter",
    "CommitRequest",
    "Committer",
    "CommittingSinkWriter",
    "DeliveryGuarantee",
    "DiscardingSink",
    "GenericWriteAheadSink",
    "PrintSink",
    "SimpleVersionedSerializer",
    "Sink",
    "SinkWriter",
    "Source",
    "StatefulSinkWriter",
    "StreamTransformer",
    "SupportsCommitter",
    "SupportsPreprocessing",
    "SupportsWriterState",
    "TwoPhaseCommitSinkFunction",
    "WriterInitContext",
]


class DeliveryGuarantee(Enum):
    """What a sink promises after a failure: each element once, at least once, or nothing."""

    EXACTLY_ONCE = 0
    AT_LEAST_ONCE = 1
    NONE = 2


class Source(ABC):
    """Where elements come from; objects of derived classes go to ``from_source``."""

    _bounded = True

    @abstractmethod
    def _spec(self) -> dict[str, Any]:
        """Describes the source to the engine."""

    @abstractmethod
    def _produced_type(self) -> TypeInformation:
        """Gives the type of the elements."""

    def _check(self, operator: str) -> None:  # noqa: B027
        """Refuses what can't work, before the job is submitted."""


class EngineSink(Sink):
    """A sink whose work the engine does itself."""

    @abstractmethod
    def _spec(self) -> dict[str, Any]:
        """Describes the sink to the engine."""

    def create_writer(self, context: WriterInitContext) -> SinkWriter:
        """Refuses: there is no writer in Python.

        :param context: Not used.
        :raises NotImplementedError: Always.
        """
        raise NotImplementedError(f"{type(self).__name__} has no writer: the engine writes")

    def _function(self) -> Any:
        return None


class StreamTransformer(ABC):
    """What a sink does with its stream before it takes the elements."""

    @abstractmethod
    def apply(self, ds: DataStream) -> DataStream:
        """Transforms the stream.

        :param ds: The stream.
        :return: The new stream.
        """


class SupportsPreprocessing(ABC):
    """A sink that transforms its stream first."""

    @abstractmethod
    def get_transformer(self) -> StreamTransformer | None:
        """Gives the transformation.

        :return: The transformation, or None.
        """


class DiscardingSink(EngineSink):
    """Drops all elements; they are counted in the job's summary."""

    def _spec(self) -> dict[str, Any]:
        return {"kind": "discarding_sink"}


class PrintSink(EngineSink):
    """Prints each element, a line each.

    With a parallelism above 1 the subtask, counted from 1, comes first, as in "2> value".

    :param sink_identifier: What comes before that, as in "name:2> value" or "name> value".
    :param is_std_err: Whether to print on standard error instead of standard output.
    """

    def __init__(self, sink_identifier: str = "", is_std_err: bool = False) -> None:
        if not isinstance(sink_identifier, str):
            raise TypeError(f"sink_identifier must be a str, not {sink_identifier!r}")
        self._identifier = sink_identifier
        self._is_std_err = bool(is_std_err)
        self._name = f"Print to Std. {'Err' if is_std_err else 'Out'}"

    def _spec(self) -> dict[str, Any]:
        return {
            "kind": "print_sink",
            "identifier": self._identifier,
            "stderr": self._is_std_err,
        }
