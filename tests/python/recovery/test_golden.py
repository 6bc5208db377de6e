"""This version restores the savepoints of all versions before it (golden.py), and its own."""

from __future__ import annotations

from pathlib import Path

import pytest
from pyflinkpp.version import __version__
from recovery.golden import GOLDEN, SECOND, program_of
from recovery.kit import environment, results_of
from recovery.programs import PROGRAMS

SAVEPOINTS = sorted(path.parent for path in GOLDEN.glob("*/*/_metadata"))


def test_there_is_one_of_each_kind_of_state() -> None:
    kept = {path.name for path in SAVEPOINTS if path.parent.name == __version__}
    assert kept == {name.replace(" ", "_") for name in PROGRAMS}


@pytest.mark.parametrize("backend", ["hashmap", "rocksdb"])
@pytest.mark.parametrize(
    "savepoint", SAVEPOINTS, ids=lambda path: f"{path.parent.name}-{path.name}"
)
def test_its_job_goes_on(savepoint: Path, backend: str) -> None:
    env = environment(1, backend, 0, execution__state_recovery__path=str(savepoint))
    results, _ = results_of(env, program_of(savepoint.name.replace("_", " ")), [SECOND])
    expected = (savepoint / "results.txt").read_text("utf-8")
    assert "".join(f"{result!r}\n" for result in results) == expected
    assert expected
