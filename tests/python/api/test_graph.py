"""How a described program becomes the engine's graph; the engine is a recorder here."""

from __future__ import annotations

import warnings
from typing import Any

import pyflinkpp._engine
import pytest
from pyflinkpp.common import (
    Configuration,
    Encoder,
    RestartStrategies,
    Types,
    WatermarkStrategy,
)
from pyflinkpp.datastream import RuntimeExecutionMode, StreamExecutionEnvironment
from pyflinkpp.datastream._graph import Translation
from pyflinkpp.datastream.connectors.base import DiscardingSink
from pyflinkpp.datastream.connectors.file_system import FileSink, FileSource, StreamFormat
from pyflinkpp.datastream.connectors.number_seq import NumberSequenceSource

PAIR = Types.TUPLE([Types.STRING(), Types.INT()])


class Recorder:
    """A JobGraph that only remembers."""

    def __init__(self, configuration: dict[str, str]) -> None:
        self.configuration = configuration
        self.operators: list[dict[str, Any]] = []
        self.edges: list[tuple[str, str, str]] = []
        self.checkpoints: dict[str, Any] = {}
        self.restart_strategy: dict[str, Any] = {}
        self.restore: dict[str, Any] = {}

    def set_checkpoints(self, *, mode: str, retention: str, settings: dict[str, Any]) -> None:
        self.checkpoints = {"mode": mode, "retention": retention, **settings}

    def set_restart_strategy(self, *, kind: str, settings: dict[str, Any]) -> None:
        self.restart_strategy = {"kind": kind, **settings}

    def set_restore(self, **settings: Any) -> None:
        self.restore = settings

    def add_operator(self, spec: dict[str, Any], **settings: Any) -> int:
        self.operators.append({"spec": spec, **settings})
        return len(self.operators) - 1

    def add_edge(
        self, source: int, target: int, *, partitioner: str, input: int = 0, side_output: int = -1
    ) -> None:
        names = self.operators[source]["name"], self.operators[target]["name"]
        self.edges.append((*names, partitioner))

    def __getitem__(self, name: str) -> dict[str, Any]:
        (found,) = [operator for operator in self.operators if operator["name"] == name]
        return found

    def names(self) -> list[str]:
        return [operator["name"] for operator in self.operators]


@pytest.fixture
def translate(monkeypatch: pytest.MonkeyPatch):
    class Engine:
        JobGraph = Recorder

    monkeypatch.setattr("pyflinkpp.datastream._graph.native", lambda: Engine)

    def run(env: StreamExecutionEnvironment) -> Recorder:
        return Translation(env, env._sinks).translate()

    return run


def numbers(env: StreamExecutionEnvironment, name: str = "numbers"):
    return env.from_source(NumberSequenceSource(1, 9), WatermarkStrategy.no_watermarks(), name)


def test_default_names_specs_and_edges(env, translate) -> None:
    lines = env.from_collection(["a b"], Types.STRING())
    pairs = lines.flat_map(str.split, Types.STRING()).map(lambda w: (w, 1), PAIR)
    pairs.filter(lambda t: True).key_by(lambda t: t[0], Types.STRING()).sum(1).project(1).print("x")
    graph = translate(env)
    assert graph.edges == [
        ("Collection Source", "FlatMap", "forward"),
        ("FlatMap", "Map", "forward"),
        ("Map", "Filter", "forward"),
        ("Filter", "KeyBy", "forward"),
        ("KeyBy", "Reduce", "hash"),
        ("Reduce", "Projection", "forward"),
        ("Projection", "Print to Std. Out", "forward"),
    ]
    assert graph["Collection Source"]["spec"] == {"kind": "collection_source", "elements": ["a b"]}
    assert graph["KeyBy"]["spec"]["key_type"] == ("STRING", (), ())
    assert graph["KeyBy"]["output_type"] == graph["Map"]["output_type"] == PAIR.descriptor()
    assert graph["Reduce"]["spec"] == {
        "kind": "reduce", "function": "sum", "field": 1, "final_only": False,
        "key_type": ("STRING", (), ()),
    }  # fmt: skip
    assert graph["Projection"]["spec"] == {"kind": "project", "fields": [1]}
    assert graph["Print to Std. Out"]["spec"]["identifier"] == "x"


def test_only_what_leads_to_a_sink_is_submitted(env, translate) -> None:
    stream = numbers(env).map(str)
    stream.map(len).name("dangling")
    stream.sink_to(DiscardingSink())
    assert translate(env).names() == ["numbers", "Map", "Sink"]


