"""Whether and when an asynchronous function is called again."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Generic, TypeVar

from pyflinkpp.common._checks import integer
from pyflinkpp.datastream._function_async import AsyncRetryPredicate, AsyncRetryStrategy

__all__ = [
    "NO_RETRY_STRATEGY",
    "ExponentialBackoffDelayRetryStrategy",
    "FixedDelayRetryStrategy",
    "NoRetryStrategy",
    "RetryPredicate",
]

OUT = TypeVar("OUT")

OfResult = Callable[[list[Any]], bool] | None
OfException = Callable[[Exception], bool] | None


class RetryPredicate(AsyncRetryPredicate[OUT], Generic[OUT]):
    """Tells by two rules which outcomes to try again.

    :param result_predicate: The rule for results; None tries none of them again.
    :param exception_predicate: The rule for exceptions; None tries none of them again.
    :raises TypeError: When one of them can't be called.
    """

    def __init__(self, result_predicate: OfResult, exception_predicate: OfException) -> None:
        for rule in (result_predicate, exception_predicate):
            if rule is not None and not callable(rule):
                raise TypeError(f"a rule for retries must be a callable or None, not {rule!r}")
        self._result_predicate = result_predicate
        self._exception_predicate = exception_predicate

    def result_predicate(self) -> OfResult:  # noqa: D102
        return self._result_predicate

    def exception_predicate(self) -> OfException:  # noqa: D102
        return self._exception_predicate


class NoRetryStrategy(AsyncRetryStrategy[OUT], Generic[OUT]):
    """Never tries again."""

    def can_retry(self, current_attempts: int) -> bool:  # noqa: D102
        return False

    def get_backoff_time_millis(self, current_attempts: int) -> int:  # noqa: D102
        return -1

    def get_retry_predicate(self) -> AsyncRetryPredicate[OUT]:  # noqa: D102
        return RetryPredicate(None, None)


class FixedDelayRetryStrategy(AsyncRetryStrategy[OUT], Generic[OUT]):
    """Tries again after a fixed time.

    :param max_attempts: How often.
    :param backoff_time_millis: That time in milliseconds.
    :param result_predicate: Which results to try again.
    :param exception_predicate: Which exceptions to try again.
    :raises ValueError: When a number is not positive.
    """

    def __init__(
        self,
        max_attempts: int,
        backoff_time_millis: int,
        result_predicate: OfResult,
        exception_predicate: OfException,
    ) -> None:
        self._max_attempts = _positive(max_attempts, "max_attempts")
        self._backoff_time_millis = _positive(backoff_time_millis, "backoff_time_millis")
        self._predicate: RetryPredicate[OUT] = RetryPredicate(result_predicate, exception_predicate)

    def can_retry(self, current_attempts: int) -> bool:  # noqa: D102
        return current_attempts <= self._max_attempts

    def get_backoff_time_millis(self, current_attempts: int) -> int:  # noqa: D102
        return self._backoff_time_millis

    def get_retry_predicate(self) -> AsyncRetryPredicate[OUT]:  # noqa: D102
        return self._predicate


class ExponentialBackoffDelayRetryStrategy(AsyncRetryStrategy[OUT], Generic[OUT]):
    """Tries again after a time that grows with each attempt.

    :param max_attempts: How often.
    :param initial_delay: The first time in milliseconds.
    :param max_retry_delay: The longest time in milliseconds.
    :param multiplier: By how much it grows.
    :param result_predicate: Which results to try again.
    :param exception_predicate: Which exceptions to try again.
    :raises ValueError: When a number is not positive.
    """

    def __init__(
        self,
        max_attempts: int,
        initial_delay: int,
        max_retry_delay: int,
        multiplier: float,
        result_predicate: OfResult,
        exception_predicate: OfException,
    ) -> None:
        self._max_attempts = _positive(max_attempts, "max_attempts")
        self._initial_delay = _positive(initial_delay, "initial_delay")
        self._max_retry_delay = _positive(max_retry_delay, "max_retry_delay")
        if multiplier <= 0:
            raise ValueError(f"multiplier must be above 0, not {multiplier}")
        self._multiplier = multiplier
        self._predicate: RetryPredicate[OUT] = RetryPredicate(result_predicate, exception_predicate)

    def can_retry(self, current_attempts: int) -> bool:  # noqa: D102
        return current_attempts <= self._max_attempts

    def get_backoff_time_millis(self, current_attempts: int) -> int:  # noqa: D102
        delay = float(self._initial_delay)
        for _ in range(1, current_attempts):
            delay = int(min(delay * self._multiplier, self._max_retry_delay))
        return int(delay)

    def get_retry_predicate(self) -> AsyncRetryPredicate[OUT]:  # noqa: D102
        return self._predicate


NO_RETRY_STRATEGY: AsyncRetryStrategy[Any] = NoRetryStrategy()


def _positive(value: int, name: str) -> int:
    if integer(value, name) <= 0:
        raise ValueError(f"{name} must be above 0, not {value}")
    return value
