"""What puts elements into windows by their number, or into one."""

from __future__ import annotations

from typing import Any, TypeVar

from pyflinkpp.common._checks import integer
from pyflinkpp.common.serializer import TypeSerializer
from pyflinkpp.common.typeinfo import Types
from pyflinkpp.datastream._state_descriptors import ValueStateDescriptor
from pyflinkpp.datastream._window_assigner import WindowAssigner
from pyflinkpp.datastream._window_trigger import Trigger
from pyflinkpp.datastream._window_triggers import CountTrigger, NeverTrigger
from pyflinkpp.datastream._window_types import (
    CountWindow,
    CountWindowSerializer,
    GlobalWindow,
    GlobalWindowSerializer,
)

__all__ = [
    "CountSlidingWindowAssigner",
    "CountTumblingWindowAssigner",
    "GlobalWindows",
    "count_windows",
]

T = TypeVar("T")


class GlobalWindows(WindowAssigner[T, GlobalWindow]):
    """Puts all elements of a key into one window, which fires only by a trigger of the user's."""

    @staticmethod
    def create() -> GlobalWindows[Any]:
        """Makes the assigner.

        :return: The assigner.
        """
        return GlobalWindows()

    def assign_windows(self, element: T, timestamp: int, context: Any) -> list[GlobalWindow]:
        """Gives the one window.

        :param element: Not used.
        :param timestamp: Not used.
        :param context: Not used.
        :return: The window.
        """
        return [GlobalWindow()]

    def get_default_trigger(self, env: Any) -> Trigger[T, GlobalWindow]:
        """Gives the trigger that never fires.

        :param env: Not used.
        :return: The trigger.
        """
        return NeverTrigger()

    def get_window_serializer(self) -> TypeSerializer[GlobalWindow]:
        """Gives what writes the window.

        :return: A GlobalWindowSerializer.
        """
        return GlobalWindowSerializer()

    def is_event_time(self) -> bool:
        """Tells which time the window goes by: none.

        :return: False.
        """
        return False

    def _built_in(self) -> dict[str, Any]:
        return {"kind": "global"}

    def __repr__(self) -> str:
        return "GlobalWindows()"


class _Counting(WindowAssigner[T, CountWindow]):
    def __init__(self, window_size: int, window_slide: int) -> None:
        if integer(window_size, "window_size") < 1 or integer(window_slide, "window_slide") < 1:
            raise ValueError(
                f"{type(self).__name__} needs a size and a slide of at least 1 element, "
                f"not {window_size} and {window_slide}"
            )
        self._window_size = window_size
        self._window_slide = window_slide
        self._count = ValueStateDescriptor("assigned-elements", Types.LONG())

    def assign_windows(self, element: T, timestamp: int, context: Any) -> list[CountWindow]:
        """Gives the windows of the next element of the key, the latest first.

        :param element: Not used.
        :param timestamp: Not used.
        :param context: Gives the state that counts.
        :return: The windows.
        """
        count = context.get_runtime_context().get_state(self._count)
        before = count.value() or 0
        count.update(before + 1)
        last = before // self._window_slide
        first = max(0, (before - self._window_size) // self._window_slide + 1)
        return [CountWindow(number) for number in range(last, first - 1, -1)]

    def get_default_trigger(self, env: Any) -> Trigger[T, CountWindow]:
        """Gives the trigger that fires when a window is full.

        :param env: Not used.
        :return: The trigger.
        """
        return CountTrigger(self._window_size)

    def get_window_serializer(self) -> TypeSerializer[CountWindow]:
        """Gives what writes the windows.

        :return: A CountWindowSerializer.
        """
        return CountWindowSerializer()

    def is_event_time(self) -> bool:
        """Tells which time the windows go by: none.

        :return: False.
        """
        return False


class CountTumblingWindowAssigner(_Counting[T]):
    """Puts each so many elements of a key into a window.

    :param window_size: How many.
    :raises ValueError: When it is not at least 1.
    """

    def __init__(self, window_size: int) -> None:
        super().__init__(window_size, window_size)

    @staticmethod
    def of(window_size: int) -> CountTumblingWindowAssigner[Any]:
        """Makes the assigner.

        :param window_size: The number of elements in a window.
        :return: The assigner.
        """
        return CountTumblingWindowAssigner(window_size)

    def _built_in(self) -> dict[str, Any]:
        return {"kind": "count_tumbling", "size": self._window_size, "slide": self._window_size}

    def __repr__(self) -> str:
        return f"CountTumblingWindowAssigner({self._window_size})"


class CountSlidingWindowAssigner(_Counting[T]):
    """Starts a window of so many elements of a key every so many elements.

    :param window_size: The number of elements in a window.
    :param window_slide: After how many elements the next window starts.
    :raises ValueError: When one of them is not at least 1.
    """

    @staticmethod
    def of(window_size: int, window_slide: int) -> CountSlidingWindowAssigner[Any]:
        """Makes the assigner.

        :param window_size: The number of elements in a window.
        :param window_slide: After how many elements the next window starts.
        :return: The assigner.
        """
        return CountSlidingWindowAssigner(window_size, window_slide)

    def _built_in(self) -> dict[str, Any]:
        return {"kind": "count_sliding", "size": self._window_size, "slide": self._window_slide}

    def __repr__(self) -> str:
        return f"CountSlidingWindowAssigner({self._window_size}, {self._window_slide})"


def count_windows(size: int, slide: int) -> WindowAssigner[Any, CountWindow]:
    """Makes the assigner of ``count_window``.

    :param size: The number of elements in a window.
    :param slide: After how many elements the next window starts; 0 for its size.
    :return: The assigner.
    :raises ValueError: When size is not at least 1 or slide is negative.
    """
    if integer(slide, "slide") == 0:
        return CountTumblingWindowAssigner(size)
    return CountSlidingWindowAssigner(size, slide)
