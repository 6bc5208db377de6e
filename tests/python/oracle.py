"""What the DataStream API means, in obvious Python: the expected results of the differential tests.

A stream is a list of steps in the order in which they arrive: events and watermarks. Each function here takes the
steps of its input and gives those of its output, so that they compose; nothing here knows of batches, subtasks or
state backends. Results of one key come in the order that Flink documents, where it documents one.
"""

from __future__ import annotations

import itertools
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple

LEAST, GREATEST = -(2**63), 2**63 - 1


class Event(NamedTuple):
    """An element with its key and its time; as a plain tuple it is what jobs are fed with."""

    key: Any
    time: int
    value: Any


class Watermark(NamedTuple):
    """No event with this or an earlier time is to come."""

    time: int


Step = Event | Watermark


# ---- how event time moves ----


def at_the_end(events: Iterable[Event]) -> list[Step]:
    """Without watermarks in between: the greatest one comes at the end of the input."""
    return [*events, Watermark(GREATEST)]


def after_each(events: Iterable[Event], lag: int = 0) -> list[Step]:
    """A watermark after each event, unless it would not rise; the greatest one at the end."""
    steps: list[Step] = []
    watermark = LEAST
    for event in events:
        steps.append(event)
        if event.time - lag > watermark:
            watermark = event.time - lag
            steps.append(Watermark(watermark))
    return [*steps, Watermark(GREATEST)]


def in_batch_mode(events: Iterable[Event]) -> list[Step]:
    """A key's elements come in the order of their times, and no watermark before the end."""
    return at_the_end(sorted(events, key=lambda event: event.time))


# ---- windows ----


class Window(NamedTuple):
    """The times from `start` to before `end`."""

    start: int
    end: int

    @property
    def last(self) -> int:
        return self.end - 1

    def touches(self, other: Window) -> bool:
        return self.start <= other.end and other.start <= self.end

    def cover(self, other: Window) -> Window:
        return Window(min(self.start, other.start), max(self.end, other.end))


Assign = Callable[[Event], list[Window]]


