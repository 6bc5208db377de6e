"""The results of a job, as they come."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain
from typing import Any

from pyflinkpp._engine import cancel_and_wait

__all__ = ["CloseableIterator"]


class _Results:
    """Fetches a job's results; cancels the job when it is dropped before the end."""

    __slots__ = ("__weakref__", "_done", "_job")

    def __init__(self, job: Any) -> None:
        self._job = job
        self._done = False

    def batches(self) -> Iterator[list[Any]]:
        """Gives the results in batches; raises when the job has failed."""
        try:
            while not self._done:
                batch = self._job.next_results(100)
                if batch is None:
                    from pyflinkpp.common.job_execution_result import result_of

                    while not self._job.wait(100):
                        pass
                    self._done = True
                    result_of(self._job)
                elif batch:
                    yield batch
        except GeneratorExit:
            raise
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Cancels the job if it still runs and waits until it has closed its functions."""
        if not self._done:
            self._done = True
            cancel_and_wait(self._job)

    def __del__(self) -> None:
        if not self._done:
            self._job.cancel()


class CloseableIterator:
    """Iterates over the results of a running job; closing it stops the job.

    >>> with stream.execute_and_collect() as results:  # doctest: +SKIP
    ...     for result in results:
    ...         print(result)

    :param job: The engine's job, with a collecting sink.
    """

    def __init__(self, job: Any) -> None:
        self._results = _Results(job)
        self._elements = chain.from_iterable(self._results.batches())

    def __iter__(self) -> Iterator[Any]:
        return self._elements

    def __next__(self) -> Any:
        return next(self._elements)

    def next(self) -> Any:
        """Waits for the next result.

        :return: The result.
        :raises StopIteration: When the job has finished.
        :raises JobExecutionException: When the job has failed.
        """
        return next(self._elements)

    def close(self) -> None:
        """Stops the job if it still runs and returns when its functions are closed."""
        self._elements = chain(())
        self._results.close()

    def __enter__(self) -> CloseableIterator:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()
