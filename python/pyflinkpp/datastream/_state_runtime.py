"""State while a job runs: each kind of state over the engine's cells, which hold one value a key."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, Protocol, cast

from pyflinkpp.common.typeinfo import engine_type
from pyflinkpp.datastream._runtime_context import KeyedStateStore
from pyflinkpp.datastream._state_base import AggregatingState, ListState, MapState, ReducingState
from pyflinkpp.datastream._state_descriptors import (
    AggregatingStateDescriptor,
    ListStateDescriptor,
    MapStateDescriptor,
    ReducingStateDescriptor,
    StateDescriptor,
    ValueStateDescriptor,
)

if TYPE_CHECKING:
    from pyflinkpp.common._type_information import Descriptor

__all__ = ["Cell", "CellStore", "KeyedStates", "MakeCell"]


class Cell(Protocol):
    """A place for one value of the key in hand, and of the window in hand if it is of windows."""

    def value(self) -> Any:
        """Gives the value, or None."""

    def update(self, value: Any) -> None:
        """Sets the value; None clears it."""

    def clear(self) -> None:
        """Removes the value."""


class ContainerCell(Cell, Protocol):
    """A cell that holds a list or a dict."""

    def append(self, value: Any) -> None:
        """Appends an element to the list."""

    def put(self, key: Any, value: Any) -> None:
        """Sets the value of a key of the dict."""

    def touch(self) -> None:
        """Tells that what value() gave was changed in place."""


class MakeCell(Protocol):
    """Makes a cell of a name."""

    def __call__(
        self, name: str, type_descriptor: Descriptor | None, time_to_live_ms: int = 0, /
    ) -> Any:
        """Gives it; one with a time to live holds tuples that begin with the time of their last use."""


class CellStore(Protocol):
    """What the engine gives an operator that runs under a key."""

    def cell(
        self, name: str, type_descriptor: Descriptor | None, time_to_live_ms: int = 0, /
    ) -> Cell:
        """Gives the cell of that name for the key in hand."""

    def window_cell(
        self, name: str, type_descriptor: Descriptor | None, time_to_live_ms: int = 0, /
    ) -> Cell:
        """Gives the cell of that name for the key and the window in hand."""

    def now(self) -> int:
        """Gives the wall clock's time in milliseconds."""


class CellList(ListState[Any]):
    """A list in a cell; an empty one is not kept."""

    __slots__ = ("_cell",)

    def __init__(self, cell: ContainerCell) -> None:
        self._cell = cell

    def clear(self) -> None:
        """Removes all elements."""
        self._cell.clear()

    def get(self) -> list[Any]:
        """Gives a copy of the list."""
        held = self._cell.value()
        return [] if held is None else list(held)

    def add(self, value: Any) -> None:
        """Appends a value."""
        self._cell.append(value)

    def add_all(self, values: Iterable[Any]) -> None:
        """Appends values."""
        for value in list(values):
            self._cell.append(value)

    def update(self, values: Iterable[Any]) -> None:
        """Replaces the list."""
        new = list(values)
        if new:
            self._cell.update(new)
        else:
            self._cell.clear()

    def take(self) -> Any:
        """Gives what is held and clears it; windows merge by it."""
        held = self._cell.value()
        self._cell.clear()
        return held

    def merge(self, taken: Any) -> None:
        """Appends what another window has held."""
        self.add_all(taken)


