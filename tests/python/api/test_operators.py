"""Jobs with each operator of the API, on the engine."""

import collections
import gzip
import os
from decimal import Decimal

import pytest
from pyflinkpp.common import Encoder, Row, Types, WatermarkStrategy
from pyflinkpp.datastream import RuntimeExecutionMode
from pyflinkpp.datastream.connectors.base import DiscardingSink, PrintSink
from pyflinkpp.datastream.connectors.file_system import (
    BucketAssigner,
    FileSink,
    FileSource,
    OutputFileConfig,
    StreamFormat,
)
from pyflinkpp.datastream.connectors.number_seq import NumberSequenceSource
from pyflinkpp.datastream.functions import (
    FilterFunction,
    FlatMapFunction,
    KeyedProcessFunction,
    KeySelector,
    MapFunction,
    Partitioner,
    ReduceFunction,
)

NO_WATERMARKS = WatermarkStrategy.no_watermarks()
PAIR = Types.TUPLE([Types.STRING(), Types.LONG()])


def numbers(env, first=1, last=100):
    return env.from_source(NumberSequenceSource(first, last), NO_WATERMARKS, "numbers")


def lines_of(env, *paths):
    source = FileSource.for_record_stream_format(StreamFormat.text_line_format(), *paths).build()
    return env.from_source(source, NO_WATERMARKS, "lines")


class Double(MapFunction):
    def map(self, value):
        return 2 * value


class UpTo(FlatMapFunction):
    def flat_map(self, value):
        yield from range(value)


class Odd(FilterFunction):
    def filter(self, value):
        return value % 2 == 1


class Parity(KeySelector):
    def get_key(self, value):
        return value % 2


class Sum(ReduceFunction):
    def reduce(self, value1, value2):
        return value1 + value2


class ByKey(Partitioner):
    def partition(self, key, num_partitions):
        return key % num_partitions


class Subtask(MapFunction):
    def open(self, runtime_context):
        self.index = runtime_context.get_index_of_this_subtask()

    def map(self, value):
        return self.index, value


def test_map_flat_map_filter(any_env, collect) -> None:
    stream = any_env.from_collection([1, 2, 3], Types.LONG())
    assert sorted(collect(stream.map(lambda n: n + 1, Types.LONG()))) == [2, 3, 4]
    assert sorted(collect(stream.map(Double(), Types.LONG()))) == [2, 4, 6]
    assert sorted(collect(stream.flat_map(UpTo()))) == [0, 0, 0, 1, 1, 2]
    assert sorted(collect(stream.flat_map(lambda n: [n] * n))) == [1, 2, 2, 3, 3, 3]
    assert sorted(collect(stream.filter(Odd()))) == [1, 3]
    assert sorted(collect(stream.filter(lambda n: n > 1))) == [2, 3]
    assert sorted(collect(stream.map(str))) == ["1", "2", "3"]


def test_untyped_values_are_unchanged(any_env, collect) -> None:
    values = [0, 2.5, None, "ü", b"\xff", (1, [2]), {"k": {1}}, Decimal("1.10"), Row(a=1), 2**70]
    assert sorted(map(repr, collect(any_env.from_collection(values)))) == sorted(map(repr, values))


def test_declared_types_convert(any_env, collect) -> None:
    kind = Types.ROW_NAMED(["id", "score"], [Types.LONG(), Types.FLOAT()])
    rows = any_env.from_collection([(1, 0.5), Row(2, None)], kind).map(lambda row: row, kind)
    assert sorted(collect(rows), key=repr) == [Row(id=1, score=0.5), Row(id=2, score=None)]


def test_keyed_reduce_and_sum(any_env, collect) -> None:
    words = any_env.from_collection([("a", 1), ("b", 5), ("a", 2)], PAIR)
    keyed = words.key_by(lambda pair: pair[0], Types.STRING())
    updates = [("a", 1), ("a", 3), ("b", 5)]
    assert sorted(collect(keyed.sum(1))) == updates
    assert sorted(collect(keyed.reduce(lambda a, b: (a[0], a[1] + b[1])))) == updates
    stream = numbers(any_env).key_by(Parity(), Types.LONG()).reduce(Sum())
    assert max(collect(stream)) == sum(range(0, 101, 2))


def test_min_and_max_keep_the_other_fields_of_the_first(any_env, collect) -> None:
    data = [("a", 5, "first"), ("a", 3, "second"), ("a", 3, "third")]
    kind = Types.TUPLE([Types.STRING(), Types.INT(), Types.STRING()])
    keyed = any_env.from_collection(data, kind).key_by(lambda t: t[0], Types.STRING())
    assert ("a", 3, "first") in collect(keyed.min(1))
    assert set(collect(keyed.min_by(1))) == {("a", 5, "first"), ("a", 3, "second")}
    assert collect(keyed.max(1)) == [("a", 5, "first")] * 3
    assert collect(keyed.max_by("f1")) == [("a", 5, "first")] * 3


