"""Checks settings against the engine's table of options."""

from __future__ import annotations

from pyflinkpp._engine import native
from pyflinkpp._warnings import warn
from pyflinkpp.common import _checks
from pyflinkpp.common._values import parse_boolean, parse_duration_ms, parse_map
from pyflinkpp.common.configuration import Configuration
from pyflinkpp.common.execution_config import (
    AUTO_WATERMARK_INTERVAL,
    CACHED_FILES,
    JOB_PARAMETERS,
    MAX_PARALLELISM,
    PARALLELISM,
)
from pyflinkpp.datastream._distributed_cache import parse_cached_files

__all__ = ["check_settings"]

_BOOLEANS = (
    "execution.buffer-timeout.enabled",
    "pipeline.auto-generate-uids",
    "pipeline.object-reuse",
    "pipeline.operator-chaining.enabled",
)
_DURATIONS = (AUTO_WATERMARK_INTERVAL, "execution.buffer-timeout.interval")
_CHOICES = {
    "execution.runtime-mode": ("STREAMING", "BATCH", "AUTOMATIC"),
    "state.backend.type": ("hashmap", "rocksdb"),
}


def check_settings(configuration: Configuration) -> None:
    """Warns of unknown keys and refuses values that do not fit their keys.

    :param configuration: The settings.
    :raises ValueError: When a value does not fit its key.
    """
    settings = configuration.to_dict()
    for key, value in settings.items():
        if key in _BOOLEANS:
            parse_boolean(key, value)
        elif key in _DURATIONS:
            parse_duration_ms(key, value)
        elif key == JOB_PARAMETERS:
            parse_map(key, value)
        elif key == CACHED_FILES:
            parse_cached_files(value)
        elif key in _CHOICES and value.lower() not in map(str.lower, _CHOICES[key]):
            raise ValueError(f"{key}: {value!r} is none of {', '.join(_CHOICES[key])}")
        elif key == PARALLELISM:
            _named(key, _checks.parallelism, configuration.get_integer(key, 1))
        elif key == MAX_PARALLELISM and configuration.get_integer(key, -1) != -1:
            _named(key, _checks.max_parallelism, configuration.get_integer(key, -1))
    if settings:
        _warn_of_unknown(settings)


def _named(key: str, check: object, value: int) -> None:
    try:
        check(value)  # type: ignore[operator]
    except ValueError as error:
        raise ValueError(f"{key}: {error}") from None


def _warn_of_unknown(settings: dict[str, str]) -> None:
    known = [option[0] for option in native().options()]
    for key in settings.keys() - set(known):
        import difflib

        nearest = difflib.get_close_matches(key, known, 1, 0.6)
        hint = f": did you mean {nearest[0]!r}?" if nearest else ""
        warn(f"there is no configuration key {key!r}{hint}")
