"""The kinds of state that functions may have."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, Generic, TypeVar

if TYPE_CHECKING:
    from pyflinkpp.datastream._state_descriptors import ListStateDescriptor, MapStateDescriptor

__all__ = [
    "AggregatingState",
    "AppendingState",
    "BroadcastState",
    "ListState",
    "MapState",
    "MergingState",
    "OperatorStateStore",
    "ReadOnlyBroadcastState",
    "ReducingState",
    "State",
    "ValueState",
]

T = TypeVar("T")
K = TypeVar("K")
V = TypeVar("V")
IN = TypeVar("IN")
OUT = TypeVar("OUT")


class State(ABC):
    """What a function remembers; keyed state always is that of the key in hand."""

    __slots__ = ()

    @abstractmethod
    def clear(self) -> None:
        """Forgets what is held."""


class ValueState(State, Generic[T]):
    """Holds one value for each key."""

    __slots__ = ()

    @abstractmethod
    def value(self) -> T | None:
        """Gives the value.

        :return: The value, or None when there is none.
        """

    @abstractmethod
    def update(self, value: T | None) -> None:
        """Replaces the value.

        :param value: The new value; None clears the state.
        """


class AppendingState(State, Generic[IN, OUT]):
    """Takes in values and gives what came of them."""

    __slots__ = ()

    @abstractmethod
    def get(self) -> OUT:
        """Gives what came of the values.

        :return: It, or None when there is nothing; a ListState then gives an empty list.
        """

    @abstractmethod
    def add(self, value: IN) -> None:
        """Takes in a value.

        :param value: The value.
        """


class MergingState(AppendingState[IN, OUT]):
    """An appending state whose contents of merged windows become one."""

    __slots__ = ()


class ReducingState(MergingState[T, T | None]):
    """Holds the reduction of the values of each key."""

    __slots__ = ()


class AggregatingState(MergingState[IN, OUT | None]):
    """Holds an accumulator for each key and gives its result."""

    __slots__ = ()


class ListState(MergingState[T, Iterable[T]]):
    """Holds a list for each key."""

    __slots__ = ()

    @abstractmethod
    def update(self, values: Iterable[T]) -> None:
        """Replaces the list.

        :param values: The new values; an empty list clears the state.
        """

    @abstractmethod
    def add_all(self, values: Iterable[T]) -> None:
        """Appends values.

        :param values: The values.
        """

    def __iter__(self) -> Iterator[T]:
        return iter(self.get())


class _Table(State, Generic[K, V]):
    """What reading from all states with keys of their own has in common."""

    __slots__ = ()

    @abstractmethod
    def get(self, key: K) -> V | None:
        """Gives the value of a key.

        :param key: The key.
        :return: Its value, or None when there is none.
        """

    @abstractmethod
    def contains(self, key: K) -> bool:
        """Tells whether there is a value of a key.

        :param key: The key.
        :return: True if so.
        """

    @abstractmethod
    def items(self) -> Iterable[tuple[K, V]]:
        """Gives all keys and values; the state may be changed meanwhile.

        :return: The pairs as they are now.
        """

    @abstractmethod
    def keys(self) -> Iterable[K]:
        """Gives all keys; the state may be changed meanwhile.

        :return: The keys as they are now.
        """

    @abstractmethod
    def values(self) -> Iterable[V]:
        """Gives all values; the state may be changed meanwhile.

        :return: The values as they are now.
        """

    @abstractmethod
    def is_empty(self) -> bool:
        """Tells whether there are no keys.

        :return: True if so.
        """

    def __getitem__(self, key: K) -> V | None:
        return self.get(key)

    def __contains__(self, key: K) -> bool:
        return self.contains(key)

    def __iter__(self) -> Iterator[K]:
        return iter(self.keys())


class _WritableTable(_Table[K, V]):
    """What writing to them has in common."""

    __slots__ = ()

    @abstractmethod
    def put(self, key: K, value: V) -> None:
        """Sets the value of a key.

        :param key: The key.
        :param value: Its new value.
        """

    @abstractmethod
    def put_all(self, dict_value: Mapping[K, V]) -> None:
        """Sets the values of several keys.

        :param dict_value: The keys with their new values.
        :raises TypeError: When it is no mapping.
        """

    @abstractmethod
    def remove(self, key: K) -> None:
        """Removes a key with its value; nothing happens when there is none.

        :param key: The key.
        """

    def __setitem__(self, key: K, value: V) -> None:
        self.put(key, value)

    def __delitem__(self, key: K) -> None:
        self.remove(key)


class MapState(_WritableTable[K, V]):
    """Holds a map for each key of the stream."""

    __slots__ = ()


class ReadOnlyBroadcastState(_Table[K, V]):
    """Gives what the broadcast side of an operator has stored, without means to change it.

    The values are not copied: change none of them.
    """

    __slots__ = ()


class BroadcastState(ReadOnlyBroadcastState[K, V], _WritableTable[K, V]):
    """Holds a map in each subtask that follows from a broadcast stream.

    Each subtask sees the same elements of that stream and must make the same of them: after a
    restart with another parallelism a subtask may get the map of any other.
    """

    __slots__ = ()


class OperatorStateStore(ABC):
    """Gives access to state that belongs to a subtask, not to a key."""

    @abstractmethod
    def get_list_state(self, state_descriptor: ListStateDescriptor) -> ListState[Any]:
        """Gives a list whose elements are spread evenly when the job is restored with another
        parallelism.

        :param state_descriptor: Its name and type; the same name gives the same state.
        :return: The state, with what was restored.
        :raises TypeError: When it is no ListStateDescriptor.
        :raises ValueError: When the name belongs to a state of another kind or type, or what was
            saved under it does.
        """

    @abstractmethod
    def get_union_list_state(self, state_descriptor: ListStateDescriptor) -> ListState[Any]:
        """Gives a list of which each subtask gets the elements of all when the job is restored.

        :param state_descriptor: Its name and type; the same name gives the same state.
        :return: The state, with what was restored.
        :raises TypeError: When it is no ListStateDescriptor.
        :raises ValueError: When the name belongs to a state of another kind or type, or what was
            saved under it does.
        """

    @abstractmethod
    def get_registered_state_names(self) -> set[str]:
        """Gives the names of all lists.

        :return: The names.
        """

    @abstractmethod
    def get_registered_broadcast_state_names(self) -> set[str]:
        """Gives the names of all broadcast states.

        :return: The names.
        """

    @abstractmethod
    def get_broadcast_state(self, state_descriptor: MapStateDescriptor) -> BroadcastState[Any, Any]:
        """Gives a broadcast state.

        :param state_descriptor: Its name and types.
        :return: The state.
        """
