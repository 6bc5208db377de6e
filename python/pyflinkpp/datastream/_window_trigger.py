"""The base class of what decides when a window's function runs."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from enum import Enum
from typing import TYPE_CHECKING, Any, Generic, TypeVar

if TYPE_CHECKING:
    from pyflinkpp.datastream._state_descriptors import StateDescriptor
    from pyflinkpp.metrics import MetricGroup

__all__ = ["Trigger", "TriggerResult"]

T = TypeVar("T")
W = TypeVar("W")


class TriggerResult(Enum):
    """What becomes of a window; a window without elements never fires."""

    CONTINUE = (False, False)
    """Nothing."""
    FIRE_AND_PURGE = (True, True)
    """Its function runs, then its elements are dropped."""
    FIRE = (True, False)
    """Its function runs; its elements stay."""
    PURGE = (False, True)
    """Its elements are dropped."""

    def is_fire(self) -> bool:
        """Tells whether the window's function runs.

        :return: True if so.
        """
        return self.value[0]

    def is_purge(self) -> bool:
        """Tells whether the window's elements are dropped.

        :return: True if so.
        """
        return self.value[1]


class _TriggerContext(ABC):
    """What a trigger may know and do; times are milliseconds since the epoch."""

    __slots__ = ()

    @abstractmethod
    def get_current_processing_time(self) -> int:
        """Gives the wall clock's time.

        :return: The time.
        """

    @abstractmethod
    def get_metric_group(self) -> MetricGroup:
        """Gives the place for metrics, the same as that of the window's function.

        :return: The group.
        """

    @abstractmethod
    def get_current_watermark(self) -> int:
        """Gives the event time that the task has reached.

        :return: The watermark; the least 64-bit integer before any.
        """

    @abstractmethod
    def register_processing_time_timer(self, time: int) -> None:
        """Lets ``on_processing_time`` be called for the key and the window in hand.

        :param time: When.
        """

    @abstractmethod
    def register_event_time_timer(self, time: int) -> None:
        """Lets ``on_event_time`` be called for the key and the window in hand.

        :param time: At which watermark.
        """

    @abstractmethod
    def delete_processing_time_timer(self, time: int) -> None:
        """Takes back :meth:`register_processing_time_timer`.

        :param time: The time that was given.
        """

    @abstractmethod
    def delete_event_time_timer(self, time: int) -> None:
        """Takes back :meth:`register_event_time_timer`.

        :param time: The time that was given.
        """

    @abstractmethod
    def get_partitioned_state(self, state_descriptor: StateDescriptor) -> Any:
        """Gives state of the trigger for the key and the window in hand.

        :param state_descriptor: Its name and type.
        :return: The state.
        """


class _OnMergeContext(_TriggerContext):
    """The same while windows merge."""

    __slots__ = ()

    @abstractmethod
    def merge_partitioned_state(self, state_descriptor: StateDescriptor) -> None:
        """Makes the state of the merged windows that of the window that they become.

        :param state_descriptor: Describes a list, reducing or aggregating state.
        """


class Trigger(ABC, Generic[T, W]):
    """Decides when a window's function runs; may be derived from.

    One object serves all keys and windows: what it remembers belongs into the state of its context.

    >>> class AtEnd(Trigger):
    ...     def on_element(self, element, timestamp, window, ctx):
    ...         ctx.register_event_time_timer(window.max_timestamp())
    ...         return TriggerResult.CONTINUE
    ...
    ...     def on_event_time(self, time, window, ctx):
    ...         return TriggerResult.FIRE
    ...
    ...     def on_processing_time(self, time, window, ctx):
    ...         return TriggerResult.CONTINUE
    ...
    ...     def on_merge(self, window, ctx):
    ...         pass
    ...
    ...     def clear(self, window, ctx):
    ...         ctx.delete_event_time_timer(window.max_timestamp())
    """

    TriggerContext = _TriggerContext
    OnMergeContext = _OnMergeContext

    @abstractmethod
    def on_element(self, element: T, timestamp: int, window: W, ctx: Any) -> TriggerResult:
        """Takes an element that was put into a window.

        :param element: The element.
        :param timestamp: Its time in milliseconds since the epoch.
        :param window: The window.
        :param ctx: A Trigger.TriggerContext.
        :return: What becomes of the window.
        """

    @abstractmethod
    def on_processing_time(self, time: int, window: W, ctx: Any) -> TriggerResult:
        """Takes a timer of processing time.

        :param time: The time it was set for.
        :param window: The window.
        :param ctx: A Trigger.TriggerContext.
        :return: What becomes of the window.
        """

    @abstractmethod
    def on_event_time(self, time: int, window: W, ctx: Any) -> TriggerResult:
        """Takes a timer of event time.

        :param time: The time it was set for.
        :param window: The window.
        :param ctx: A Trigger.TriggerContext.
        :return: What becomes of the window.
        """

    def can_merge(self) -> bool:
        """Tells whether the trigger may be used with windows that merge.

        :return: True if so: then on_merge must do its work.
        """
        return False

    @abstractmethod
    def on_merge(self, window: W, ctx: Any) -> None:
        """Takes windows that have merged.

        :param window: The window that they have become.
        :param ctx: A Trigger.OnMergeContext.
        """

    @abstractmethod
    def clear(self, window: W, ctx: Any) -> None:
        """Clears the trigger's state and timers of a window that goes.

        :param window: The window.
        :param ctx: A Trigger.TriggerContext.
        """

    def _spec(self) -> dict[str, Any]:
        """Describes the trigger to the engine; what is derived from ours stays Python."""
        spec: dict[str, Any] = {"kind": "python", "limit": 0, "purging": False, "object": self}
        built_in: Callable[[Any], dict[str, Any]] | None = vars(type(self)).get("_built_in")
        if built_in is not None:
            spec.update({"object": None, **built_in(self)})
        return spec
