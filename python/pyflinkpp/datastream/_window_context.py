"""What the functions, assigners and triggers of a window operator may know and do."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Protocol

from pyflinkpp._missing import not_yet
from pyflinkpp.datastream._function_window import _WindowContext
from pyflinkpp.datastream._state_runtime import KeyedStates
from pyflinkpp.datastream._timestamped_value import TimestampedValue
from pyflinkpp.datastream._window_assigner import _AssignerContext, _MergeCallback
from pyflinkpp.datastream._window_trigger import _OnMergeContext

if TYPE_CHECKING:
    from pyflinkpp.common._type_information import Descriptor
    from pyflinkpp.datastream._runtime_context import KeyedStateStore, RuntimeContext
    from pyflinkpp.datastream._state_descriptors import StateDescriptor
    from pyflinkpp.datastream._state_runtime import Cell, CellStore
    from pyflinkpp.metrics import MetricGroup

__all__ = ["AssignerContext", "TriggerContext", "WindowContext", "merged_windows", "timestamped"]

timestamped = TimestampedValue


class Clock(Protocol):
    """The engine's clock; times are milliseconds since the epoch."""

    def current_processing_time(self) -> int:
        """Gives the wall clock's time."""

    def current_watermark(self) -> int:
        """Gives the event time that the task has reached."""


class WindowTimers(Clock, Protocol):
    """The engine's clock and the timers of the key and the window in hand."""

    def register_processing_time_timer(self, timestamp: int) -> None:
        """Sets a timer of the wall clock."""

    def register_event_time_timer(self, timestamp: int) -> None:
        """Sets a timer of event time."""

    def delete_processing_time_timer(self, timestamp: int) -> None:
        """Removes a timer of the wall clock."""

    def delete_event_time_timer(self, timestamp: int) -> None:
        """Removes a timer of event time."""


class WindowContext(_WindowContext):
    """The context of a window function; one object serves all windows of an operator.

    The engine sets ``_window`` before each call, WindowCall ``_runtime_context`` before the first.

    :param clock: The engine's clock.
    :param store: Makes the state of the key and the window in hand.
    """

    __slots__ = ("_clock", "_runtime_context", "_window", "_window_states")

    def __init__(self, clock: Clock, store: CellStore) -> None:
        self._clock = clock
        self._window_states = KeyedStates(store.window_cell, store.now)
        self._window: Any = None
        self._runtime_context: RuntimeContext | None = None

    def window(self) -> Any:  # noqa: D102
        return self._window

    def current_processing_time(self) -> int:  # noqa: D102
        return self._clock.current_processing_time()

    def current_watermark(self) -> int:  # noqa: D102
        return self._clock.current_watermark()

    def window_state(self) -> KeyedStateStore:  # noqa: D102
        return self._window_states

    def global_state(self) -> KeyedStateStore:  # noqa: D102
        if self._runtime_context is None:
            raise RuntimeError("global_state() is for the time while the function is called")
        return self._runtime_context


class AssignerContext(_AssignerContext):
    """The context of a window assigner.

    :param clock: The engine's clock.
    :param runtime_context: The context of the operator.
    """

    __slots__ = ("_clock", "_runtime_context")

    def __init__(self, clock: Clock, runtime_context: RuntimeContext | None = None) -> None:
        self._clock = clock
        self._runtime_context = runtime_context

    def get_current_processing_time(self) -> int:  # noqa: D102
        return self._clock.current_processing_time()

    def get_runtime_context(self) -> RuntimeContext:  # noqa: D102
        if self._runtime_context is None:
            raise not_yet("WindowAssignerContext.get_runtime_context()")
        return self._runtime_context


class TriggerStore(Protocol):
    """The engine's state for triggers; a window is given by its two numbers."""

    def window_cell(
        self, name: str, type_descriptor: Descriptor | None, time_to_live_ms: int = 0, /
    ) -> Cell:
        """Gives the cell of that name for the key and the window in hand."""

    def now(self) -> int:
        """Gives the wall clock's time in milliseconds."""

    def set_window(self, start: int, end: int) -> tuple[int, int]:
        """Puts another window of the key in hand; gives the one that was."""


class TriggerContext(_OnMergeContext):
    """The context of a trigger; one object serves all windows of an operator.

    The state of a trigger is kept apart from the state of the window's function. The engine sets
    ``_merged`` to the windows that have become the one in hand before it calls ``on_merge``.

    :param timers: The engine's clock and the timers of the key and the window in hand.
    :param store: Makes the state of the key and the window in hand.
    :param runtime_context: The context of the operator.
    """

    __slots__ = ("_merged", "_runtime_context", "_states", "_store", "_timers")

    def __init__(
        self,
        timers: WindowTimers,
        store: TriggerStore,
        runtime_context: RuntimeContext | None = None,
    ) -> None:
        self._timers = timers
        self._runtime_context = runtime_context
        self._store = store
        self._states = KeyedStates(self._cell, store.now)
        self._merged: list[tuple[int, int]] = []

    def get_current_processing_time(self) -> int:  # noqa: D102
        return self._timers.current_processing_time()

    def get_current_watermark(self) -> int:  # noqa: D102
        return self._timers.current_watermark()

    def register_processing_time_timer(self, time: int) -> None:  # noqa: D102
        self._timers.register_processing_time_timer(time)

    def register_event_time_timer(self, time: int) -> None:  # noqa: D102
        self._timers.register_event_time_timer(time)

    def delete_processing_time_timer(self, time: int) -> None:  # noqa: D102
        self._timers.delete_processing_time_timer(time)

    def delete_event_time_timer(self, time: int) -> None:  # noqa: D102
        self._timers.delete_event_time_timer(time)

    def get_metric_group(self) -> MetricGroup:  # noqa: D102
        if self._runtime_context is None:
            raise not_yet("Trigger.TriggerContext.get_metric_group()")
        return self._runtime_context.get_metrics_group()

    def get_partitioned_state(self, state_descriptor: StateDescriptor) -> Any:  # noqa: D102
        return self._states.get(state_descriptor)

    def merge_partitioned_state(self, state_descriptor: StateDescriptor) -> None:  # noqa: D102
        state = self._states.get(state_descriptor)
        if not hasattr(state, "merge"):
            raise TypeError(
                "merging windows take list, reducing and aggregating state, "
                f"not {state_descriptor!r}"
            )
        taken = []
        for window in self._merged:
            in_hand = self._store.set_window(*window)
            try:
                taken.append(state.take())
            finally:
                self._store.set_window(*in_hand)
        for held in taken:
            if held is not None:
                state.merge(held)

    def _cell(
        self, name: str, type_descriptor: Descriptor | None, time_to_live_ms: int = 0, /
    ) -> Cell:
        return self._store.window_cell("trigger:" + name, type_descriptor, time_to_live_ms)


class _Merges(_MergeCallback[Any]):
    """Keeps what an assigner merges."""

    def __init__(self) -> None:
        self.groups: list[tuple[Any, list[Any]]] = []

    def merge(self, to_be_merged: Iterable[Any], merge_result: Any) -> None:
        self.groups.append((merge_result, list(to_be_merged)))


def merged_windows(assigner: Any, windows: list[Any]) -> list[tuple[Any, list[Any]]]:
    """Asks an assigner which windows merge; the engine calls it.

    :param assigner: A MergingWindowAssigner.
    :param windows: The windows of a key.
    :return: For each group the window that it becomes and its windows.
    """
    merges = _Merges()
    assigner.merge_windows(windows, merges)
    return merges.groups
