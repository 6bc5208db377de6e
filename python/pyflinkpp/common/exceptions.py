"""What a job that did not finish raises."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pyflinkpp.common.job_execution_result import JobExecutionResult

__all__ = ["JobCancellationException", "JobExecutionException"]


class JobExecutionException(RuntimeError):
    """The job has failed.

    The message shows the traceback of the user's function where one raised, the operator's name,
    the subtask and the failing element.
    """

    operator_name: str | None = None
    """The operator that failed, if known."""

    subtask: int | None = None
    """The index of the subtask that failed, counted from 0, if known."""

    cause: BaseException | None = None
    """The exception that the user's function raised, if known and still available."""

    job_execution_result: JobExecutionResult | None = None
    """What the job had counted until it ended: accumulators, metrics, the summary; None when it
    can't be read."""


class JobCancellationException(JobExecutionException):
    """The job was cancelled before it had finished."""
