"""Checks settings against the engine's table of options."""

from __future__ import annotations

from collections.abc import Iterable

from pyflinkpp._engine import native
from pyflinkpp._warnings import warn
from pyflinkpp.common import _checks
from pyflinkpp.common._values import (
    parse_boolean,
    parse_duration_ms,
    parse_map,
    parse_memory_size,
    parse_number,
)
from pyflinkpp.common.configuration import Configuration
from pyflinkpp.common.execution_config import (
    CACHED_FILES,
    JOB_PARAMETERS,
    MAX_PARALLELISM,
    PARALLELISM,
)
from pyflinkpp.common.restart_strategy import RESTART_KINDS
from pyflinkpp.datastream._checkpoint_keys import (
    DIRECTORY,
    INCREMENTAL,
    MODE,
    SAVEPOINT_DIRECTORY,
    STORAGE,
    UNALIGNED,
)
from pyflinkpp.datastream._distributed_cache import parse_cached_files
from pyflinkpp.datastream.state_backend import PredefinedOptions

__all__ = ["check_settings", "with_current_keys"]

_CHOICES = {
    "execution.checkpointing.externalized-checkpoint-retention": (
        "NO_EXTERNALIZED_CHECKPOINTS",
        "DELETE_ON_CANCELLATION",
        "RETAIN_ON_CANCELLATION",
    ),
    "execution.checkpointing.mode": ("EXACTLY_ONCE", "AT_LEAST_ONCE"),
    "execution.checkpointing.storage": ("jobmanager", "filesystem"),
    "execution.runtime-mode": ("STREAMING", "BATCH", "AUTOMATIC"),
    "execution.state-recovery.claim-mode": ("NO_CLAIM", "CLAIM"),
    "restart-strategy.type": ("none", "fixed-delay", "exponential-delay", "failure-rate"),
    "state.backend.rocksdb.predefined-options": tuple(PredefinedOptions.__members__),
    "state.backend.type": ("hashmap", "rocksdb"),
}
# The least that a number may be, of durations in milliseconds, of sizes in bytes.
_LEAST = {
    "execution.checkpointing.interval": 1,
    "execution.checkpointing.max-concurrent-checkpoints": 1,
    "execution.checkpointing.num-retained": 1,
    "execution.checkpointing.timeout": 1,
    "execution.checkpointing.tolerable-failed-checkpoints": -1,
    "execution.local.processes": 0,
    "heartbeat.interval": 1,
    "heartbeat.timeout": 1,
    "restart-strategy.exponential-delay.attempts-before-reset-backoff": 1,
    "restart-strategy.exponential-delay.backoff-multiplier": 1,
    "restart-strategy.exponential-delay.initial-backoff": 1,
    "restart-strategy.exponential-delay.jitter-factor": 0,
    "restart-strategy.failure-rate.failure-rate-interval": 1,
    "restart-strategy.failure-rate.max-failures-per-interval": 1,
    "restart-strategy.fixed-delay.attempts": 0,
    "state.backend.rocksdb.checkpoint.transfer.thread.num": 1,
    "state.backend.rocksdb.memory.fixed-per-tm": 1 << 20,
    "state.backend.rocksdb.memory.high-prio-pool-ratio": 0,
    "state.backend.rocksdb.memory.write-buffer-ratio": 0,
    "taskmanager.memory.managed.size": 1 << 20,
}
# The most that a number may be.
_MOST = {
    "state.backend.rocksdb.memory.high-prio-pool-ratio": 1,
    "state.backend.rocksdb.memory.write-buffer-ratio": 1,
}
_FIXED_PER_SLOT = "state.backend.rocksdb.memory.fixed-per-slot"
# Old names of Flink's that mean the same.
_RENAMED = {
    "execution.checkpointing.unaligned": UNALIGNED,
    "execution.checkpointing.alignment-timeout": (
        "execution.checkpointing.aligned-checkpoint-timeout"
    ),
    "execution.savepoint-restore-mode": "execution.state-recovery.claim-mode",
    "execution.savepoint.ignore-unclaimed-state": (
        "execution.state-recovery.ignore-unclaimed-state"
    ),
    "execution.savepoint.path": "execution.state-recovery.path",
    "restart-strategy": "restart-strategy.type",
    "state.backend.incremental": INCREMENTAL,
    "state.checkpoint-storage": STORAGE,
    "state.checkpoints.dir": DIRECTORY,
    "state.checkpoints.num-retained": "execution.checkpointing.num-retained",
    "state.savepoints.dir": SAVEPOINT_DIRECTORY,
}