class CellMap(MapState[Any, Any]):
    """A dict in a cell; an empty one is not kept."""

    __slots__ = ("_cell",)

    def __init__(self, cell: ContainerCell) -> None:
        self._cell = cell

    def get(self, key: Any) -> Any:
        """Gives the value of a key, or None."""
        held = self._cell.value()
        return None if held is None else held.get(key)

    def contains(self, key: Any) -> bool:
        """Tells whether there is a value of a key."""
        held = self._cell.value()
        return held is not None and key in held

    def put(self, key: Any, value: Any) -> None:
        """Sets the value of a key."""
        self._cell.put(key, value)

    def put_all(self, dict_value: Mapping[Any, Any]) -> None:
        """Sets the values of several keys."""
        for key, value in mapping(dict_value).items():
            self._cell.put(key, value)

    def remove(self, key: Any) -> None:
        """Removes a key with its value, if there is one."""
        held = self._cell.value()
        if held is None or key not in held:
            return
        del held[key]
        if held:
            self._cell.touch()
        else:
            self._cell.clear()

    def items(self) -> list[tuple[Any, Any]]:
        """Gives all keys and values as they are now."""
        held = self._cell.value()
        return [] if held is None else list(held.items())

    def keys(self) -> list[Any]:
        """Gives all keys as they are now."""
        held = self._cell.value()
        return [] if held is None else list(held)

    def values(self) -> list[Any]:
        """Gives all values as they are now."""
        held = self._cell.value()
        return [] if held is None else list(held.values())

    def is_empty(self) -> bool:
        """Tells whether there are no keys."""
        return not self._cell.value()

    def clear(self) -> None:
        """Removes all keys."""
        self._cell.clear()


class CellReduction(ReducingState[Any]):
    """A reduction in a cell.

    :param cell: The cell, or a value that expires.
    :param function: Combines two values.
    """

    __slots__ = ("_cell", "_reduce", "_unexpired")

    def __init__(self, cell: Cell, function: Callable[[Any, Any], Any]) -> None:
        self._cell = cell
        self._reduce = function
        self._unexpired: Callable[[], Any] = getattr(cell, "unexpired", cell.value)

    def get(self) -> Any:
        """Gives the reduction, or None."""
        return self._cell.value()

    def add(self, value: Any) -> None:
        """Combines the reduction so far with a value."""
        held = self._unexpired()
        self._cell.update(value if held is None else self._reduce(held, value))

    def clear(self) -> None:
        """Forgets the reduction."""
        self._cell.clear()

    def take(self) -> Any:
        """Gives what is held and clears it; windows merge by it."""
        held = self._unexpired()
        self._cell.clear()
        return held

    def merge(self, taken: Any) -> None:
        """Combines this reduction with that of another window."""
        self.add(taken)


class CellAggregation(AggregatingState[Any, Any]):
    """An accumulator in a cell.

    :param cell: The cell, or a value that expires.
    :param function: An AggregateFunction.
    """

    __slots__ = ("_cell", "_function", "_unexpired")

    def __init__(self, cell: Cell, function: Any) -> None:
        self._cell = cell
        self._function = function
        self._unexpired: Callable[[], Any] = getattr(cell, "unexpired", cell.value)

    def get(self) -> Any:
        """Gives the result of the accumulator, or None."""
        held = self._cell.value()
        return None if held is None else self._function.get_result(held)

    def add(self, value: Any) -> None:
        """Adds a value to the accumulator."""
        held = self._unexpired()
        if held is None:
            held = self._function.create_accumulator()
        self._cell.update(self._function.add(value, held))

    def clear(self) -> None:
        """Forgets the accumulator."""
        self._cell.clear()

    def take(self) -> Any:
        """Gives what is held and clears it; windows merge by it."""
        held = self._unexpired()
        self._cell.clear()
        return held

    def merge(self, taken: Any) -> None:
        """Combines this accumulator with that of another window."""
        held = self._unexpired()
        self._cell.update(taken if held is None else self._function.merge(held, taken))


