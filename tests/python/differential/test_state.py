"""Keyed state of random jobs against dicts and lists."""

from __future__ import annotations

from types import NoneType
from typing import Any

import oracle
from differential.jobs import KEYS, POINTS, Point, examples, run
from hypothesis import given
from hypothesis import strategies as st
from oracle import Event
from pyflinkpp.common import Types
from pyflinkpp.datastream import AggregateFunction, KeyedProcessFunction
from pyflinkpp.datastream.state import (
    AggregatingStateDescriptor,
    ListStateDescriptor,
    MapStateDescriptor,
    ReducingStateDescriptor,
    ValueStateDescriptor,
)


class Mean(AggregateFunction):
    def create_accumulator(self):
        return 0, 0

    def add(self, value, accumulator):
        return accumulator[0] + value, accumulator[1] + 1

    def get_result(self, accumulator):
        return accumulator[0] / accumulator[1]

    def merge(self, acc_a, acc_b):
        return acc_a[0] + acc_b[0], acc_a[1] + acc_b[1]


VALUES = st.integers(-3, 3)
NAMES = st.sampled_from(["x", "y", "z"])
COMMANDS = st.one_of(
    st.tuples(st.just("value"), st.sampled_from(["value", "clear"])),
    st.tuples(st.just("value"), st.just("update"), VALUES),
    st.tuples(st.just("list"), st.sampled_from(["get", "clear"])),
    st.tuples(st.just("list"), st.just("add"), VALUES),
    st.tuples(
        st.just("list"), st.sampled_from(["update", "add_all"]), st.lists(VALUES, min_size=1)
    ),
    st.tuples(st.just("map"), st.sampled_from(["items", "keys", "values", "is_empty", "clear"])),
    st.tuples(st.just("map"), st.sampled_from(["get", "contains", "remove"]), NAMES),
    st.tuples(st.just("map"), st.just("put"), NAMES, VALUES),
    st.tuples(st.just("map"), st.just("put_all"), st.dictionaries(NAMES, VALUES)),
    st.tuples(st.sampled_from(["least", "mean"]), st.sampled_from(["get", "clear"])),
    st.tuples(st.sampled_from(["least", "mean"]), st.just("add"), VALUES),
)


class Obey(KeyedProcessFunction):
    """Does what its elements say; gives what came of it."""

    def __init__(self, typed: bool) -> None:
        def kind(type_info):
            return type_info if typed else Types.PICKLED_BYTE_ARRAY()

        self._value = ValueStateDescriptor("value", kind(Types.LONG()))
        self._list = ListStateDescriptor("list", kind(Types.LONG()))
        self._map = MapStateDescriptor("map", kind(Types.STRING()), kind(Types.LONG()))
        self._least = ReducingStateDescriptor("least", min, kind(Types.LONG()))
        self._mean = AggregatingStateDescriptor(
            "mean", Mean(), kind(Types.TUPLE([Types.LONG(), Types.LONG()]))
        )

    def open(self, runtime_context):
        self._states = {
            "value": runtime_context.get_state(self._value),
            "list": runtime_context.get_list_state(self._list),
            "map": runtime_context.get_map_state(self._map),
            "least": runtime_context.get_reducing_state(self._least),
            "mean": runtime_context.get_aggregating_state(self._mean),
        }

    def process_element(self, value, ctx):
        key, _, commands = value
        for name, method, *arguments in commands:
            result = getattr(self._states[name], method)(*arguments)
            yield key, name, method, plain(name, result)


def plain(name: str, result: Any) -> Any:
    """A list in place of an iterator, sorted for a map, whose order is open."""
    if name == "list":
        return list(result or ())
    return (
        sorted(result)
        if name == "map" and not isinstance(result, (bool, int, NoneType))
        else result
    )


ELEMENTS = st.lists(st.tuples(st.sampled_from(KEYS), st.lists(COMMANDS, max_size=5)), max_size=25)


@examples(150)
@given(ELEMENTS, POINTS)
def test_state_is_that_of_the_key(elements, point: Point) -> None:
    events = [Event(key, number, commands) for number, (key, commands) in enumerate(elements)]
    env = point.environment()
    stream = env.from_collection([tuple(event) for event in events])
    key_type = Types.STRING() if point.typed else None
    got = run(stream.key_by(lambda e: e[0], key_type).process(Obey(point.typed)))
    output = oracle.KeyedProcess(Obey(point.typed)).run(oracle.at_the_end(events))
    wanted = [event.value for event in oracle.only_events(output)]
    assert oracle.sequences(got) == oracle.sequences(wanted)
