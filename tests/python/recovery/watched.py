"""What functions of a job did in the process of the test, where they are imported and not copied."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pyflinkpp.datastream import MapFunction

OPENED: list[str] = []
SEEN: dict[str, list[int]] = {}


class Watched(MapFunction):
    """Remembers that it was opened and what it has seen; fails at 600, once.

    :param name: Under which it remembers.
    :param flag: The file that says that it has failed already; None: it does not fail.
    """

    def __init__(self, name: str, flag: Path | None = None) -> None:
        self._name, self._flag = name, flag

    def open(self, runtime_context: Any) -> None:
        OPENED.append(self._name)
        self._seen = SEEN.setdefault(self._name, [])

    def map(self, value: int) -> int:
        if value == 600 and self._flag is not None and not self._flag.exists():
            self._flag.touch()
            raise RuntimeError("once")
        self._seen.append(value)
        return value
