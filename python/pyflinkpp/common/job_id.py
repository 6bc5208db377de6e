"""The identity of a job."""

from __future__ import annotations

__all__ = ["JobID"]


class JobID:
    """A job's id: 32 hexadecimal digits.

    :param job_id: The digits.
    """

    __slots__ = ("_digits",)

    def __init__(self, job_id: str) -> None:
        self._digits = str(job_id)

    def __str__(self) -> str:
        return self._digits

    def __repr__(self) -> str:
        return f"JobID({self._digits!r})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, JobID) and other._digits == self._digits

    def __hash__(self) -> int:
        return hash(self._digits)
