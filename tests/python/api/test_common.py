"""Time, configuration, accumulators, watermark strategies and the other small classes."""

import copy
import pickle
import warnings

import pytest
from pyflinkpp.common import (
    CompletableFuture,
    ConfigOptions,
    Configuration,
    Duration,
    Encoder,
    ExecutionConfig,
    Instant,
    JobExecutionResult,
    JobID,
    JobStatus,
    RestartStrategies,
    SimpleStringSchema,
    Time,
    WatermarkStrategy,
    accumulators,
)
from pyflinkpp.common._values import format_map, parse_duration_ms, parse_map
from pyflinkpp.common.watermark_strategy import TimestampAssigner
from pyflinkpp.datastream import StreamExecutionEnvironment


def test_durations() -> None:
    assert Duration.of_days(1) == Duration.of_hours(24) == Duration.of_minutes(1440)
    assert Duration.of_seconds(2) == Duration.of_millis(2000) == Duration.of_nanos(2 * 10**9)
    assert Duration.of_nanos(1_999_999).to_millis() == 1
    assert repr(Duration.of_millis(1500)) == "Duration.of_millis(1500)"


def test_instants() -> None:
    assert Instant.of_epoch_milli(12345) == Instant(12, 345_000_000)
    assert Instant.of_epoch_milli(-1) == Instant(-1, 999_000_000)
    assert Instant.of_epoch_milli(-1).to_epoch_milli() == -1
    assert repr(Instant(1, 2)) == "Instant<1, 2>"
    assert pickle.loads(pickle.dumps(Instant(1, 2))) == Instant(1, 2)


def test_times() -> None:
    assert Time.days(1) == Time.hours(24) == Time.minutes(1440) == Time.seconds(86_400)
    assert Time.milliseconds(5).to_milliseconds() == 5
    assert str(Time.seconds(1)) == "1000 ms"


def test_configuration_values_convert() -> None:
    config = Configuration()
    config.set_integer("i", 7).set_boolean("b", True).set_float("f", 0.5).set_string("s", "x")
    assert config.get_string("i", "") == "7" and config.get_string("b", "") == "true"
    assert config.get_integer("i", 0) == 7 and config.get_integer("none", 3) == 3
    assert config.get_boolean("b", False) and not config.get_boolean("none", False)
    assert config.get_float("f", 0) == 0.5 and config.get_float("none", 2) == 2.0
    config.set_string("n", "12")
    assert config.get_integer("n", 0) == 12 and config.get_float("n", 0) == 12.0
    config.set_bytearray("raw", bytearray(b"abc"))
    assert config.get_bytearray("raw", bytearray()) == bytearray(b"abc")
    with pytest.raises(ValueError, match="s: 'x' is no integer"):
        config.get_integer("s", 0)
    with pytest.raises(ValueError, match="neither true nor false"):
        config.get_boolean("s", False)


def test_configuration_copies_and_compares() -> None:
    config = Configuration.from_dict({"a": "1", "b": "2"})
    other = Configuration(config)
    assert other == config and hash(other) == hash(config) and copy.deepcopy(config) == config
    other.set_string("a", "3")
    assert config.get_string("a", "") == "1"
    config.add_all(other, "x.")
    assert config.to_dict() == {"a": "1", "b": "2", "x.a": "3", "x.b": "2"}
    assert config.key_set() == {"a", "b", "x.a", "x.b"}
    assert config.remove_config("a") and not config.remove_config("a")
    assert not config.contains_key("a")
    assert str(Configuration.from_dict({"k": "v"})) == "{k=v}"
    assert Configuration.parse_list_value("a;b") == ["a", "b"]
    assert Configuration.parse_list_value("['a', b]") == ["a", "b"]
    with pytest.raises(TypeError, match="must not be None"):
        Configuration.from_dict({"k": None})


@pytest.mark.parametrize(
    ("text", "millis"),
    [("200 ms", 200), ("5s", 5000), ("1 min", 60_000), ("2 h", 7_200_000), ("7", 7), ("1 d", 86_400_000),
     ("1500 us", 1), ("3 Seconds", 3000)],
)  # fmt: skip
def test_durations_as_text(text: str, millis: int) -> None:
    assert parse_duration_ms("key", text) == millis


