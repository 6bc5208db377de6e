"""What happens after a failure, described as objects.

``StreamExecutionEnvironment.set_restart_strategy`` writes them as configuration
("restart-strategy.type" and so on).
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from pyflinkpp.common import _checks
from pyflinkpp.common._values import parse_duration_ms

if TYPE_CHECKING:
    from pyflinkpp.common.configuration import Configuration

__all__ = ["RestartStrategies", "RestartStrategyConfiguration"]

_KEYS = "restart-strategy."
_TYPE = _KEYS + "type"
# The names of each kind in a configuration.
RESTART_KINDS = {
    "none": "none",
    "off": "none",
    "disable": "none",
    "fixeddelay": "fixed-delay",
    "fixed-delay": "fixed-delay",
    "exponentialdelay": "exponential-delay",
    "exponential-delay": "exponential-delay",
    "failurerate": "failure-rate",
    "failure-rate": "failure-rate",
}


class RestartStrategyConfiguration:
    """What happens after a failure."""

    def get_description(self) -> str:
        """Says it in words.

        :return: The words.
        """
        raise NotImplementedError(f"{type(self).__name__}.get_description()")

    def _apply(self, configuration: Configuration) -> None:
        """Writes the settings that stand for it, in place of those of another strategy."""
        for key in configuration.key_set():
            if key.startswith(_KEYS):
                configuration.remove_config(key)
        for key, value in self._settings().items():
            configuration.set_string(_KEYS + key, value)

    def _settings(self) -> dict[str, str]:
        """The settings without the keys' first part."""
        raise NotImplementedError(f"{type(self).__name__} can't be used as a restart strategy")

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and other.__dict__ == self.__dict__

    def __hash__(self) -> int:
        return hash((type(self), *self.__dict__.values()))


class _NoRestart(RestartStrategyConfiguration):
    """The job fails at its first failure."""

    def get_description(self) -> str:
        """Says it in words.

        :return: The words.
        """
        return "Restart deactivated."

    def _settings(self) -> dict[str, str]:
        return {"type": "none"}


class _FixedDelay(RestartStrategyConfiguration):
    """The job is restarted so many times, a fixed time after each failure.

    :param restart_attempts: How many times.
    :param delay_between_attempts_interval: How long after a failure.
    """

    def __init__(self, restart_attempts: int, delay_between_attempts_interval: timedelta) -> None:
        self._restart_attempts = restart_attempts
        self._delay = delay_between_attempts_interval

    def get_restart_attempts(self) -> int:
        """Gives how many times the job is restarted.

        :return: The number.
        """
        return self._restart_attempts

    def get_delay_between_attempts_interval(self) -> timedelta:
        """Gives how long after a failure the job is restarted.

        :return: The time.
        """
        return self._delay

    def get_description(self) -> str:
        """Says it in words.

        :return: The words.
        """
        return f"Restart {self._restart_attempts} times, {self._delay} after a failure."

    def _settings(self) -> dict[str, str]:
        return {
            "type": "fixed-delay",
            "fixed-delay.attempts": str(self._restart_attempts),
            "fixed-delay.delay": _text(self._delay),
        }


class _FailureRate(RestartStrategyConfiguration):
    """The job is restarted until it fails too often within a time.

    :param max_failure_rate: How many failures are tolerated in that time.
    :param failure_interval: That time.
    :param delay_between_attempts_interval: How long after a failure the job is restarted.
    """

    def __init__(
        self,
        max_failure_rate: int,
        failure_interval: timedelta,
        delay_between_attempts_interval: timedelta,
    ) -> None:
        self._max_failure_rate = max_failure_rate
        self._failure_interval = failure_interval
        self._delay = delay_between_attempts_interval

    def get_max_failure_rate(self) -> int:
        """Gives how many failures are tolerated within the interval.

        :return: The number.
        """
        return self._max_failure_rate

    def get_failure_interval(self) -> timedelta:
        """Gives the time within which failures are counted.

        :return: The time.
        """
        return self._failure_interval

    def get_delay_between_attempts_interval(self) -> timedelta:
        """Gives how long after a failure the job is restarted.

        :return: The time.
        """
        return self._delay

    def get_description(self) -> str:
        """Says it in words.

        :return: The words.
        """
        return (
            f"Restart {self._delay} after a failure, "
            f"at most {self._max_failure_rate} times in {self._failure_interval}."
        )

    def _settings(self) -> dict[str, str]:
        return {
            "type": "failure-rate",
            "failure-rate.max-failures-per-interval": str(self._max_failure_rate),
            "failure-rate.failure-rate-interval": _text(self._failure_interval),
            "failure-rate.delay": _text(self._delay),
        }


