"""The states of a job."""

from enum import Enum

__all__ = ["JobStatus"]


class JobStatus(Enum):
    """What a job is doing.

    A job goes from CREATED to RUNNING and ends as FINISHED, FAILED (by way of FAILING) or CANCELED
    (by way of CANCELLING).
    """

    CREATED = 0
    RUNNING = 1
    FAILING = 2
    FAILED = 3
    CANCELLING = 4
    CANCELED = 5
    FINISHED = 6
    RESTARTING = 7
    SUSPENDED = 8
    RECONCILING = 9

    def is_globally_terminal_state(self) -> bool:
        """Tells whether the job has ended for good.

        :return: True for FAILED, CANCELED and FINISHED.
        """
        return self in (JobStatus.FAILED, JobStatus.CANCELED, JobStatus.FINISHED)

    def is_terminal_state(self) -> bool:
        """Tells whether the job has ended on its current JobManager; another one may take it over when it is SUSPENDED.

        :return: True for the globally terminal states and SUSPENDED.
        """
        return self is JobStatus.SUSPENDED or self.is_globally_terminal_state()
