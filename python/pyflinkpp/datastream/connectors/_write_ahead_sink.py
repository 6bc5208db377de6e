"""A sink that keeps elements in checkpoints until they may be sent."""

from __future__ import annotations

import pickle
from abc import ABC, abstractmethod
from collections.abc import Collection
from typing import TYPE_CHECKING, Any

from pyflinkpp.common.typeinfo import engine_type
from pyflinkpp.datastream.connectors._sink import (
    CommitRequest,
    Committer,
    CommittingSinkWriter,
    SimpleVersionedSerializer,
    Sink,
    SinkWriter,
    SupportsCommitter,
    WriterInitContext,
)

if TYPE_CHECKING:
    from pyflinkpp.common.typeinfo import TypeInformation

__all__ = ["CheckpointCommitter", "GenericWriteAheadSink"]


class CheckpointCommitter(ABC):
    """Remembers, outside the job, which checkpoints were sent."""

    def open(self) -> None:  # noqa: B027
        """Prepares the committer; called once in each subtask before everything else."""

    def close(self) -> None:  # noqa: B027
        """Lets go of what it holds."""

    @abstractmethod
    def commit_checkpoint(self, subtask_idx: int, checkpoint_id: int) -> None:
        """Remembers that elements were sent.

        :param subtask_idx: The subtask that had taken them.
        :param checkpoint_id: The checkpoint that had them first.
        """

    @abstractmethod
    def is_checkpoint_committed(self, subtask_idx: int, checkpoint_id: int) -> bool:
        """Says whether elements were sent.

        :param subtask_idx: The subtask that had taken them.
        :param checkpoint_id: The checkpoint that had them first.
        :return: Whether they were.
        """


class GenericWriteAheadSink(Sink, SupportsCommitter):
    """A sink for systems without transactions: elements are kept in the checkpoint, and given to
    :meth:`send_values` when it is complete, all of a checkpoint and subtask at once.

    Elements come again when the job fails after ``send_values`` and before the next checkpoint. A
    :class:`CheckpointCommitter` keeps them from being sent twice, but for a failure right between
    the two; a system that takes elements and the checkpoint's number in one step has them exactly
    once.

    >>> class Post(GenericWriteAheadSink):
    ...     def send_values(self, values, checkpoint_id, timestamp):
    ...         print(checkpoint_id, list(values))
    ...         return True

    :param committer: Remembers what was sent; None for none.
    :param type_info: The type of the elements, as which checkpoints keep them; None for pickles.
    :raises TypeError: When the committer is something else.
    """

    _name = "Write-Ahead Sink"

    def __init__(
        self,
        committer: CheckpointCommitter | None = None,
        type_info: TypeInformation | None = None,
    ) -> None:
        if committer is not None and not isinstance(committer, CheckpointCommitter):
            raise TypeError(f"committer must be a CheckpointCommitter, not {committer!r}")
        self._committer = committer
        self._type_info = type_info

    @abstractmethod
    def send_values(self, values: Collection[Any], checkpoint_id: int, timestamp: int) -> bool:
        """Sends elements; those of a later checkpoint follow those of an earlier one.

        :param values: The elements, in the order in which they came.
        :param checkpoint_id: The checkpoint that has them; 2⁶³ − 1 at the end of a job without
            checkpoints.
        :param timestamp: When the checkpoint was triggered, milliseconds since the epoch.
        :return: Whether they were sent; False to be asked again later.
        """

    def open(self, context: WriterInitContext) -> None:  # noqa: B027
        """Prepares the sink; called once in each subtask before everything else.

        :param context: What it may know of the subtask.
        """

    def close(self) -> None:  # noqa: B027
        """Lets go of what the sink holds; called once in each subtask."""

    def create_writer(self, context: WriterInitContext) -> SinkWriter:  # noqa: D102
        return _Log()

    def create_committer(self) -> Committer:  # noqa: D102
        return _Sender(self, self._committer)

    def get_committable_serializer(self) -> SimpleVersionedSerializer | None:  # noqa: D102
        return _Values(self._type_info)

    def _open(self, context: WriterInitContext) -> None:
        self.open(context)
        if self._committer is not None:
            self._committer.open()


class _Log(CommittingSinkWriter):
    def __init__(self) -> None:
        self._values: list[Any] = []

    def write(self, element: Any, context: SinkWriter.Context) -> None:
        self._values.append(element)

    def flush(self, end_of_input: bool) -> None:
        pass

    def prepare_commit(self) -> Collection[Any]:
        values, self._values = self._values, []
        return [values] if values else []


class _Sender(Committer):
    def __init__(
        self, sink: GenericWriteAheadSink, checkpoints: CheckpointCommitter | None
    ) -> None:
        self._sink = sink
        self._checkpoints = checkpoints

    def commit(self, requests: Collection[CommitRequest]) -> None:
        from pyflinkpp.datastream._sink_runtime import Pending

        waits = False  # behind elements that were not sent
        for request in requests:
            assert isinstance(request, Pending)
            if waits or not self._send(request):
                waits = True
                request.retry_later()

    def close(self) -> None:
        try:
            self._sink.close()
        finally:
            if self._checkpoints is not None:
                self._checkpoints.close()

    def _send(self, request: Any) -> bool:
        known = self._checkpoints
        place = request.subtask, request.checkpoint
        if known is not None and known.is_checkpoint_committed(*place):
            return True
        sent = self._sink.send_values(request.committable, request.checkpoint, request.timestamp)
        if not isinstance(sent, bool):
            raise TypeError(f"send_values() must say True or False, not {sent!r}")
        if sent and known is not None:
            known.commit_checkpoint(*place)
        return sent


class _Values(SimpleVersionedSerializer):
    """Lists of elements: 0: their pickle; 1: in the format of a type."""

    def __init__(self, type_info: TypeInformation | None) -> None:
        self._type_info = type_info

    def get_version(self) -> int:
        return 0 if self._type_info is None else 1

    def serialize(self, obj: Any) -> bytes:
        if self._type_info is None:
            import cloudpickle

            return bytes(cloudpickle.dumps(obj, protocol=5))
        from pyflinkpp._engine import native

        return bytes(native().serialize(self._engine_type(), obj))

    def deserialize(self, version: int, serialized: bytes) -> Any:
        if version == 0:
            return pickle.loads(serialized)
        from pyflinkpp._engine import native

        return native().deserialize(self._engine_type(), serialized)

    def _engine_type(self) -> Any:
        from pyflinkpp.common.typeinfo import Types

        assert self._type_info is not None
        return engine_type(Types.LIST(self._type_info))
