"""The triggers that fire again and again until a window ends."""

from __future__ import annotations

from typing import Any, TypeVar

from pyflinkpp.common._checks import integer
from pyflinkpp.common.time import Duration, Time
from pyflinkpp.common.typeinfo import Types
from pyflinkpp.datastream._function_base import ReduceFunction
from pyflinkpp.datastream._state_descriptors import ReducingStateDescriptor
from pyflinkpp.datastream._window_trigger import TriggerResult
from pyflinkpp.datastream._window_triggers import QuietTrigger
from pyflinkpp.datastream._window_types import TimeWindow, milliseconds

__all__ = ["ContinuousEventTimeTrigger", "ContinuousProcessingTimeTrigger", "Min"]

T = TypeVar("T")

_CONTINUE, _FIRE = TriggerResult.CONTINUE, TriggerResult.FIRE


class Min(ReduceFunction):
    """Keeps the lesser of two values."""

    def reduce(self, value1: Any, value2: Any) -> Any:
        """Compares two values.

        :param value1: One of them.
        :param value2: The other.
        :return: The lesser.
        """
        return value2 if value2 < value1 else value1


class _Continuous(QuietTrigger[T]):
    """Remembers the next time to fire, for each key and window."""

    def __init__(self, interval: int) -> None:
        if integer(interval, "interval") <= 0:
            raise ValueError(
                f"{type(self).__name__} needs an interval of at least 1 ms, not {interval}"
            )
        self.interval = interval
        self._next = ReducingStateDescriptor("fire-time", Min(), Types.LONG())

    def can_merge(self) -> bool:  # noqa: D102
        return True

    def on_merge(self, window: TimeWindow, ctx: Any) -> None:  # noqa: D102
        ctx.merge_partitioned_state(self._next)
        time = ctx.get_partitioned_state(self._next).get()
        if time is not None:
            self._set_timer(time, ctx)

    def clear(self, window: TimeWindow, ctx: Any) -> None:  # noqa: D102
        state = ctx.get_partitioned_state(self._next)
        time = state.get()
        if time is not None:
            self._delete_timer(time, ctx)
            state.clear()

    def _start(self, now: int, window: TimeWindow, ctx: Any) -> None:
        """Sets the first timer of a window: at the next multiple of the interval."""
        state = ctx.get_partitioned_state(self._next)
        if state.get() is None:
            self._go_on(now - now % self.interval, window, ctx, state)

    def _is_due(self, time: int, window: TimeWindow, ctx: Any) -> bool:
        """Tells whether a timer is the one to fire at; sets the next one, if the window goes on."""
        state = ctx.get_partitioned_state(self._next)
        if state.get() != time:
            return False
        state.clear()
        if time < window.max_timestamp():
            self._go_on(time, window, ctx, state)
        return True

    def _go_on(self, time: int, window: TimeWindow, ctx: Any, state: Any) -> None:
        following = min(time + self.interval, window.max_timestamp())
        state.add(following)
        self._set_timer(following, ctx)

    def _set_timer(self, time: int, ctx: Any) -> None:
        raise NotImplementedError

    def _delete_timer(self, time: int, ctx: Any) -> None:
        raise NotImplementedError


class ContinuousEventTimeTrigger(_Continuous[T]):
    """Fires each time the watermark passes a multiple of an interval, and at the window's end.

    :param interval: The interval in milliseconds.
    :raises ValueError: When it is not positive.
    """

    @staticmethod
    def of(interval: Time | Duration) -> ContinuousEventTimeTrigger[Any]:
        """Makes the trigger.

        :param interval: The interval.
        :return: The trigger.
        """
        return ContinuousEventTimeTrigger(milliseconds(interval, "interval"))

    def on_element(self, element: T, timestamp: int, window: TimeWindow, ctx: Any) -> TriggerResult:  # noqa: D102
        if window.max_timestamp() <= ctx.get_current_watermark():
            return _FIRE
        ctx.register_event_time_timer(window.max_timestamp())
        self._start(timestamp, window, ctx)
        return _CONTINUE

    def on_event_time(self, time: int, window: TimeWindow, ctx: Any) -> TriggerResult:  # noqa: D102
        if time == window.max_timestamp() or self._is_due(time, window, ctx):
            return _FIRE
        return _CONTINUE

    def _set_timer(self, time: int, ctx: Any) -> None:
        ctx.register_event_time_timer(time)

    def _delete_timer(self, time: int, ctx: Any) -> None:
        ctx.delete_event_time_timer(time)

    def _built_in(self) -> dict[str, Any]:
        return {"kind": "continuous_event_time", "limit": self.interval}


class ContinuousProcessingTimeTrigger(_Continuous[T]):
    """Fires each time the wall clock passes a multiple of an interval, until the window's end.

    :param interval: The interval in milliseconds.
    :raises ValueError: When it is not positive.
    """

    @staticmethod
    def of(interval: Time | Duration) -> ContinuousProcessingTimeTrigger[Any]:
        """Makes the trigger.

        :param interval: The interval.
        :return: The trigger.
        """
        return ContinuousProcessingTimeTrigger(milliseconds(interval, "interval"))

    def on_element(self, element: T, timestamp: int, window: TimeWindow, ctx: Any) -> TriggerResult:  # noqa: D102
        self._start(ctx.get_current_processing_time(), window, ctx)
        return _CONTINUE

    def on_processing_time(self, time: int, window: TimeWindow, ctx: Any) -> TriggerResult:  # noqa: D102
        return _FIRE if self._is_due(time, window, ctx) else _CONTINUE

    def _set_timer(self, time: int, ctx: Any) -> None:
        ctx.register_processing_time_timer(time)

    def _delete_timer(self, time: int, ctx: Any) -> None:
        ctx.delete_processing_time_timer(time)

    def _built_in(self) -> dict[str, Any]:
        return {"kind": "continuous_processing_time", "limit": self.interval}
