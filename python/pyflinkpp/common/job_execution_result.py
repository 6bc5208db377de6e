"""What a finished job tells."""

from __future__ import annotations

from typing import Any

from pyflinkpp.common.job_id import JobID
from pyflinkpp.metrics._report import REPORT, merged

__all__ = ["JobExecutionResult"]

_COUNTS = ("parallelism", "records_in", "records_out", "late_dropped", "state_accesses")


class JobExecutionResult:
    """What a finished job tells: its id, run time, accumulators, metrics, and what its operators
    counted.

    :param job_id: The job's id.
    :param result: What the engine tells: "runtime_ms", "operators" and "accumulators".
    """

    __slots__ = ("_accumulators", "_job_id", "_operators", "_reports", "_runtime_ms")

    def __init__(self, job_id: JobID, result: dict[str, Any]) -> None:
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

    def __str__(self) -> str:
        header = ("operator", *(count.replace("_", " ") for count in _COUNTS))
        rows = [header] + [
            (name, *(f"{counts[count]:,}" for count in _COUNTS))
            for name, counts in self.get_summary().items()
        ]
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        lines = [f"Job {self._job_id} has finished after {self._runtime_ms / 1000:.3f} s."]
        for name, *counts in rows:
            numbers = (f"{count:>{width}}" for count, width in zip(counts, widths[1:], strict=True))
            lines.append(f"  {name:<{widths[0]}}  {'  '.join(numbers)}")
        lines += [f"  accumulator {name}: {value}" for name, value in self._accumulators.items()]
        lines += [
            f"  metric {operator}.{name}: {value}"
            for operator, metrics in self.get_metrics().items()
            for name, value in metrics.items()
        ]
        return "\n".join(lines)


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
