"""Settings of checkpoints, state and restarts: what is set one way is read the other way."""

from __future__ import annotations

import inspect
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from pyflinkpp.common import Configuration, Duration, RestartStrategies
from pyflinkpp.datastream import (
    CheckpointConfig,
    CheckpointingMode,
    EmbeddedRocksDBStateBackend,
    ExternalizedCheckpointRetention,
    FileSystemCheckpointStorage,
    HashMapStateBackend,
    JobManagerCheckpointStorage,
    PredefinedOptions,
    RuntimeExecutionMode,
    StreamExecutionEnvironment,
)

RETAIN = ExternalizedCheckpointRetention.RETAIN_ON_CANCELLATION


def environment(**settings: str) -> StreamExecutionEnvironment:
    """An environment with settings by key; dots are written as two underscores, dashes as one."""
    keys = {key.replace("__", ".").replace("_", "-"): value for key, value in settings.items()}
    return StreamExecutionEnvironment(Configuration.from_dict(keys))


def settings_of(env: StreamExecutionEnvironment) -> dict[str, str]:
    return env._configuration.to_dict()


@pytest.mark.parametrize(
    ("setter", "value", "getter", "key", "text"),
    [
        ("set_checkpoint_interval", 250, "get_checkpoint_interval", "interval", "250 ms"),
        ("set_checkpointing_mode", CheckpointingMode.AT_LEAST_ONCE, "get_checkpointing_mode",
         "mode", "AT_LEAST_ONCE"),
        ("set_checkpoint_timeout", 70_000, "get_checkpoint_timeout", "timeout", "70000 ms"),
        ("set_min_pause_between_checkpoints", 5, "get_min_pause_between_checkpoints",
         "min-pause", "5 ms"),
        ("set_max_concurrent_checkpoints", 3, "get_max_concurrent_checkpoints",
         "max-concurrent-checkpoints", "3"),
        ("set_tolerable_checkpoint_failure_number", 4, "get_tolerable_checkpoint_failure_number",
         "tolerable-failed-checkpoints", "4"),
        ("set_fail_on_checkpointing_errors", True, "is_fail_on_checkpointing_errors",
         "tolerable-failed-checkpoints", "0"),
        ("set_fail_on_checkpointing_errors", False, "is_fail_on_checkpointing_errors",
         "tolerable-failed-checkpoints", "2147483647"),
        ("set_externalized_checkpoint_retention", RETAIN, "get_externalized_checkpoint_retention",
         "externalized-checkpoint-retention", "RETAIN_ON_CANCELLATION"),
        ("set_aligned_checkpoint_timeout", Duration.of_seconds(3),
         "get_aligned_checkpoint_timeout", "aligned-checkpoint-timeout", "3000 ms"),
        ("set_alignment_timeout", Duration.of_millis(7), "get_alignment_timeout",
         "aligned-checkpoint-timeout", "7 ms"),
        ("enable_unaligned_checkpoints", True, "is_unaligned_checkpoints_enabled",
         "unaligned.enabled", "true"),
        ("enable_unaligned_checkpoints", False, "is_unaligned_checkpoints_enabled",
         "unaligned.enabled", "false"),
        ("set_force_unaligned_checkpoints", False, "is_force_unaligned_checkpoints",
         "unaligned.forced", "false"),
    ],
)  # fmt: skip
def test_setters_getters_and_keys_agree(
    setter: str, value: Any, getter: str, key: str, text: str
) -> None:
    env = environment()
    config = env.get_checkpoint_config()
    assert getattr(config, setter)(value) is config
    assert settings_of(env) == {f"execution.checkpointing.{key}": text}
    assert getattr(env.get_checkpoint_config(), getter)() == value
    by_key = StreamExecutionEnvironment(Configuration.from_dict(settings_of(env)))
    assert getattr(by_key.get_checkpoint_config(), getter)() == value


def test_defaults_are_flinks() -> None:
    config = environment().get_checkpoint_config()
    assert not config.is_checkpointing_enabled()
    assert config.get_checkpoint_interval() == -1
    assert config.get_checkpointing_mode() is CheckpointingMode.EXACTLY_ONCE
    assert config.get_checkpoint_timeout() == 600_000
    assert config.get_min_pause_between_checkpoints() == 0
    assert config.get_max_concurrent_checkpoints() == 1
    assert config.get_tolerable_checkpoint_failure_number() == 0
    assert config.is_fail_on_checkpointing_errors()
    assert not config.is_externalized_checkpoints_enabled()
    assert not config.is_unaligned_checkpoints_enabled()
    assert not config.is_force_unaligned_checkpoints()
    assert config.get_aligned_checkpoint_timeout() == Duration.of_seconds(1)
    assert config.get_checkpoint_storage() is None


