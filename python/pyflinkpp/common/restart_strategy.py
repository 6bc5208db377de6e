"""What happens after a failure, described as objects.

A job's strategy is chosen by the configuration ("restart-strategy.type" and so on).
"""

from __future__ import annotations

from datetime import timedelta

__all__ = ["RestartStrategies", "RestartStrategyConfiguration"]


class RestartStrategyConfiguration:
    """What happens after a failure."""

    def get_description(self) -> str:
        """Says it in words.

        :return: The words.
        """
        raise NotImplementedError(f"{type(self).__name__}.get_description()")

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


class _Fallback(RestartStrategyConfiguration):
    """What the cluster's configuration says."""

    def get_description(self) -> str:
        """Says it in words.

        :return: The words.
        """
        return "Cluster level default restart strategy."


class RestartStrategies:
    """Makes restart strategies."""

    NoRestartStrategyConfiguration = _NoRestart
    FixedDelayRestartStrategyConfiguration = _FixedDelay
    FailureRateRestartStrategyConfiguration = _FailureRate
    FallbackRestartStrategyConfiguration = _Fallback

    @staticmethod
    def no_restart() -> RestartStrategyConfiguration:
        """The job fails at its first failure.

        :return: The strategy.
        """
        return _NoRestart()

    @staticmethod
    def fall_back_restart() -> RestartStrategyConfiguration:
        """The cluster's configuration says what happens.

        :return: The strategy.
        """
        return _Fallback()

    @staticmethod
    def fixed_delay_restart(
        restart_attempts: int, delay_between_attempts: int
    ) -> RestartStrategyConfiguration:
        """The job is restarted so many times, a fixed time after each failure.

        :param restart_attempts: How many times.
        :param delay_between_attempts: How long after a failure, in milliseconds.
        :return: The strategy.
        """
        return _FixedDelay(restart_attempts, timedelta(milliseconds=delay_between_attempts))

    @staticmethod
    def failure_rate_restart(
        failure_rate: int, failure_interval: int, delay_interval: int
    ) -> RestartStrategyConfiguration:
        """The job is restarted until it fails too often within a time.

        :param failure_rate: How many failures are tolerated in that time.
        :param failure_interval: That time in milliseconds.
        :param delay_interval: How long after a failure the job is restarted, in milliseconds.
        :return: The strategy.
        """
        return _FailureRate(
            failure_rate,
            timedelta(milliseconds=failure_interval),
            timedelta(milliseconds=delay_interval),
        )