def with_current_keys(configuration: Configuration) -> Configuration:
    """Gives old names their new ones; a setting under its new name wins.

    :param configuration: The settings.
    :return: The same settings; others where there were old names.
    """
    old = _RENAMED.keys() & configuration.key_set()
    if not old:
        return configuration
    renamed = Configuration(configuration)
    for key in sorted(old):
        value = configuration.get_string(key, "")
        renamed.remove_config(key)
        if not renamed.contains_key(_RENAMED[key]):
            renamed.set_string(_RENAMED[key], value)
    return renamed


def check_settings(configuration: Configuration) -> None:
    """Warns of unknown keys and refuses values that do not fit their keys.

    :param configuration: The settings.
    :raises ValueError: When a value does not fit its key.
    :raises NotImplementedError: When a key asks for what the engine does not have.
    """
    settings = configuration.to_dict()
    if not settings:
        return
    if _FIXED_PER_SLOT in settings:
        raise NotImplementedError(
            f"{_FIXED_PER_SLOT}: slots have no memory of their own; set "
            "state.backend.rocksdb.memory.fixed-per-tm or taskmanager.memory.managed.size, which "
            "all slots of a process share"
        )
    types = {key: kind for key, kind, *_ in native().options()}
    for key, value in settings.items():
        if key == PARALLELISM:
            _named(key, _checks.parallelism, configuration.get_integer(key, 1))
        elif key == MAX_PARALLELISM and configuration.get_integer(key, -1) != -1:
            _named(key, _checks.max_parallelism, configuration.get_integer(key, -1))
        elif key == JOB_PARAMETERS:
            parse_map(key, value)
        elif key == CACHED_FILES:
            parse_cached_files(value)
        else:
            _check_value(key, value, types.get(key, "string"))
    if settings.get(STORAGE, "").lower() == "filesystem" and not settings.get(DIRECTORY):
        raise ValueError(f"{STORAGE}: 'filesystem' needs a directory: set {DIRECTORY}")
    if settings.get(MODE, "").upper() == "AT_LEAST_ONCE" and parse_boolean(
        UNALIGNED, settings.get(UNALIGNED, "false")
    ):
        warn(f"{UNALIGNED} has no effect: with the mode AT_LEAST_ONCE no barrier waits for others")
    _warn_of_unknown(settings, types)


def _check_value(key: str, value: str, kind: str) -> None:
    number: float | None = None
    if kind == "bool":
        parse_boolean(key, value)
    elif kind == "duration":
        number = parse_duration_ms(key, value)
    elif kind == "memory":
        number = parse_memory_size(key, value)
    elif kind == "int":
        number = parse_number(key, value, int)
    elif kind == "float":
        number = parse_number(key, value, float)
    elif key == "restart-strategy.type" and value.lower() in RESTART_KINDS:
        pass
    elif key in _CHOICES and value.lower() not in map(str.lower, _CHOICES[key]):
        raise ValueError(f"{key}: {value!r} is none of {', '.join(_CHOICES[key])}")
    if number is not None and key in _LEAST and number < _LEAST[key]:
        unit = {"duration": " ms", "memory": " bytes"}.get(kind, "")
        raise ValueError(f"{key}: {value!r} is too little: it must be at least {_LEAST[key]}{unit}")
    if number is not None and key in _MOST and number > _MOST[key]:
        raise ValueError(f"{key}: {value!r} is too much: it must be at most {_MOST[key]}")


def _named(key: str, check: object, value: int) -> None:
    try:
        check(value)  # type: ignore[operator]
    except ValueError as error:
        raise ValueError(f"{key}: {error}") from None


def _warn_of_unknown(settings: dict[str, str], known: Iterable[str]) -> None:
    for key in settings.keys() - set(known):
        import difflib

        nearest = difflib.get_close_matches(key, known, 1, 0.6)
        hint = f": did you mean {nearest[0]!r}?" if nearest else ""
        warn(f"there is no configuration key {key!r}{hint}")