def test_the_environment_enables_checkpoints() -> None:
    env = environment()
    assert env.enable_checkpointing(50, CheckpointingMode.AT_LEAST_ONCE) is env
    assert env.get_checkpoint_interval() == 50
    assert env.get_checkpointing_mode() is CheckpointingMode.AT_LEAST_ONCE
    assert env.enable_checkpointing(60).get_checkpointing_consistency_mode() is (
        CheckpointingMode.AT_LEAST_ONCE
    )
    assert env.get_checkpoint_config().is_checkpointing_enabled()


@pytest.mark.parametrize(
    ("setter", "value", "error"),
    [
        ("set_checkpoint_interval", 0, "checkpoint_interval must be at least 1, not 0"),
        ("set_checkpoint_timeout", -5, "at least 1, not -5"),
        ("set_min_pause_between_checkpoints", -1, "at least 0, not -1"),
        ("set_max_concurrent_checkpoints", 0, "at least 1, not 0"),
        ("set_tolerable_checkpoint_failure_number", -1, "at least 0, not -1"),
    ],
)
def test_numbers_out_of_range_are_refused(setter: str, value: int, error: str) -> None:
    config = CheckpointConfig()
    with pytest.raises(ValueError, match=error):
        getattr(config, setter)(value)
    with pytest.raises(TypeError, match="must be an int"):
        getattr(config, setter)("1")


def test_other_types_are_refused() -> None:
    config = CheckpointConfig()
    with pytest.raises(TypeError, match="a CheckpointingMode is wanted"):
        config.set_checkpointing_mode("EXACTLY_ONCE")  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="an? ExternalizedCheckpointRetention is wanted"):
        config.set_externalized_checkpoint_retention(0)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="must be a Duration"):
        config.set_aligned_checkpoint_timeout(5)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="a CheckpointStorage is wanted"):
        config.set_checkpoint_storage("/tmp")  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="a StateBackend is wanted"):
        environment().set_state_backend("rocksdb")  # type: ignore[arg-type]


def test_unaligned_checkpoints_need_exactly_once() -> None:
    with pytest.warns(UserWarning, match="unaligned.enabled has no effect: with the mode AT_LEAST"):
        environment(
            execution__checkpointing__unaligned="true",
            execution__checkpointing__mode="AT_LEAST_ONCE",
        )


@pytest.mark.parametrize(
    ("key", "value", "error"),
    [
        ("execution.checkpointing.interval", "soon", "'soon' is no duration"),
        ("execution.checkpointing.interval", "0 ms", "too little: it must be at least 1 ms"),
        ("execution.checkpointing.timeout", "x", "no duration"),
        ("execution.checkpointing.mode", "TWICE", "none of EXACTLY_ONCE, AT_LEAST_ONCE"),
        ("execution.checkpointing.externalized-checkpoint-retention", "KEEP", "none of NO_EXT"),
        ("execution.checkpointing.unaligned.enabled", "yes", "neither true nor false"),
        ("execution.checkpointing.max-concurrent-checkpoints", "0", "at least 1"),
        ("execution.checkpointing.num-retained", "0", "at least 1"),
        ("execution.checkpointing.num-retained", "many", "not a whole number"),
        ("execution.checkpointing.storage", "tape", "none of jobmanager, filesystem"),
        ("execution.checkpointing.storage", "filesystem", "set execution.checkpointing.dir"),
        ("execution.checkpointing.data-inline-threshold", "5 apples", "is no size"),
        ("execution.state-recovery.claim-mode", "MINE", "none of NO_CLAIM, CLAIM"),
        ("restart-strategy.type", "again", "none of none, fixed-delay"),
        ("restart-strategy.fixed-delay.delay", "-1 s", "no duration"),
        ("restart-strategy.fixed-delay.attempts", "-1", "at least 0"),
        ("restart-strategy.exponential-delay.backoff-multiplier", "x", "not a number"),
        ("restart-strategy.exponential-delay.backoff-multiplier", "0.5", "at least 1"),
        ("state.backend.type", "disk", "none of hashmap, rocksdb"),
        ("taskmanager.memory.managed.size", "much", "is no size"),
        ("taskmanager.memory.managed.size", "5 kb", "at least 1048576 bytes"),
        ("state.backend.rocksdb.memory.fixed-per-tm", "1 b", "at least 1048576 bytes"),
        ("state.backend.rocksdb.memory.managed", "perhaps", "neither true nor false"),
        ("state.backend.rocksdb.memory.write-buffer-ratio", "1.5", "it must be at most 1"),
        ("state.backend.rocksdb.memory.high-prio-pool-ratio", "-0.1", "at least 0"),
    ],
)
def test_values_that_do_not_fit_their_keys_are_refused(key: str, value: str, error: str) -> None:
    with pytest.raises(ValueError, match=error) as refused:
        StreamExecutionEnvironment(Configuration.from_dict({key: value}))
    assert key in str(refused.value)


