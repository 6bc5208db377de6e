"""What the engine calls while a window operator runs."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from pyflinkpp.datastream._function_base import (
    AggregateFunction,
    Function,
    ReduceFunction,
    parts_of,
)
from pyflinkpp.datastream._function_window import (
    AllWindowFunction,
    ProcessAllWindowFunction,
    ProcessWindowFunction,
    WindowFunction,
)
from pyflinkpp.datastream._timestamped_value import TimestampedValue

if TYPE_CHECKING:
    from pyflinkpp.datastream._runtime_context import RuntimeContext
    from pyflinkpp.datastream._window_evictors import Evictor

__all__ = ["WindowCall"]

Emit = Callable[[Any, Any, list[Any], Any], Iterable[Any] | None]


class WindowCall(Function):
    """The user's functions of a window operator; the engine keeps windows, state and timers.

    ``function_kind`` says how the engine keeps the contents of a window:

    - "reduce": one value; it calls ``reduce(held, value)`` to add and to merge.
    - "aggregate": an accumulator; it calls ``create()``, ``add(value, accumulator)``,
      ``merge(a, b)`` and, when the window fires, ``result(accumulator)``.
    - "list": the elements; as TimestampedValues when ``with_timestamps`` is set.

    When ``emits_value`` is set, what is held (or ``result`` gives) is the result. Otherwise
    ``emit`` gives the results; the engine takes all of them before it goes on. With timestamps it
    then keeps what is left of the list that it gave.

    ``clears`` says whether ``clear`` does anything, ``merges_panes`` whether what is held may be
    merged of parts of the window.

    :param combine: A ReduceFunction, a callable, an AggregateFunction, or None to keep a list.
    :param window_function: Makes the results; None when what is held is the result.
    :param evictor: Drops elements before or after it.
    """

    def __init__(
        self,
        combine: Any = None,
        window_function: Any = None,
        evictor: Evictor[Any, Any] | None = None,
    ) -> None:
        self._combine = combine
        self._window_function = window_function
        self._evictor = evictor
        self.with_timestamps = evictor is not None
        self.emits_value = window_function is None and evictor is None
        self.clears = isinstance(window_function, (ProcessWindowFunction, ProcessAllWindowFunction))
        self.function_kind = "list"
        self.merges_panes = evictor is None and getattr(combine, "merges_panes", False) is True
        self._runtime_context: RuntimeContext | None = None
        if isinstance(combine, AggregateFunction):
            self.function_kind = "aggregate"
            self.create = combine.create_accumulator
            self.add = combine.add
            self.result = combine.get_result
            self.merge = combine.merge
        elif combine is not None:
            self.function_kind = "reduce"
            self.reduce = combine.reduce if isinstance(combine, ReduceFunction) else combine
        if evictor is not None:
            self.function_kind = "list"
        self._apply: Emit = _applier(window_function)

    def open(self, runtime_context: RuntimeContext) -> None:
        """Opens the user's functions.

        :param runtime_context: What they may know of their subtask.
        """
        self._runtime_context = runtime_context
        for function in (self._combine, self._window_function):
            if isinstance(function, Function):
                function.open(runtime_context)

    def close(self) -> None:
        """Closes the user's functions."""
        for function in (self._window_function, self._combine):
            if isinstance(function, Function):
                function.close()

    def _parts(self) -> Iterable[Any]:
        for function in (self._combine, self._window_function, self._evictor):
            yield from parts_of(function)

    def emit(self, key: Any, window: Any, contents: Any, context: Any) -> Iterable[Any]:
        """Makes the results of a window whose trigger has fired.

        :param key: The key.
        :param window: The window.
        :param contents: What is held: a value, a result, or a list.
        :param context: A ProcessWindowFunction.Context of the window.
        :return: The results; (tag, value) goes to a side output.
        """
        if self.clears and context._runtime_context is None:
            context._runtime_context = self._runtime_context
        if self._evictor is not None:
            return self._evicting(self._evictor, key, window, contents, context)
        elements = list(contents) if self.function_kind == "list" else [contents]
        results = self._apply(key, window, elements, context)
        return () if results is None else results

    def clear(self, context: Any) -> None:
        """Lets the user's function clear its own state of a window that goes.

        :param context: A ProcessWindowFunction.Context of the window.
        """
        if self.clears:
            context._runtime_context = self._runtime_context
            self._window_function.clear(context)

    def _evicting(
        self,
        evictor: Evictor[Any, Any],
        key: Any,
        window: Any,
        elements: list[TimestampedValue],
        context: Any,
    ) -> Iterable[Any]:
        if not elements:
            return
        known = _EvictorKnows(context)
        evictor.evict_before(elements, len(elements), window, known)
        yield from self._apply(key, window, self._combined(elements), context) or ()
        evictor.evict_after(elements, len(elements), window, known)

    def _combined(self, elements: list[TimestampedValue]) -> list[Any]:
        """Gives what the window function sees: the values, or what they combine to."""
        values = [element.value for element in elements]
        if self._combine is None:
            return values
        if isinstance(self._combine, AggregateFunction):
            accumulator = self.create()
            for value in values:
                accumulator = self.add(value, accumulator)
            return [self.result(accumulator)]
        if not values:
            return []
        held = values[0]
        for value in values[1:]:
            held = self.reduce(held, value)
        return [held]


class _EvictorKnows:
    """The context of an evictor."""

    __slots__ = ("_context",)

    def __init__(self, context: Any) -> None:
        self._context = context

    def get_current_processing_time(self) -> int:
        """Gives the wall clock's time."""
        time: int = self._context.current_processing_time()
        return time

    def get_current_watermark(self) -> int:
        """Gives the event time that the task has reached."""
        time: int = self._context.current_watermark()
        return time


class _Apply:
    """Calls one of the kinds of window functions; a method of it is what a WindowCall calls."""

    def __init__(self, function: Any) -> None:
        self._function = function

    def keyed(self, key: Any, window: Any, elements: list[Any], context: Any) -> Any:
        return self._function.apply(key, window, elements)

    def not_keyed(self, key: Any, window: Any, elements: list[Any], context: Any) -> Any:
        return self._function.apply(window, elements)

    def keyed_process(self, key: Any, window: Any, elements: list[Any], context: Any) -> Any:
        return self._function.process(key, context, elements)

    def not_keyed_process(self, key: Any, window: Any, elements: list[Any], context: Any) -> Any:
        return self._function.process(context, elements)


def _as_they_are(key: Any, window: Any, elements: list[Any], context: Any) -> list[Any]:
    return elements


def _applier(function: Any) -> Emit:
    if function is None:
        return _as_they_are
    apply = _Apply(function)
    if isinstance(function, WindowFunction):
        return apply.keyed
    if isinstance(function, AllWindowFunction):
        return apply.not_keyed
    if isinstance(function, ProcessWindowFunction):
        return apply.keyed_process
    if isinstance(function, ProcessAllWindowFunction):
        return apply.not_keyed_process
    raise TypeError(f"no window function: {function!r}")