class _ExponentialDelay(RestartStrategyConfiguration):
    """The job is restarted after a delay that grows with each failure.

    :param initial_backoff: The first delay.
    :param max_backoff: The longest one.
    :param backoff_multiplier: By what it grows.
    :param reset_backoff_threshold: After so long without a failure it is the first one again.
    :param jitter_factor: The part of the delay by which it is varied at random.
    """

    def __init__(
        self,
        initial_backoff: timedelta,
        max_backoff: timedelta,
        backoff_multiplier: float,
        reset_backoff_threshold: timedelta,
        jitter_factor: float,
    ) -> None:
        self._initial_backoff = initial_backoff
        self._max_backoff = max_backoff
        self._backoff_multiplier = backoff_multiplier
        self._reset_backoff_threshold = reset_backoff_threshold
        self._jitter_factor = jitter_factor

    def get_initial_backoff(self) -> timedelta:
        """Gives the first delay.

        :return: The time.
        """
        return self._initial_backoff

    def get_max_backoff(self) -> timedelta:
        """Gives the longest delay.

        :return: The time.
        """
        return self._max_backoff

    def get_backoff_multiplier(self) -> float:
        """Gives by what the delay grows from restart to restart.

        :return: The factor.
        """
        return self._backoff_multiplier

    def get_reset_backoff_threshold(self) -> timedelta:
        """Gives after how long without a failure the delay is the first one again.

        :return: The time.
        """
        return self._reset_backoff_threshold

    def get_jitter_factor(self) -> float:
        """Gives the part of the delay by which it is varied at random.

        :return: The part.
        """
        return self._jitter_factor

    def get_description(self) -> str:
        """Says it in words.

        :return: The words.
        """
        return (
            f"Restart {self._initial_backoff} after a failure, then {self._backoff_multiplier} "
            f"times later with each one, at most {self._max_backoff}."
        )

    def _settings(self) -> dict[str, str]:
        return {
            "type": "exponential-delay",
            "exponential-delay.initial-backoff": _text(self._initial_backoff),
            "exponential-delay.max-backoff": _text(self._max_backoff),
            "exponential-delay.backoff-multiplier": str(self._backoff_multiplier),
            "exponential-delay.reset-backoff-threshold": _text(self._reset_backoff_threshold),
            "exponential-delay.jitter-factor": str(self._jitter_factor),
        }


class _Fallback(RestartStrategyConfiguration):
    """What the cluster's configuration says."""

    def get_description(self) -> str:
        """Says it in words.

        :return: The words.
        """
        return "Cluster level default restart strategy."

    def _settings(self) -> dict[str, str]:
        return {}


