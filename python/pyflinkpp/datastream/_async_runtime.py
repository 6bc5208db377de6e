"""Runs asynchronous functions on an event loop beside the task."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from typing import Any

from pyflinkpp.datastream._function_async import AsyncFunction, AsyncRetryStrategy

__all__ = ["AsyncRunner"]

Completed = Callable[[int, "list[Any] | None", "BaseException | None"], None]


class AsyncRunner:
    """An event loop on a thread of its own, which the task never waits for.

    :param function: The function; opened.
    :param timeout_ms: How long a call may take with all its retries; 0 for any time.
    :param strategy: Whether and when to try again; None for never.
    :param completed: Takes the number of a call and its results or its exception; on the loop's
        thread.
    """

    def __init__(
        self,
        function: AsyncFunction[Any, Any],
        timeout_ms: int,
        strategy: AsyncRetryStrategy[Any] | None,
        completed: Completed,
    ) -> None:
        self._function = function
        self._timeout = timeout_ms / 1000 if timeout_ms > 0 else None
        self._strategy = strategy
        self._completed = completed
        self._loop = asyncio.new_event_loop()
        self._calls: set[asyncio.Task[None]] = set()
        self._thread = threading.Thread(target=self._run, name="pyflinkpp async", daemon=True)
        self._thread.start()

    def submit(self, calls: list[tuple[int, Any]]) -> None:
        """Starts calls.

        :param calls: The number and the element of each.
        """
        self._loop.call_soon_threadsafe(self._start, calls)

    def close(self) -> None:
        """Cancels what is under way and ends the thread."""
        self._loop.call_soon_threadsafe(self._stop)
        self._thread.join()

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        try:
            self._loop.run_forever()
            self._loop.run_until_complete(self._cancelled())
        finally:
            self._loop.close()

    def _stop(self) -> None:
        self._loop.stop()

    async def _cancelled(self) -> None:
        for call in self._calls:
            call.cancel()
        await asyncio.gather(*self._calls, return_exceptions=True)
        await self._loop.shutdown_asyncgens()

    def _start(self, calls: list[tuple[int, Any]]) -> None:
        for number, value in calls:
            call = self._loop.create_task(self._call(number, value))
            self._calls.add(call)
            call.add_done_callback(self._calls.discard)

    async def _call(self, number: int, value: Any) -> None:
        try:
            results = await asyncio.wait_for(self._attempts(value), self._timeout)
        except TimeoutError:
            self._ended(number, lambda: self._function.timeout(value))
        except Exception as error:
            self._completed(number, None, error)
        else:
            self._ended(number, lambda: results)

    def _ended(self, number: int, results: Callable[[], Any]) -> None:
        try:
            given = results()
            self._completed(number, [] if given is None else list(given), None)
        except Exception as error:
            self._completed(number, None, error)

    async def _attempts(self, value: Any) -> Any:
        attempts = 1
        while True:
            try:
                results = await self._function.async_invoke(value)
            except Exception as error:
                if not self._again(attempts, error=error):
                    raise
            else:
                if not self._again(attempts, results=results):
                    return results
            assert self._strategy is not None
            await asyncio.sleep(self._strategy.get_backoff_time_millis(attempts) / 1000)
            attempts += 1

    def _again(self, attempts: int, results: Any = None, error: Exception | None = None) -> bool:
        if self._strategy is None or not self._strategy.can_retry(attempts):
            return False
        predicate = self._strategy.get_retry_predicate()
        if error is not None:
            of_error = predicate.exception_predicate()
            return of_error is not None and bool(of_error(error))
        of_results = predicate.result_predicate()
        return of_results is not None and bool(of_results(results))
