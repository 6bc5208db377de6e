"""How a stream's elements get timestamps and when its watermarks rise."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any

from pyflinkpp._missing import no_jvm
from pyflinkpp.common._watermarks import Watermark, WatermarkGenerator, WatermarkOutput
from pyflinkpp.common.time import Duration

__all__ = [
    "AssignerWithPeriodicWatermarksWrapper",
    "TimestampAssigner",
    "Watermark",
    "WatermarkGenerator",
    "WatermarkOutput",
    "WatermarkStrategy",
]


class TimestampAssigner(ABC):
    """Tells the event time of an element; to be derived from."""

    @abstractmethod
    def extract_timestamp(self, value: Any, record_timestamp: int) -> int:
        """Tells the event time of an element.

        :param value: The element.
        :param record_timestamp: Its timestamp so far; the least 64-bit integer when it has none.
        :return: Its event time in milliseconds since the epoch.
        """


class WatermarkStrategy:
    """Describes how elements get timestamps and how watermarks follow them; never changes.

    >>> WatermarkStrategy.for_bounded_out_of_orderness(Duration.of_seconds(20)).with_idleness(
    ...     Duration.of_minutes(1)
    ... )

    :param generator: "none", "monotonous", "bounded" or "python".
    :param max_out_of_orderness: How much later than others an element may come ("bounded").
    :param supplier: Makes a WatermarkGenerator ("python").
    """

    __slots__ = (
        "_alignment",
        "_generator",
        "_idle_timeout",
        "_max_out_of_orderness",
        "_supplier",
        "_timestamp_assigner",
    )

    def __init__(
        self,
        generator: str,
        max_out_of_orderness: Duration | None = None,
        supplier: Callable[[], WatermarkGenerator] | None = None,
    ) -> None:
        self._generator = generator
        self._max_out_of_orderness = max_out_of_orderness
        self._supplier = supplier
        self._timestamp_assigner: TimestampAssigner | None = None
        self._idle_timeout: Duration | None = None
        self._alignment: tuple[str, Duration, Duration] | None = None

    @staticmethod
    def no_watermarks() -> WatermarkStrategy:
        """Makes no watermarks but the last one: for programs that do not use event time.

        :return: The strategy.
        """
        return WatermarkStrategy("none")

    @staticmethod
    def for_monotonous_timestamps() -> WatermarkStrategy:
        """Makes watermarks for timestamps that never fall.

        :return: The strategy.
        """
        return WatermarkStrategy("monotonous")

    @staticmethod
    def for_bounded_out_of_orderness(max_out_of_orderness: Duration) -> WatermarkStrategy:
        """Makes watermarks that lag behind the greatest timestamp by a fixed time.

        :param max_out_of_orderness: How much later than others an element may come.
        :return: The strategy.
        """
        return WatermarkStrategy(
            "bounded", _duration(max_out_of_orderness, "max_out_of_orderness", 0)
        )

    @staticmethod
    def for_generator(supplier: Callable[[], WatermarkGenerator]) -> WatermarkStrategy:
        """Makes watermarks by a generator of the user's own.

        >>> WatermarkStrategy.for_generator(AtMarkers)  # doctest: +SKIP

        :param supplier: Makes a generator, of a source for each of its splits: a class, or any
            other callable.
        :return: The strategy.
        :raises TypeError: When it can't be called.
        """
        if not callable(supplier):
            raise TypeError(
                f"for_generator takes what makes a WatermarkGenerator, as its class, "
                f"not {supplier!r}"
            )
        return WatermarkStrategy("python", supplier=supplier)

    def with_timestamp_assigner(self, timestamp_assigner: TimestampAssigner) -> WatermarkStrategy:
        """Makes the same strategy with an own rule for timestamps.

        :param timestamp_assigner: The rule.
        :return: The new strategy.
        :raises TypeError: When it is no TimestampAssigner.
        """
        if not isinstance(timestamp_assigner, TimestampAssigner):
            raise TypeError(f"a TimestampAssigner is wanted, not {timestamp_assigner!r}")
        return self._with("_timestamp_assigner", timestamp_assigner)

    def with_idleness(self, idle_timeout: Duration) -> WatermarkStrategy:
        """Makes the same strategy where a silent input stops holding the others back.

        :param idle_timeout: After how long without elements an input counts as idle.
        :return: The new strategy.
        :raises ValueError: When it is not positive.
        """
        return self._with("_idle_timeout", _duration(idle_timeout, "idle_timeout", 1))

    def with_watermark_alignment(
        self,
        watermark_group: str,
        max_allowed_watermark_drift: Duration,
        update_interval: Duration | None = None,
    ) -> WatermarkStrategy:
        """Makes the same strategy where sources that are far ahead wait for the others.

        A source stops reading while its watermark is more than the drift ahead of the least one of
        its group: of all sources of the job with that group's name, and of all their subtasks.
        Those that are idle or have ended are left out, so give a source that may fall silent
        :meth:`with_idleness`. It has an effect in ``from_source`` only, and none in batch mode.

        :param watermark_group: The name of the sources that wait for each other.
        :param max_allowed_watermark_drift: How far a source may be ahead.
        :param update_interval: How often the sources are compared; 1 second by default.
        :return: The new strategy.
        :raises TypeError: When an argument is something else.
        :raises ValueError: When the group has no name or a duration is not positive.
        """
        if not isinstance(watermark_group, str):
            raise TypeError(f"watermark_group must be a str, not {watermark_group!r}")
        if not watermark_group:
            raise ValueError("watermark_group must not be empty")
        drift = _duration(max_allowed_watermark_drift, "max_allowed_watermark_drift", 0)
        interval = Duration.of_seconds(1)
        if update_interval is not None:
            interval = _duration(update_interval, "update_interval", 1)
        return self._with("_alignment", (watermark_group, drift, interval))

    def _with(self, slot: str, value: Any) -> WatermarkStrategy:
        strategy = WatermarkStrategy(self._generator, self._max_out_of_orderness, self._supplier)
        for name in ("_timestamp_assigner", "_idle_timeout", "_alignment"):
            setattr(strategy, name, value if name == slot else getattr(self, name))
        return strategy

    def _does_nothing(self) -> bool:
        """Tells whether elements and watermarks come out as a source gives them."""
        parts = self._timestamp_assigner, self._idle_timeout, self._alignment
        return self._generator == "none" and all(part is None for part in parts)

    def _spec(self) -> dict[str, Any]:
        """Describes the operator that applies the strategy; the assigner is its function."""
        bound, idle = self._max_out_of_orderness, self._idle_timeout
        alignment = {}
        if self._alignment is not None:
            group, drift, interval = self._alignment
            alignment["alignment"] = group, drift.to_millis(), max(1, interval.to_millis())
        return {
            "kind": "python",
            "function": "assign_timestamps",
            "watermarks": {
                "generator": "bounded" if self._generator == "monotonous" else self._generator,
                "max_out_of_orderness_ms": 0 if bound is None else bound.to_millis(),
                "idle_timeout_ms": 0 if idle is None else max(1, idle.to_millis()),
                "factory": self._supplier,
                **alignment,
            },
        }


class AssignerWithPeriodicWatermarksWrapper:
    """Would wrap an assigner that is written in Java."""

    def __init__(self, j_assigner_with_periodic_watermarks: object) -> None:
        raise no_jvm("AssignerWithPeriodicWatermarksWrapper", "use a WatermarkStrategy")


def _duration(value: object, name: str, at_least_ns: int) -> Duration:
    if not isinstance(value, Duration):
        raise TypeError(f"{name} must be a Duration, as Duration.of_seconds(5), not {value!r}")
    if value.to_nanos() < at_least_ns:
        raise ValueError(f"{name} must not be {'zero or ' if at_least_ns else ''}negative: {value}")
    return value
