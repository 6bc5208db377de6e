"""The end of a stream."""

from __future__ import annotations

from pyflinkpp.datastream._settings import OperatorSettings
from pyflinkpp.datastream._transformation import Transformation

__all__ = ["DataStreamSink"]


class DataStreamSink(OperatorSettings):
    """The operator at the end of a stream, which can be named and set."""

    def __init__(self, node: Transformation) -> None:
        self._node = node

    def _operator(self, setting: str) -> Transformation:
        return self._node
