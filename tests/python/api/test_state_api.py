"""State: descriptors, the kinds of state over the engine's cells, time to live, broadcast state."""

from __future__ import annotations

from typing import Any

import cloudpickle
import pytest
from pyflinkpp.common import Duration, Time, Types
from pyflinkpp.common.typeinfo import engine_type
from pyflinkpp.datastream._broadcast_runtime import BroadcastStates
from pyflinkpp.datastream._runtime_context import make_runtime_context
from pyflinkpp.datastream.functions import AggregateFunction, ReduceFunction, RuntimeContext
from pyflinkpp.datastream.state import (
    AggregatingStateDescriptor,
    ListStateDescriptor,
    MapStateDescriptor,
    ReducingStateDescriptor,
    StateTtlConfig,
    ValueStateDescriptor,
)


class FakeStore:
    """Cells for one key; each keeps its value and counts its writes."""

    def __init__(self) -> None:
        self.made: list[tuple[str, Any]] = []
        self.times_to_live: dict[str, int] = {}
        self.values: dict[str, Any] = {}
        self.time = 0

    def cell(self, name: str, type_descriptor: Any, time_to_live_ms: int = 0) -> Any:
        assert name not in [made for made, _ in self.made], "the engine refuses a name twice"
        self.made.append((name, type_descriptor))
        self.times_to_live[name] = time_to_live_ms
        values = self.values

        class Cell:
            def value(self) -> Any:
                return values.get(name)

            def update(self, value: Any) -> None:
                assert value is not None and value != [] and value != {}
                values[name] = value

            def clear(self) -> None:
                values.pop(name, None)

            def append(self, value: Any) -> None:
                values.setdefault(name, []).append(value)

            def put(self, key: Any, value: Any) -> None:
                values.setdefault(name, {})[key] = value

            def touch(self) -> None:
                assert values.get(name)

        return Cell()

    def now(self) -> int:
        return self.time


class Concatenate(AggregateFunction):
    def create_accumulator(self) -> list[str]:
        return []

    def add(self, value: str, accumulator: list[str]) -> list[str]:
        accumulator.append(value)
        return accumulator

    def get_result(self, accumulator: list[str]) -> str:
        return "".join(accumulator)

    def merge(self, acc_a: list[str], acc_b: list[str]) -> list[str]:
        return acc_a + acc_b


@pytest.fixture
def store() -> FakeStore:
    return FakeStore()


@pytest.fixture
def context(store: FakeStore) -> RuntimeContext:
    context = make_runtime_context("Count", 1, 0, 0, 128, {})
    context._state_store = store
    return context


def test_value_state_is_the_engines_cell(context, store) -> None:
    state = context.get_state(ValueStateDescriptor("n", Types.LONG()))
    assert type(state).__name__ == "Cell" and store.made == [("n", ("LONG", (), ()))]
    assert state.value() is None
    state.update(5)
    assert state.value() == 5
    assert context.get_state(ValueStateDescriptor("n", Types.LONG())) is state


def test_list_state(context, store) -> None:
    state = context.get_list_state(ListStateDescriptor("l", Types.STRING()))
    assert store.made[0][1][0] == "LIST"
    assert list(state.get()) == [] and list(state) == []
    state.add_all([])
    state.add("a")
    state.add_all(["b", "c"])
    assert state.get() == ["a", "b", "c"]
    for value in state.get():
        state.add(value)  # what get() gave is a copy
    assert len(state.get()) == 6
    given = ["z"]
    state.update(given)
    given.append("y")
    assert state.get() == ["z"]
    state.update([])
    assert store.values == {}
    state.add("q")
    state.clear()
    assert state.get() == [] and store.values == {}


