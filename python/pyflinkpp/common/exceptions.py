"""What a job that did not finish raises."""

from __future__ import annotations

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


class JobCancellationException(JobExecutionException):
    """The job was cancelled before it had finished."""
