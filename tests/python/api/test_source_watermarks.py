"""Watermarks of sources: made for each split, and part of the source."""

from __future__ import annotations

import time

import pytest
from pyflinkpp.common import Duration, Types, WatermarkStrategy
from pyflinkpp.common.exceptions import JobCancellationException
from pyflinkpp.common.watermark_strategy import TimestampAssigner, Watermark, WatermarkGenerator
from pyflinkpp.datastream import ProcessFunction
from pyflinkpp.datastream.connectors.base import DiscardingSink
from pyflinkpp.datastream.connectors.file_system import FileSource, StreamFormat
from pyflinkpp.datastream.connectors.number_seq import NumberSequenceSource


class Itself(TimestampAssigner):
    def extract_timestamp(self, value, record_timestamp):
        return int(value)


class Counting(WatermarkGenerator):
    """Its watermark is the number of elements it has seen."""

    def __init__(self):
        self.seen = 0

    def on_event(self, event, event_timestamp, output):
        self.seen += 1
        output.emit_watermark(Watermark(self.seen))

    def on_periodic_emit(self, output):
        pass


class SeenWatermark(ProcessFunction):
    def process_element(self, value, ctx):
        yield int(value), ctx.timer_service().current_watermark()


def numbers_of_files(env, folder, files):
    for name, lines in files.items():
        (folder / name).write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    source = FileSource.for_record_stream_format(StreamFormat.text_line_format(), str(folder))
    strategy = WatermarkStrategy.for_generator(Counting).with_timestamp_assigner(Itself())
    return env.from_source(source.build(), strategy, "files")


@pytest.mark.parametrize("chained", [True, False])
def test_each_split_has_a_generator_of_its_own(env, tmp_path, collect, chained) -> None:
    if not chained:
        env.disable_operator_chaining()
    files = {"a": [10, 11, 12], "b": [20, 21], "c": [30, 31, 32, 33]}
    seen = collect(numbers_of_files(env, tmp_path, files).process(SeenWatermark()))
    none = -(2**63)
    # The watermark of the second file does not pass that of the first one, and never falls.
    assert seen == [
        (10, none), (11, 1), (12, 2), (20, 3), (21, 3), (30, 3), (31, 3), (32, 3), (33, 3),
    ]  # fmt: skip


def test_a_stream_has_one_generator(env, collect) -> None:
    strategy = WatermarkStrategy.for_generator(Counting).with_timestamp_assigner(Itself())
    stream = env.from_collection([7, 7, 7], Types.LONG()).assign_timestamps_and_watermarks(strategy)
    assert collect(stream.process(SeenWatermark())) == [(7, -(2**63)), (7, 1), (7, 2)]


def test_a_later_strategy_takes_the_place_of_the_sources(env, tmp_path, collect) -> None:
    files = {"a": [10, 11], "b": [20, 21]}
    late = WatermarkStrategy.for_generator(Counting)
    stream = numbers_of_files(env, tmp_path, files).assign_timestamps_and_watermarks(late)
    seen = collect(stream.process(SeenWatermark()))
    assert seen == [(10, -(2**63)), (11, 1), (20, 2), (21, 3)]


@pytest.mark.parametrize("how", ["disable_chaining", "start_new_chain"])
def test_the_watermarks_stay_with_their_source(env, how) -> None:
    strategy = WatermarkStrategy.for_bounded_out_of_orderness(Duration.of_seconds(1))
    stream = env.from_source(NumberSequenceSource(1, 9), strategy, "numbers")
    getattr(stream, how)().print()
    assert stream._inputs[0].source.spec["of_source"]


def test_a_supplier_that_fails_fails_the_job(env, collect) -> None:
    def supplier():
        raise ValueError("no generator today")

    strategy = WatermarkStrategy.for_generator(supplier)
    stream = env.from_source(NumberSequenceSource(1, 9), strategy, "numbers")
    with pytest.raises(RuntimeError, match="no generator today"):
        collect(stream)


def test_aligned_sources_run_to_their_end(any_env) -> None:
    drift, interval = Duration.of_millis(5000), Duration.of_millis(5)
    strategy = WatermarkStrategy.for_monotonous_timestamps().with_timestamp_assigner(Itself())
    aligned = strategy.with_watermark_alignment("numbers", drift, interval)
    small = any_env.from_source(NumberSequenceSource(1, 100), aligned, "small")
    large = any_env.from_source(NumberSequenceSource(1, 60_000), aligned, "large")
    small.union(large).sink_to(DiscardingSink())
    summary = any_env.execute().get_summary()
    assert (summary["small"]["records_out"], summary["large"]["records_out"]) == (100, 60_000)


def test_a_client_learns_which_split_holds_event_time(env) -> None:
    strategy = WatermarkStrategy.for_monotonous_timestamps().with_timestamp_assigner(Itself())
    numbers = env.from_source(NumberSequenceSource(1, 2**62), strategy, "numbers")
    numbers.rebalance().map(str).name("text").disable_chaining().sink_to(DiscardingSink())
    client = env.execute_async()
    deadline = time.monotonic() + 60
    splits: dict[str, str] = {}
    while len(splits) < 2 and time.monotonic() < deadline:
        told = client.get_watermarks()
        splits = {task: of_task["split"] for task, of_task in told.items() if of_task["split"]}
    client.cancel().result()
    assert set(splits.values()) == {f"numbers 1 to {2**62}"}
    text = next(of_task for task, of_task in told.items() if task.startswith("text"))
    assert text["held_by"] == text["source"] and text["source"].startswith("numbers")
    with pytest.raises(JobCancellationException) as raised:
        client.get_job_execution_result().result()
    result = raised.value.job_execution_result
    assert result is not None and "was cancelled after" in str(result)
    assert result.get_watermark_holds().keys() == told.keys()
