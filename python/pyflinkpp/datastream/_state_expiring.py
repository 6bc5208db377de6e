"""State that expires: each value, element or entry is kept with the time of its last access."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

from pyflinkpp.common.typeinfo import (
    ListTypeInfo,
    MapTypeInfo,
    TypeInformation,
    Types,
    engine_type,
)
from pyflinkpp.datastream._state_base import ListState, MapState, ValueState
from pyflinkpp.datastream._state_descriptors import (
    ListStateDescriptor,
    MapStateDescriptor,
    StateDescriptor,
)
from pyflinkpp.datastream._state_runtime import Cell, MakeCell, mapping, over
from pyflinkpp.datastream._state_ttl import StateTtlConfig

if TYPE_CHECKING:
    Stamped = tuple[Any, int]

__all__ = ["expiring"]


class Lifetime:
    """Tells what has expired; the time is the wall clock's in milliseconds.

    :param config: When state expires.
    :param now: Gives the time.
    """

    __slots__ = ("_length", "dropped_after", "now", "renewed_by_reads", "shows_expired")

    def __init__(self, config: StateTtlConfig, now: Callable[[], int]) -> None:
        self._length = config.get_ttl().to_milliseconds()
        cleaned_up = config.get_cleanup_strategies().get_rocksdb_compact_filter_cleanup_strategy()
        #: After how long the backend may drop a value; 0 is never.
        self.dropped_after = 0 if cleaned_up is None else self._length
        self.now = now
        self.renewed_by_reads = config.get_update_type() is StateTtlConfig.UpdateType.OnReadAndWrite
        self.shows_expired = (
            config.get_state_visibility()
            is StateTtlConfig.StateVisibility.ReturnExpiredIfNotCleanedUp
        )

    def is_over(self, stamped: Stamped, now: int) -> bool:
        """Tells whether a value has expired.

        :param stamped: The value with the time of its last access.
        :param now: The time.
        :return: True if so.
        """
        return stamped[1] + self._length <= now


class TimedCell:
    """A cell whose values stand behind the time of their last use: the backend may drop old ones.

    :param cell: The cell of these pairs.
    :param now: Gives the time.
    """

    __slots__ = ("_cell", "_now")

    def __init__(self, cell: Cell, now: Callable[[], int]) -> None:
        self._cell = cell
        self._now = now

    def value(self) -> Any:
        """Gives what was given to update, or None."""
        timed = self._cell.value()
        return None if timed is None else timed[1]

    def update(self, value: Any) -> None:
        """Replaces it."""
        self._cell.update((self._now(), value))

    def clear(self) -> None:
        """Removes it."""
        self._cell.clear()


class ExpiringValue(ValueState[Any]):
    """A value that expires.

    :param cell: Holds pairs of the time of the last use and the value.
    :param lifetime: Tells when it is over.
    """

    __slots__ = ("_cell", "_lifetime")

    def __init__(self, cell: Cell, lifetime: Lifetime) -> None:
        self._cell = cell
        self._lifetime = lifetime

    def value(self) -> Any:
        """Gives the value, or None; clears it when it has expired."""
        timed = self._cell.value()
        if timed is None:
            return None
        time, value = timed
        lifetime = self._lifetime
        now = lifetime.now()
        if lifetime.is_over((value, time), now):
            self._cell.clear()
            return value if lifetime.shows_expired else None
        if lifetime.renewed_by_reads:
            self._cell.update((now, value))
        return value

    def unexpired(self) -> Any:
        """Gives the value unless it has expired, and leaves it as it is."""
        timed = self._cell.value()
        if timed is None or self._lifetime.is_over((timed[1], timed[0]), self._lifetime.now()):
            return None
        return timed[1]

    def update(self, value: Any) -> None:
        """Replaces the value."""
        if value is None:
            self._cell.clear()
        else:
            self._cell.update((self._lifetime.now(), value))

    def clear(self) -> None:
        """Removes the value."""
        self._cell.clear()


class ExpiringList(ListState[Any]):
    """A list whose elements expire each by itself."""

    __slots__ = ("_cell", "_lifetime")

    def __init__(self, cell: Cell, lifetime: Lifetime) -> None:
        self._cell = cell
        self._lifetime = lifetime

    def get(self) -> list[Any]:
        """Gives the elements that live; removes the others."""
        held = self._cell.value()
        if held is None:
            return []
        lifetime = self._lifetime
        now = lifetime.now()
        living = [stamped for stamped in held if not lifetime.is_over(stamped, now)]
        if not living:
            self._cell.clear()
        elif lifetime.renewed_by_reads:
            self._cell.update([(value, now) for value, _ in living])
        elif len(living) < len(held):
            self._cell.update(living)
        return [value for value, _ in (held if lifetime.shows_expired else living)]

    def add(self, value: Any) -> None:
        """Appends an element."""
        self.add_all((value,))

    def add_all(self, values: Iterable[Any]) -> None:
        """Appends elements."""
        now = self._lifetime.now()
        new = [(value, now) for value in values]
        if new:
            self.merge(new)

    def update(self, values: Iterable[Any]) -> None:
        """Replaces the list."""
        self._cell.clear()
        self.add_all(values)

    def clear(self) -> None:
        """Removes all elements."""
        self._cell.clear()

    def take(self) -> Any:
        """Gives what is held and clears it; windows merge by it."""
        held = self._cell.value()
        self._cell.clear()
        return held

    def merge(self, taken: Any) -> None:
        """Appends what another window has held, with its times."""
        held = self._cell.value()
        if held is not None:
            held.extend(taken)
            taken = held
        self._cell.update(taken)


class ExpiringMap(MapState[Any, Any]):
    """A map whose entries expire each by itself."""

    __slots__ = ("_cell", "_lifetime")

    def __init__(self, cell: Cell, lifetime: Lifetime) -> None:
        self._cell = cell
        self._lifetime = lifetime

    def get(self, key: Any) -> Any:
        """Gives the value of a key, or None."""
        stamped = self._seen(key)
        return None if stamped is None else stamped[0]

    def contains(self, key: Any) -> bool:
        """Tells whether there is a value of a key."""
        return self._seen(key) is not None

    def put(self, key: Any, value: Any) -> None:
        """Sets the value of a key."""
        self.put_all({key: value})

    def put_all(self, dict_value: Mapping[Any, Any]) -> None:
        """Sets the values of several keys."""
        now = self._lifetime.now()
        new = {key: (value, now) for key, value in mapping(dict_value).items()}
        if not new:
            return
        held = self._cell.value()
        if held is not None:
            held.update(new)
            new = held
        self._cell.update(new)

    def remove(self, key: Any) -> None:
        """Removes a key with its value, if there is one."""
        held = self._cell.value()
        if held is not None and key in held:
            del held[key]
            self._keep(held)

    def items(self) -> list[tuple[Any, Any]]:
        """Gives the keys and values that live; removes the others."""
        held = self._cell.value()
        if held is None:
            return []
        lifetime = self._lifetime
        now = lifetime.now()
        living = {k: stamped for k, stamped in held.items() if not lifetime.is_over(stamped, now)}
        if lifetime.renewed_by_reads:
            living = {key: (value, now) for key, (value, _) in living.items()}
        if lifetime.renewed_by_reads or len(living) < len(held):
            self._keep(living)
        shown = held if lifetime.shows_expired else living
        return [(key, value) for key, (value, _) in shown.items()]

    def keys(self) -> list[Any]:
        """Gives the keys that live."""
        return [key for key, _ in self.items()]

    def values(self) -> list[Any]:
        """Gives the values that live."""
        return [value for _, value in self.items()]

    def is_empty(self) -> bool:
        """Tells whether no key lives; it is no read of any of them."""
        held = self._cell.value()
        if held is None:
            return True
        lifetime = self._lifetime
        now = lifetime.now()
        return not lifetime.shows_expired and all(
            lifetime.is_over(stamped, now) for stamped in held.values()
        )

    def clear(self) -> None:
        """Removes all keys."""
        self._cell.clear()

    def _seen(self, key: Any) -> Stamped | None:
        held = self._cell.value()
        stamped: Stamped | None = None if held is None else held.get(key)
        if stamped is None:
            return None
        lifetime = self._lifetime
        now = lifetime.now()
        if lifetime.is_over(stamped, now):
            self.remove(key)
            return stamped if lifetime.shows_expired else None
        if lifetime.renewed_by_reads:
            held[key] = stamped[0], now
            self._cell.update(held)
        return stamped

    def _keep(self, entries: dict[Any, Stamped]) -> None:
        if entries:
            self._cell.update(entries)
        else:
            self._cell.clear()


def expiring(descriptor: StateDescriptor, make_cell: MakeCell, now: Callable[[], int]) -> Any:
    """Makes the state of a descriptor with a time to live.

    :param descriptor: The descriptor.
    :param make_cell: Makes the cell of a name.
    :param now: Gives the wall clock's time in milliseconds.
    :return: The state.
    """
    if descriptor._ttl_config is None:
        raise ValueError(f"state {descriptor.name!r} has no time to live")
    lifetime = Lifetime(descriptor._ttl_config, now)

    def cell_of(held: TypeInformation) -> Cell:
        timed = engine_type(Types.TUPLE([Types.LONG(), held]))
        cell: Cell = make_cell(descriptor.name, timed, lifetime.dropped_after)
        return cell

    def stamped(value: TypeInformation) -> TypeInformation:
        return Types.TUPLE([value, Types.LONG()])

    held = descriptor.type_info
    if isinstance(held, ListTypeInfo) and isinstance(descriptor, ListStateDescriptor):
        stamped_list = Types.LIST(stamped(held.elem_type))
        return ExpiringList(TimedCell(cell_of(stamped_list), now), lifetime)
    if isinstance(held, MapTypeInfo) and isinstance(descriptor, MapStateDescriptor):
        stamped_map = Types.MAP(held.get_key_type_info(), stamped(held.get_value_type_info()))
        return ExpiringMap(TimedCell(cell_of(stamped_map), now), lifetime)
    return over(ExpiringValue(cell_of(held), lifetime), descriptor)
