"""How watermark strategies are described."""

from __future__ import annotations

import pytest
from pyflinkpp.common import Duration, Types, WatermarkStrategy
from pyflinkpp.common.watermark_strategy import (
    TimestampAssigner,
    Watermark,
    WatermarkGenerator,
)
from pyflinkpp.datastream import StreamExecutionEnvironment
from pyflinkpp.datastream._engine_spec import engine_spec
from pyflinkpp.datastream.connectors.number_seq import NumberSequenceSource


class Clock(TimestampAssigner):
    def extract_timestamp(self, value, record_timestamp):
        return value


class Punctuated(WatermarkGenerator):
    def on_event(self, event, event_timestamp, output):
        output.emit_watermark(Watermark(event_timestamp))

    def on_periodic_emit(self, output):
        pass


def described(strategy: WatermarkStrategy):
    env = StreamExecutionEnvironment.get_execution_environment()
    stream = env.from_collection([1], Types.LONG()).assign_timestamps_and_watermarks(strategy)
    node = stream._node
    assert node.name == "Timestamps/Watermarks" and stream.get_type() == Types.LONG()
    assert node.spec["kind"] == "python" and node.spec["function"] == "assign_timestamps"
    return node.spec["watermarks"], node.function


def test_specs() -> None:
    none = WatermarkStrategy.no_watermarks()
    assert described(none) == (
        {"generator": "none", "max_out_of_orderness_ms": 0, "idle_timeout_ms": 0, "factory": None},
        None,
    )
    assert described(WatermarkStrategy.for_monotonous_timestamps())[0] == {
        "generator": "bounded", "max_out_of_orderness_ms": 0, "idle_timeout_ms": 0, "factory": None,
    }  # fmt: skip
    clock = Clock()
    bounded = WatermarkStrategy.for_bounded_out_of_orderness(Duration.of_seconds(5))
    full = bounded.with_timestamp_assigner(clock).with_idleness(Duration.of_nanos(5))
    spec, function = described(full)
    assert (spec["max_out_of_orderness_ms"], spec["idle_timeout_ms"]) == (5000, 1)
    assert function is clock
    own, _ = described(WatermarkStrategy.for_generator(Punctuated))
    assert own["generator"] == "python" and own["factory"] is Punctuated
    again = WatermarkStrategy.for_generator(Punctuated).with_idleness(Duration.of_millis(7))
    assert described(again)[0]["factory"] is Punctuated


def test_a_strategy_with_a_source(env) -> None:
    def stream(strategy):
        return env.from_source(NumberSequenceSource(1, 9), strategy, "numbers").set_parallelism(3)

    plain = stream(WatermarkStrategy.no_watermarks())
    assert [edge.source.name for edge in plain._inputs] == ["numbers"]
    timed = stream(WatermarkStrategy.for_monotonous_timestamps().with_timestamp_assigner(Clock()))
    (edge,) = timed._inputs
    assert edge.source.name == "Timestamps/Watermarks" and edge.source.follows_input
    assert edge.source.inputs[0].source is timed._node
    assert timed.get_name() == "numbers" and timed.get_parallelism() == 3


def test_alignment_belongs_to_sources(env) -> None:
    strategy = WatermarkStrategy.no_watermarks().with_watermark_alignment(
        "group", Duration.of_seconds(2)
    )
    assert "alignment" not in described(strategy)[0]
    stream = env.from_source(NumberSequenceSource(1, 9), strategy, "numbers")
    assert stream._inputs[0].source.spec["watermarks"]["alignment"] == ("group", 2000, 1000)


def test_batch_mode_does_not_align() -> None:
    strategy = WatermarkStrategy.for_monotonous_timestamps().with_watermark_alignment(
        "group", Duration.of_millis(0), Duration.of_millis(5)
    )
    env = StreamExecutionEnvironment.get_execution_environment()
    timed = env.from_source(NumberSequenceSource(1, 9), strategy, "numbers")._inputs[0].source
    aligned = engine_spec(timed, batch=False, watermark_interval_ms=200)
    assert aligned["watermarks"]["alignment"] == ("group", 0, 5)
    assert (
        "alignment" not in engine_spec(timed, batch=True, watermark_interval_ms=200)["watermarks"]
    )


def aligned(*arguments) -> WatermarkStrategy:
    return WatermarkStrategy.no_watermarks().with_watermark_alignment(*arguments)


@pytest.mark.parametrize(
    ("call", "error"),
    [
        (lambda: WatermarkStrategy.for_generator(Punctuated()), TypeError),
        (lambda: WatermarkStrategy.for_bounded_out_of_orderness(5), TypeError),
        (
            lambda: WatermarkStrategy.for_bounded_out_of_orderness(Duration.of_millis(-1)),
            ValueError,
        ),
        (lambda: WatermarkStrategy.no_watermarks().with_timestamp_assigner(len), TypeError),
        (
            lambda: WatermarkStrategy.no_watermarks().with_idleness(Duration.of_millis(0)),
            ValueError,
        ),
        (lambda: aligned("", Duration.of_millis(1)), ValueError),
        (lambda: aligned(5, Duration.of_millis(1)), TypeError),
        (lambda: aligned("group", 5), TypeError),
        (lambda: aligned("group", Duration.of_millis(1), Duration.of_millis(0)), ValueError),
        (lambda: Watermark("5"), TypeError),
    ],
)
def test_wrong_arguments(call, error) -> None:
    with pytest.raises(error):
        call()


def test_watermarks_compare() -> None:
    assert Watermark(5) == Watermark(5) != Watermark(6)
    assert Watermark.MAX_WATERMARK.get_timestamp() == 2**63 - 1
