"""After a failure, each element counts exactly once, in each kind of state."""

from __future__ import annotations

from pathlib import Path

import pytest
from pyflinkpp.common.job_status import JobStatus
from recovery.kit import FAILING, environment, events, results_of
from recovery.programs import PROGRAMS


@pytest.mark.parametrize("backend", ["hashmap", "rocksdb"])
@pytest.mark.parametrize("parallelism", [1, 2], ids=["p1", "p2"])
@pytest.mark.parametrize("name", PROGRAMS)
def test_each_element_counts_exactly_once(
    name: str, parallelism: int, backend: str, tmp_path: Path
) -> None:
    program = PROGRAMS[name]
    expected, _ = results_of(environment(parallelism, backend), program, FAILING)
    got, client = results_of(environment(parallelism, backend), program, FAILING, tmp_path / "flag")
    assert expected
    assert sorted(got) == sorted(expected)
    assert client.get_job_status().result() is JobStatus.FINISHED
    (failure,) = client.get_exception_history()
    assert failure.operator_name == "Pill" and "the pill has worked" in str(failure)


def test_checkpoints_on_disk_are_read_again(tmp_path: Path) -> None:
    directory = tmp_path / "checkpoints"
    env = environment(2, "rocksdb", execution__checkpointing__dir=str(directory))
    expected, _ = results_of(environment(2), PROGRAMS["value"], FAILING)
    got, client = results_of(env, PROGRAMS["value"], FAILING, tmp_path / "flag")
    assert sorted(got) == sorted(expected)
    completed = [c for c in client.get_checkpoints() if c["state"] == "COMPLETED"]
    assert all(c["path"].startswith(str(directory)) for c in completed)
    assert not list(directory.rglob("_metadata")), "the checkpoints of a finished job go"


def test_without_the_failure_nothing_is_restored(tmp_path: Path) -> None:
    elements = events(0, 9)
    got, client = results_of(environment(), lambda s: s, [elements])
    assert got == elements
    assert client.get_exception_history() == []