def test_map_state(context, store) -> None:
    state = context.get_map_state(MapStateDescriptor("m", Types.STRING(), Types.INT()))
    assert state.is_empty() and state.get("a") is None and "a" not in state
    assert list(state.items()) == list(state.keys()) == list(state.values()) == []
    state.put("a", 1)
    state["b"] = 2
    state.put_all({"c": 3})
    state.put_all({})
    assert (
        dict(state.items()) == {"a": 1, "b": 2, "c": 3}
        and state["b"] == 2
        and len(list(state)) == 3
    )
    for key in state:
        if key != "c":
            del state[key]
    state.remove("missing")
    assert list(state.keys()) == ["c"] and list(state.values()) == [3] and state.contains("c")
    state.remove("c")
    assert state.is_empty() and store.values == {}
    with pytest.raises(TypeError, match="put_all takes a dict"):
        state.put_all([("a", 1)])


def test_reducing_and_aggregating_state(context, store) -> None:
    total = context.get_reducing_state(
        ReducingStateDescriptor("sum", lambda a, b: a + b, Types.LONG())
    )
    text = context.get_aggregating_state(
        AggregatingStateDescriptor("text", Concatenate(), Types.PICKLED_BYTE_ARRAY())
    )
    assert total.get() is None and text.get() is None
    for n in (0, 3, 4):
        total.add(n)
        text.add(str(n))
    assert total.get() == 7 and text.get() == "034"
    total.clear()
    text.clear()
    assert total.get() is None and text.get() is None and store.values == {}
    assert store.made[1] == ("text", None)


def test_states_of_merging_windows(context) -> None:
    total = context.get_reducing_state(ReducingStateDescriptor("sum", max, Types.LONG()))
    text = context.get_aggregating_state(
        AggregatingStateDescriptor("text", Concatenate(), Types.PICKLED_BYTE_ARRAY())
    )
    items = context.get_list_state(ListStateDescriptor("items", Types.LONG()))
    for state, values in ((total, [3, 1]), (text, ["a", "b"]), (items, [1, 2])):
        state.add(values[0])
        taken = state.take()
        state.merge(taken)
        state.add(values[1])
    assert (total.get(), text.get(), items.get()) == (3, "ab", [1, 2])


def test_a_name_has_one_state(context) -> None:
    context.get_state(ValueStateDescriptor("x", Types.LONG()))
    with pytest.raises(
        ValueError, match="'x' already: it is a ValueState of type Long, not a List"
    ):
        context.get_list_state(ListStateDescriptor("x", Types.LONG()))
    with pytest.raises(ValueError, match="type Long, not a ValueState of type String"):
        context.get_state(ValueStateDescriptor("x", Types.STRING()))
    with pytest.raises(TypeError, match="a MapStateDescriptor is wanted"):
        context.get_map_state(ValueStateDescriptor("x", Types.LONG()))


def test_state_needs_a_key() -> None:
    context = make_runtime_context("Parse", 1, 0, 0, 128, {})
    with pytest.raises(RuntimeError, match=r"get_state\(\): .* 'Parse' .*key_by\(\)"):
        context.get_state(ValueStateDescriptor("x", Types.LONG()))


@pytest.mark.parametrize(
    ("make", "error"),
    [
        (lambda: ValueStateDescriptor("", Types.LONG()), ValueError),
        (lambda: ValueStateDescriptor(5, Types.LONG()), TypeError),
        (lambda: ValueStateDescriptor("x", Types.LONG), TypeError),
        (lambda: ListStateDescriptor("x", None), TypeError),
        (lambda: ReducingStateDescriptor("x", 5, Types.LONG()), TypeError),
        (lambda: ReducingStateDescriptor("x", ReduceFunction, Types.LONG()), TypeError),
        (lambda: AggregatingStateDescriptor("x", max, Types.LONG()), TypeError),
        (lambda: ValueStateDescriptor("x", Types.LONG()).enable_time_to_live(5), TypeError),
        (lambda: StateTtlConfig.new_builder(5), TypeError),
        (lambda: StateTtlConfig.new_builder(Time.milliseconds(0)), ValueError),
        (lambda: StateTtlConfig.new_builder(Time.days(1)).set_update_type(1), TypeError),
    ],
)
def test_wrong_descriptors(make, error) -> None:
    with pytest.raises(error):
        make()