def sliding(size: int, slide: int, offset: int = 0) -> Assign:
    """The windows [offset + n * slide, offset + n * slide + size) that hold the event's time."""

    def assign(event: Event) -> list[Window]:
        newest = (event.time - offset) // slide
        starts = (offset + n * slide for n in range(newest, newest - size // slide - 2, -1))
        return [Window(s, s + size) for s in starts if s <= event.time < s + size]

    return assign


def tumbling(size: int, offset: int = 0) -> Assign:
    return sliding(size, size, offset)


def sessions(gap: int | Callable[[Event], int]) -> Assign:
    """The session that the event would have alone; to be merged."""

    def assign(event: Event) -> list[Window]:
        length = gap(event) if callable(gap) else gap
        return [Window(event.time, event.time + length)]

    return assign


@dataclass
class Windows:
    """A window operator with the event-time trigger.

    `results(key, window, events)` makes the results of a firing; `evict(events)` says which events stay before that;
    `purge` says that a firing empties its window. `late` and `firings` tell what happened.
    """

    assign: Assign
    results: Callable[[Any, Window, list[Event]], Iterable[Any]]
    merging: bool = False
    lateness: int = 0
    evict: Callable[[list[Event]], list[Event]] | None = None
    purge: bool = False
    late: list[Event] = field(default_factory=list)

    def run(self, steps: Iterable[Step]) -> list[Step]:
        self._watermark = LEAST
        self._live: dict[tuple[Any, Window], list[Event]] = {}
        output: list[Step] = []
        for step in steps:
            if isinstance(step, Event):
                output.extend(self._take(step))
            else:
                output.extend(self._advance(step.time))
                output.append(step)
        return output

    def _take(self, event: Event) -> Iterator[Event]:
        skipped = True
        for assigned in self.assign(event):
            window, events = self._merged(event.key, assigned) if self.merging else (assigned, [])
            if self._gone_at(window) <= self._watermark:
                continue
            skipped = False
            contents = self._live.setdefault((event.key, window), events)
            contents.append(event)
            if window.last <= self._watermark:
                yield from self._fire(event.key, window)
        if skipped and event.time + self.lateness <= self._watermark:
            self.late.append(event)

    def _merged(self, key: Any, window: Window) -> tuple[Window, list[Event]]:
        """Takes the sessions that the new one joins out of what is live."""
        events: list[Event] = []
        for other_key, other in list(self._live):
            if other_key == key and other.touches(window):
                events += self._live.pop((key, other))
                window = window.cover(other)
        return window, events

    def _advance(self, time: int) -> Iterator[Event]:
        before, self._watermark = self._watermark, time
        for key, window in sorted(self._live, key=lambda live: live[1].last):
            if before < window.last <= time:
                yield from self._fire(key, window)
            if self._gone_at(window) <= time:
                del self._live[key, window]

    def _fire(self, key: Any, window: Window) -> Iterator[Event]:
        contents = self._live[key, window]
        if not contents:
            return
        if self.evict is not None:
            contents[:] = self.evict(contents)
        for result in self.results(key, window, list(contents)):
            yield Event(key, window.last, result)
        if self.purge:
            contents.clear()

    def _gone_at(self, window: Window) -> int:
        return window.last + self.lateness


def keep_last(count: int) -> Callable[[list[Event]], list[Event]]:
    """CountEvictor."""
    return lambda events: events[-count:]


def keep_newest(size: int) -> Callable[[list[Event]], list[Event]]:
    """TimeEvictor: what is less than `size` older than the newest."""
    return lambda events: [e for e in events if e.time > max(f.time for f in events) - size]


def count_windows(steps: Iterable[Step], size: int, slide: int) -> list[tuple[Any, list[Any]]]:
    """(key, values) of the full windows of `size` elements, one starting every `slide` elements."""
    values: dict[Any, list[Any]] = defaultdict(list)
    for event in only_events(steps):
        values[event.key].append(event.value)
    return [
        (key, of_key[start : start + size])
        for key, of_key in values.items()
        for start in range(0, len(of_key) - size + 1, slide)
    ]


# ---- joins ----


def co_group(
    left: Iterable[Event], right: Iterable[Event], assign: Assign, merging: bool = False
) -> list[tuple[Any, Window, list[Any], list[Any]]]:
    """(key, window, values of left, values of right) of all windows, without late elements."""
    tagged = [
        e._replace(value=(side, e.value)) for side, es in enumerate((left, right)) for e in es
    ]

    def groups(key: Any, window: Window, events: list[Event]) -> Iterator[Any]:
        both: tuple[list[Any], list[Any]] = [], []
        for event in events:
            both[event.value[0]].append(event.value[1])
        yield key, window, *both

    output = Windows(assign, groups, merging).run(at_the_end(tagged))
    return [event.value for event in only_events(output)]


def window_join(*arguments: Any, **options: Any) -> list[tuple[Any, Any, Any]]:
    """(key, left value, right value) of all pairs with the same key and window."""
    return [
        (key, a, b)
        for key, _, left, right in co_group(*arguments, **options)
        for a, b in itertools.product(left, right)
    ]


def interval_join(
    left: Iterable[Event], right: Iterable[Event], holds: Callable[[int], bool]
) -> list[tuple[Any, Any, Any, int]]:
    """(key, left value, right value, time) of all pairs of a key where `holds(right time - left time)`."""
    return [
        (a.key, a.value, b.value, max(a.time, b.time))
        for a, b in itertools.product(left, right)
        if a.key == b.key and holds(b.time - a.time)
    ]


# ---- state and timers ----


class _Value:
    def __init__(self, cells: dict[Any, Any]) -> None:
        self._cells = cells

    def value(self) -> Any:
        return self._cells.get("value")

    def update(self, value: Any) -> None:
        self._cells["value"] = value

    def clear(self) -> None:
        self._cells.clear()


class _List(_Value):
    def get(self) -> list[Any]:
        return list(self._cells.get("value", ()))

    def update(self, values: Iterable[Any]) -> None:
        self._cells["value"] = list(values)

    def add(self, value: Any) -> None:
        self.add_all([value])

    def add_all(self, values: Iterable[Any]) -> None:
        self._cells.setdefault("value", []).extend(values)


class _Map(_Value):
    def get(self, key: Any) -> Any:
        return self._cells.get(key)

    def put(self, key: Any, value: Any) -> None:
        self._cells[key] = value

    def put_all(self, entries: dict[Any, Any]) -> None:
        self._cells.update(entries)

    def remove(self, key: Any) -> None:
        self._cells.pop(key, None)

    def contains(self, key: Any) -> bool:
        return key in self._cells

    def items(self) -> list[tuple[Any, Any]]:
        return list(self._cells.items())

    def keys(self) -> list[Any]:
        return list(self._cells.keys())

    def values(self) -> list[Any]:
        return list(self._cells.values())

    def is_empty(self) -> bool:
        return not self._cells


class _Aggregating(_Value):
    """What an AggregateFunction makes of the values; a reducing state is one of a simple kind."""

    def __init__(self, cells: dict[Any, Any], create: Any, add: Any, result: Any) -> None:
        super().__init__(cells)
        self._create, self._add, self._result = create, add, result

    def get(self) -> Any:
        return self._result(self._cells["value"]) if self._cells else None

    def add(self, value: Any) -> None:
        if self._cells:
            self._cells["value"] = self._add(value, self._cells["value"])
        else:
            self._cells["value"] = self._create(value)


class KeyedProcess:
    """Runs a KeyedProcessFunction: itself its runtime context, its context and its timer service.

    Timers of a key fire in the order of their times, one for each time, also those that are set meanwhile; but in
    batch mode, where all fire at the key's end, those that are set then are ignored.
    """

    def __init__(self, function: Any, batch: bool = False) -> None:
        self._function = function
        self._batch = batch
        self._cells: dict[Any, dict[Any, Any]] = defaultdict(dict)
        self._timers: set[tuple[int, Any]] = set()
        self._watermark = LEAST
        self._key: Any = None
        self._time = LEAST

    def run(self, steps: Iterable[Step]) -> list[Step]:
        output: list[Step] = []
        for step in steps:
            if isinstance(step, Event):
                self._key, self._time = step.key, step.time
                self._function.open(self)
                output.extend(self._events(self._function.process_element(tuple(step), self)))
                continue
            self._watermark = step.time
            while due := [timer for timer in self._timers if timer[0] <= step.time]:
                self._time, self._key = min(due)
                self._timers.remove((self._time, self._key))
                self._function.open(self)
                output.extend(self._events(self._function.on_timer(self._time, self)))
            output.append(step)
        return output

    def _events(self, results: Iterable[Any] | None) -> list[Event]:
        return [Event(self._key, self._time, result) for result in results or ()]

    # The function is opened for each call: a state object is that of one key.
    def _of_key(self, descriptor: Any) -> dict[Any, Any]:
        return self._cells[self._key, descriptor.name]

    def get_state(self, descriptor: Any) -> _Value:
        return _Value(self._of_key(descriptor))

    def get_list_state(self, descriptor: Any) -> _List:
        return _List(self._of_key(descriptor))

    def get_map_state(self, descriptor: Any) -> _Map:
        return _Map(self._of_key(descriptor))

    def get_reducing_state(self, descriptor: Any) -> _Aggregating:
        reduce = descriptor.get_reduce_function()
        add = getattr(reduce, "reduce", reduce)
        return _Aggregating(
            self._of_key(descriptor), lambda v: v, lambda v, held: add(held, v), lambda held: held
        )

    def get_aggregating_state(self, descriptor: Any) -> _Aggregating:
        function = descriptor.get_agg_function()
        return _Aggregating(
            self._of_key(descriptor),
            lambda v: function.add(v, function.create_accumulator()),
            function.add,
            function.get_result,
        )

    def timer_service(self) -> KeyedProcess:
        return self

    def timestamp(self) -> int:
        return self._time

    def get_current_key(self) -> Any:
        return self._key

    def current_watermark(self) -> int:
        return self._watermark

    def register_event_time_timer(self, time: int) -> None:
        if self._batch and self._watermark != LEAST:
            return
        self._timers.add((time, self._key))

    def delete_event_time_timer(self, time: int) -> None:
        self._timers.discard((time, self._key))


# ---- comparing ----


def only_events(steps: Iterable[Step]) -> list[Event]:
    return [step for step in steps if isinstance(step, Event)]


def sequences(results: Iterable[Any]) -> dict[Any, list[Any]]:
    """The results of each key, which comes first in each, in their order."""
    of_key: dict[Any, list[Any]] = defaultdict(list)
    for result in results:
        of_key[result[0]].append(result)
    return dict(of_key)


def multisets(results: Iterable[Any]) -> dict[Any, Counter[str]]:
    """The results of each key, which comes first in each, in any order."""
    return {key: Counter(map(repr, values)) for key, values in sequences(results).items()}
