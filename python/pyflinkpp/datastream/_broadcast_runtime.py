"""Broadcast state while a job runs: a map for each descriptor, in each subtask."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, NoReturn

from pyflinkpp.datastream._state_base import BroadcastState, ReadOnlyBroadcastState
from pyflinkpp.datastream._state_descriptors import MapStateDescriptor
from pyflinkpp.datastream._state_runtime import mapping

if TYPE_CHECKING:
    from pyflinkpp.common.typeinfo import TypeInformation

__all__ = ["BroadcastStates"]

Table = dict[Any, Any]


class _Reading(ReadOnlyBroadcastState[Any, Any]):
    """A map that can only be read."""

    __slots__ = ("_table",)

    def __init__(self, table: Table) -> None:
        self._table = table

    def get(self, key: Any) -> Any:
        """Gives the value of a key, or None."""
        return self._table.get(key)

    def contains(self, key: Any) -> bool:
        """Tells whether there is a value of a key."""
        return key in self._table

    def items(self) -> list[tuple[Any, Any]]:
        """Gives all keys and values as they are now."""
        return list(self._table.items())

    def keys(self) -> list[Any]:
        """Gives all keys as they are now."""
        return list(self._table)

    def values(self) -> list[Any]:
        """Gives all values as they are now."""
        return list(self._table.values())

    def is_empty(self) -> bool:
        """Tells whether there are no keys."""
        return not self._table

    def clear(self) -> None:
        """Refuses: only the broadcast side may change the state."""
        _read_only("clear()")

    def __setitem__(self, key: Any, value: Any) -> None:
        _read_only("an assignment")

    def __delitem__(self, key: Any) -> None:
        _read_only("del")


class _Writing(_Reading, BroadcastState[Any, Any]):
    """A map that can be changed."""

    __slots__ = ()

    def put(self, key: Any, value: Any) -> None:
        """Sets the value of a key."""
        self._table[key] = value

    def put_all(self, dict_value: Mapping[Any, Any]) -> None:
        """Sets the values of several keys."""
        self._table.update(mapping(dict_value))

    def remove(self, key: Any) -> None:
        """Removes a key with its value, if there is one."""
        self._table.pop(key, None)

    def clear(self) -> None:
        """Removes all keys."""
        self._table.clear()

    def __setitem__(self, key: Any, value: Any) -> None:
        self._table[key] = value

    def __delitem__(self, key: Any) -> None:
        self._table.pop(key, None)


class BroadcastStates:
    """The broadcast states of one subtask.

    :param descriptors: The descriptors that were given to ``broadcast()``; with None, any may be
        used.
    """

    __slots__ = ("_any", "_reading", "_tables", "_types", "_writing")

    def __init__(self, descriptors: Iterable[MapStateDescriptor] | None = None) -> None:
        self._any = descriptors is None
        self._types: dict[str, TypeInformation] = {}
        self._tables: dict[str, Table] = {}
        self._reading: dict[str, _Reading] = {}
        self._writing: dict[str, _Writing] = {}
        for descriptor in descriptors or ():
            self._add(descriptor)

    def get(self, descriptor: MapStateDescriptor) -> BroadcastState[Any, Any]:
        """Gives a state to the broadcast side.

        :param descriptor: One of the descriptors that were given to ``broadcast()``.
        :return: The state.
        :raises TypeError: When it is no MapStateDescriptor.
        :raises ValueError: When it was not given, or has another type.
        """
        return self._writing[self._name(descriptor)]

    def read_only(self, descriptor: MapStateDescriptor) -> ReadOnlyBroadcastState[Any, Any]:
        """Gives a state to the other side.

        :param descriptor: One of the descriptors that were given to ``broadcast()``.
        :return: The state, without ``put`` and ``remove``.
        :raises TypeError: When it is no MapStateDescriptor.
        :raises ValueError: When it was not given, or has another type.
        """
        return self._reading[self._name(descriptor)]

    def snapshot(self) -> dict[str, Table]:
        """Gives the contents of all states.

        :return: A copy by name; the keys and values are the same objects.
        """
        return {name: dict(table) for name, table in self._tables.items()}

    def restore(self, contents: Mapping[str, Mapping[Any, Any]]) -> None:
        """Replaces the contents of the states; what no descriptor names any more is left out.

        :param contents: The contents by name.
        """
        for name in contents if self._any else ():
            self._table(name)
        for name, table in self._tables.items():
            table.clear()
            table.update(contents.get(name, {}))

    def _add(self, descriptor: MapStateDescriptor) -> str:
        self._types[descriptor.name] = descriptor.type_info
        table = self._table(descriptor.name)
        self._reading[descriptor.name] = _Reading(table)
        self._writing[descriptor.name] = _Writing(table)
        return descriptor.name

    def _table(self, name: str) -> Table:
        return self._tables.setdefault(name, {})

    def _name(self, descriptor: MapStateDescriptor) -> str:
        if not isinstance(descriptor, MapStateDescriptor):
            raise TypeError(f"a MapStateDescriptor is wanted, not {descriptor!r}")
        known = self._types.get(descriptor.name)
        if known is None and self._any:
            return self._add(descriptor)
        if known is None:
            raise ValueError(
                f"there is no broadcast state {descriptor.name!r}: give its descriptor to "
                f"broadcast(); it got {sorted(self._types)}"
            )
        if known != descriptor.type_info:
            raise ValueError(
                f"broadcast state {descriptor.name!r} has the type {known}, "
                f"not {descriptor.type_info}"
            )
        return descriptor.name


def _read_only(change: str) -> NoReturn:
    raise TypeError(
        f"{change}: here the broadcast state can only be read; "
        "process_broadcast_element() may change it"
    )
