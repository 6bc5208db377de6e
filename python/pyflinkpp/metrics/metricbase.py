"""Metrics and the groups that functions register them in."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from pyflinkpp.common._checks import integer

__all__ = ["Counter", "Distribution", "Meter", "Metric", "MetricGroup"]

M = TypeVar("M", bound="Metric")


class Metric:
    """Something that a function counts or measures."""

    __slots__ = ()


class Counter(Metric):
    """A number that goes up and down."""

    __slots__ = ("_count",)

    def __init__(self) -> None:
        self._count = 0

    def inc(self, n: int = 1) -> None:
        """Counts up.

        :param n: By how much.
        """
        self._count += n

    def dec(self, n: int = 1) -> None:
        """Counts down.

        :param n: By how much.
        """
        self._count -= n

    def get_count(self) -> int:
        """Gives the number so far, in this subtask.

        :return: The number.
        """
        return self._count

    def __repr__(self) -> str:
        return f"Counter({self._count})"


class Meter(Metric):
    """A number of events."""

    __slots__ = ("_count",)

    def __init__(self) -> None:
        self._count = 0

    def mark_event(self, value: int = 1) -> None:
        """Counts events.

        :param value: How many.
        """
        self._count += value

    def get_count(self) -> int:
        """Gives the number of events so far, in this subtask.

        :return: The number.
        """
        return self._count

    def __repr__(self) -> str:
        return f"Meter({self._count})"


class Distribution(Metric):
    """Number, sum, least and greatest of values."""

    __slots__ = ("_count", "_max", "_min", "_sum")

    def __init__(self) -> None:
        self._count = 0
        self._sum: Any = 0
        self._min: Any = None
        self._max: Any = None

    def update(self, value: float) -> None:
        """Takes a value.

        :param value: The value.
        """
        if not self._count:
            self._min = self._max = value
        elif value < self._min:
            self._min = value
        elif value > self._max:
            self._max = value
        self._count += 1
        self._sum += value

    def __repr__(self) -> str:
        return (
            f"Distribution(sum={self._sum}, count={self._count}, min={self._min}, max={self._max})"
        )


class MetricGroup:
    """A named place for metrics and further groups; a function has it of its RuntimeContext.

    >>> class Parse(MapFunction):
    ...     def open(self, runtime_context):
    ...         self.broken = runtime_context.get_metrics_group().counter("broken")
    >>> env.execute().get_metrics()["Parse"]["broken"]  # doctest: +SKIP
    3

    :param scope: What the names of all metrics begin with: the operator and the subtask.
    :param variables: What is known of the place, by name.
    """

    __slots__ = ("_groups", "_metrics", "_scope", "_variables")

    def __init__(
        self, scope: tuple[str, ...] = (), variables: Mapping[str, str] | None = None
    ) -> None:
        self._scope = scope
        self._variables = dict(variables or {})
        self._groups: tuple[str, ...] = ()
        self._metrics: dict[str, Metric | Callable[[], Any]] = {}  # of all groups of a function

    def add_group(self, name: str, extra: str | None = None) -> MetricGroup:
        """Gives a group inside this one; the same name gives the same metrics.

        With two names it is a pair: a group of the first name, in it one of the second, and
        a variable of that name and value.

        :param name: The group's name, or the pair's key.
        :param extra: The pair's value.
        :return: The group.
        """
        names = (name,) if extra is None else (name, extra)
        group = MetricGroup(self._scope, self._variables)
        group._groups = self._groups + tuple(map(_name, names))
        group._metrics = self._metrics
        if extra is not None:
            group._variables[f"<{name}>"] = extra
        return group

    def counter(self, name: str) -> Counter:
        """Gives a counter; the finished job gives the sum over all subtasks.

        :param name: Its name; the same name gives the same counter.
        :return: The counter.
        :raises TypeError: When the name belongs to a metric of another kind.
        """
        return self._metric(name, Counter)

    def gauge(self, name: str, obj: Callable[[], Any]) -> None:
        """Registers what tells a value; the finished job gives a list of the subtasks' values.

        It is called once, when the function has been closed.

        :param name: Its name; the last one of a name counts.
        :param obj: Gives the value.
        :raises TypeError: When obj can't be called, or the name belongs to another kind of metric.
        """
        if not callable(obj):
            raise TypeError(f"gauge {name!r} takes what gives its value, not {obj!r}")
        key = self._key(name)
        known = self._metrics.get(key)
        if isinstance(known, Metric):
            raise TypeError(f"metric {key!r} is a {type(known).__name__}, not a gauge")
        self._metrics[key] = obj

    def meter(self, name: str, time_span_in_seconds: int = 60) -> Meter:
        """Gives a meter; the finished job gives the number of events of all subtasks.

        :param name: Its name; the same name gives the same meter.
        :param time_span_in_seconds: Has no effect: rates are not measured.
        :return: The meter.
        :raises TypeError: When the name belongs to a metric of another kind.
        :raises ValueError: When the time is not positive.
        """
        if integer(time_span_in_seconds, "time_span_in_seconds") <= 0:
            raise ValueError(f"time_span_in_seconds must be positive, not {time_span_in_seconds}")
        return self._metric(name, Meter)

    def distribution(self, name: str) -> Distribution:
        """Gives a distribution; the finished job gives that of the values of all subtasks.

        :param name: Its name; the same name gives the same distribution.
        :return: The distribution.
        :raises TypeError: When the name belongs to a metric of another kind.
        """
        return self._metric(name, Distribution)

    def get_scope_components(self) -> list[str]:
        """Gives the names that lead to this group: the operator, the subtask, then the groups.

        :return: The names.
        """
        return [*self._scope, *self._groups]

    def get_all_variables(self) -> dict[str, str]:
        """Gives what is known of the place of this group.

        :return: A new dict: "<task_name>", "<operator_name>", "<subtask_index>",
            "<task_attempt_num>", and the pairs of :meth:`add_group`.
        """
        return dict(self._variables)

    def get_metric_identifier(self, metric_name: str) -> str:
        """Gives the full name of a metric of this group.

        :param metric_name: The metric's name.
        :return: The scope and the name, with dots between them.
        """
        return ".".join((*self.get_scope_components(), metric_name))

    def _metric(self, name: str, kind: type[M]) -> M:
        key = self._key(name)
        metric = self._metrics.get(key)
        if metric is None:
            metric = self._metrics[key] = kind()
        if not isinstance(metric, kind):
            known = type(metric).__name__ if isinstance(metric, Metric) else "gauge"
            raise TypeError(f"metric {key!r} is a {known}, not a {kind.__name__}")
        return metric

    def _key(self, name: str) -> str:
        return ".".join((*self._groups, _name(name)))


def _name(name: object) -> str:
    if not isinstance(name, str):
        raise TypeError(f"the name of a metric or a group must be a str, not {name!r}")
    if not name:
        raise ValueError("the name of a metric or a group must not be empty")
    return name
