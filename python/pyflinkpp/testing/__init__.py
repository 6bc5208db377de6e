"""Tests of streaming programs without a cluster: a virtual clock, elements pushed by hand."""

from pyflinkpp.common.exceptions import FailureContext
from pyflinkpp.testing._harness import Harness

__all__ = ["FailureContext", "Harness"]
