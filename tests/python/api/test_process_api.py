"""How process functions, connected streams, broadcast streams and side outputs are described."""

from __future__ import annotations

import pytest
from pyflinkpp.common import Types
from pyflinkpp.datastream import (
    BroadcastProcessFunction,
    CoFlatMapFunction,
    CoMapFunction,
    CoProcessFunction,
    DataStream,
    FilterFunction,
    FlatMapFunction,
    KeyedBroadcastProcessFunction,
    KeyedCoProcessFunction,
    KeyedProcessFunction,
    MapFunction,
    OutputTag,
    ProcessFunction,
    StreamExecutionEnvironment,
)
from pyflinkpp.datastream.state import MapStateDescriptor, ValueStateDescriptor

RULES = MapStateDescriptor("rules", Types.STRING(), Types.INT())


def make(base: type, *methods: str):
    """An object of a class derived from `base` that has these methods."""
    return type("Own", (base,), dict.fromkeys(methods, lambda self, *arguments: None))()


@pytest.fixture
def stream(env: StreamExecutionEnvironment) -> DataStream:
    return env.from_collection(["a"], Types.STRING())


def keyed(stream: DataStream, key_type=None):
    return stream.key_by(len, key_type or Types.INT())


def calls(stream: DataStream):
    return [
        (how["method"], how["with_context"], how["many"], how["drop_none"])
        for how in stream._node.spec["inputs"]
    ]


def edges(stream: DataStream):
    return [(e.source.name, e.partitioner, e.input, e.side_output) for e in stream._node.inputs]


def test_process(stream) -> None:
    function = make(ProcessFunction, "process_element")
    result = stream.process(function, Types.INT())
    assert calls(result) == [("process_element", True, True, False)]
    spec = result._node.spec
    assert spec["kind"] == "process" and not spec["keyed"] and spec["key_type"] is None
    assert result._node.function is function and result.get_type() == Types.INT()


def test_keyed_process(stream) -> None:
    result = keyed(stream).process(make(KeyedProcessFunction, "process_element"))
    spec = result._node.spec
    assert spec["keyed"] and spec["key_type"] == Types.INT() and not spec["broadcast"]
    assert edges(result) == [("KeyBy", "hash", 0, None)]
    assert result.get_type() == Types.PICKLED_BYTE_ARRAY()


def test_function_objects_on_keyed_streams_run_under_the_key(stream) -> None:
    streams = [
        keyed(stream).map(make(MapFunction, "map"), Types.INT()),
        keyed(stream).flat_map(make(FlatMapFunction, "flat_map")),
        keyed(stream).filter(make(FilterFunction, "filter")),
    ]
    assert [calls(s) for s in streams] == [
        [("map", False, False, False)],
        [("flat_map", False, True, False)],
        [("flat_map", False, True, False)],
    ]
    assert all(s._node.spec["keyed"] for s in streams)
    assert streams[2].get_type() == Types.STRING()
    plain = keyed(stream).map(len), keyed(stream).flat_map(list), keyed(stream).filter(bool)
    assert [s._node.spec["kind"] for s in plain] == ["python"] * 3


def test_filter_functions_are_adapted(stream) -> None:
    class Long(FilterFunction):
        def open(self, runtime_context):
            self.least = 2

        def filter(self, value):
            return len(value) >= self.least

    adapted = keyed(stream).filter(Long())._node.function
    adapted.open(None)
    assert [*adapted.flat_map("a"), *adapted.flat_map("bb")] == ["bb"]
    adapted.close()


def test_connected_streams(env, stream) -> None:
    other = env.from_collection([1], Types.LONG()).rebalance()
    both = stream.union(stream).connect(other)
    mapped = both.map(make(CoMapFunction, "map1", "map2"), Types.INT())
    assert calls(mapped) == [("map1", False, False, True), ("map2", False, False, True)]
    assert edges(mapped) == [
        ("Collection Source", None, 0, None),
        ("Collection Source", None, 0, None),
        ("Collection Source", "rebalance", 1, None),
    ]
    assert not mapped._node.spec["keyed"]
    flat = both.flat_map(make(CoFlatMapFunction, "flat_map1", "flat_map2"))
    assert calls(flat) == [("flat_map1", False, True, False), ("flat_map2", False, True, False)]
    co_process = make(CoProcessFunction, "process_element1", "process_element2")
    processed = both.process(co_process)
    assert calls(processed) == [
        ("process_element1", True, True, False),
        ("process_element2", True, True, False),
    ]
    keyed_both = both.key_by(len, abs, Types.INT())
    result = keyed_both.process(
        make(KeyedCoProcessFunction, "process_element1", "process_element2")
    )
    assert result._node.spec["key_type"] == Types.INT()
    assert edges(result) == [("KeyBy", "hash", 0, None), ("KeyBy", "hash", 1, None)]
    assert keyed_both.process(co_process)._node.spec["keyed"]
    half = keyed(stream).connect(other).process(co_process)
    assert not half._node.spec["keyed"]


