"""A running job, as the program that started it sees it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pyflinkpp._missing import not_yet
from pyflinkpp.common.completable_future import CompletableFuture
from pyflinkpp.common.job_id import JobID

if TYPE_CHECKING:
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
        """Would write the job's state to a directory.

        :param savepoint_directory: The directory.
        :raises NotImplementedError: Always, in this version.
        """
        raise not_yet("JobClient.trigger_savepoint()")

    def stop_with_savepoint(
        self, advance_to_end_of_event_time: bool, savepoint_directory: str | None = None
    ) -> CompletableFuture[str]:
        """Would write the job's state to a directory and stop it.

        :param advance_to_end_of_event_time: Whether event time goes to its end first.
        :param savepoint_directory: The directory.
        :raises NotImplementedError: Always, in this version.
        """
        raise not_yet("JobClient.stop_with_savepoint()", "use cancel()")

    def _result(self) -> JobExecutionResult:
        from pyflinkpp.common.job_execution_result import result_of

        return result_of(self._job)
