"""The triggers that fire at the end of a window, by number, or never."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from pyflinkpp.common._checks import integer
from pyflinkpp.common.typeinfo import TypeInformation, Types
from pyflinkpp.datastream._state_descriptors import ReducingStateDescriptor, ValueStateDescriptor
from pyflinkpp.datastream._window_trigger import Trigger, TriggerResult
from pyflinkpp.datastream._window_types import TimeWindow, Window

__all__ = [
    "CountTrigger",
    "DeltaTrigger",
    "EventTimeTrigger",
    "NeverTrigger",
    "ProcessingTimeTrigger",
    "PurgingTrigger",
    "delta_of",
]

T = TypeVar("T")

_CONTINUE, _FIRE = TriggerResult.CONTINUE, TriggerResult.FIRE


class QuietTrigger(Trigger[T, Any]):
    """Does nothing, whatever happens; the base of triggers that do little."""

    def on_element(self, element: T, timestamp: int, window: Any, ctx: Any) -> TriggerResult:  # noqa: D102
        return _CONTINUE

    def on_processing_time(self, time: int, window: Any, ctx: Any) -> TriggerResult:  # noqa: D102
        return _CONTINUE

    def on_event_time(self, time: int, window: Any, ctx: Any) -> TriggerResult:  # noqa: D102
        return _CONTINUE

    def on_merge(self, window: Any, ctx: Any) -> None:  # noqa: D102
        pass

    def clear(self, window: Any, ctx: Any) -> None:  # noqa: D102
        pass


class NeverTrigger(QuietTrigger[T]):
    """Never fires; the default of global windows."""

    def _built_in(self) -> dict[str, Any]:
        return {"kind": "never"}


class EventTimeTrigger(QuietTrigger[T]):
    """Fires when the watermark reaches the end of a window, and at each element after that."""

    @staticmethod
    def create() -> EventTimeTrigger[Any]:
        """Makes the trigger.

        :return: The trigger.
        """
        return EventTimeTrigger()

    def on_element(self, element: T, timestamp: int, window: TimeWindow, ctx: Any) -> TriggerResult:  # noqa: D102
        if window.max_timestamp() <= ctx.get_current_watermark():
            return _FIRE
        ctx.register_event_time_timer(window.max_timestamp())
        return _CONTINUE

    def on_event_time(self, time: int, window: TimeWindow, ctx: Any) -> TriggerResult:  # noqa: D102
        return _FIRE if time == window.max_timestamp() else _CONTINUE

    def can_merge(self) -> bool:  # noqa: D102
        return True

    def on_merge(self, window: TimeWindow, ctx: Any) -> None:  # noqa: D102
        if window.max_timestamp() > ctx.get_current_watermark():
            ctx.register_event_time_timer(window.max_timestamp())

    def clear(self, window: TimeWindow, ctx: Any) -> None:  # noqa: D102
        ctx.delete_event_time_timer(window.max_timestamp())

    def _built_in(self) -> dict[str, Any]:
        return {"kind": "event_time"}


class ProcessingTimeTrigger(QuietTrigger[T]):
    """Fires when the wall clock reaches the end of a window."""

    @staticmethod
    def create() -> ProcessingTimeTrigger[Any]:
        """Makes the trigger.

        :return: The trigger.
        """
        return ProcessingTimeTrigger()

    def on_element(self, element: T, timestamp: int, window: TimeWindow, ctx: Any) -> TriggerResult:  # noqa: D102
        ctx.register_processing_time_timer(window.max_timestamp())
        return _CONTINUE

    def on_processing_time(self, time: int, window: TimeWindow, ctx: Any) -> TriggerResult:  # noqa: D102
        return _FIRE

    def can_merge(self) -> bool:  # noqa: D102
        return True

    def on_merge(self, window: TimeWindow, ctx: Any) -> None:  # noqa: D102
        if window.max_timestamp() > ctx.get_current_processing_time():
            ctx.register_processing_time_timer(window.max_timestamp())

    def clear(self, window: TimeWindow, ctx: Any) -> None:  # noqa: D102
        ctx.delete_processing_time_timer(window.max_timestamp())

    def _built_in(self) -> dict[str, Any]:
        return {"kind": "processing_time"}


class CountTrigger(QuietTrigger[T]):
    """Fires at each so many elements of a window.

    :param window_size: How many.
    :raises ValueError: When it is not at least 1.
    """

    def __init__(self, window_size: int) -> None:
        if integer(window_size, "window_size") < 1:
            raise ValueError(f"a CountTrigger needs a number of at least 1, not {window_size}")
        self._window_size = window_size
        self._count = ReducingStateDescriptor("count", _add, Types.LONG())

    @staticmethod
    def of(window_size: int) -> CountTrigger[Any]:
        """Makes the trigger.

        :param window_size: At how many elements it fires.
        :return: The trigger.
        """
        return CountTrigger(window_size)

    def on_element(self, element: T, timestamp: int, window: Window, ctx: Any) -> TriggerResult:  # noqa: D102
        count = ctx.get_partitioned_state(self._count)
        count.add(1)
        if count.get() < self._window_size:
            return _CONTINUE
        count.clear()
        return _FIRE

    def can_merge(self) -> bool:  # noqa: D102
        return True

    def on_merge(self, window: Window, ctx: Any) -> None:  # noqa: D102
        ctx.merge_partitioned_state(self._count)

    def clear(self, window: Window, ctx: Any) -> None:  # noqa: D102
        ctx.get_partitioned_state(self._count).clear()

    def _built_in(self) -> dict[str, Any]:
        return {"kind": "count", "limit": self._window_size}


class DeltaTrigger(QuietTrigger[T]):
    """Fires at an element that differs by more than a threshold from the one that fired before.

    The first element of a window only sets the mark. It does not work with windows that merge.

    >>> DeltaTrigger.of(50.0, lambda old, new: new.meters - old.meters, Types.PICKLED_BYTE_ARRAY())

    :param threshold: By how much an element must differ.
    :param delta_function: Tells by how much the second of two elements differs from the first.
    :param type_info: The type of the elements.
    """

    def __init__(
        self,
        threshold: float,
        delta_function: Callable[[Any, Any], float],
        type_info: TypeInformation,
    ) -> None:
        self._threshold = threshold
        self._delta = delta_of(delta_function)
        self._last = ValueStateDescriptor("last-element", type_info)

    @staticmethod
    def of(
        threshold: float,
        delta_function: Callable[[Any, Any], float],
        type_info: TypeInformation | None = None,
    ) -> DeltaTrigger[Any]:
        """Makes the trigger.

        :param threshold: By how much an element must differ.
        :param delta_function: Tells by how much the second of two elements differs from the first.
        :param type_info: The type of the elements; any Python object when left out.
        :return: The trigger.
        :raises TypeError: When delta_function can't be called.
        """
        return DeltaTrigger(threshold, delta_function, type_info or Types.PICKLED_BYTE_ARRAY())

    def on_element(self, element: T, timestamp: int, window: Window, ctx: Any) -> TriggerResult:  # noqa: D102
        last = ctx.get_partitioned_state(self._last)
        mark = last.value()
        if mark is None:
            last.update(element)
            return _CONTINUE
        if self._delta(mark, element) <= self._threshold:
            return _CONTINUE
        last.update(element)
        return _FIRE

    def clear(self, window: Window, ctx: Any) -> None:  # noqa: D102
        ctx.get_partitioned_state(self._last).clear()


class PurgingTrigger(Trigger[T, Any]):
    """Fires as another trigger does, and drops a window's elements then.

    >>> PurgingTrigger.of(CountTrigger.of(3))

    :param nested_trigger: The other trigger.
    :raises TypeError: When it is no Trigger.
    """

    def __init__(self, nested_trigger: Trigger[T, Any]) -> None:
        if not isinstance(nested_trigger, Trigger):
            raise TypeError(f"a Trigger is wanted, not {nested_trigger!r}")
        self.nested_trigger = nested_trigger

    @staticmethod
    def of(nested_trigger: Trigger[Any, Any]) -> PurgingTrigger[Any]:
        """Makes the trigger.

        :param nested_trigger: The trigger that decides.
        :return: The trigger.
        """
        return PurgingTrigger(nested_trigger)

    def on_element(self, element: T, timestamp: int, window: Any, ctx: Any) -> TriggerResult:  # noqa: D102
        return _purging(self.nested_trigger.on_element(element, timestamp, window, ctx))

    def on_processing_time(self, time: int, window: Any, ctx: Any) -> TriggerResult:  # noqa: D102
        return _purging(self.nested_trigger.on_processing_time(time, window, ctx))

    def on_event_time(self, time: int, window: Any, ctx: Any) -> TriggerResult:  # noqa: D102
        return _purging(self.nested_trigger.on_event_time(time, window, ctx))

    def can_merge(self) -> bool:  # noqa: D102
        return self.nested_trigger.can_merge()

    def on_merge(self, window: Any, ctx: Any) -> None:  # noqa: D102
        self.nested_trigger.on_merge(window, ctx)

    def clear(self, window: Any, ctx: Any) -> None:  # noqa: D102
        self.nested_trigger.clear(window, ctx)

    def _built_in(self) -> dict[str, Any]:
        nested = self.nested_trigger._spec()
        if nested["kind"] == "python":
            return {"kind": "python", "object": self}
        return {**nested, "purging": True}


def delta_of(delta_function: Any) -> Callable[[Any, Any], float]:
    """Reads a delta function.

    :param delta_function: A callable, or an object with Java's method ``get_delta``.
    :return: The callable.
    :raises TypeError: When it is neither.
    """
    delta: Any = getattr(delta_function, "get_delta", delta_function)
    if not callable(delta):
        raise TypeError(f"a delta function of two elements is wanted, not {delta_function!r}")
    return delta  # type: ignore[no-any-return]


def _purging(result: TriggerResult) -> TriggerResult:
    return TriggerResult.FIRE_AND_PURGE if result.is_fire() else result


def _add(a: int, b: int) -> int:
    return a + b
