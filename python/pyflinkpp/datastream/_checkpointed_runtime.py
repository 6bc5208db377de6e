"""The state of functions that belongs to no key, while a job runs: the engine calls this."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

from pyflinkpp._engine import native
from pyflinkpp.common._type_composite import ListTypeInfo
from pyflinkpp.common.typeinfo import engine_type
from pyflinkpp.datastream._broadcast_runtime import BroadcastStates
from pyflinkpp.datastream._function_base import parts_of
from pyflinkpp.datastream._function_checkpointed import (
    CheckpointedFunction,
    CheckpointListener,
    FunctionInitializationContext,
    FunctionSnapshotContext,
)
from pyflinkpp.datastream._state_base import BroadcastState, ListState, OperatorStateStore
from pyflinkpp.datastream._state_descriptors import ListStateDescriptor, MapStateDescriptor

if TYPE_CHECKING:
    from pyflinkpp.common.typeinfo import TypeInformation
    from pyflinkpp.datastream._runtime_context import KeyedStateStore, RuntimeContext

__all__ = ["open_checkpointed"]

# How the engine spreads the elements of a list when the job is restored.
SPLIT, UNION, BROADCAST = range(3)
_KINDS = ("list state", "union list state", "broadcast state")

Written = tuple[str, int, list[bytes], str]  # name, redistribution, elements, type


class _OperatorList(ListState[Any]):
    """A list that belongs to a subtask."""

    __slots__ = ("_values", "type_info")

    def __init__(self, type_info: TypeInformation) -> None:
        self.type_info = type_info
        self._values: list[Any] = []

    def get(self) -> list[Any]:
        """Gives the elements: a new list."""
        return list(self._values)

    def add(self, value: Any) -> None:
        """Appends an element."""
        self._values.append(value)

    def add_all(self, values: Iterable[Any]) -> None:
        """Appends elements."""
        self._values.extend(values)

    def update(self, values: Iterable[Any]) -> None:
        """Replaces the elements."""
        self._values = list(values)

    def clear(self) -> None:
        """Removes all elements."""
        self._values = []

    def __iter__(self) -> Iterator[Any]:
        return iter(self.get())


class _Store(OperatorStateStore):
    """The states of one function object."""

    def __init__(self, restored: Iterable[Written]) -> None:
        self._restored = {written[0]: written for written in restored}
        self._lists: dict[str, tuple[int, _OperatorList]] = {}
        self._broadcast = BroadcastStates()
        self._broadcast_types: dict[str, TypeInformation] = {}

    def get_list_state(self, state_descriptor: ListStateDescriptor) -> ListState[Any]:  # noqa: D102
        return self._list(state_descriptor, SPLIT)

    def get_union_list_state(self, state_descriptor: ListStateDescriptor) -> ListState[Any]:  # noqa: D102
        return self._list(state_descriptor, UNION)

    def get_broadcast_state(self, state_descriptor: MapStateDescriptor) -> BroadcastState[Any, Any]:  # noqa: D102
        state = self._broadcast.get(state_descriptor)
        name, type_info = state_descriptor.name, state_descriptor.type_info
        if name not in self._broadcast_types:
            self._refuse_known(name, BROADCAST)
            for table in self._take(name, BROADCAST, type_info):
                state.put_all(table)
            self._broadcast_types[name] = type_info
        return state

    def get_registered_state_names(self) -> set[str]:  # noqa: D102
        return set(self._lists)

    def get_registered_broadcast_state_names(self) -> set[str]:  # noqa: D102
        return set(self._broadcast_types)

    def written(self, subtask: int) -> Iterator[Written]:
        """Gives what a checkpoint keeps; also what was restored and nobody has asked for."""
        for name, (how, state) in self._lists.items():
            yield name, how, _bytes_of(name, state.type_info, state.get()), str(state.type_info)
        contents = self._broadcast.snapshot()
        for name, type_info in self._broadcast_types.items():
            table = contents[name]
            elements = _bytes_of(name, type_info, [table] if table else [])
            yield name, BROADCAST, elements, str(type_info)
        for written in self._restored.values():
            # All subtasks have got the same elements of a union.
            if written[1] != UNION or subtask == 0:
                yield written

    def _list(self, descriptor: ListStateDescriptor, how: int) -> _OperatorList:
        if not isinstance(descriptor, ListStateDescriptor):
            raise TypeError(f"a ListStateDescriptor is wanted, not {descriptor!r}")
        assert isinstance(descriptor.type_info, ListTypeInfo)
        type_info = descriptor.type_info.elem_type
        self._refuse_known(descriptor.name, how)
        if descriptor.name not in self._lists:
            state = _OperatorList(type_info)
            state.update(self._take(descriptor.name, how, type_info))
            self._lists[descriptor.name] = how, state
        state = self._lists[descriptor.name][1]
        if state.type_info != type_info:
            raise ValueError(
                f"{_KINDS[how]} {descriptor.name!r} has the type {state.type_info}, not {type_info}"
            )
        return state

    def _refuse_known(self, name: str, how: int) -> None:
        """Refuses a name that belongs to a state of another kind."""
        known = self._lists[name][0] if name in self._lists else how
        if name in self._broadcast_types:
            known = BROADCAST
        if known != how:
            raise ValueError(f"{name!r} is the name of a {_KINDS[known]}, not of a {_KINDS[how]}")

    def _take(self, name: str, how: int, type_info: TypeInformation) -> list[Any]:
        if name not in self._restored:
            return []
        _, old_how, elements, old_type = self._restored.pop(name)
        if (old_how, old_type) != (how, str(type_info)):
            raise ValueError(
                f"the state {name!r} was saved as {_KINDS[old_how]} with the type {old_type} and "
                f"is declared as {_KINDS[how]} with the type {type_info} now; declare it as it "
                "was, or give the operator another uid to start without it"
            )
        described = engine_type(type_info)
        return [native().deserialize(described, element) for element in elements]


class _Initialization(FunctionInitializationContext):
    def __init__(
        self, store: _Store, runtime_context: RuntimeContext | None, restored_checkpoint: int
    ) -> None:
        self._store = store
        self._runtime_context = runtime_context
        self._restored_checkpoint = restored_checkpoint

    def is_restored(self) -> bool:
        return self._restored_checkpoint >= 0

    def get_restored_checkpoint_id(self) -> int | None:
        return self._restored_checkpoint if self.is_restored() else None

    def get_operator_state_store(self) -> OperatorStateStore:
        return self._store

    def get_keyed_state_store(self) -> KeyedStateStore:
        if self._runtime_context is None or self._runtime_context._state_store is None:
            raise RuntimeError(
                "get_keyed_state_store(): the function does not run under a key: "
                "call key_by() on its input"
            )
        return self._runtime_context


class _Runtime:
    """What takes part in checkpoints of the functions that one object stands for.

    :param parts: The functions; their position is a part of their states' names.
    """

    def __init__(
        self,
        parts: list[Any],
        runtime_context: RuntimeContext | None,
        restored: Iterable[Written],
        restored_checkpoint: int,
        subtask: int,
    ) -> None:
        self._subtask = subtask
        self._parts = parts
        of_part: dict[str, list[Written]] = {}
        for name, how, elements, kind in restored:
            part, _, own_name = name.partition(":")
            of_part.setdefault(part, []).append((own_name, how, elements, kind))
        self._stores: dict[str, _Store] = {}
        for position, part in enumerate(parts):
            store = self._stores[str(position)] = _Store(of_part.pop(str(position), ()))
            if isinstance(part, CheckpointedFunction):
                context = _Initialization(store, runtime_context, restored_checkpoint)
                part.initialize_state(context)
        for name, left in of_part.items():  # of functions that are not there any more
            self._stores[name] = _Store(left)

    def snapshot(self, checkpoint: int, timestamp: int) -> list[Written]:
        context = FunctionSnapshotContext(checkpoint, timestamp)
        for part in self._parts:
            if isinstance(part, CheckpointedFunction):
                part.snapshot_state(context)
        return [
            (f"{position}:{name}", how, elements, kind)
            for position, store in self._stores.items()
            for name, how, elements, kind in store.written(self._subtask)
        ]

    def notify(self, checkpoint: int, completed: bool) -> None:
        for part in self._parts:
            if isinstance(part, CheckpointListener):
                if completed:
                    part.notify_checkpoint_complete(checkpoint)
                else:
                    part.notify_checkpoint_aborted(checkpoint)


def open_checkpointed(
    function: Any,
    runtime_context: RuntimeContext | None,
    restored: list[Written],
    restored_checkpoint: int,
    subtask: int,
) -> _Runtime | None:
    """Initializes the state of a function that is about to be opened.

    :param function: The function; it may stand for several.
    :param runtime_context: What it may know of its subtask; None for plain callables.
    :param restored: Its lists.
    :param restored_checkpoint: The checkpoint that they come from; -1: none.
    :param subtask: The index of the subtask.
    :return: What takes part in checkpoints; None when nothing does.
    """
    parts = list(parts_of(function))
    if not restored and not any(
        isinstance(part, (CheckpointedFunction, CheckpointListener)) for part in parts
    ):
        return None
    return _Runtime(parts, runtime_context, restored, restored_checkpoint, subtask)


def _bytes_of(name: str, type_info: TypeInformation, values: list[Any]) -> list[bytes]:
    described = engine_type(type_info)
    try:
        return [native().serialize(described, value) for value in values]
    except (TypeError, ValueError, OverflowError) as error:
        raise type(error)(f"the state {name!r} of the type {type_info}: {error}") from error