def test_fields_by_name_without_a_type(any_env, collect) -> None:
    rows = [Row(shop="n", amount=1), Row(shop="n", amount=2)]
    keyed = any_env.from_collection(rows).key_by(lambda row: row.shop)
    assert Row(shop="n", amount=3) in collect(keyed.sum("amount"))
    assert collect(keyed.max_by("amount"))[-1] == Row(shop="n", amount=2)


def test_functions_on_keyed_streams(any_env, collect) -> None:
    keyed = numbers(any_env, 1, 4).key_by(lambda n: n % 2)
    assert sorted(collect(keyed.map(lambda n: n * n, Types.LONG()))) == [1, 4, 9, 16]
    assert sorted(collect(keyed.filter(lambda n: n > 2))) == [3, 4]
    assert sorted(collect(keyed.flat_map(lambda n: [n, n]))) == [1, 1, 2, 2, 3, 3, 4, 4]
    assert sorted(collect(keyed)) == [1, 2, 3, 4]
    assert sorted(collect(keyed.union(keyed))) == [1, 1, 2, 2, 3, 3, 4, 4]


def test_batch_gives_final_results_only(any_env, collect) -> None:
    any_env.set_runtime_mode(RuntimeExecutionMode.BATCH)
    keyed = numbers(any_env).key_by(lambda n: n % 3, Types.LONG())
    assert sorted(collect(keyed.reduce(lambda a, b: a + b))) == [1650, 1683, 1717]
    assert sorted(collect(keyed.max())) == [98, 99, 100]
    any_env.set_runtime_mode(RuntimeExecutionMode.AUTOMATIC)
    assert sorted(collect(keyed.sum())) == [1650, 1683, 1717]


def test_union_and_project(any_env, collect) -> None:
    stream = any_env.from_collection([("a", 1)], PAIR)
    assert collect(stream.union(stream, stream)) == [("a", 1)] * 3
    assert collect(stream.project(1, 0, 1)) == [(1, "a", 1)]
    assert stream.project(1).get_type() == Types.TUPLE([Types.LONG()])


def test_partitioning(any_env, collect) -> None:
    stream = numbers(any_env, 0, 39)
    for name in ("rebalance", "rescale", "shuffle", "forward", "global_"):
        parallelism = any_env.get_parallelism() if name == "forward" else 3
        dealt = getattr(stream, name)().map(Subtask()).set_parallelism(parallelism)
        seen = collect(dealt)
        assert sorted(value for _, value in seen) == list(range(40)), name
        if name == "global_":
            assert {index for index, _ in seen} == {0}
    copies = collect(stream.broadcast().map(Subtask()).set_parallelism(3))
    assert sorted(copies) == [(index, n) for index in range(3) for n in range(40)]


def test_rebalance_is_even(env, collect) -> None:
    seen = collect(numbers(env).rebalance().map(Subtask()).set_parallelism(4))
    assert collections.Counter(index for index, _ in seen) == dict.fromkeys(range(4), 25)


@pytest.mark.parametrize("partitioner", [ByKey(), lambda key, n: key % n])
def test_partition_custom(any_env, collect, partitioner) -> None:
    dealt = numbers(any_env).partition_custom(partitioner, lambda n: n)
    for parallelism in (2, 3):
        seen = collect(dealt.map(Subtask()).set_parallelism(parallelism))
        assert sorted(value for _, value in seen) == list(range(1, 101))
        assert all(index == value % parallelism for index, value in seen)


def test_chaining_does_not_change_results(any_env, collect) -> None:
    stream = numbers(any_env).map(lambda n: n / 3, Types.FLOAT()).map(lambda x: x, Types.DOUBLE())
    chained = sorted(collect(stream))
    stream.disable_chaining()
    assert sorted(collect(stream)) == chained
    stream.start_new_chain().slot_sharing_group("other")
    assert sorted(collect(stream)) == chained
    any_env.disable_operator_chaining()
    assert sorted(collect(stream)) == chained


def test_files_and_directories(any_env, collect, tmp_path) -> None:
    (tmp_path / "deep").mkdir()
    (tmp_path / "a.txt").write_bytes("one\r\ntwo\n\nü last".encode())
    (tmp_path / "deep" / "b.txt").write_text("three\n")
    (tmp_path / "empty.txt").write_text("")
    (tmp_path / ".hidden").write_text("no\n")
    (tmp_path / "_hidden").write_text("no\n")
    with gzip.open(tmp_path / "c.txt.gz", "wt") as file:
        file.write("four\nfive")
    found = sorted(collect(lines_of(any_env, tmp_path)))
    assert found == sorted(["one", "two", "", "ü last", "three", "four", "five"])
    both = collect(lines_of(any_env, tmp_path / "a.txt", f"file://{tmp_path}/deep"))
    assert sorted(both) == sorted(["one", "two", "", "ü last", "three"])