class RestartStrategies:
    """Makes restart strategies."""

    NoRestartStrategyConfiguration = _NoRestart
    FixedDelayRestartStrategyConfiguration = _FixedDelay
    FailureRateRestartStrategyConfiguration = _FailureRate
    ExponentialDelayRestartStrategyConfiguration = _ExponentialDelay
    FallbackRestartStrategyConfiguration = _Fallback

    @staticmethod
    def no_restart() -> RestartStrategyConfiguration:
        """The job fails at its first failure.

        :return: The strategy.
        """
        return _NoRestart()

    @staticmethod
    def fall_back_restart() -> RestartStrategyConfiguration:
        """The default: exponential delay where checkpoints are taken, else no restart.

        :return: The strategy.
        """
        return _Fallback()

    @staticmethod
    def fixed_delay_restart(
        restart_attempts: int, delay_between_attempts: int
    ) -> RestartStrategyConfiguration:
        """The job is restarted so many times, a fixed time after each failure.

        :param restart_attempts: How many times, at least 0.
        :param delay_between_attempts: How long after a failure, in milliseconds.
        :return: The strategy.
        :raises ValueError: When a number is negative.
        """
        _at_least(0, restart_attempts, "restart_attempts")
        return _FixedDelay(
            restart_attempts, _millis(delay_between_attempts, "delay_between_attempts")
        )

    @staticmethod
    def exponential_delay_restart(
        initial_backoff: int,
        max_backoff: int,
        backoff_multiplier: float,
        reset_backoff_threshold: int,
        jitter_factor: float,
    ) -> RestartStrategyConfiguration:
        """The job is restarted after a delay that grows with each failure.

        :param initial_backoff: The first delay in milliseconds, at least 1.
        :param max_backoff: The longest one in milliseconds, at least the first.
        :param backoff_multiplier: By what it grows, more than 1.
        :param reset_backoff_threshold: After so many milliseconds without a failure it is the
            first one again.
        :param jitter_factor: The part of the delay by which it is varied at random, from 0 to 1.
        :return: The strategy.
        :raises ValueError: When a number is out of range.
        """
        _at_least(1, initial_backoff, "initial_backoff")
        _at_least(initial_backoff, max_backoff, "max_backoff")
        if not backoff_multiplier > 1:
            raise ValueError(f"backoff_multiplier must be more than 1, not {backoff_multiplier}")
        if not 0 <= jitter_factor <= 1:
            raise ValueError(f"jitter_factor must be from 0 to 1, not {jitter_factor}")
        return _ExponentialDelay(
            timedelta(milliseconds=initial_backoff),
            timedelta(milliseconds=max_backoff),
            float(backoff_multiplier),
            _millis(reset_backoff_threshold, "reset_backoff_threshold"),
            float(jitter_factor),
        )

    @staticmethod
    def failure_rate_restart(
        failure_rate: int, failure_interval: int, delay_interval: int
    ) -> RestartStrategyConfiguration:
        """The job is restarted until it fails too often within a time.

        :param failure_rate: How many failures are tolerated in that time, at least 1.
        :param failure_interval: That time in milliseconds.
        :param delay_interval: How long after a failure the job is restarted, in milliseconds.
        :return: The strategy.
        :raises ValueError: When a number is out of range.
        """
        return _FailureRate(
            _at_least(1, failure_rate, "failure_rate"),
            timedelta(milliseconds=_at_least(1, failure_interval, "failure_interval")),
            _millis(delay_interval, "delay_interval"),
        )


def restart_strategy_of(configuration: Configuration) -> RestartStrategyConfiguration | None:
    """Gives the strategy that settings stand for.

    :param configuration: The settings.
    :return: The strategy; None when nothing has set it.
    :raises ValueError: When a value does not fit its key.
    """
    named = configuration.get_string(_TYPE, None)
    if named is None:
        return None
    kind = RESTART_KINDS[named.lower()]

    def time(key: str, default: int) -> timedelta:
        key = f"{_KEYS}{kind}.{key}"
        return timedelta(
            milliseconds=parse_duration_ms(key, configuration.get_string(key, f"{default} ms"))
        )

    if kind == "fixed-delay":
        attempts = configuration.get_integer(_KEYS + "fixed-delay.attempts", 1)
        return _FixedDelay(attempts, time("delay", 1_000))
    if kind == "failure-rate":
        return _FailureRate(
            configuration.get_integer(_KEYS + "failure-rate.max-failures-per-interval", 1),
            time("failure-rate-interval", 60_000),
            time("delay", 1_000),
        )
    if kind == "exponential-delay":
        return _ExponentialDelay(
            time("initial-backoff", 100),
            time("max-backoff", 60_000),
            configuration.get_float(_KEYS + "exponential-delay.backoff-multiplier", 1.5),
            time("reset-backoff-threshold", 3_600_000),
            configuration.get_float(_KEYS + "exponential-delay.jitter-factor", 0.1),
        )
    return _NoRestart()


def _at_least(least: int, value: int, name: str) -> int:
    if _checks.integer(value, name) < least:
        raise ValueError(f"{name} must be at least {least}, not {value}")
    return value


def _millis(value: int, name: str) -> timedelta:
    return timedelta(milliseconds=_at_least(0, value, name))


def _text(time: timedelta) -> str:
    return f"{time // timedelta(milliseconds=1)} ms"
