"""A source of numbers."""

from __future__ import annotations

from typing import Any

from pyflinkpp.common._checks import integer
from pyflinkpp.common.constants import MAX_LONG_VALUE, MIN_LONG_VALUE
from pyflinkpp.common.typeinfo import TypeInformation, Types
from pyflinkpp.datastream.connectors.base import Source

__all__ = ["NumberSequenceSource"]


class NumberSequenceSource(Source):
    """Gives each number of a range once, shared out over the parallel readers.

    >>> NumberSequenceSource(1, 10)  # doctest: +SKIP

    :param start: The first number.
    :param end: The last number, which is given too.
    :raises ValueError: When end is less than start, or one of them does not fit in 64 bits.
    """

    def __init__(self, start: int, end: int) -> None:
        for name, value in (("start", start), ("end", end)):
            if not MIN_LONG_VALUE <= integer(value, name) <= MAX_LONG_VALUE:
                raise ValueError(f"{name} does not fit in 64 bits: {value}")
        if end < start:
            raise ValueError(f"end must not be less than start: {start} to {end}")
        self._start = start
        self._end = end

    def _spec(self) -> dict[str, Any]:
        return {"kind": "number_sequence_source", "start": self._start, "end": self._end}

    def _produced_type(self) -> TypeInformation:
        return Types.LONG()