def test_memory_of_a_slot_is_not_implemented() -> None:
    key = "state.backend.rocksdb.memory.fixed-per-slot"
    with pytest.raises(NotImplementedError, match=key):
        StreamExecutionEnvironment(Configuration.from_dict({key: "64 mb"}))


def test_old_names_of_keys_count() -> None:
    env = environment(
        state__checkpoints__dir="/checkpoints",
        state__savepoints__dir="/savepoints",
        state__checkpoints__num_retained="3",
        restart_strategy="fixeddelay",
        execution__savepoint__path="/from",
    )
    assert settings_of(env) == {
        "execution.checkpointing.dir": "/checkpoints",
        "execution.checkpointing.savepoint-dir": "/savepoints",
        "execution.checkpointing.num-retained": "3",
        "restart-strategy.type": "fixeddelay",
        "execution.state-recovery.path": "/from",
    }
    both = {"state.savepoints.dir": "/old", "execution.checkpointing.savepoint-dir": "/new"}
    new = StreamExecutionEnvironment(Configuration.from_dict(both))
    assert new.get_default_savepoint_directory() == "/new"


def test_storage() -> None:
    env = environment()
    config = env.get_checkpoint_config()
    config.set_checkpoint_storage(FileSystemCheckpointStorage("file:///c", 1000, 8192))
    storage = config.get_checkpoint_storage()
    assert isinstance(storage, FileSystemCheckpointStorage)
    assert storage.get_checkpoint_path() == "file:///c"
    assert storage.get_min_file_size_threshold() == 1000
    assert storage.get_write_buffer_size() == 8192
    assert storage.get_savepoint_path() is None
    env.set_default_savepoint_directory("/s")
    again = config.get_checkpoint_storage()
    assert again is not None and again.get_savepoint_path() == "/s"
    assert env.get_default_savepoint_directory() == "/s"

    config.set_checkpoint_storage(JobManagerCheckpointStorage())
    memory = config.get_checkpoint_storage()
    assert isinstance(memory, JobManagerCheckpointStorage)
    assert memory.get_checkpoint_path() is None
    assert memory.get_max_state_size() == JobManagerCheckpointStorage.DEFAULT_MAX_STATE_SIZE
    by_path = config.set_checkpoint_storage_dir("/d").get_checkpoint_storage()
    assert isinstance(by_path, FileSystemCheckpointStorage)
    assert by_path.get_checkpoint_path() == "/d"
    with pytest.raises(ValueError, match="needs the path"):
        FileSystemCheckpointStorage()
    with pytest.raises(ValueError, match="file_state_size_threshold must be from 0 to 1,048,576"):
        FileSystemCheckpointStorage("/d", 2**21)


def test_state_backends() -> None:
    env = environment()
    assert env.get_state_backend() is None
    assert env.set_state_backend(HashMapStateBackend()).get_state_backend() == (
        HashMapStateBackend()
    )
    backend = EmbeddedRocksDBStateBackend(True)
    backend.set_db_storage_paths("/fast")
    backend.set_predefined_options(PredefinedOptions.FLASH_SSD_OPTIMIZED)
    backend.set_number_of_transfer_threads(2)
    env.set_state_backend(backend)
    read = env.get_state_backend()
    assert isinstance(read, EmbeddedRocksDBStateBackend) and read == backend
    assert read.get_db_storage_paths() == ["/fast"]
    assert read.is_incremental_checkpoints_enabled()
    assert read.get_predefined_options() is PredefinedOptions.FLASH_SSD_OPTIMIZED
    assert read.get_number_of_transfer_threads() == 2
    assert settings_of(env)["state.backend.type"] == "rocksdb"
    by_key = environment(state__backend__type="rocksdb").get_state_backend()
    assert by_key == EmbeddedRocksDBStateBackend()
    with pytest.raises(NotImplementedError, match="JVM"):
        backend.set_options("org.example.Factory")
    with pytest.raises(ValueError, match="one storage path is wanted, not 2"):
        backend.set_db_storage_paths("/a", "/b")


