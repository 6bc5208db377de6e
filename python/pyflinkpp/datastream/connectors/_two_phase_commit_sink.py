"""A sink that writes into transactions."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Collection, Sequence
from typing import Any

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

__all__ = ["TwoPhaseCommitSinkFunction"]


class TwoPhaseCommitSinkFunction(Sink, SupportsCommitter, SupportsWriterState):
    """A sink for systems with transactions that can be prepared and committed later, also by another
    process: a file that is renamed, rows that are made visible, a prepared transaction of a data
    base.

    From one checkpoint to the next, each subtask writes into one transaction. At the barrier it is
    pre-committed, and the next one begins; when the checkpoint is complete it is committed. After a
    failure, the transactions that the last checkpoint knows as pre-committed are committed again
    (:meth:`recover_and_commit`), the one that was open is aborted (:meth:`recover_and_abort`).

    What stands for a transaction, its handle, is kept in checkpoints: it must be something that can
    be pickled, or what ``transaction_serializer`` writes. Connections belong to :meth:`open`.

    All methods are called in one thread, one after the other.

    :param transaction_serializer: How handles are written to checkpoints; None for pickles.
    """

    _name = "Two-Phase Commit Sink"

    def __init__(self, transaction_serializer: SimpleVersionedSerializer | None = None) -> None:
        self._transaction_serializer = transaction_serializer

    @abstractmethod
    def begin_transaction(self) -> Any:
        """Begins a transaction.

        :return: Its handle.
        """

    @abstractmethod
    def invoke(self, transaction: Any, value: Any, context: SinkWriter.Context) -> None:
        """Writes an element into the transaction.

        :param transaction: The handle.
        :param value: The element.
        :param context: Its time.
        """

    @abstractmethod
    def pre_commit(self, transaction: Any) -> None:
        """Ends a transaction so that :meth:`commit` can't fail any more, whatever becomes of this
        process. An error fails the job.

        :param transaction: The handle.
        """

    @abstractmethod
    def commit(self, transaction: Any) -> None:
        """Makes a pre-committed transaction visible. An error fails the job, which goes on from its
        last checkpoint and commits the transaction again.

        :param transaction: The handle.
        """

    @abstractmethod
    def abort(self, transaction: Any) -> None:
        """Drops a transaction that was not pre-committed, because the job ends or fails.

        :param transaction: The handle.
        """

    def recover_and_commit(self, transaction: Any) -> None:
        """Commits a transaction that a checkpoint has. It may have been committed before, and then
        nothing is to be done.

        :param transaction: The handle.
        """
        self.commit(transaction)

    def recover_and_abort(self, transaction: Any) -> None:
        """Drops a transaction that was open when a checkpoint was taken. It may be gone already.

        :param transaction: The handle.
        """
        self.abort(transaction)

    def open(self, context: WriterInitContext) -> None:  # noqa: B027
        """Prepares the sink; called once in each subtask before everything else.

        :param context: What it may know of the subtask.
        """

    def close(self) -> None:  # noqa: B027
        """Lets go of what the sink holds; called once in each subtask."""

    def create_writer(self, context: WriterInitContext) -> SinkWriter:  # noqa: D102
        return _Writer(self)

    def restore_writer(  # noqa: D102
        self, context: WriterInitContext, recovered_state: Sequence[Any]
    ) -> StatefulSinkWriter:
        for transaction in recovered_state:
            self.recover_and_abort(transaction)
        return _Writer(self)

    def create_committer(self) -> Committer:  # noqa: D102
        return _TransactionCommitter(self)

    def get_committable_serializer(self) -> SimpleVersionedSerializer | None:  # noqa: D102
        return self._transaction_serializer

    def get_writer_state_serializer(self) -> SimpleVersionedSerializer | None:  # noqa: D102
        return self._transaction_serializer

    def _open(self, context: WriterInitContext) -> None:
        self.open(context)


class _Writer(CommittingSinkWriter, StatefulSinkWriter):
    def __init__(self, function: TwoPhaseCommitSinkFunction) -> None:
        self._function = function
        self._open = [function.begin_transaction()]  # none behind the end
        self._prepared: list[Any] = []
        self._ended = False

    def write(self, element: Any, context: SinkWriter.Context) -> None:
        self._function.invoke(self._open[0], element, context)

    def flush(self, end_of_input: bool) -> None:
        self._ended = end_of_input
        self._function.pre_commit(self._open[0])
        self._prepared.append(self._open.pop())

    def prepare_commit(self) -> Collection[Any]:
        prepared, self._prepared = self._prepared, []
        if not self._ended:
            self._open.append(self._function.begin_transaction())
        return prepared

    def snapshot_state(self, checkpoint_id: int) -> Sequence[Any]:
        return self._open

    def close(self) -> None:
        if self._open:
            self._function.abort(self._open.pop())


class _TransactionCommitter(Committer):
    def __init__(self, function: TwoPhaseCommitSinkFunction) -> None:
        self._function = function

    def commit(self, requests: Collection[CommitRequest]) -> None:
        from pyflinkpp.datastream._sink_runtime import Pending

        for request in requests:
            assert isinstance(request, Pending)
            function = self._function
            commit = function.recover_and_commit if request.recovered else function.commit
            try:
                commit(request.committable)
            except Exception as error:  # the others are committed all the same
                request.signal_failed_with_unknown_reason(error)

    def close(self) -> None:
        self._function.close()
