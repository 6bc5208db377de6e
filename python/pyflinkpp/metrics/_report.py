"""How metrics travel from the subtasks to the program, and what becomes of them there."""

from __future__ import annotations

import pickle
from collections.abc import Callable, Iterable
from typing import Any

from pyflinkpp.metrics.metricbase import Counter, Distribution, Meter, Metric, MetricGroup

__all__ = ["REPORT", "merged", "report"]

REPORT = "\x01metrics"
"""The name under which reports travel among the accumulators."""

Reading = tuple[str, Any]  # the kind of a metric and its value
Report = tuple[str, int, dict[str, Reading]]  # operator, subtask, metrics by name


def report(operator: str, subtask: int, group: MetricGroup) -> bytes:
    """Reads the metrics of a function that was closed.

    :param operator: The name of the operator.
    :param subtask: Its subtask.
    :param group: The function's group of metrics.
    :return: A report.
    """
    readings = {name: _read(name, metric) for name, metric in group._metrics.items()}
    return pickle.dumps((operator, subtask, readings), protocol=5)


def merged(reports: Iterable[bytes]) -> dict[str, dict[str, Any]]:
    """Merges the reports of all functions and subtasks of a job.

    :param reports: The reports.
    :return: By operator, by name: the sum of counters and of meters, {"sum", "count", "min",
        "max"} of distributions, a list of the values of gauges in the order of subtasks.
    :raises TypeError: When a metric is of two kinds.
    """
    result: dict[str, dict[str, Any]] = {}
    kinds: dict[tuple[str, str], str] = {}
    opened: list[Report] = [pickle.loads(each) for each in reports]
    for operator, _, readings in sorted(opened, key=lambda each: each[:2]):
        metrics = result.setdefault(operator, {})
        for name, (kind, value) in readings.items():
            known = kinds.setdefault((operator, name), kind)
            if known != kind:
                raise TypeError(
                    f"metric {name!r} of {operator!r} is a {known} in one function and a {kind} "
                    "in another: give them different names"
                )
            metrics[name] = _MERGES[kind](metrics.get(name), value)
    return result


def _read(name: str, metric: Metric | Callable[[], Any]) -> Reading:
    if isinstance(metric, (Counter, Meter)):
        return type(metric).__name__.lower(), metric.get_count()
    if isinstance(metric, Distribution):
        values = metric._sum, metric._count, metric._min, metric._max
        return "distribution", dict(zip(("sum", "count", "min", "max"), values, strict=True))
    return "gauge", _ask(name, metric)


def _ask(name: str, gauge: Any) -> bytes:
    """Gives a pickle of a gauge's value: that of None, with a warning, when there is none."""
    import cloudpickle

    try:
        return bytes(cloudpickle.dumps(gauge(), protocol=5))
    except Exception as error:  # a metric does not fail a job
        from pyflinkpp._warnings import warn

        warn(f"gauge {name!r} can't be read: {type(error).__name__}: {error}")
        return pickle.dumps(None)


def _sum(known: int | None, value: int) -> int:
    return value if known is None else known + value


def _distribution(known: dict[str, Any] | None, value: dict[str, Any]) -> dict[str, Any]:
    if known is None or not known["count"]:
        return value
    if not value["count"]:
        return known
    return {
        "sum": known["sum"] + value["sum"],
        "count": known["count"] + value["count"],
        "min": min(known["min"], value["min"]),
        "max": max(known["max"], value["max"]),
    }


def _list(known: list[Any] | None, value: bytes) -> list[Any]:
    return [*(known or ()), pickle.loads(value)]


_MERGES: dict[str, Callable[[Any, Any], Any]] = {
    "counter": _sum,
    "meter": _sum,
    "distribution": _distribution,
    "gauge": _list,
}