def test_settings_made_after_the_call_count(env, translate) -> None:
    stream = numbers(env).map(str)
    stream.sink_to(DiscardingSink()).name("end").set_parallelism(2).uid("end-1")
    stream.name("text").set_parallelism(3).set_max_parallelism(12).uid("text-1").start_new_chain()
    stream.set_description("as text").slot_sharing_group("red").set_buffer_timeout(7)
    stream.set_uid_hash("ab" * 16)
    graph = translate(env)
    text = graph["text"]
    assert (text["parallelism"], text["max_parallelism"], text["uid"]) == (3, 12, "text-1")
    assert (text["chaining"], text["description"]) == ("head", "as text")
    assert (text["slot_sharing_group"], text["buffer_timeout_ms"]) == ("red", 7)
    assert text["uid_hash"] == "ab" * 16
    assert graph["end"]["parallelism"] == 2 and graph["end"]["uid"] == "end-1"
    assert graph["numbers"]["buffer_timeout_ms"] == 100
    assert graph["numbers"]["max_parallelism"] == -1
    assert graph.edges == [("numbers", "text", "rebalance"), ("text", "end", "rebalance")]


def test_an_operator_has_the_parallelism_of_when_it_was_made(env, translate) -> None:
    env.set_parallelism(3)
    three = numbers(env).map(str).name("three")
    env.set_parallelism(2)
    three.map(str).name("two").sink_to(DiscardingSink())
    three.map(str).name("default").set_parallelism(-1).sink_to(DiscardingSink()).name("end")
    env.set_parallelism(5)
    graph = translate(env)
    parallelism = {operator["name"]: operator["parallelism"] for operator in graph.operators}
    assert parallelism == {
        "numbers": 3, "three": 3, "two": 2, "Sink": 2, "default": 5, "end": 2,
    }  # fmt: skip


def test_key_by_runs_where_its_input_runs(env, translate) -> None:
    env.set_parallelism(2)
    env.from_collection([1]).key_by(lambda n: n).map(str).sink_to(DiscardingSink())
    graph = translate(env)
    assert graph["KeyBy"]["parallelism"] == 1 and graph["Map"]["parallelism"] == 2
    assert graph.edges[:2] == [("Collection Source", "KeyBy", "forward"), ("KeyBy", "Map", "hash")]


def test_partitioners(env, translate) -> None:
    source = numbers(env)
    for partitioner in ("rebalance", "rescale", "shuffle", "forward", "broadcast", "global_"):
        dealt = getattr(source, partitioner)()
        dealt.map(str).name(partitioner).sink_to(DiscardingSink()).name("to " + partitioner)
    source.shuffle().rebalance().sink_to(DiscardingSink()).name("last one wins")
    edges = {target: partitioner for _, target, partitioner in translate(env).edges}
    for partitioner in ("rebalance", "rescale", "shuffle", "forward", "broadcast"):
        assert edges[partitioner] == partitioner
    assert edges["global_"] == "global" and edges["last one wins"] == "rebalance"


def test_forward_needs_the_same_parallelism(env, translate) -> None:
    numbers(env).forward().map(str).set_parallelism(2).sink_to(DiscardingSink())
    with pytest.raises(ValueError, match=r"'numbers' \(parallelism 1\) to 'Map' \(parallelism 2\)"):
        translate(env)


def test_union_is_edges(env, translate) -> None:
    a, b = numbers(env, "a"), numbers(env, "b")
    keyed = b.key_by(lambda n: n)
    a.union(b.rebalance(), a).union(keyed).sink_to(DiscardingSink())
    assert translate(env).edges == [
        ("b", "KeyBy", "forward"),
        ("a", "Sink", "forward"),
        ("b", "Sink", "rebalance"),
        ("a", "Sink", "forward"),
        ("KeyBy", "Sink", "hash"),
    ]


def test_keyed_streams_key_again_from_their_origin(env, translate) -> None:
    numbers(env).key_by(lambda n: n).key_by(lambda n: -n).sum().sink_to(DiscardingSink())
    assert translate(env).names() == ["numbers", "KeyBy", "Reduce", "Sink"]


def test_partition_custom_knows_the_number_of_its_partitions(env, translate) -> None:
    dealt = numbers(env).partition_custom(lambda key, n: key % n, lambda n: n)
    dealt.map(str).name("two").set_parallelism(2).sink_to(DiscardingSink()).name("end of two")
    dealt.map(str).name("three").set_parallelism(3).sink_to(DiscardingSink()).name("end of three")
    dealt.map(str).name("also two").set_parallelism(2).sink_to(DiscardingSink()).name("end")
    graph = translate(env)
    assert graph.names().count("PartitionCustom") == 2
    custom = [edge for edge in graph.edges if edge[2] == "custom"]
    assert custom == [("PartitionCustom", name, "custom") for name in ("two", "three", "also two")]


