"""Reads the settings of checkpoints, restarts and restores, for the engine."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pyflinkpp.common._values import parse_boolean, parse_duration_ms, parse_number
from pyflinkpp.common.restart_strategy import RESTART_KINDS
from pyflinkpp.datastream._checkpoint_keys import ALIGNED_TIMEOUT, ALIGNED_TIMEOUT_DEFAULT_MS

__all__ = ["apply_checkpointing"]

_CHECKPOINTS = "execution.checkpointing."
_RECOVERY = "execution.state-recovery."
_RESTART = "restart-strategy."


def apply_checkpointing(graph: Any, settings: Mapping[str, str], batch: bool) -> None:
    """Tells the engine's graph when checkpoints are taken and what follows a failure.

    :param graph: The engine's JobGraph.
    :param settings: The configuration, by Flink's keys.
    :param batch: Whether the job runs in batch mode, which takes no checkpoints.
    :raises ValueError: When a value does not fit its key.
    """
    read = _Reader(settings)
    interval = 0 if batch else read.duration(_CHECKPOINTS + "interval", 0)
    if not batch:
        graph.set_checkpoints(
            mode=read.text(_CHECKPOINTS + "mode", "EXACTLY_ONCE").upper(),
            retention=read.text(
                _CHECKPOINTS + "externalized-checkpoint-retention", "NO_EXTERNALIZED_CHECKPOINTS"
            ).upper(),
            settings={
                "interval_ms": interval,
                "directory": read.directory(_CHECKPOINTS + "dir"),
                "savepoint_directory": read.directory(_CHECKPOINTS + "savepoint-dir"),
                "min_pause_ms": read.duration(_CHECKPOINTS + "min-pause", 0),
                "timeout_ms": read.duration(_CHECKPOINTS + "timeout", 600_000),
                "tolerable_failures": read.integer(
                    _CHECKPOINTS + "tolerable-failed-checkpoints", 0
                ),
                "max_concurrent": read.integer(_CHECKPOINTS + "max-concurrent-checkpoints", 1),
                "retained": read.integer(_CHECKPOINTS + "num-retained", 1),
                "incremental": read.boolean(_CHECKPOINTS + "incremental", False),
                "unaligned": read.boolean(_CHECKPOINTS + "unaligned.enabled", False),
                "aligned_timeout_ms": read.duration(ALIGNED_TIMEOUT, ALIGNED_TIMEOUT_DEFAULT_MS),
                "after_tasks_finish": read.boolean(
                    _CHECKPOINTS + "checkpoints-after-tasks-finish", True
                ),
            },
        )
    _apply_restart_strategy(graph, read, checkpoints=interval > 0)
    path = read.directory(_RECOVERY + "path")
    if path:
        graph.set_restore(
            path=path,
            ignore_unclaimed=read.boolean(_RECOVERY + "ignore-unclaimed-state", False),
            claim_mode=read.text(_RECOVERY + "claim-mode", "NO_CLAIM").upper(),
        )


def _apply_restart_strategy(graph: Any, read: _Reader, checkpoints: bool) -> None:
    default = "exponential-delay" if checkpoints else "none"
    kind = read.text(_RESTART + "type", default).lower()
    kind = RESTART_KINDS[kind]
    prefix = f"{_RESTART}{kind}."
    exponential = kind == "exponential-delay"
    attempts_key, attempts = {
        "exponential-delay": ("attempts-before-reset-backoff", 0),
        "failure-rate": ("max-failures-per-interval", 1),
    }.get(kind, ("attempts", 1))
    graph.set_restart_strategy(
        kind=kind,
        settings={
            "attempts": read.integer(prefix + attempts_key, attempts),
            "delay_ms": read.duration(prefix + "initial-backoff", 100)
            if exponential
            else read.duration(prefix + "delay", 1_000),
            "max_delay_ms": read.duration(prefix + "max-backoff", 60_000),
            "multiplier": read.number(prefix + "backoff-multiplier", 1.5),
            "jitter": read.number(prefix + "jitter-factor", 0.1),
            "reset_ms": read.duration(prefix + "reset-backoff-threshold", 3_600_000),
            "interval_ms": read.duration(prefix + "failure-rate-interval", 60_000),
        },
    )


class _Reader:
    """Reads values by their keys."""

    def __init__(self, settings: Mapping[str, str]) -> None:
        self._settings = settings

    def text(self, key: str, default: str) -> str:
        return self._settings.get(key, default)

    def directory(self, key: str) -> str:
        from pyflinkpp.datastream.connectors._files import local_path

        value = self._settings.get(key, "")
        return local_path(value) if value else ""

    def duration(self, key: str, default: int) -> int:
        value = self._settings.get(key)
        return default if value is None else parse_duration_ms(key, value)

    def boolean(self, key: str, default: bool) -> bool:
        value = self._settings.get(key)
        return default if value is None else parse_boolean(key, value)

    def integer(self, key: str, default: int) -> int:
        value = self._settings.get(key)
        return default if value is None else parse_number(key, value, int)

    def number(self, key: str, default: float) -> float:
        value = self._settings.get(key)
        return default if value is None else parse_number(key, value, float)