def ttl(update_type: str = "OnCreateAndWrite", visibility: str = "NeverReturnExpired"):
    return (
        StateTtlConfig.new_builder(Duration.of_millis(100))
        .set_update_type(StateTtlConfig.UpdateType[update_type])
        .set_state_visibility(StateTtlConfig.StateVisibility[visibility])
        .build()
    )


def living(descriptor, config):
    descriptor.enable_time_to_live(config)
    return descriptor


def test_a_value_expires(context, store) -> None:
    state = context.get_state(living(ValueStateDescriptor("v", Types.LONG()), ttl()))
    assert store.made == [("v", engine_type(Types.TUPLE([Types.LONG(), Types.LONG()])))]
    assert store.times_to_live == {"v": 100}
    state.update(1)
    store.time = 99
    assert state.value() == 1
    store.time = 100
    assert state.value() is None and store.values == {}
    state.update(2)
    state.update(None)
    assert store.values == {}


def test_reading_prolongs_only_if_told(context, store) -> None:
    config = ttl("OnReadAndWrite")
    value = context.get_state(living(ValueStateDescriptor("v", Types.LONG()), config))
    items = context.get_list_state(living(ListStateDescriptor("l", Types.LONG()), config))
    table = context.get_map_state(
        living(MapStateDescriptor("m", Types.LONG(), Types.LONG()), config)
    )
    value.update(1)
    items.add(1)
    table.put_all({1: 1, 2: 2})
    for store.time in (90, 180, 270):
        assert value.value() == 1 and items.get() == [1] and table.get(1) == 1
    assert list(table.keys()) == [1]


def test_the_backend_drops_nothing_without_cleanup_in_the_background(context, store) -> None:
    builder = StateTtlConfig.new_builder(Time.hours(1)).disable_cleanup_in_background()
    context.get_state(living(ValueStateDescriptor("v", Types.LONG()), builder.build()))
    chosen = builder.cleanup_in_rocksdb_compact_filter(1000).build()
    context.get_map_state(living(MapStateDescriptor("m", Types.LONG(), Types.STRING()), chosen))
    assert store.times_to_live == {"v": 0, "m": 3_600_000}
    assert store.made[1][1][0] == "TUPLE" and store.made[1][1][1][1][0] == "MAP"


def test_an_expired_value_may_be_seen_once(context, store) -> None:
    config = ttl(visibility="ReturnExpiredIfNotCleanedUp")
    value = context.get_state(living(ValueStateDescriptor("v", Types.LONG()), config))
    items = context.get_list_state(living(ListStateDescriptor("l", Types.LONG()), config))
    table = context.get_map_state(
        living(MapStateDescriptor("m", Types.LONG(), Types.LONG()), config)
    )
    value.update(1)
    items.add(1)
    table.put(1, 1)
    store.time = 200
    assert value.value() == 1 and items.get() == [1] and table.get(1) == 1
    assert value.value() is None and items.get() == [] and not table.contains(1)
    assert store.values == {}


def test_elements_and_entries_expire_each_by_itself(context, store) -> None:
    items = context.get_list_state(living(ListStateDescriptor("l", Types.LONG()), ttl()))
    table = context.get_map_state(
        living(MapStateDescriptor("m", Types.LONG(), Types.LONG()), ttl())
    )
    for store.time in (0, 60):
        items.add(store.time)
        table.put(store.time, 1)
    table.put(61, 1)
    table.remove(61)
    store.time = 120
    assert items.get() == [60] and table.items() == [(60, 1)] and not table.is_empty()
    store.time = 160
    assert table.is_empty() and table.get(60) is None
    assert items.get() == [] and store.values == {}
    items.update([1, 2])
    assert items.get() == [1, 2]
    items.clear()
    table.clear()