def test_batch_mode_wants_final_results_only(env, translate) -> None:
    numbers(env).key_by(lambda n: n % 2).sum().sink_to(DiscardingSink())
    assert not translate(env)["Reduce"]["spec"]["final_only"]
    env.set_runtime_mode(RuntimeExecutionMode.AUTOMATIC)
    graph = translate(env)
    assert graph["Reduce"]["spec"]["final_only"]
    assert graph.configuration["execution.runtime-mode"] == "BATCH"


def test_chaining_can_be_off(env, translate) -> None:
    numbers(env).map(str).disable_chaining().sink_to(DiscardingSink())
    graph = translate(env)
    assert (graph["Map"]["chaining"], graph["Sink"]["chaining"]) == ("never", "always")
    env.disable_operator_chaining()
    assert {operator["chaining"] for operator in translate(env).operators} == {"never"}


def test_uids_must_differ(env, translate) -> None:
    numbers(env).uid("x").map(str).uid("x").sink_to(DiscardingSink())
    with pytest.raises(ValueError, match="'numbers' and 'Map' have the same uid 'x'"):
        translate(env)


def test_uids_may_be_demanded(env, translate) -> None:
    env.get_config().disable_auto_generated_uids()
    numbers(env).uid("n").key_by(lambda n: n).map(str).sink_to(DiscardingSink()).uid("end")
    with pytest.raises(ValueError, match="'Map' has no uid"):
        translate(env)


def test_parallelism_is_at_most_the_max_parallelism(env, translate) -> None:
    numbers(env).map(str).set_parallelism(5).set_max_parallelism(4).sink_to(DiscardingSink())
    with pytest.raises(ValueError, match="'Map' has the parallelism 5.*max parallelism 4"):
        translate(env)


def test_unbounded_jobs_that_write_files_are_warned_of(env, translate, tmp_path) -> None:
    sink = FileSink.for_row_format(str(tmp_path), Encoder.simple_string_encoder()).build()
    stream = numbers(env)
    stream.sink_to(sink).name("files")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        translate(env)
    stream._node.bounded = False
    with pytest.warns(UserWarning, match="'files'.*without checkpoints"):
        translate(env)
    env.enable_checkpointing(1000)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        translate(env)


def test_missing_input_is_found_before_anything_runs(env, translate) -> None:
    lines = StreamFormat.text_line_format()
    source = FileSource.for_record_stream_format(lines, "/nowhere/at-all.txt").build()
    stream = env.from_source(source, WatermarkStrategy.no_watermarks(), "lines")
    stream.sink_to(DiscardingSink())
    with pytest.raises(FileNotFoundError, match="'lines'.*/nowhere/at-all.txt"):
        translate(env)


def test_a_program_without_sinks_is_refused(env) -> None:
    numbers(env).map(str)
    for run in (env.execute, env.execute_async, env.get_execution_plan):
        with pytest.raises(RuntimeError, match="No operators defined in streaming topology"):
            run()


def test_the_engine_is_loaded_at_first_use(run_script) -> None:
    done = run_script(
        "import sys\n"
        "import pyflinkpp.common\n"
        "from pyflinkpp.datastream import StreamExecutionEnvironment\n"
        "env = StreamExecutionEnvironment.get_execution_environment()\n"
        "env.from_collection([1]).map(str).print()\n"
        "heavy = {'pyflinkpp._native', 'cloudpickle', 'asyncio', 'concurrent.futures', 'datetime',\n"
        "         'decimal', 'inspect', 'logging', 'difflib', 'threading'}\n"
        "print(sorted(heavy & set(sys.modules)))\n"
    )
    assert done.stdout == "[]\n", done.stderr


def test_a_forked_child_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pyflinkpp._engine, "_loaded", object())
    monkeypatch.setattr(pyflinkpp._engine, "_process", -1)
    with pytest.raises(RuntimeError, match="spawn"):
        pyflinkpp._engine.native()


def test_settings_of_recovery_reach_the_engine(env, translate) -> None:
    numbers(env).sink_to(DiscardingSink())
    assert translate(env).restart_strategy["kind"] == "none"
    env.enable_checkpointing(40).set_default_savepoint_directory("file:///savepoints")
    graph = translate(env)
    assert graph.checkpoints["interval_ms"] == 40
    assert graph.checkpoints["savepoint_directory"] == "/savepoints"
    assert graph.restart_strategy["kind"] == "exponential-delay"
    assert graph.restart_strategy["delay_ms"] == 100
    assert not graph.restore
    env.set_restart_strategy(RestartStrategies.fixed_delay_restart(2, 5))
    env.configure(Configuration.from_dict({"execution.savepoint.path": "/from"}))
    graph = translate(env)
    assert graph.restart_strategy["kind"] == "fixed-delay"
    assert graph.restart_strategy["attempts"] == 2
    assert graph.restore["path"] == "/from"
    env.set_runtime_mode(RuntimeExecutionMode.BATCH)
    assert not translate(env).checkpoints
