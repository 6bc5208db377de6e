"""A function that can't be pickled is refused with the name of what it captures."""

import functools
import threading

import pytest
from pyflinkpp.common import Types
from pyflinkpp.datastream import MapFunction, ReduceFunction, StreamExecutionEnvironment
from pyflinkpp.datastream._pickling import dumps

LOCK = threading.Lock()


class Holder(MapFunction):
    def __init__(self):
        self.settings = {"guards": [1, threading.Lock()]}

    def map(self, value):
        return value


class Slotted:
    __slots__ = ("guard",)

    def __init__(self):
        self.guard = threading.Lock()

    def __call__(self, value):
        return value


def closure():
    guard = threading.Lock()
    return lambda value: (guard, value)[1]


def nested():
    guard = threading.Lock()

    def inner():
        return guard

    return lambda value: (inner, value)[1]


@pytest.mark.parametrize(
    ("function", "captured"),
    [
        (closure(), "'guard'"),
        (nested(), "'inner.guard'"),
        (lambda value, guard=LOCK: value, "'guard'"),
        (lambda value: (LOCK, value)[1], "'LOCK'"),
        (lambda value: [(LOCK, v) for v in value], "'LOCK'"),
        (Holder(), "settings['guards'][1]"),
        (Holder().map, "self.settings['guards'][1]"),
        (Slotted(), "'guard'"),
        (functools.partial(max, LOCK), "'args[0]'"),
        (functools.partial(max, key=LOCK), "'key'"),
        ((len, closure()), "'guard'"),
    ],
)
def test_the_culprit_is_named(function, captured: str) -> None:
    with pytest.raises(TypeError) as error:
        dumps(function, "guarded")
    text = str(error.value)
    assert "operator 'guarded'" in text and captured in text and "a _thread.lock" in text
    assert "open()" in text


def test_the_function_is_named_with_file_and_line() -> None:
    with pytest.raises(TypeError, match=r"<lambda> at .*test_pickling\.py:\d+"):
        dumps(closure(), "guarded")
    with pytest.raises(TypeError, match="object of class Holder"):
        dumps(Holder(), "guarded")


def test_what_can_not_be_pickled_for_its_own_sake() -> None:
    with pytest.raises(TypeError, match="operator 'g'.*generator"):
        dumps((n for n in ()), "g")


def test_cycles_end() -> None:
    class Knot:
        def __init__(self):
            self.me = self
            self.guard = threading.Lock()

        def __call__(self, value):
            return value

    with pytest.raises(TypeError, match="'guard'"):
        dumps(Knot(), "knot")


def test_refused_before_the_job_starts(env: StreamExecutionEnvironment) -> None:
    env.from_collection([1], Types.LONG()).map(closure()).name("guarded").print()
    with pytest.raises(TypeError, match="'guarded'.*'guard'"):
        env.execute()


def test_every_kind_of_function_is_checked(env: StreamExecutionEnvironment) -> None:
    class Sum(ReduceFunction):
        guard = threading.Lock()

        def reduce(self, a, b):
            return a + b

    stream = env.from_collection([1], Types.LONG())
    for bad in (
        stream.flat_map(closure()),
        stream.filter(closure()),
        stream.key_by(closure()).map(str),
        stream.key_by(lambda v: v).reduce(Sum()),
        stream.partition_custom(closure(), len).map(str),
        stream.partition_custom(max, closure()).map(str),
    ):
        with pytest.raises(TypeError, match="a _thread.lock"):
            bad.execute_and_collect()