@pytest.mark.parametrize("text", ["", "soon", "5 parsecs", "-1 ms", "ms"])
def test_what_is_no_duration(text: str) -> None:
    with pytest.raises(ValueError, match="key: .* is no duration"):
        parse_duration_ms("key", text)


@pytest.mark.parametrize(
    "values", [{}, {"a": "1"}, {"a": "1,2", "b": "x:y"}, {"q": "it's", "": "empty"}, {"k": " x "}]
)
def test_maps_as_text(values: dict[str, str]) -> None:
    assert parse_map("key", format_map(values)) == values


def test_maps_that_flink_writes() -> None:
    assert parse_map("key", "k1:v1, k2:v2") == {"k1": "v1", "k2": "v2"}
    assert parse_map("key", "url:http://host") == {"url": "http://host"}
    with pytest.raises(ValueError, match="'nonsense' is not of the form"):
        parse_map("key", "nonsense")


def test_execution_config_is_a_view_of_the_configuration() -> None:
    env = StreamExecutionEnvironment.get_execution_environment()
    config = env.get_config()
    assert isinstance(config, ExecutionConfig)
    assert (config.get_parallelism(), config.get_max_parallelism()) == (1, -1)
    config.set_parallelism(3).set_max_parallelism(30)
    assert (env.get_parallelism(), env.get_max_parallelism()) == (3, 30)
    config.set_parallelism(-1)
    assert env.get_parallelism() == 1
    assert config.get_auto_watermark_interval() == 200
    assert config.set_auto_watermark_interval(20).get_auto_watermark_interval() == 20
    assert not config.is_object_reuse_enabled()
    assert config.enable_object_reuse().is_object_reuse_enabled()
    config.set_global_job_parameters({"city": "Bern", "n": 5})
    assert env.get_config().get_global_job_parameters() == {"city": "Bern", "n": "5"}
    assert config.has_auto_generated_uids_enabled()
    assert not config.disable_auto_generated_uids().has_auto_generated_uids_enabled()
    with pytest.raises(NotImplementedError, match="Types"):
        config.disable_generic_types()
    with pytest.raises(ValueError, match="interval"):
        config.set_auto_watermark_interval(-1)


def test_environment_takes_settings_from_a_configuration() -> None:
    config = Configuration.from_dict({
        "parallelism.default": "2", "pipeline.max-parallelism": "16",
        "execution.buffer-timeout.interval": "5 ms", "pipeline.operator-chaining.enabled": "false",
    })  # fmt: skip
    env = StreamExecutionEnvironment.get_execution_environment(config)
    assert (env.get_parallelism(), env.get_max_parallelism()) == (2, 16)
    assert env.get_buffer_timeout() == 5 and not env.is_chaining_enabled()
    assert env.set_buffer_timeout(-1).get_buffer_timeout() == -1
    assert env.set_buffer_timeout(0).get_buffer_timeout() == 0
    config.set_integer("parallelism.default", 9)
    assert env.get_parallelism() == 2


@pytest.mark.parametrize(
    ("key", "value"),
    [("parallelism.default", "0"), ("parallelism.default", "many"), ("pipeline.max-parallelism", "40000"),
     ("execution.runtime-mode", "FAST"), ("execution.buffer-timeout.interval", "soon"),
     ("pipeline.object-reuse", "perhaps")],
)  # fmt: skip
def test_wrong_values_are_refused_by_key(key: str, value: str) -> None:
    with pytest.raises(ValueError, match=key):
        StreamExecutionEnvironment.get_execution_environment(Configuration.from_dict({key: value}))


def test_unknown_keys_give_a_warning_with_the_nearest_name() -> None:
    config = Configuration.from_dict({"paralelism.default": "2"})
    with pytest.warns(UserWarning, match="'paralelism.default'.*'parallelism.default'") as caught:
        StreamExecutionEnvironment.get_execution_environment(config)
    assert caught[0].filename == __file__
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        known = Configuration.from_dict({"parallelism.default": "2"})
        StreamExecutionEnvironment.get_execution_environment(known)


def test_config_options() -> None:
    option = ConfigOptions.key("a.b").int_type().default_value(3)
    assert (option.key(), option.default_value()) == ("a.b", 3)
    assert ConfigOptions.key("c").string_type().no_default_value().default_value() is None


