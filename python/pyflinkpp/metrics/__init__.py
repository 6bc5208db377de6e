"""What functions count and measure; the finished job gives it merged over all subtasks."""

from __future__ import annotations

from pyflinkpp.metrics.metricbase import Counter, Distribution, Meter, Metric, MetricGroup

__all__ = ["Counter", "Distribution", "Meter", "Metric", "MetricGroup"]