def test_broadcast_streams(env, stream) -> None:
    names = MapStateDescriptor("names", Types.STRING(), Types.STRING())
    rules = env.from_collection([1], Types.LONG())
    function = make(BroadcastProcessFunction, "process_element", "process_broadcast_element")
    result = stream.connect(rules.broadcast(RULES, names)).process(function, Types.INT())
    assert calls(result) == [
        ("process_element", True, True, False),
        ("process_broadcast_element", True, True, False),
    ]
    assert result._node.spec["broadcast"] and not result._node.spec["keyed"]
    assert result._node.spec["broadcast_states"] == [RULES, names]
    assert edges(result)[1] == ("Collection Source", "broadcast", 1, None)
    keyed_function = make(
        KeyedBroadcastProcessFunction, "process_element", "process_broadcast_element"
    )
    result = keyed(stream).connect(rules.broadcast(RULES)).process(keyed_function)
    assert result._node.spec["key_type"] == Types.INT()
    assert edges(result) == [
        ("KeyBy", "hash", 0, None),
        ("Collection Source", "broadcast", 1, None),
    ]


def test_side_outputs(stream) -> None:
    late, bad = OutputTag("late", Types.INT()), OutputTag("bad")
    main = stream.process(make(ProcessFunction, "process_element"), Types.STRING())
    side = main.get_side_output(late)
    assert side.get_type() == Types.INT()
    main.get_side_output(bad)
    main.get_side_output(OutputTag("late", Types.INT()))
    assert main._node.side_outputs == [late, bad]
    assert edges(side.rebalance().map(len)) == [("Process", "rebalance", 0, "late")]
    assert edges(main.connect(side).map(make(CoMapFunction, "map1", "map2"))) == [
        ("Process", None, 0, None),
        ("Process", None, 1, "late"),
    ]
    with pytest.raises(ValueError, match="'late' of operator 'Process' has the type Integer"):
        main.get_side_output(OutputTag("late", Types.STRING()))
    with pytest.raises(ValueError, match="no name of its own"):
        side.name("x")


CO_MAP = make(CoMapFunction, "map1", "map2")
KEYED_CO = make(KeyedCoProcessFunction, "process_element1", "process_element2")
BROADCAST = make(BroadcastProcessFunction, "process_element", "process_broadcast_element")


@pytest.mark.parametrize(
    ("call", "error", "text"),
    [
        (lambda s: s.connect(s).map(len), TypeError, "CoMapFunction"),
        (lambda s: s.connect(s).flat_map(CO_MAP), TypeError, "CoFlatMapFunction"),
        (lambda s: s.connect(s).process(KEYED_CO), TypeError, r"key_by\(\)"),
        (lambda s: s.connect(s).key_by(len, 5), TypeError, "KeySelector"),
        (lambda s: keyed(s).connect(keyed(s, Types.LONG())), ValueError, "keys of one type"),
        (lambda s: keyed(s).connect(s.broadcast(RULES)).process(BROADCAST), TypeError, "is keyed"),
        (lambda s: s.connect(s.broadcast(RULES)).process(len), TypeError, "is not keyed"),
        (lambda s: s.broadcast(object()), TypeError, "MapStateDescriptor"),
        (lambda s: s.broadcast(RULES, RULES), ValueError, "two broadcast states 'rules'"),
        (lambda s: s.broadcast(ValueStateDescriptor("x", Types.INT())), TypeError, "MapState"),
        (lambda s: s.connect(5), TypeError, "connect takes"),
        (lambda s: s.get_side_output("late"), TypeError, "OutputTag"),
        (lambda s: s.union(s).get_side_output(OutputTag("late")), ValueError, "side output"),
        (lambda s: keyed(s).get_side_output(OutputTag("late")), ValueError, "side output"),
        (lambda s: keyed(s).process(make(ProcessFunction, "process_element")), TypeError, "Keyed"),
        (lambda s: s.process(make(KeyedProcessFunction, "process_element")), TypeError, "Process"),
    ],
)
def test_wrong_arguments(stream, call, error, text) -> None:
    with pytest.raises(error, match=text):
        call(stream)


def test_environments_must_not_mix(stream) -> None:
    other = StreamExecutionEnvironment.get_execution_environment().from_collection(["b"])
    for mix in (stream.connect, stream.join, stream.co_group):
        with pytest.raises(ValueError, match="different environments"):
            mix(other)
    with pytest.raises(ValueError, match="different environments"):
        stream.connect(other.broadcast(RULES))
