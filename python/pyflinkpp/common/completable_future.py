"""Results that come later."""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, TypeVar

__all__ = ["CompletableFuture"]

T = TypeVar("T")


class CompletableFuture(Generic[T]):
    """A result that comes later.

    :param wait: Waits so many milliseconds at most and tells whether the result is there.
    :param get: Gives the result, or raises what went wrong; called once it is there.
    :param cancel: Stops what makes the result, if that is possible.
    """

    __slots__ = ("_cancel", "_cancelled", "_get", "_wait")

    def __init__(
        self,
        wait: Callable[[int], bool],
        get: Callable[[], T],
        cancel: Callable[[], None] | None = None,
    ) -> None:
        self._wait = wait
        self._get = get
        self._cancel = cancel
        self._cancelled = False

    @staticmethod
    def completed(value: T) -> CompletableFuture[T]:
        """Makes a future that is done.

        :param value: Its result.
        :return: The future.
        """
        return CompletableFuture(lambda timeout_ms: True, lambda: value)

    def cancel(self) -> bool:
        """Stops what makes the result.

        :return: True when the result will not come, False when it is there or can't be stopped.
        """
        if self._cancel is None or self.done():
            return self._cancelled
        self._cancel()
        self._cancelled = True
        return True

    def cancelled(self) -> bool:
        """Tells whether :meth:`cancel` stopped it.

        :return: True if it did.
        """
        return self._cancelled

    def done(self) -> bool:
        """Tells whether the result is there, be it an error.

        :return: True if so.
        """
        return self._wait(0)

    def result(self) -> T:
        """Waits for the result.

        :return: The result.
        :raises Exception: What went wrong, if something did.
        """
        while not self._wait(100):
            pass
        return self._get()

    def exception(self) -> Exception | None:
        """Waits for the end and tells what went wrong.

        :return: The exception, or None when there is a result.
        """
        try:
            self.result()
        except Exception as error:
            return error
        return None

    def __str__(self) -> str:
        return f"CompletableFuture[{'completed' if self.done() else 'not completed'}]"
