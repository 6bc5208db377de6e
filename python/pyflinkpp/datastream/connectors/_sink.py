"""Sinks that are written in Python: what a user implements."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pyflinkpp.common.watermark_strategy import Watermark
    from pyflinkpp.datastream._runtime_context import RuntimeContext
    from pyflinkpp.metrics import MetricGroup

__all__ = [
    "CommitRequest",
    "Committer",
    "CommittingSinkWriter",
    "SimpleVersionedSerializer",
    "Sink",
    "SinkWriter",
    "StatefulSinkWriter",
    "SupportsCommitter",
    "SupportsWriterState",
    "WriterInitContext",
]


class WriterInitContext:
    """What a writer may know of its subtask.

    :param runtime_context: What the subtask is.
    :param restored_checkpoint: The checkpoint that the job goes on from; None for a fresh start.
    """

    def __init__(self, runtime_context: RuntimeContext, restored_checkpoint: int | None) -> None:
        self._runtime_context = runtime_context
        self._restored_checkpoint = restored_checkpoint

    def get_subtask_id(self) -> int:
        """Gives the index of this subtask.

        :return: From 0 to the parallelism - 1.
        """
        return self._runtime_context.get_index_of_this_subtask()

    def get_number_of_parallel_subtasks(self) -> int:
        """Gives the parallelism of the sink.

        :return: The number of subtasks.
        """
        return self._runtime_context.get_number_of_parallel_subtasks()

    def get_attempt_number(self) -> int:
        """Gives how often the subtask was started before.

        :return: 0 for the first attempt.
        """
        return self._runtime_context.get_attempt_number()

    def get_restored_checkpoint_id(self) -> int | None:
        """Gives the checkpoint or savepoint that the job goes on from.

        :return: Its number; None when the job starts afresh.
        """
        return self._restored_checkpoint

    def metric_group(self) -> MetricGroup:
        """Gives the place for the sink's metrics.

        :return: The group.
        """
        return self._runtime_context.get_metrics_group()


class SinkWriter(ABC):
    """Takes the elements of one subtask.

    All calls come one after the other, in one thread, and so do those of the committer.
    """

    class Context:
        """What is known of an element beside its value."""

        __slots__ = ("_timestamp", "_watermark")

        def __init__(self) -> None:
            self._timestamp: int | None = None
            self._watermark = -(2**63)

        def timestamp(self) -> int | None:
            """Gives the element's event time.

            :return: Milliseconds since the epoch; None when it has none.
            """
            return self._timestamp

        def current_watermark(self) -> int:
            """Gives how far event time is.

            :return: Milliseconds since the epoch; the least 64-bit number before the first
                watermark.
            """
            return self._watermark

    @abstractmethod
    def write(self, element: Any, context: SinkWriter.Context) -> None:
        """Takes an element; it may be kept back until the next :meth:`flush`.

        :param element: The element.
        :param context: Its time.
        """

    @abstractmethod
    def flush(self, end_of_input: bool) -> None:
        """Brings out what was kept back, because a checkpoint is about to be taken or the input has
        ended. An error fails the job, which goes on from its last checkpoint.

        :param end_of_input: Whether no element follows.
        """

    def write_watermark(self, watermark: Watermark) -> None:  # noqa: B027
        """Takes a watermark.

        :param watermark: The watermark.
        """

    def close(self) -> None:  # noqa: B027
        """Lets go of what the writer holds; called once, also when the job fails."""


class StatefulSinkWriter(SinkWriter):
    """A writer that keeps state of its own in checkpoints; its sink is :class:`SupportsWriterState`."""

    @abstractmethod
    def snapshot_state(self, checkpoint_id: int) -> Sequence[Any]:
        """Gives the state; called behind :meth:`flush`. An error lets the checkpoint fail.

        :param checkpoint_id: The checkpoint's number.
        :return: Any number of pieces, which are spread over the subtasks when the job is rescaled.
        """


class CommittingSinkWriter(SinkWriter):
    """A writer whose effects become visible by a :class:`Committer`; its sink is
    :class:`SupportsCommitter`.
    """

    @abstractmethod
    def prepare_commit(self) -> Collection[Any]:
        """Gives what is to be committed of the elements since the last call; called behind
        :meth:`flush`. From here on it must survive the process.

        :return: The committables: for each the committer is asked, when the checkpoint is complete.
        """


class CommitRequest(ABC):
    """One committable that is to be committed. A request about which the committer says nothing is
    done when ``commit`` returns.
    """

    @abstractmethod
    def get_committable(self) -> Any:
        """Gives what is to be committed.

        :return: The committable.
        """

    @abstractmethod
    def get_number_of_retries(self) -> int:
        """Gives how often this subtask has tried before.

        :return: 0 for the first time.
        """

    @abstractmethod
    def signal_failed_with_known_reason(self, error: BaseException) -> None:
        """Says that it can't be committed and that this is to be accepted: it is dropped, with a
        warning.

        :param error: The reason.
        """

    @abstractmethod
    def signal_failed_with_unknown_reason(self, error: BaseException) -> None:
        """Says that it could not be committed: the job fails, and goes on from its last checkpoint.

        :param error: The reason.
        """

    @abstractmethod
    def retry_later(self) -> None:
        """Asks for another call: after 0.1 seconds, then after longer and longer times, up to
        10 seconds; after ``sink.committer.retries`` of them the job fails.
        """

    @abstractmethod
    def update_and_retry_later(self, committable: Any) -> None:
        """The same with another committable in the place of this one.

        :param committable: The new one.
        """

    @abstractmethod
    def signal_already_committed(self) -> None:
        """Says that it was committed before, by a job that failed then: there is nothing to do."""


class Committer(ABC):
    """Makes visible what writers have prepared."""

    @abstractmethod
    def commit(self, requests: Collection[CommitRequest]) -> None:
        """Commits what checkpoints have that are complete, or what a bounded job has at its end.

        The same committable may come again, when a job fails between the commit and the next
        checkpoint: so a commit that is done twice must be as if it was done once. An exception fails
        the job, which goes on from its last checkpoint.

        The sink's task waits until this returns. What takes long is better done in a thread of the
        committer's: start it, call :meth:`~CommitRequest.retry_later`, and look at the next call.

        :param requests: The requests, in the order of their checkpoints.
        """

    def close(self) -> None:  # noqa: B027
        """Lets go of what the committer holds; called once, also when the job fails."""


class SimpleVersionedSerializer(ABC):
    """How objects become bytes in checkpoints, so that later versions of a program can read them."""

    @abstractmethod
    def get_version(self) -> int:
        """Gives the version of the format that :meth:`serialize` writes.

        :return: The version.
        """

    @abstractmethod
    def serialize(self, obj: Any) -> bytes:
        """Makes bytes of an object.

        :param obj: The object.
        :return: The bytes.
        """

    @abstractmethod
    def deserialize(self, version: int, serialized: bytes) -> Any:
        """Makes the object again.

        :param version: The version of the format that wrote it.
        :param serialized: The bytes.
        :return: The object.
        """


class Sink(ABC):
    """Where elements go; objects of derived classes go to ``sink_to``.

    A sink is pickled when the job is submitted. Each subtask makes a writer of its own, and one
    committer, when the sink is also a :class:`SupportsCommitter`.

    >>> class Append(SinkWriter):
    ...     def __init__(self, path):
    ...         self.file = open(path, "a")
    ...     def write(self, element, context):
    ...         print(element, file=self.file)
    ...     def flush(self, end_of_input):
    ...         self.file.flush()
    >>> class AppendSink(Sink):
    ...     def create_writer(self, context):
    ...         return Append(f"/tmp/lines-{context.get_subtask_id()}")
    """

    _name = "Sink"

    @abstractmethod
    def create_writer(self, context: WriterInitContext) -> SinkWriter:
        """Makes the writer of a subtask.

        :param context: What it may know of the subtask.
        :return: The writer.
        """

    def _open(self, context: WriterInitContext) -> None:  # noqa: B027
        """Comes before everything else in a subtask."""

    def _spec(self) -> dict[str, Any]:
        """Describes the sink to the engine."""
        return {"kind": "python_sink", "commits": isinstance(self, SupportsCommitter)}

    def _function(self) -> Any:
        """What the engine gets as a pickle."""
        from pyflinkpp.datastream._sink_runtime import SinkRunner

        return SinkRunner(self)


class SupportsCommitter(ABC):
    """A further base of sinks whose effects become visible in two phases.

    What writers prepare is kept in checkpoints, and committed when the checkpoint is complete: each
    element has its effect exactly once, as far as a commit that comes twice has no further effect.
    """

    @abstractmethod
    def create_committer(self) -> Committer:
        """Makes the committer of a subtask.

        :return: The committer.
        """

    def get_committable_serializer(self) -> SimpleVersionedSerializer | None:
        """Gives how committables are written to checkpoints.

        :return: The serializer; None, the default, for pickles.
        """
        return None


class SupportsWriterState(ABC):
    """A further base of sinks whose writers keep state: :class:`StatefulSinkWriter`."""

    @abstractmethod
    def restore_writer(
        self, context: WriterInitContext, recovered_state: Sequence[Any]
    ) -> StatefulSinkWriter:
        """Makes the writer of a subtask of a job that goes on from a checkpoint.

        :param context: What it may know of the subtask.
        :param recovered_state: What writers gave to the checkpoint, this subtask's share of it.
        :return: The writer.
        """

    def get_writer_state_serializer(self) -> SimpleVersionedSerializer | None:
        """Gives how the state of writers is written to checkpoints.

        :return: The serializer; None, the default, for pickles.
        """
        return None