@pytest.mark.parametrize(
    ("kind", "values", "total"),
    [("IntCounter", [1, 2, 3, 4], 10), ("LongCounter", [2**70, 1], 2**70 + 1),
     ("DoubleCounter", [0.5, 1.5], 2.0), ("AverageAccumulator", [1, 2, 6], 3.0),
     ("Histogram", [3, 1, 3], {1: 1, 3: 2}), ("ListAccumulator", ["a", "b"], ["a", "b"]),
     ("IntMaximum", [3, 9, 4], 9), ("LongMinimum", [3, -9, 4], -9), ("DoubleMinimum", [0.5, 2.0], 0.5)],
)  # fmt: skip
def test_accumulators_merge(kind: str, values: list, total: object) -> None:
    class_ = getattr(accumulators, kind)
    first, second = class_(), class_()
    start = first.get_local_value()
    for value in values[:1]:
        first.add(value)
    for value in values[1:]:
        second.add(value)
    first.merge(pickle.loads(pickle.dumps(second)))
    assert first.get_local_value() == total
    first.reset_local()
    assert first.get_local_value() == start


def test_watermark_strategies_describe() -> None:
    class Assigner(TimestampAssigner):
        def extract_timestamp(self, value: int, record_timestamp: int) -> int:
            return value

    plain = WatermarkStrategy.no_watermarks()
    both = WatermarkStrategy.for_monotonous_timestamps().with_timestamp_assigner(Assigner())
    assert both is not WatermarkStrategy.for_monotonous_timestamps()
    with pytest.raises(TypeError, match="TimestampAssigner"):
        plain.with_timestamp_assigner(lambda value, timestamp: 0)
    with pytest.raises(ValueError, match="max_out_of_orderness"):
        WatermarkStrategy.for_bounded_out_of_orderness(Duration.of_millis(-1))
    with pytest.raises(TypeError, match="Duration"):
        WatermarkStrategy.for_bounded_out_of_orderness(5)


def test_job_values() -> None:
    assert str(JobID("ab" * 16)) == "ab" * 16 and JobID("a") == JobID("a")
    assert JobStatus.FINISHED.is_globally_terminal_state()
    assert JobStatus.SUSPENDED.is_terminal_state()
    assert not JobStatus.RUNNING.is_terminal_state()
    future = CompletableFuture.completed(5)
    assert future.done() and future.result() == 5 and future.exception() is None
    assert not future.cancel() and not future.cancelled()
    assert str(future) == "CompletableFuture[completed]"


def test_job_execution_result() -> None:
    counts = {
        "records_in": 0,
        "records_out": 3,
        "late_dropped": 0,
        "state_accesses": 0,
        "parallelism": 1,
    }
    counter = accumulators.IntCounter(2)
    result = JobExecutionResult(
        JobID("ab" * 16),
        {
            "runtime_ms": 1234,
            "operators": [{"name": name, **counts} for name in ("Map", "Map", "Map (2)", "Map")],
            "accumulators": {"seen": [pickle.dumps(counter), pickle.dumps(counter)]},
        },
    )
    assert list(result.get_summary()) == ["Map", "Map (2)", "Map (2) (2)", "Map (3)"]
    assert result.get_summary()["Map"] == counts
    assert result.get_net_runtime() == 1234
    assert result.get_accumulator_result("seen") == 4
    assert result.get_accumulator_result("none") is None
    assert result.get_all_accumulator_results() == {"seen": 4}
    assert "1.234 s" in str(result) and "accumulator seen: 4" in str(result)


def test_restart_strategies() -> None:
    fixed = RestartStrategies.fixed_delay_restart(3, 500)
    assert fixed == RestartStrategies.fixed_delay_restart(3, 500)
    assert fixed != RestartStrategies.no_restart()
    assert fixed.get_restart_attempts() == 3
    assert fixed.get_delay_between_attempts_interval().total_seconds() == 0.5
    assert isinstance(fixed, RestartStrategies.FixedDelayRestartStrategyConfiguration)


def test_encodings_are_checked() -> None:
    assert Encoder.simple_string_encoder().charset_name == "UTF-8"
    assert SimpleStringSchema().charset == "UTF-8"
    with pytest.raises(LookupError):
        Encoder.simple_string_encoder("klingon")
