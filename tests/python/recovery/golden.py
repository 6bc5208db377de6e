"""Savepoints of earlier versions, which every later version restores: one for each kind of state.

``python -m recovery.golden`` (in tests/python) writes those of this version into
``recovery/golden/VERSION/KIND``: the savepoint, and ``results.txt`` with what the job gives after it.
Those of a version that was released are never written again.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

from pyflinkpp.datastream import DataStream
from pyflinkpp.version import __version__
from recovery.kit import environment, events, results_of, stopped
from recovery.programs import PROGRAMS

GOLDEN = Path(__file__).parent / "golden"
FIRST, SECOND = events(0, 19), events(20, 40)


def program_of(kind: str) -> Any:
    """The program of a kind of state; its last operator has the uid that the savepoint knows."""

    def program(stream: DataStream) -> DataStream:
        return PROGRAMS[kind](stream).uid("golden")

    return program


def write(directory: Path, kind: str) -> None:
    """Writes the savepoint of one kind of state."""
    program = program_of(kind)
    expected, _ = results_of(environment(1), program, [FIRST, SECOND])
    with tempfile.TemporaryDirectory() as temporary:
        before, path = stopped(environment(1, "hashmap", 0), program, FIRST, Path(temporary))
        target = directory / kind.replace(" ", "_")
        shutil.rmtree(target, ignore_errors=True)
        shutil.copytree(path, target)
    results = expected[len(before) :]
    (target / "results.txt").write_text("".join(f"{result!r}\n" for result in results), "utf-8")


if __name__ == "__main__":
    for name in sys.argv[1:] or PROGRAMS:
        write(GOLDEN / __version__, name)
