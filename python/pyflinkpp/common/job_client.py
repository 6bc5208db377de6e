"""A running job, as the program that started it sees it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pyflinkpp.common.completable_future import CompletableFuture
from pyflinkpp.common.job_id import JobID

if TYPE_CHECKING:
    from pyflinkpp.common.exceptions import JobExecutionException
    from pyflinkpp.common.job_execution_result import JobExecutionResult
    from pyflinkpp.common.job_status import JobStatus

__all__ = ["JobClient"]


class JobClient:
    """A running job: tells its state, stops it, waits for its end.

    :param job: The engine's job.
    """

    __slots__ = ("_job",)

    def __init__(self, job: Any) -> None:
        self._job = job

    def get_job_id(self) -> JobID:
        """Gives the job's id.

        :return: The id.
        """
        return JobID(self._job.job_id)

    def get_job_status(self) -> CompletableFuture[JobStatus]:
        """Asks what the job is doing.

        :return: A future of its state.
        """
        from pyflinkpp.common.job_status import JobStatus

        return CompletableFuture.completed(JobStatus[self._job.status()])

    def cancel(self) -> CompletableFuture[None]:
        """Asks the job to stop; has no effect on one that has ended.

        :return: A future that is done when the job has ended and its functions are closed.
        """
        self._job.cancel()
        return CompletableFuture(self._job.wait, lambda: None)

    def get_watermarks(self) -> dict[str, dict[str, Any]]:
        """Tells how far each task's event time is and what holds it.

        A task's watermark is that of its input that is behind the others, so what holds a job is
        found by following ``held_by`` from task to task, down to the split of a source. The answer
        is up to 100 ms old.

        :return: By task, as "Window (2/4)": "watermark" (milliseconds since the epoch, the least
            64-bit integer before the first one), "idle" (True when all its inputs are),
            "held_by" (the task whose watermark is behind the others', "" for a task with a source),
            "source" and "split" (the task with a source at the end of that way and the split of it
            that is behind the others, as "/data/a.txt, bytes 0 to 999"; "" when all are idle or
            none is read) and "since_ms" (the wall clock's time since when the watermark has stood
            there because of that).
        """
        watermarks: dict[str, dict[str, Any]] = self._job.watermarks()
        return watermarks

    def get_job_execution_result(self) -> CompletableFuture[JobExecutionResult]:
        """Waits for the job.

        :return: A future of its result; asking for it raises JobExecutionException when the job
            has failed, JobCancellationException when it was cancelled. Both carry what the job had
            counted until then.
        """
        return CompletableFuture(self._job.wait, self._result, self._job.cancel)

    def get_accumulators(self) -> CompletableFuture[dict[str, Any]]:
        """Asks for the accumulators of the job, which are known when it has ended.

        :return: A future of their values by name; of a job that has failed or was cancelled, what
            its functions had added until then.
        """

        def values() -> dict[str, Any]:
            from pyflinkpp.common.job_execution_result import JobExecutionResult

            job = self._job
            result = JobExecutionResult(self.get_job_id(), job.counts(), job.status())
            return result.get_all_accumulator_results()

        return CompletableFuture(self._job.wait, values)

    def trigger_savepoint(self, savepoint_directory: str | None = None) -> CompletableFuture[str]:
        """Writes the job's state to a directory while it runs; later jobs can start from it.

        >>> path = client.trigger_savepoint("/savepoints").result()  # doctest: +SKIP
        >>> config.set_string("execution.state-recovery.path", path)  # doctest: +SKIP

        :param savepoint_directory: The directory in which the savepoint makes its own; None for
            the environment's default.
        :return: A future of the savepoint's path. Asking for it raises ValueError when there is no
            directory or the job does not run any more, RuntimeError when it could not be written.
        """
        return self._savepoint(savepoint_directory, "go on")

    def stop_with_savepoint(
        self, advance_to_end_of_event_time: bool, savepoint_directory: str | None = None
    ) -> CompletableFuture[str]:
        """Writes the job's state to a directory and stops it: what it has emitted is what the
        savepoint stands for.

        :param advance_to_end_of_event_time: True for good: all timers and windows fire before the
            savepoint. False to go on from it later.
        :param savepoint_directory: The directory in which the savepoint makes its own; None for
            the environment's default.
        :return: A future of the savepoint's path, which is done when the job has finished. Asking
            for it raises ValueError when there is no directory or the job does not run any more,
            RuntimeError when it could not be written.
        """
        then = "drain" if advance_to_end_of_event_time else "suspend"
        return self._savepoint(savepoint_directory, then)

    @staticmethod
    def dispose_savepoint(savepoint_path: str) -> None:
        """Deletes a savepoint or a retained checkpoint.

        Only ``_metadata`` and the files of state that it lists are deleted, and the directory when
        nothing else is in it.

        :param savepoint_path: Its directory, or the ``_metadata`` in it.
        :raises ValueError: When there is none.
        :raises RuntimeError: When it is damaged or can't be deleted.
        """
        from pyflinkpp._engine import native
        from pyflinkpp.datastream.connectors._files import local_path

        native().dispose_savepoint(local_path(savepoint_path))

    def get_checkpoints(self) -> list[dict[str, Any]]:
        """Tells of the checkpoints and savepoints that have ended: the last 100.

        :return: In the order in which they ended, each with "id", "state" ("COMPLETED" or
            "FAILED"), "savepoint" (True for savepoints), "triggered_ms" (milliseconds since the
            epoch), "duration_ms" (from there to its end), "bytes" (of state, written for it),
            "in_flight_bytes" (the part of them that is elements which barriers have overtaken),
            "full_bytes" (with the files of earlier checkpoints that an incremental one refers to),
            "unaligned" (whether a barrier has overtaken any), "path" (its directory; "" when it is
            in memory), "failure" (why it failed) and "subtasks": for each that took part "task"
            (as "Window (2/4)"), "sync_ms" (for how long the task itself was held up, at most, in
            one piece), "async_ms" (from there until all was durable), "alignment_ms" (from the
            first barrier to the last, or until it waited no longer), "bytes", "in_flight_bytes",
            "full_bytes" and "unaligned".
        """
        checkpoints: list[dict[str, Any]] = self._job.checkpoints()
        return checkpoints

    def get_exception_history(self) -> list[JobExecutionException]:
        """Gives the root causes of the job's failures, also of those that it has survived.

        >>> for failure in client.get_exception_history():  # doctest: +SKIP
        ...     print(failure.operator_name, failure)

        :return: The last 16, the first one first; each with the traceback of the function in its
            message and with its ``timestamp``.
        """
        history = []
        for error, at_ms in self._job.failures():
            error.timestamp = at_ms
            history.append(error)
        return history

    def _savepoint(self, directory: str | None, then: str) -> CompletableFuture[str]:
        from pyflinkpp.datastream.connectors._files import local_path

        path = "" if directory is None else local_path(directory)
        savepoint = _Savepoint(self._job, self._job.trigger_savepoint(path, then), then != "go on")
        return CompletableFuture(savepoint.wait, savepoint.path)

    def _result(self) -> JobExecutionResult:
        from pyflinkpp.common.job_execution_result import result_of

        return result_of(self._job)


class _Savepoint:
    """A savepoint that is under way.

    :param job: The engine's job.
    :param number: The number that the engine gave it.
    :param stops: Whether the job ends with it.
    """

    __slots__ = ("_error", "_job", "_number", "_path", "_stops")

    def __init__(self, job: Any, number: int, stops: bool) -> None:
        self._job = job
        self._number = number
        self._stops = stops
        self._path: str | None = None
        self._error: Exception | None = None

    def wait(self, timeout_ms: int) -> bool:
        """Waits until it is there, or has failed; when the job stops with it, until that has."""
        if self._path is None and self._error is None:
            try:
                self._path = self._job.wait_for_savepoint(self._number, timeout_ms)
            except (RuntimeError, ValueError) as error:
                self._error = error
        if self._path is None or not self._stops:
            return self._path is not None or self._error is not None
        ended: bool = self._job.wait(timeout_ms)
        return ended

    def path(self) -> str:
        """Gives its path, or raises why there is none."""
        if self._error is not None:
            raise self._error
        assert self._path is not None
        return self._path
