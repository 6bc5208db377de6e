"""Wrong arguments are refused at the call; what does not exist yet is refused by name."""

import pyflinkpp.datastream
import pytest
from pyflinkpp.common import Configuration, Encoder, Types, WatermarkStrategy
from pyflinkpp.datastream import (
    CoMapFunction,
    DataStream,
    KeyedProcessFunction,
    KeyedStream,
    MapFunction,
    OutputTag,
    ProcessFunction,
    RuntimeExecutionMode,
    SinkFunction,
    SlotSharingGroup,
    StreamExecutionEnvironment,
)
from pyflinkpp.datastream.connectors.base import DiscardingSink, PrintSink
from pyflinkpp.datastream.connectors.file_system import (
    BucketAssigner,
    FileSink,
    FileSource,
    OutputFileConfig,
    RollingPolicy,
    StreamFormat,
)
from pyflinkpp.datastream.connectors.number_seq import NumberSequenceSource

PAIR = Types.TUPLE([Types.STRING(), Types.INT()])


@pytest.fixture
def stream(env: StreamExecutionEnvironment) -> DataStream:
    return env.from_collection([("a", 1)], PAIR)


@pytest.fixture
def keyed(stream: DataStream) -> KeyedStream:
    return stream.key_by(lambda pair: pair[0])


@pytest.mark.parametrize(
    "call",
    [
        lambda stream: stream.map(5),
        lambda stream: stream.map(lambda v: v, "INT"),
        lambda stream: stream.map(lambda v: v, Types.INT),
        lambda stream: stream.flat_map("abc"),
        lambda stream: stream.filter(MapFunction()),
        lambda stream: stream.filter(None),
        lambda stream: stream.key_by("name"),
        lambda stream: stream.key_by(lambda v: v, key_type="STRING"),
        lambda stream: stream.partition_custom(1, lambda v: v),
        lambda stream: stream.partition_custom(lambda k, n: 0, 1),
        lambda stream: stream.union([stream]),
        lambda stream: stream.project("f0"),
        lambda stream: stream.process(lambda v: v),
        lambda stream: stream.connect(5),
        lambda stream: stream.connect(stream).map(lambda v: v),
        lambda stream: stream.connect(stream).process(lambda v: v),
        lambda stream: stream.sink_to(print),
        lambda stream: stream.name(5),
        lambda stream: stream.uid(None),
        lambda stream: stream.set_parallelism("2"),
        lambda stream: stream.set_parallelism(True),
        lambda stream: stream.slot_sharing_group(5),
        lambda stream: stream.assign_timestamps_and_watermarks(None),
        lambda stream: stream.execute_and_collect(limit="5"),
    ],
)
def test_type_errors(stream: DataStream, call) -> None:
    with pytest.raises(TypeError):
        call(stream)


@pytest.mark.parametrize(
    "call",
    [
        lambda keyed: keyed.reduce(None),
        lambda keyed: keyed.sum(1.5),
        lambda keyed: keyed.min(None),
        lambda keyed: keyed.process(type("P", (ProcessFunction,), {"process_element": print})()),
    ],
)
def test_type_errors_on_keyed_streams(keyed: KeyedStream, call) -> None:
    with pytest.raises(TypeError):
        call(keyed)


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (lambda s: s.set_parallelism(0), "parallelism.*not 0"),
        (lambda s: s.set_parallelism(-2), "not -2"),
        (lambda s: s.set_parallelism(2), "'Collection Source' can't be parallel"),
        (lambda s: s.map(str).set_parallelism(0), "parallelism.*not 0"),
        (lambda s: s.map(str).set_max_parallelism(0), "max parallelism.*not 0"),
        (lambda s: s.map(str).set_max_parallelism(2**15 + 1), "32,768"),
        (lambda s: s.map(str).force_non_parallel().set_parallelism(2), "can't be parallel"),
        (lambda s: s.set_uid_hash("xyz"), "32 hexadecimal digits"),
        (lambda s: s.set_buffer_timeout(-2), "timeout_millis"),
        (lambda s: s.project(2), "no field 2"),
        (lambda s: s.project(-1), "no field -1"),
        (lambda s: s.project(), "at least one"),
        (lambda s: s.union(s.map(str)), "different types"),
        (lambda s: s.union(s).name("x"), "no name of its own"),
        (lambda s: s.rebalance().set_parallelism(2), "no parallelism of its own"),
        (lambda s: s.execute_and_collect(limit=0), "limit"),
        (lambda s: s.key_by(len).rebalance(), "rebalance"),
        (lambda s: s.key_by(len).broadcast(), "broadcast"),
        (lambda s: s.key_by(len).partition_custom(max, len), "partition_custom"),
        (lambda s: s.key_by(len).name("x"), "keyed stream has no name"),
        (lambda s: s.key_by(len).get_name(), "keyed stream has no name"),
        (lambda s: s.key_by(len).set_parallelism(2), "keyed stream has no parallelism"),
        (lambda s: s.key_by(len).sum(2), "no field 2"),
        (lambda s: s.key_by(len).sum("weight"), "no field 'weight'"),
    ],
)
def test_value_errors(stream: DataStream, call, text: str) -> None:
    with pytest.raises(ValueError, match=text):
        call(stream)


