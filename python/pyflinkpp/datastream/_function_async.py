"""Base classes of asynchronous functions and of their retries."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from enum import Enum
from typing import Any, Generic, TypeVar

from pyflinkpp.datastream._function_base import Function

__all__ = [
    "AsyncFunction",
    "AsyncFunctionDescriptor",
    "AsyncRetryPredicate",
    "AsyncRetryStrategy",
]

IN = TypeVar("IN")
OUT = TypeVar("OUT")


class AsyncFunction(Function, Generic[IN, OUT]):
    """Makes any number of elements of one element by a coroutine."""

    @abstractmethod
    async def async_invoke(self, value: IN) -> list[OUT]:
        """Makes the new elements.

        :param value: The element.
        :return: The new elements.
        """

    def timeout(self, value: IN) -> list[OUT]:
        """Takes an element whose coroutine took too long.

        :param value: The element.
        :return: The elements to put in its place.
        :raises TimeoutError: Always, unless it is overridden.
        """
        raise TimeoutError(f"the asynchronous function took too long for {value!r}")


class AsyncRetryPredicate(ABC, Generic[OUT]):
    """Tells which outcomes to try again."""

    @abstractmethod
    def result_predicate(self) -> Callable[[list[OUT]], bool] | None:
        """Gives the rule for results.

        :return: Tells of a result whether to try again; None never does.
        """

    @abstractmethod
    def exception_predicate(self) -> Callable[[Exception], bool] | None:
        """Gives the rule for exceptions.

        :return: Tells of an exception whether to try again; None never does.
        """


class AsyncRetryStrategy(ABC, Generic[OUT]):
    """Tells whether and when to try again."""

    @abstractmethod
    def can_retry(self, current_attempts: int) -> bool:
        """Tells whether to try again.

        :param current_attempts: How many attempts there were.
        :return: True if so.
        """

    @abstractmethod
    def get_backoff_time_millis(self, current_attempts: int) -> int:
        """Tells how long to wait.

        :param current_attempts: How many attempts there were.
        :return: Milliseconds.
        """

    @abstractmethod
    def get_retry_predicate(self) -> AsyncRetryPredicate[OUT]:
        """Tells which outcomes to try again.

        :return: The rules.
        """

    @staticmethod
    def no_restart() -> AsyncRetryStrategy[Any]:
        """Never tries again.

        :return: The strategy.
        """
        from pyflinkpp.datastream.async_retry_strategies import NO_RETRY_STRATEGY

        return NO_RETRY_STRATEGY

    @staticmethod
    def fixed_delay(
        max_attempts: int,
        backoff_time_millis: int,
        result_predicate: Callable[[list[Any]], bool] | None,
        exception_predicate: Callable[[Exception], bool] | None,
    ) -> AsyncRetryStrategy[Any]:
        """Tries again after a fixed time.

        :param max_attempts: How often.
        :param backoff_time_millis: That time in milliseconds.
        :param result_predicate: Which results to try again.
        :param exception_predicate: Which exceptions to try again.
        :return: The strategy.
        :raises ValueError: When a number is not positive.
        """
        from pyflinkpp.datastream.async_retry_strategies import FixedDelayRetryStrategy

        return FixedDelayRetryStrategy(
            max_attempts, backoff_time_millis, result_predicate, exception_predicate
        )

    @staticmethod
    def exponential_backoff(
        max_attempts: int,
        initial_delay: int,
        max_retry_delay: int,
        multiplier: float,
        result_predicate: Callable[[list[Any]], bool] | None,
        exception_predicate: Callable[[Exception], bool] | None,
    ) -> AsyncRetryStrategy[Any]:
        """Tries again after a time that grows.

        :param max_attempts: How often.
        :param initial_delay: The first time in milliseconds.
        :param max_retry_delay: The longest time in milliseconds.
        :param multiplier: By how much it grows.
        :param result_predicate: Which results to try again.
        :param exception_predicate: Which exceptions to try again.
        :return: The strategy.
        :raises ValueError: When a number is not positive.
        """
        from pyflinkpp.datastream.async_retry_strategies import (
            ExponentialBackoffDelayRetryStrategy,
        )

        return ExponentialBackoffDelayRetryStrategy(
            max_attempts,
            initial_delay,
            max_retry_delay,
            multiplier,
            result_predicate,
            exception_predicate,
        )


class AsyncFunctionDescriptor:
    """An asynchronous function with its settings.

    :param async_function: The function.
    :param timeout: How long it may take.
    :param capacity: How many elements may be in hand.
    :param async_retry_strategy: Whether and when to try again.
    :param output_mode: Whether results keep the order of the elements.
    """

    class OutputMode(Enum):
        """Whether results keep the order of the elements."""

        ORDERED = 0
        UNORDERED = 1

    def __init__(
        self,
        async_function: AsyncFunction[Any, Any],
        timeout: Any,
        capacity: int,
        async_retry_strategy: AsyncRetryStrategy[Any],
        output_mode: AsyncFunctionDescriptor.OutputMode,
    ) -> None:
        self.async_function = async_function
        self.timeout = timeout
        self.capacity = capacity
        self.async_retry_strategy = async_retry_strategy
        self.output_mode = output_mode
