"""What a job tells when it has ended."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from pyflinkpp.common.exceptions import JobExecutionException
from pyflinkpp.common.job_id import JobID
from pyflinkpp.metrics._report import REPORT, merged

__all__ = ["JobExecutionResult", "result_of"]

_ENDINGS = {"FINISHED": "has finished", "FAILED": "has failed", "CANCELED": "was cancelled"}
_COUNTS = ("parallelism", "records_in", "records_out", "late_dropped", "state_accesses")


class JobExecutionResult:
    """What a finished job tells: its id, run time, accumulators, metrics, what its operators
    counted, and what held event time.

    :param job_id: The job's id.
    :param result: What the engine tells: "runtime_ms", "operators", "accumulators" and
        "watermark_holds".
    :param state: How the job has ended: "FINISHED", "FAILED" or "CANCELED".
    """

    __slots__ = (
        "_accumulators",
        "_holds",
        "_job_id",
        "_operators",
        "_reports",
        "_runtime_ms",
        "_state",
    )

    def __init__(self, job_id: JobID, result: dict[str, Any], state: str = "FINISHED") -> None:
        self._state = state
        self._holds: dict[str, dict[str, Any]] = result.get("watermark_holds", {})
        self._job_id = job_id
        self._runtime_ms: int = result["runtime_ms"]
        self._operators: list[dict[str, Any]] = result["operators"]
        pickles: dict[str, list[bytes]] = dict(result["accumulators"])
        self._reports = pickles.pop(REPORT, [])
        self._accumulators = {name: _merged(name, of_name) for name, of_name in pickles.items()}

    def get_job_id(self) -> JobID:
        """Gives the job's id.

        :return: The id.
        """
        return self._job_id

    def is_job_execution_result(self) -> bool:
        """Tells whether the job has run to its end, which is so for each object of this class.

        :return: True.
        """
        return True

    def get_net_runtime(self) -> int:
        """Gives the time from the start of the tasks to the end of the last one.

        :return: Milliseconds of wall time.
        """
        return self._runtime_ms

    def get_accumulator_result(self, accumulator_name: str) -> Any:
        """Gives the value of an accumulator over all subtasks.

        :param accumulator_name: The name it was added under.
        :return: Its value, or None when there is none of that name.
        """
        return self._accumulators.get(accumulator_name)

    def get_all_accumulator_results(self) -> dict[str, Any]:
        """Gives the values of all accumulators over all subtasks.

        :return: A new dict by name.
        """
        return dict(self._accumulators)

    def get_metrics(self) -> dict[str, dict[str, Any]]:
        """Gives the metrics that functions have registered, over all subtasks.

        >>> result.get_metrics()["Map"]["broken"]  # doctest: +SKIP
        3

        :return: A dict by the name of the operator (those of equal name together), by the name of
            the metric, with the names of its groups and dots before it. A counter and a meter give
            their sum, a distribution {"sum", "count", "min", "max"}, a gauge the list of its
            values in the order of subtasks.
        :raises TypeError: When a metric is of two kinds.
        """
        return merged(self._reports)

    def get_summary(self) -> dict[str, dict[str, int]]:
        """Tells what each operator counted.

        >>> result.get_summary()["Map"]["records_out"]  # doctest: +SKIP
        3

        :return: A dict by operator name, in the order of the program; later operators of equal
            name get " (2)", " (3)", … Each value holds "records_in", "records_out", "late_dropped"
            (elements that came too late), "state_accesses" (values of keyed state that were looked
            up) and "parallelism".
        """
        summary: dict[str, dict[str, int]] = {}
        for operator in self._operators:
            name, number = operator["name"], 2
            while name in summary:
                name, number = f"{operator['name']} ({number})", number + 1
            summary[name] = {count: operator[count] for count in _COUNTS}
        return summary

    def get_watermark_holds(self) -> dict[str, dict[str, Any]]:
        """Tells what held event time: of each task the longest time that its watermark stood still.

        >>> result.get_watermark_holds()["Window (2/4)"]["split"]  # doctest: +SKIP
        '/data/a.txt, bytes 0 to 999'

        :return: A dict by task, empty for a job without watermarks and in batch mode. Each value
            holds "watermark" (where it stood, milliseconds since the epoch; the least 64-bit
            integer: before the first one), "held_ms" (for how long), "since_ms" (from when,
            milliseconds of the wall clock), "held_by" (the task that sent no more, "" for a task
            with a source), "source" and "split" (the source task behind that and the split that it
            waited for; "" when that is not known).
        """
        return {task: dict(hold) for task, hold in self._holds.items()}

    def __str__(self) -> str:
        header = ("operator", *(count.replace("_", " ") for count in _COUNTS))
        rows = [header] + [
            (name, *(f"{counts[count]:,}" for count in _COUNTS))
            for name, counts in self.get_summary().items()
        ]
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        lines = [
            f"Job {self._job_id} {_ENDINGS[self._state]} after {self._runtime_ms / 1000:.3f} s."
        ]
        for name, *counts in rows:
            numbers = (f"{count:>{width}}" for count, width in zip(counts, widths[1:], strict=True))
            lines.append(f"  {name:<{widths[0]}}  {'  '.join(numbers)}")
        lines += map(_hold_line, _longest_holds(self._holds))
        lines += [f"  accumulator {name}: {value}" for name, value in self._accumulators.items()]
        lines += [
            f"  metric {operator}.{name}: {value}"
            for operator, metrics in self.get_metrics().items()
            for name, value in metrics.items()
        ]
        return "\n".join(lines)


def result_of(job: Any) -> JobExecutionResult:
    """Gives the result of a job that has ended.

    :param job: The engine's job.
    :return: The result.
    :raises JobExecutionException: When it has failed or was cancelled; it carries what the job had
        counted until then.
    """
    job_id = JobID(job.job_id)
    try:
        return JobExecutionResult(job_id, job.result())
    except JobExecutionException as error:
        try:
            error.job_execution_result = JobExecutionResult(job_id, job.counts(), job.status())
        except Exception:  # an accumulator that can't be merged does not hide why the job failed
            error.job_execution_result = None
        raise


def _longest_holds(holds: dict[str, dict[str, Any]]) -> list[tuple[str, dict[str, Any]]]:
    """One subtask for each task: that whose watermark stood still longest."""
    longest: dict[str, tuple[str, dict[str, Any]]] = {}
    for task, hold in holds.items():
        name = task.rpartition(" (")[0]
        if name not in longest or hold["held_ms"] > longest[name][1]["held_ms"]:
            longest[name] = task, hold
    return list(longest.values())


def _hold_line(held: tuple[str, dict[str, Any]]) -> str:
    task, hold = held
    since = datetime.fromtimestamp(hold["since_ms"] / 1000, UTC)
    names = [name for name in (hold["source"] or hold["held_by"], hold["split"]) if name]
    if names[0] == task:  # a source's own split
        del names[0]
    return (
        f"  event time of {task} was held for {hold['held_ms'] / 1000:.3f} s "
        f"from {since:%H:%M:%S}.{since.microsecond // 1000:03} UTC by {', '.join(names)}"
    )


def _merged(name: str, pickles: list[bytes]) -> Any:
    import pickle

    first, *others = map(pickle.loads, pickles)
    for other in others:
        if type(other) is not type(first):
            raise TypeError(
                f"accumulator {name!r} is a {type(first).__name__} in one subtask "
                f"and a {type(other).__name__} in another: give them different names"
            )
        first.merge(other)
    return first.get_local_value()