def test_fields_of_aggregations(env: StreamExecutionEnvironment) -> None:
    def keyed(kind):
        return env.from_collection([], kind).key_by(lambda v: 0)

    row = Types.ROW_NAMED(["shop", "amount"], [Types.STRING(), Types.DOUBLE()])
    assert keyed(row).sum("amount")._node.spec["field"] == 1
    assert keyed(PAIR).max("f1")._node.spec["field"] == 1
    assert keyed(PAIR).min(-1)._node.spec["field"] == 1
    assert keyed(Types.LONG()).sum()._node.spec["field"] == -1
    assert keyed(None).sum()._node.spec["field"] == 0
    assert keyed(Types.LIST(Types.LONG())).sum(3)._node.spec["field"] == 3
    assert keyed(None).sum("amount")._node.spec["function"] == "python"
    with pytest.raises(TypeError, match="only position 0"):
        keyed(Types.LONG()).sum(1)
    with pytest.raises(TypeError, match="no fields"):
        keyed(Types.MAP(Types.STRING(), Types.LONG())).sum()
    with pytest.raises(TypeError, match="no names"):
        keyed(Types.LIST(Types.LONG())).sum("amount")


def test_project_needs_tuples(env: StreamExecutionEnvironment) -> None:
    with pytest.raises(ValueError, match=r"Types\.TUPLE"):
        env.from_collection([("a", 1)]).project(0)


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (lambda env: env.set_parallelism(0), "parallelism.*0"),
        (lambda env: env.set_max_parallelism(0), "max parallelism.*0"),
        (lambda env: env.set_buffer_timeout(-5), "timeout_millis"),
        (lambda env: NumberSequenceSource(5, 4), "end must not be less"),
        (lambda env: NumberSequenceSource(0, 2**63), "64 bits"),
        (lambda env: FileSource.for_record_stream_format(StreamFormat.text_line_format()), "path"),
        (lambda env: OutputFileConfig("a/b", ""), "file's name"),
        (lambda env: RollingPolicy.default_rolling_policy(part_size=0), "part_size"),
        (lambda env: OutputTag(""), "not empty"),
        (lambda env: env.from_collection([1]).union(
            StreamExecutionEnvironment.get_execution_environment().from_collection([1])), "different environments"),
    ],
)  # fmt: skip
def test_value_errors_of_the_environment(env, call, text: str) -> None:
    with pytest.raises(ValueError, match=text):
        call(env)


NUMBERS = NumberSequenceSource(1, 2)
NO_WATERMARKS = WatermarkStrategy.no_watermarks()


@pytest.mark.parametrize(
    "call",
    [
        lambda env: env.set_parallelism(1.5),
        lambda env: env.set_runtime_mode("BATCH"),
        lambda env: env.configure({"a": "b"}),
        lambda env: env.from_collection(5),
        lambda env: env.from_collection("abc"),
        lambda env: env.from_collection([1], "LONG"),
        lambda env: env.from_source("file", NO_WATERMARKS, "x"),
        lambda env: env.from_source(NUMBERS, None, "x"),
        lambda env: env.from_source(NUMBERS, NO_WATERMARKS, 5),
        lambda env: env.from_source(NUMBERS, NO_WATERMARKS, "x", Types.STRING()),
        lambda env: NumberSequenceSource("1", 2),
        lambda env: FileSource.for_record_stream_format("text", "/x"),
        lambda env: FileSink.for_row_format("/x", "UTF-8"),
        lambda env: PrintSink(None),
        lambda env: OutputTag("x", "INT"),
        lambda env: MapFunction(),
    ],
)
def test_type_errors_of_the_environment(env: StreamExecutionEnvironment, call) -> None:
    with pytest.raises(TypeError):
        call(env)


class Co(CoMapFunction):
    def map1(self, value):
        return value

    def map2(self, value):
        return value


class Keyed(KeyedProcessFunction):
    def process_element(self, value, ctx):
        yield value


class Plain(ProcessFunction):
    def process_element(self, value, ctx):
        yield value


