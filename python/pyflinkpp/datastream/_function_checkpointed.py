"""Functions that keep state of no key, and functions that hear of checkpoints."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pyflinkpp.datastream._runtime_context import KeyedStateStore
    from pyflinkpp.datastream._state_base import OperatorStateStore

__all__ = [
    "CheckpointListener",
    "CheckpointedFunction",
    "FunctionInitializationContext",
    "FunctionSnapshotContext",
]


class FunctionSnapshotContext:
    """What a function may know of the checkpoint that is taken.

    :param checkpoint_id: The checkpoint's number.
    :param checkpoint_timestamp: When it was triggered, milliseconds since the epoch.
    """

    __slots__ = ("_checkpoint_id", "_checkpoint_timestamp")

    def __init__(self, checkpoint_id: int, checkpoint_timestamp: int) -> None:
        self._checkpoint_id = checkpoint_id
        self._checkpoint_timestamp = checkpoint_timestamp

    def get_checkpoint_id(self) -> int:
        """Gives the checkpoint's number.

        :return: The number; a later checkpoint of the job has a greater one.
        """
        return self._checkpoint_id

    def get_checkpoint_timestamp(self) -> int:
        """Gives when the checkpoint was triggered.

        :return: Milliseconds since the epoch.
        """
        return self._checkpoint_timestamp


class FunctionInitializationContext(ABC):
    """Where a function gets its state from; it comes with ``initialize_state``."""

    @abstractmethod
    def is_restored(self) -> bool:
        """Tells whether the job goes on from a checkpoint or savepoint.

        :return: True if so, also when that has nothing of this function.
        """

    @abstractmethod
    def get_restored_checkpoint_id(self) -> int | None:
        """Tells which checkpoint the job goes on from.

        :return: Its number; None when it starts anew.
        """

    @abstractmethod
    def get_operator_state_store(self) -> OperatorStateStore:
        """Gives access to state that belongs to the subtask.

        :return: The store.
        """

    @abstractmethod
    def get_keyed_state_store(self) -> KeyedStateStore:
        """Gives access to state that belongs to a key.

        :return: The store.
        :raises RuntimeError: When the function does not run under a key.
        """


class CheckpointedFunction(ABC):
    """A function that keeps state of its subtask; a class of functions names it as a second base.

    >>> class Buffer(FlatMapFunction, CheckpointedFunction):
    ...     def initialize_state(self, context):
    ...         store = context.get_operator_state_store()
    ...         self.state = store.get_list_state(ListStateDescriptor("held", Types.LONG()))
    ...         self.held = list(self.state.get())
    ...
    ...     def snapshot_state(self, context):
    ...         self.state.update(self.held)
    ...
    ...     def flat_map(self, value):
    ...         self.held.append(value)
    ...         if len(self.held) == 10:
    ...             yield sum(self.held)
    ...             self.held.clear()
    """

    @abstractmethod
    def initialize_state(self, context: FunctionInitializationContext) -> None:
        """Makes the state, with what was restored; called once, before ``open``.

        :param context: Where the state comes from.
        """

    @abstractmethod
    def snapshot_state(self, context: FunctionSnapshotContext) -> None:
        """Brings the state up to date, because a checkpoint is taken of it behind this call.

        An error lets the checkpoint fail.

        :param context: The checkpoint.
        """


class CheckpointListener(ABC):
    """A function that hears what became of checkpoints; classes name it as a further base."""

    @abstractmethod
    def notify_checkpoint_complete(self, checkpoint_id: int) -> None:
        """Says that all subtasks' parts of a checkpoint are durable.

        It may not come for each checkpoint: a later one stands for those before it.

        :param checkpoint_id: The checkpoint's number.
        """

    def notify_checkpoint_aborted(self, checkpoint_id: int) -> None:  # noqa: B027
        """Says that a checkpoint was given up.

        :param checkpoint_id: The checkpoint's number.
        """