def test_each_line_is_read_once_at_any_parallelism(env, collect, tmp_path) -> None:
    expected = [f"{n} {'x' * (n % 97)}" for n in range(20_000)]
    (tmp_path / "lines.txt").write_text("\n".join(expected))
    for parallelism in (1, 2, 4):
        env.set_parallelism(parallelism)
        assert sorted(collect(lines_of(env, tmp_path))) == sorted(expected)


def test_print_and_print_sink(env, capfd) -> None:
    stream = env.from_collection([(1, "ä")], Types.TUPLE([Types.INT(), Types.STRING()]))
    stream.print()
    stream.print("tuple")
    stream.sink_to(PrintSink("err", is_std_err=True))
    env.from_collection([{"k": None}]).print()
    env.execute()
    printed = capfd.readouterr()
    assert sorted(printed.out.splitlines()) == ["(1,ä)", "tuple> (1,ä)", "{'k': None}"]
    assert printed.err.splitlines() == ["err> (1,ä)"]


def test_print_names_the_subtask_when_there_are_several(env, capfd) -> None:
    env.set_parallelism(2)
    numbers(env, 1, 4).print()
    numbers(env, 1, 4).print("n")
    env.execute()
    lines = capfd.readouterr().out.splitlines()
    assert sorted(line.partition("> ")[2] for line in lines) == sorted("12341234")
    assert {line.partition("> ")[0] for line in lines} <= {"1", "2", "n:1", "n:2"}


def test_functions_may_print_and_log(env, capfd, caplog) -> None:
    def speak(n):
        import logging

        print("said", n)
        logging.getLogger("spoken").warning("logged %d", n)
        return n

    env.from_collection([7]).map(speak).sink_to(DiscardingSink())
    env.execute()
    assert "said 7" in capfd.readouterr().out
    assert "logged 7" in caplog.text


def test_file_sink(any_env, tmp_path, visible_lines) -> None:
    out = tmp_path / "out"
    sink = FileSink.for_row_format(str(out), Encoder.simple_string_encoder())
    names = OutputFileConfig.builder().with_part_prefix("n").with_part_suffix(".txt").build()
    numbers(any_env, 1, 50).map(lambda n: (n, "ü"), Types.TUPLE([Types.LONG(), Types.STRING()])) \
        .sink_to(sink.with_output_file_config(names).build())  # fmt: skip
    any_env.execute()
    assert visible_lines(out) == sorted(f"({n},ü)" for n in range(1, 51))
    files = [p for p in out.rglob("*") if p.is_file()]
    assert all(p.name.startswith("n-") and p.name.endswith(".txt") for p in files)
    assert all(len(p.relative_to(out).parts) == 2 for p in files)  # in a bucket for the hour
    assert len(files) <= any_env.get_parallelism() * 2  # the hour may have changed


def test_file_sink_without_buckets(env, tmp_path, visible_lines) -> None:
    builder = FileSink.for_row_format(tmp_path / "out", Encoder.simple_string_encoder())
    builder.with_bucket_assigner(BucketAssigner.base_path_bucket_assigner())
    env.from_collection(["a", "b"], Types.STRING()).sink_to(builder.build())
    env.execute()
    assert [p.name[:5] for p in (tmp_path / "out").iterdir()] == ["part-"]
    assert visible_lines(tmp_path / "out") == ["a", "b"]


def test_an_output_directory_without_permission(env, tmp_path) -> None:
    if os.geteuid() == 0:
        target = "/proc/no/such"  # root may write everywhere else
    else:
        (tmp_path / "closed").mkdir(mode=0o500)
        target = str(tmp_path / "closed" / "out")
    sink = FileSink.for_row_format(target, Encoder.simple_string_encoder()).build()
    env.from_collection(["a"], Types.STRING()).sink_to(sink).name("files")
    with pytest.raises((RuntimeError, OSError)) as error:
        env.execute()
    assert target in str(error.value)


def test_timers_that_set_the_next_one_end_with_their_key_in_batch_mode(env, collect):
    class Again(KeyedProcessFunction):
        def process_element(self, value, ctx):
            ctx.timer_service().register_event_time_timer(value)

        def on_timer(self, timestamp, ctx):
            ctx.timer_service().register_event_time_timer(timestamp + 1)
            yield ctx.get_current_key(), timestamp

    env.set_runtime_mode(RuntimeExecutionMode.BATCH)
    assert collect(numbers(env, 1, 3).key_by(lambda n: n).process(Again())) == [
        (1, 1), (2, 2), (3, 3),
    ]  # fmt: skip
