"""Base classes of what puts elements into windows."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Iterable
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from pyflinkpp.datastream._window_types import (
    CountWindowSerializer,
    GlobalWindowSerializer,
    TimeWindowSerializer,
)

if TYPE_CHECKING:
    from pyflinkpp.common.serializer import TypeSerializer
    from pyflinkpp.datastream._runtime_context import RuntimeContext
    from pyflinkpp.datastream._window_trigger import Trigger

__all__ = ["MergingWindowAssigner", "SessionWindowTimeGapExtractor", "WindowAssigner"]

T = TypeVar("T")
W = TypeVar("W")

_WINDOWS = {
    TimeWindowSerializer: "time",
    CountWindowSerializer: "count",
    GlobalWindowSerializer: "global",
}


class _AssignerContext(ABC):
    """What an assigner may know."""

    __slots__ = ()

    @abstractmethod
    def get_current_processing_time(self) -> int:
        """Gives the wall clock's time.

        :return: Milliseconds since the epoch.
        """

    @abstractmethod
    def get_runtime_context(self) -> RuntimeContext:
        """Gives the context of the operator, with state for the key in hand.

        :return: The context.
        """


class WindowAssigner(ABC, Generic[T, W]):
    """Puts each element into any number of windows; may be derived from.

    >>> class ByHour(WindowAssigner):
    ...     def assign_windows(self, element, timestamp, context):
    ...         start = timestamp - timestamp % 3_600_000
    ...         return [TimeWindow(start, start + 3_600_000)]
    ...
    ...     def get_default_trigger(self, env):
    ...         return EventTimeTrigger()
    ...
    ...     def get_window_serializer(self):
    ...         return TimeWindowSerializer()
    ...
    ...     def is_event_time(self):
    ...         return True
    """

    WindowAssignerContext = _AssignerContext

    @abstractmethod
    def assign_windows(self, element: T, timestamp: int, context: Any) -> Collection[W]:
        """Chooses the windows of an element.

        :param element: The element.
        :param timestamp: Its time in milliseconds since the epoch; the least 64-bit integer when it
            has none.
        :param context: A WindowAssigner.WindowAssignerContext.
        :return: The windows.
        """

    @abstractmethod
    def get_default_trigger(self, env: Any) -> Trigger[T, W]:
        """Gives the trigger of a windowed stream that sets none.

        :param env: The environment.
        :return: The trigger.
        """

    @abstractmethod
    def get_window_serializer(self) -> TypeSerializer[W]:
        """Gives what writes the windows.

        :return: The serializer.
        """

    @abstractmethod
    def is_event_time(self) -> bool:
        """Tells which time the windows go by.

        :return: True for event time, False for processing time or none.
        """

    def _spec(self) -> dict[str, Any]:
        """Describes the assigner to the engine; what is derived from ours stays Python."""
        spec: dict[str, Any] = {
            "kind": "python",
            "size": 0,
            "slide": 0,
            "offset_ms": 0,
            "event_time": bool(self.is_event_time()),
            "merging": isinstance(self, MergingWindowAssigner),
            "object": self,
            "window": _WINDOWS.get(type(self.get_window_serializer()), "python"),
        }
        built_in: Callable[[Any], dict[str, Any]] | None = vars(type(self)).get("_built_in")
        if built_in is not None:
            spec.update({"object": None, **built_in(self)})
        return spec


class _MergeCallback(ABC, Generic[W]):
    """Hears which windows are merged."""

    @abstractmethod
    def merge(self, to_be_merged: Iterable[W], merge_result: W) -> None:
        """Says that windows become one.

        :param to_be_merged: The windows.
        :param merge_result: The window that they become.
        """


class MergingWindowAssigner(WindowAssigner[T, W]):
    """Puts elements into windows that may merge, as sessions do."""

    MergeCallback = _MergeCallback

    @abstractmethod
    def merge_windows(self, windows: Iterable[W], callback: Any) -> None:
        """Chooses which windows of a key merge.

        :param windows: The windows.
        :param callback: A MergingWindowAssigner.MergeCallback, called for each group that merges.
        """


class SessionWindowTimeGapExtractor(ABC):
    """Tells how long a session waits for the next element."""

    @abstractmethod
    def extract(self, element: Any) -> int:
        """Tells how long the session of an element waits after it.

        :param element: The element.
        :return: Milliseconds, at least 1.
        """