@pytest.mark.parametrize(
    ("strategy", "settings"),
    [
        (RestartStrategies.no_restart(), {"type": "none"}),
        (
            RestartStrategies.fixed_delay_restart(3, 20),
            {"type": "fixed-delay", "fixed-delay.attempts": "3", "fixed-delay.delay": "20 ms"},
        ),
        (
            RestartStrategies.failure_rate_restart(2, 5000, 10),
            {
                "type": "failure-rate",
                "failure-rate.max-failures-per-interval": "2",
                "failure-rate.failure-rate-interval": "5000 ms",
                "failure-rate.delay": "10 ms",
            },
        ),
        (
            RestartStrategies.exponential_delay_restart(10, 1000, 2.0, 60_000, 0.5),
            {
                "type": "exponential-delay",
                "exponential-delay.initial-backoff": "10 ms",
                "exponential-delay.max-backoff": "1000 ms",
                "exponential-delay.backoff-multiplier": "2.0",
                "exponential-delay.reset-backoff-threshold": "60000 ms",
                "exponential-delay.jitter-factor": "0.5",
            },
        ),
        (RestartStrategies.fall_back_restart(), {}),
    ],
    ids=lambda value: value["type"] if isinstance(value, dict) and value else "",
)
def test_restart_strategies(strategy: Any, settings: dict[str, str]) -> None:
    env = environment(restart_strategy__fixed_delay__delay="9 s", restart_strategy__type="none")
    env.set_restart_strategy(strategy)
    assert settings_of(env) == {f"restart-strategy.{k}": v for k, v in settings.items()}
    assert env.get_restart_strategy() == strategy


def test_restart_strategies_have_flinks_defaults() -> None:
    strategy = environment(restart_strategy__type="exponential-delay").get_restart_strategy()
    assert strategy.get_initial_backoff() == timedelta(milliseconds=100)  # type: ignore[attr-defined]
    assert strategy.get_max_backoff() == timedelta(minutes=1)  # type: ignore[attr-defined]
    with pytest.raises(ValueError, match="restart_attempts must be at least 0"):
        RestartStrategies.fixed_delay_restart(-1, 5)
    with pytest.raises(ValueError, match="backoff_multiplier must be more than 1"):
        RestartStrategies.exponential_delay_restart(1, 1, 1.0, 1, 0)
    with pytest.raises(ValueError, match="jitter_factor must be from 0 to 1"):
        RestartStrategies.exponential_delay_restart(1, 1, 2, 1, 2)


def test_batch_mode_takes_no_checkpoints(tmp_path: Path, env: StreamExecutionEnvironment) -> None:
    env.enable_checkpointing(1).set_runtime_mode(RuntimeExecutionMode.BATCH)
    env.get_checkpoint_config().set_checkpoint_storage_dir(str(tmp_path))
    with env.from_collection([1, 2]).map(lambda n: n + 1).execute_and_collect() as results:
        assert list(results) == [2, 3]
    assert not list(tmp_path.iterdir())


def test_the_config_has_all_methods_of_flinks() -> None:
    methods = {name for name, _ in inspect.getmembers(CheckpointConfig, inspect.isfunction)}
    assert methods >= {
        "is_checkpointing_enabled", "get_checkpointing_mode", "set_checkpointing_mode",
        "get_checkpoint_interval", "set_checkpoint_interval", "get_checkpoint_timeout",
        "set_checkpoint_timeout", "get_min_pause_between_checkpoints",
        "set_min_pause_between_checkpoints", "get_max_concurrent_checkpoints",
        "set_max_concurrent_checkpoints", "is_fail_on_checkpointing_errors",
        "set_fail_on_checkpointing_errors", "get_tolerable_checkpoint_failure_number",
        "set_tolerable_checkpoint_failure_number", "set_externalized_checkpoint_retention",
        "is_externalized_checkpoints_enabled", "get_externalized_checkpoint_retention",
        "is_unaligned_checkpoints_enabled", "enable_unaligned_checkpoints",
        "disable_unaligned_checkpoints", "set_aligned_checkpoint_timeout",
        "get_aligned_checkpoint_timeout", "set_alignment_timeout", "get_alignment_timeout",
        "set_force_unaligned_checkpoints", "is_force_unaligned_checkpoints",
    }  # fmt: skip