class KeyedStates(KeyedStateStore):
    """Gives the states of one function, each the same object for its name.

    :param make_cell: Makes the cell of a name.
    :param now: Gives the wall clock's time in milliseconds.
    """

    __slots__ = ("_known", "_make_cell", "_now")

    def __init__(self, make_cell: MakeCell, now: Callable[[], int]) -> None:
        self._make_cell = make_cell
        self._now = now
        self._known: dict[str, tuple[StateDescriptor, Any]] = {}

    def get_state(self, state_descriptor: ValueStateDescriptor) -> Any:  # noqa: D102
        return self.get(state_descriptor, ValueStateDescriptor)

    def get_list_state(self, state_descriptor: ListStateDescriptor) -> Any:  # noqa: D102
        return self.get(state_descriptor, ListStateDescriptor)

    def get_map_state(self, state_descriptor: MapStateDescriptor) -> Any:  # noqa: D102
        return self.get(state_descriptor, MapStateDescriptor)

    def get_reducing_state(self, state_descriptor: ReducingStateDescriptor) -> Any:  # noqa: D102
        return self.get(state_descriptor, ReducingStateDescriptor)

    def get_aggregating_state(self, state_descriptor: AggregatingStateDescriptor) -> Any:  # noqa: D102
        return self.get(state_descriptor, AggregatingStateDescriptor)

    def get(self, descriptor: Any, kind: type[StateDescriptor] | None = None) -> Any:
        """Gives a state of any kind.

        :param descriptor: Its descriptor.
        :param kind: The class that the descriptor must have; None takes any.
        :return: The state.
        :raises TypeError: When the descriptor is of another class.
        :raises ValueError: When the function has a state of that name and another kind or type.
        """
        if kind is not None and not isinstance(descriptor, kind):
            raise TypeError(f"a {kind.__name__} is wanted, not {descriptor!r}")
        if not isinstance(descriptor, StateDescriptor):
            raise TypeError(f"a StateDescriptor is wanted, not {descriptor!r}")
        known = self._known.get(descriptor.name)
        if known is None:
            state = self._make(descriptor)
            self._known[descriptor.name] = descriptor, state
            return state
        first, state = known
        if first is not descriptor:
            _require_same(first, descriptor)
        return state

    def _make(self, descriptor: StateDescriptor) -> Any:
        if descriptor._ttl_config is not None and descriptor._ttl_config.is_enabled():
            from pyflinkpp.datastream._state_expiring import expiring

            return expiring(descriptor, self._make_cell, self._now)
        return over(self._make_cell(descriptor.name, engine_type(descriptor.type_info)), descriptor)


def over(cell: Cell, descriptor: StateDescriptor) -> Any:
    """Makes the state of a descriptor.

    :param cell: Where it is kept: a ContainerCell for a list or a map.
    :param descriptor: The descriptor.
    :return: The state.
    """
    if isinstance(descriptor, ValueStateDescriptor):
        return cell
    if isinstance(descriptor, ListStateDescriptor):
        return CellList(cast(ContainerCell, cell))
    if isinstance(descriptor, MapStateDescriptor):
        return CellMap(cast(ContainerCell, cell))
    if isinstance(descriptor, ReducingStateDescriptor):
        return CellReduction(cell, descriptor.get_reduce_function().reduce)
    if isinstance(descriptor, AggregatingStateDescriptor):
        return CellAggregation(cell, descriptor.get_agg_function())
    raise TypeError(f"there is no state of a {type(descriptor).__name__}")


def mapping(value: object) -> dict[Any, Any]:
    """Copies a mapping.

    :param value: The mapping.
    :return: The copy.
    :raises TypeError: When it is something else.
    """
    if not isinstance(value, Mapping):
        raise TypeError(f"put_all takes a dict, not {value!r}")
    return dict(value)


def _require_same(first: StateDescriptor, second: StateDescriptor) -> None:
    def kind(descriptor: StateDescriptor) -> str:
        return type(descriptor).__name__.removesuffix("Descriptor")

    if kind(first) != kind(second) or first.type_info != second.type_info:
        raise ValueError(
            f"this function has a state {first.name!r} already: it is a {kind(first)} of type "
            f"{first.type_info}, not a {kind(second)} of type {second.type_info}; "
            "give the other one its own name"
        )