MONOTONOUS = WatermarkStrategy.for_monotonous_timestamps()


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (lambda env, s: s.cache(), "cache"),
        (lambda env, s: env.enable_changelog_state_backend(True), "enable_changelog_state_backend"),
        (lambda env, s: env.add_python_archive("/x.zip"), "add_python_archive"),
        (lambda env, s: env.add_source(None), "from_source"),
        (lambda env, s: env.add_jars("file:///x.jar"), "connectors"),
        (lambda env, s: s.add_sink(None), "sink_to"),
        (lambda env, s: SinkFunction("x"), "sink_to"),
        (lambda env, s: StreamFormat.text_line_format("latin-1"), "UTF-8"),
        (lambda env, s: FileSource.for_record_stream_format(
            StreamFormat.text_line_format(), "hdfs://host/x"), "hdfs://"),
    ],
)  # fmt: skip
def test_what_is_missing_is_named(env, stream: DataStream, call, text: str) -> None:
    with pytest.raises(NotImplementedError, match=text):
        call(env, stream)


def test_names_that_nobody_has_are_attribute_errors() -> None:
    assert not hasattr(pyflinkpp.datastream, "Nonsense")
    with pytest.raises(NotImplementedError, match="JVM"):
        __import__("pyflinkpp.java_gateway").java_gateway.get_gateway()


def test_pyflinks_import_paths() -> None:
    from pyflinkpp.common.typeinfo import Types as types_again
    from pyflinkpp.datastream.data_stream import DataStream as data_stream_again
    from pyflinkpp.datastream.functions import MapFunction as map_function_again
    from pyflinkpp.datastream.stream_execution_environment import StreamExecutionEnvironment as env

    assert types_again is Types and data_stream_again is DataStream
    assert map_function_again is MapFunction and env is StreamExecutionEnvironment
    for module in (pyflinkpp.datastream, pyflinkpp.common, pyflinkpp.datastream.functions):
        for name in module.__all__:
            assert getattr(module, name) is not None


def test_specs_of_sources_and_sinks() -> None:
    source = FileSource.for_record_stream_format(
        StreamFormat.text_line_format(), "/data/a", "file:///data/b%20c"
    ).build()
    assert source._spec() == {"kind": "file_source", "paths": ["/data/a", "/data/b c"]}
    config = OutputFileConfig.builder().with_part_prefix("p").with_part_suffix(".t").build()
    builder = FileSink.for_row_format("/out", Encoder.simple_string_encoder())
    assert builder.build()._spec() == {
        "kind": "file_sink", "path": "/out", "prefix": "part", "suffix": "",
        "bucket_format": "yyyy-MM-dd--HH", "time_zone": None, "encoding": "UTF-8",
        "format": "text", "part_size": 128 * 1024 * 1024, "rollover_ms": 60_000,
        "inactivity_ms": 60_000, "check_interval_ms": 60_000,
    }  # fmt: skip
    changed = (
        builder.with_output_file_config(config)
        .with_bucket_assigner(BucketAssigner.base_path_bucket_assigner())
        .with_rolling_policy(RollingPolicy.on_checkpoint_rolling_policy())
    )
    spec = changed.build()._spec()
    assert (spec["prefix"], spec["suffix"], spec["bucket_format"]) == ("p", ".t", "")
    assert spec["part_size"] == 0
    assert DiscardingSink()._spec() == {"kind": "discarding_sink"}
    assert PrintSink("x", True)._spec() == {
        "kind": "print_sink", "identifier": "x", "stderr": True,
    }  # fmt: skip


def test_slot_sharing_groups() -> None:
    group = SlotSharingGroup.builder("heavy").set_cpu_cores(2).set_managed_memory_mb(64).build()
    assert group.get_name() == "heavy" and group.get_cpu_cores() == 2
    assert group.get_managed_memory().get_mebi_bytes() == 64
    assert (
        group
        == SlotSharingGroup.builder("heavy").set_cpu_cores(2).set_managed_memory_mb(64).build()
    )


def test_runtime_modes() -> None:
    config = Configuration.from_dict({"execution.runtime-mode": "AUTOMATIC"})
    env = StreamExecutionEnvironment.get_execution_environment(config)
    assert env._runs_as_batch(True) and not env._runs_as_batch(False)
    env.set_runtime_mode(RuntimeExecutionMode.BATCH)
    assert env._runs_as_batch(True)
    with pytest.raises(ValueError, match="unbounded"):
        env._runs_as_batch(False)
    env.set_runtime_mode(RuntimeExecutionMode.STREAMING)
    assert not env._runs_as_batch(True)
