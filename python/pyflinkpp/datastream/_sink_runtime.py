"""A sink that is written in Python while a job runs: the engine calls this."""

from __future__ import annotations

import pickle
import time
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from pyflinkpp._warnings import warn
from pyflinkpp.common.typeinfo import Types
from pyflinkpp.datastream._function_base import Function
from pyflinkpp.datastream._function_checkpointed import (
    CheckpointedFunction,
    CheckpointListener,
    FunctionInitializationContext,
    FunctionSnapshotContext,
)
from pyflinkpp.datastream._state_descriptors import ListStateDescriptor
from pyflinkpp.datastream.connectors._sink import (
    CommitRequest,
    CommittingSinkWriter,
    SinkWriter,
    StatefulSinkWriter,
    SupportsCommitter,
    SupportsWriterState,
    WriterInitContext,
)

if TYPE_CHECKING:
    from pyflinkpp.common.typeinfo import TypeInformation
    from pyflinkpp.datastream._runtime_context import RuntimeContext
    from pyflinkpp.datastream.connectors._sink import Committer, SimpleVersionedSerializer, Sink

__all__ = ["END_OF_INPUT", "Pending", "SinkRunner"]

# The checkpoint of what is committed at the end of a job that takes none.
END_OF_INPUT = 2**63 - 1

DEFAULT_RETRIES = 10
_FIRST_RETRY_MS = 100
_LAST_RETRY_MS = 10_000

_BYTES = Types.PRIMITIVE_ARRAY(Types.BYTE())
_PICKLED = -1  # in the place of the version of a serializer


def _types(*fields: TypeInformation) -> TypeInformation:
    return Types.TUPLE(list(fields))


class Pending(CommitRequest):
    """A committable on its way, and the request for it.

    :param committable: The committable.
    :param subtask: The subtask whose writer gave it.
    """

    def __init__(self, committable: Any, subtask: int) -> None:
        self.committable = committable
        self.subtask = subtask
        self.checkpoint: int | None = None  # the first one that has it; None: none
        self.timestamp = 0  # when that was triggered, milliseconds since the epoch
        self.recovered = False  # by another attempt or job
        self.retries = 0
        self.retry = False
        self.failure: BaseException | None = None

    def get_committable(self) -> Any:  # noqa: D102
        return self.committable

    def get_number_of_retries(self) -> int:  # noqa: D102
        return self.retries

    def signal_failed_with_known_reason(self, error: BaseException) -> None:  # noqa: D102
        warn(f"the committable {self.committable!r} of a sink was dropped: {error!r}")

    def signal_failed_with_unknown_reason(self, error: BaseException) -> None:  # noqa: D102
        self.failure = error

    def retry_later(self) -> None:  # noqa: D102
        self.retry = True

    def update_and_retry_later(self, committable: Any) -> None:  # noqa: D102
        self.committable = committable
        self.retry = True

    def signal_already_committed(self) -> None:  # noqa: D102
        self.retry = False