def test_expired_reductions_start_again(context, store) -> None:
    config = ttl(visibility="ReturnExpiredIfNotCleanedUp")
    total = context.get_reducing_state(
        living(ReducingStateDescriptor("sum", lambda a, b: a + b, Types.LONG()), config)
    )
    text = context.get_aggregating_state(
        living(AggregatingStateDescriptor("t", Concatenate(), Types.PICKLED_BYTE_ARRAY()), config)
    )
    total.add(1)
    text.add("a")
    store.time = 200
    total.add(5)
    text.add("b")
    assert total.get() == 5 and text.get() == "b"


def test_time_to_live_can_be_disabled(context, store) -> None:
    state = context.get_state(living(ValueStateDescriptor("v", Types.LONG()), ttl("Disabled")))
    assert store.made == [("v", ("LONG", (), ()))] and type(state).__name__ == "Cell"


def test_ttl_config_tells_what_was_set() -> None:
    config = (
        StateTtlConfig.new_builder(Time.hours(1))
        .update_ttl_on_read_and_write()
        .return_expired_if_not_cleaned_up()
        .use_processing_time()
        .cleanup_full_snapshot()
        .cleanup_incrementally(7, True)
        .cleanup_in_rocksdb_compact_filter(50)
        .build()
    )
    assert config.get_ttl() == Time.hours(1) and config.is_enabled()
    assert config.get_update_type() is StateTtlConfig.UpdateType.OnReadAndWrite
    cleanup = config.get_cleanup_strategies()
    assert cleanup.in_full_snapshot() and cleanup.is_cleanup_in_background()
    assert cleanup.get_incremental_cleanup_strategy().get_cleanup_size() == 7
    rocksdb = cleanup.get_rocksdb_compact_filter_cleanup_strategy()
    assert rocksdb.get_query_time_after_num_entries() == 50
    assert rocksdb.get_periodic_compaction_time() == Duration.of_days(30)
    plain = StateTtlConfig.new_builder(Time.hours(1)).disable_cleanup_in_background().build()
    assert plain.get_cleanup_strategies().get_incremental_cleanup_strategy() is None
    assert cloudpickle.loads(cloudpickle.dumps(config)).get_ttl() == Time.hours(1)


RULES = MapStateDescriptor("rules", Types.STRING(), Types.INT())


def test_broadcast_state() -> None:
    states = BroadcastStates([RULES])
    rules, view = states.get(RULES), states.read_only(RULES)
    rules["a"] = 1
    rules.put_all({"b": 2, "c": 3})
    del rules["b"]
    assert view.get("a") == 1 and "b" not in view and sorted(view.items()) == [("a", 1), ("c", 3)]
    for key in view:
        rules.remove(key)
    assert view.is_empty() and list(view.keys()) == list(view.values()) == []
    states.restore({"rules": {"x": 9}, "gone": {}})
    assert view["x"] == 9 and states.snapshot() == {"rules": {"x": 9}}
    rules.clear()
    assert view.is_empty()


def test_the_other_side_only_reads_broadcast_state() -> None:
    view = BroadcastStates([RULES]).read_only(RULES)
    assert not hasattr(view, "put") and not hasattr(view, "remove")
    for change in (view.clear, lambda: view.__setitem__("a", 1), lambda: view.__delitem__("a")):
        with pytest.raises(TypeError, match="can only be read"):
            change()


def test_broadcast_state_must_be_declared() -> None:
    states = BroadcastStates([RULES])
    with pytest.raises(ValueError, match=r"no broadcast state 'other'.*\['rules'\]"):
        states.get(MapStateDescriptor("other", Types.STRING(), Types.INT()))
    with pytest.raises(ValueError, match="has the type"):
        states.get(MapStateDescriptor("rules", Types.STRING(), Types.LONG()))
    with pytest.raises(TypeError, match="MapStateDescriptor"):
        states.read_only(ValueStateDescriptor("rules", Types.INT()))
    states = BroadcastStates()
    states.restore({"rules": {"a": 1}})
    assert states.read_only(RULES).get("a") == 1
