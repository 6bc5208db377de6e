"""What a job that did not finish raises."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyflinkpp.common._failures import FailureContext

if TYPE_CHECKING:
    from pyflinkpp.common.job_execution_result import JobExecutionResult

__all__ = [
    "FailureContext",
    "JobCancellationException",
    "JobExecutionException",
    "NonRecoverableError",
]


class NonRecoverableError(Exception):
    """Raised by a function: a restart can't help, so the job ends at once.

    Any exception with a true attribute ``non_recoverable`` does the same.

    >>> raise NonRecoverableError("the schema of the input has changed")
    Traceback (most recent call last):
    pyflinkpp.common.exceptions.NonRecoverableError: the schema of the input has changed
    """

    non_recoverable = True
    """What the engine looks at."""


class JobExecutionException(RuntimeError):
    """The job has failed.

    The message shows the traceback of the user's function where one raised, the operator's name,
    the subtask, and the failing element with its key and time. In a job that is debugged
    (``env.debug()``) this exception's own traceback ends in the user's function.
    """

    operator_name: str | None = None
    """The operator that failed, if known."""

    subtask: int | None = None
    """The index of the subtask that failed, counted from 0, if known."""

    cause: BaseException | None = None
    """The exception that the user's function raised, if known and still available.

    It has a note and an attribute ``pyflinkpp_context`` that say the same as ``context``.
    """

    context: FailureContext | None = None
    """What the user's function was called with when it raised."""

    timestamp: int | None = None
    """When it came, milliseconds since the epoch; set in ``JobClient.get_exception_history()``."""

    job_execution_result: JobExecutionResult | None = None
    """What the job had counted until it ended: accumulators, metrics, the summary; None when it
    can't be read."""


class JobCancellationException(JobExecutionException):
    """The job was cancelled before it had finished."""