class SinkRunner(Function, CheckpointedFunction, CheckpointListener):
    """The writer and the committer of one subtask, as an operator with state.

    Invariant: `_pending` has, in the order in which they came, all committables that were prepared
    and are not committed; each checkpoint has those that were there at its barrier.

    :param sink: The sink.
    """

    def __init__(self, sink: Sink) -> None:
        self._sink = sink
        self._writer: SinkWriter | None = None
        self._committer: Committer | None = None
        self.retries = DEFAULT_RETRIES
        self.context = SinkWriter.Context()
        self.retry_in_ms: int | None = None

    def initialize_state(self, context: FunctionInitializationContext) -> None:
        """Takes up what a checkpoint has."""
        store = context.get_operator_state_store()
        committable = _types(Types.LONG(), Types.LONG(), Types.INT(), Types.INT(), _BYTES)
        self._committables = store.get_list_state(ListStateDescriptor("committables", committable))
        state = ListStateDescriptor("writer-state", _types(Types.INT(), _BYTES))
        self._writer_state = store.get_list_state(state)
        self._restored_checkpoint = context.get_restored_checkpoint_id()

    def open(self, runtime_context: RuntimeContext) -> None:
        """Commits what was pending, then makes the writer."""
        sink = self._sink
        self._subtask = runtime_context.get_index_of_this_subtask()
        self._writer = self._committer = None
        self._pending: list[Pending] = []
        self._finished = False
        self.context = SinkWriter.Context()
        self.retry_in_ms = None
        context = WriterInitContext(runtime_context, self._restored_checkpoint)
        self._refuse_lost_state()
        sink._open(context)
        if isinstance(sink, SupportsCommitter):
            self._serializer = sink.get_committable_serializer()
            self._committer = sink.create_committer()
            for written in self._committables.get():
                self._pending.append(self._read_pending(written))
            self._commit(self._pending)
        if isinstance(sink, SupportsWriterState) and self._restored_checkpoint is not None:
            serializer = sink.get_writer_state_serializer()
            states = [_decode(serializer, *written) for written in self._writer_state.get()]
            self._writer = sink.restore_writer(context, states)
        else:
            self._writer = sink.create_writer(context)
        self._check_writer(self._writer)
        self.write: Callable[[Any, SinkWriter.Context], None] = self._writer.write

    def watermark(self, timestamp: int) -> None:
        """Event time has come so far."""
        from pyflinkpp.common.watermark_strategy import Watermark

        assert self._writer is not None
        self.context._watermark = timestamp
        self._writer.write_watermark(Watermark(timestamp))

    def prepare(self) -> None:
        """A barrier passes: what was written goes in front of it."""
        if not self._finished:
            self._flush(end_of_input=False)

    def finish(self) -> None:
        """The input has ended."""
        self._finished = True
        self._flush(end_of_input=True)

    def snapshot_state(self, context: FunctionSnapshotContext) -> None:
        """Writes what is pending, and the writer's state."""
        for pending in self._pending:
            if pending.checkpoint is None:
                pending.checkpoint = context.get_checkpoint_id()
                pending.timestamp = context.get_checkpoint_timestamp()
        if self._committer is not None:
            self._committables.update(map(self._written, self._pending))
        if isinstance(self._sink, SupportsWriterState):
            assert isinstance(self._writer, StatefulSinkWriter)
            serializer = self._sink.get_writer_state_serializer()
            states = self._writer.snapshot_state(context.get_checkpoint_id())
            self._writer_state.update(_encode(serializer, state) for state in states)

    def notify_checkpoint_complete(self, checkpoint_id: int) -> None:
        """Commits what the checkpoint has."""
        self._commit(self._due(checkpoint_id))

    def retry(self) -> None:
        """The time has come to ask again for what the committer wanted to retry."""
        self._commit([pending for pending in self._pending if pending.retries > 0])

    def commit_all(self) -> None:
        """The job ends, and all its tasks have processed everything."""
        for pending in self._pending:
            if pending.checkpoint is None:
                pending.checkpoint = END_OF_INPUT
                pending.timestamp = time.time_ns() // 1_000_000
        self._commit(self._pending)

    def close(self) -> None:
        """Closes both; the first error counts."""
        try:
            if self._writer is not None:
                self._writer.close()
        finally:
            if self._committer is not None:
                self._committer.close()

    def _flush(self, end_of_input: bool) -> None:
        assert self._writer is not None
        self._writer.flush(end_of_input)
        if self._committer is not None:
            assert isinstance(self._writer, CommittingSinkWriter)
            for committable in self._writer.prepare_commit():
                self._pending.append(Pending(committable, self._subtask))

    def _due(self, checkpoint: int) -> list[Pending]:
        return [p for p in self._pending if p.checkpoint is not None and p.checkpoint <= checkpoint]

    def _commit(self, requests: Iterable[Pending]) -> None:
        asked = list(requests)
        if not asked:
            return
        assert self._committer is not None
        for request in asked:
            request.retry = False
        self._committer.commit(asked)
        for request in asked:
            if request.failure is not None:
                raise RuntimeError(
                    f"{request.committable!r} could not be committed"
                ) from request.failure
            if request.retry:
                request.retries += 1
                if request.retries > self.retries:
                    raise RuntimeError(
                        f"{request.committable!r} was not committed after {self.retries} retries "
                        "(sink.committer.retries)"
                    )
        done = {id(request) for request in asked if not request.retry}
        self._pending = [pending for pending in self._pending if id(pending) not in done]
        most = max((request.retries for request in self._pending), default=0)
        wait = _FIRST_RETRY_MS * 2 ** (most - 1) if most > 0 else 0
        self.retry_in_ms = int(min(wait, _LAST_RETRY_MS)) or None

    def _written(self, pending: Pending) -> tuple[int, int, int, int, bytes]:
        version, encoded = _encode(self._serializer, pending.committable)
        assert pending.checkpoint is not None
        return pending.checkpoint, pending.timestamp, pending.subtask, version, encoded

    def _read_pending(self, written: tuple[int, int, int, int, bytes]) -> Pending:
        checkpoint, timestamp, subtask, version, encoded = written
        pending = Pending(_decode(self._serializer, version, encoded), subtask)
        pending.checkpoint, pending.timestamp, pending.recovered = checkpoint, timestamp, True
        return pending

    def _refuse_lost_state(self) -> None:
        for what, state, base in (
            ("committables", self._committables, SupportsCommitter),
            ("the state of writers", self._writer_state, SupportsWriterState),
        ):
            if state.get() and not isinstance(self._sink, base):
                raise ValueError(
                    f"the checkpoint has {what} of this sink, and {type(self._sink).__name__} is no "
                    f"{base.__name__} any more; give the sink another uid to start without it"
                )

    def _check_writer(self, writer: Any) -> None:
        sink = self._sink
        wanted: list[type] = [SinkWriter]
        if isinstance(sink, SupportsCommitter):
            wanted.append(CommittingSinkWriter)
        if isinstance(sink, SupportsWriterState):
            wanted.append(StatefulSinkWriter)
        for kind in wanted:
            if not isinstance(writer, kind):
                raise TypeError(
                    f"the writer of {type(sink).__name__} must be a {kind.__name__}, not {writer!r}"
                )


def _encode(serializer: SimpleVersionedSerializer | None, value: Any) -> tuple[int, bytes]:
    if serializer is None:
        import cloudpickle

        return _PICKLED, bytes(cloudpickle.dumps(value, protocol=5))
    return serializer.get_version(), serializer.serialize(value)


def _decode(serializer: SimpleVersionedSerializer | None, version: int, encoded: bytes) -> Any:
    if version == _PICKLED:
        return pickle.loads(encoded)
    if serializer is None:
        raise ValueError(
            "the checkpoint was taken with a serializer of the sink's, and the sink has none now"
        )
    return serializer.deserialize(version, encoded)
