"""A checkpoint that is not what was written is noticed, and the one before it is used."""

from __future__ import annotations

from pathlib import Path

import pytest
from pyflinkpp.common import JobExecutionException
from pyflinkpp.datastream import MapFunction
from recovery.kit import EVENT, POISON, Event, Run, environment, events, results_of
from recovery.programs import PROGRAMS

PROGRAM = PROGRAMS["value"]


def spoil(file: Path) -> None:
    """Changes a byte in the middle."""
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 0x55
    file.write_bytes(content)


def latest(directory: Path) -> Path:
    """The directory of the latest checkpoint."""
    return max(
        (path.parent for path in directory.rglob("_metadata")),
        key=lambda path: int(path.name.removeprefix("chk-")),
    )


def spoil_latest(directory: Path, what: str) -> Path:
    """Damages the latest checkpoint: its metadata or its state, or takes its state away."""
    chosen = latest(directory)
    states = [file for file in chosen.iterdir() if file.name != "_metadata"]
    assert states
    for file in [chosen / "_metadata"] if what == "metadata" else states:
        if what == "lost state":
            file.unlink()
        else:
            spoil(file)
    return chosen


def settings(directory: Path, retained: int) -> dict[str, str]:
    return {
        "execution__checkpointing__dir": str(directory),
        "execution__checkpointing__num_retained": str(retained),
        "execution__checkpointing__data_inline_threshold": "0",
        "execution__checkpointing__externalized_checkpoint_retention": "RETAIN_ON_CANCELLATION",
    }


def cancelled(directory: Path, retained: int, elements: list[Event]) -> list[Event]:
    """Runs a job until its checkpoints know the elements, and cancels it: what came out."""
    run = Run(environment(1, "hashmap", 1, **settings(directory, retained)), PROGRAM)
    run.push(elements)
    for _ in range(2):
        run.wait_for_checkpoints()
    run.client.cancel().result()
    run.job.wait(10_000)
    return run._taken


@pytest.mark.parametrize("what", ["metadata", "state", "lost state"])
def test_a_job_starts_from_the_one_before(what: str, tmp_path: Path) -> None:
    first, second = events(0, 19), events(20, 40)
    expected, _ = results_of(environment(1), PROGRAM, [first, second])
    before = cancelled(tmp_path, 3, first)
    damaged = spoil_latest(tmp_path, what)
    env = environment(1, "hashmap", 0, execution__state_recovery__path=str(damaged))
    with pytest.warns(UserWarning, match="goes on from the checkpoint before it, .*chk-"):
        after, client = results_of(env, PROGRAM, [second])
    assert before + after == expected
    assert "checkpoint before it" in str(client.get_exception_history()[0])
    assert damaged.exists(), "it is left to be looked at"


@pytest.mark.parametrize("what", ["metadata", "state"])
def test_without_one_before_the_job_fails_with_the_reason(what: str, tmp_path: Path) -> None:
    cancelled(tmp_path, 1, events(0, 19))
    damaged = spoil_latest(tmp_path, what)
    env = environment(1, "hashmap", 0, execution__state_recovery__path=str(damaged))
    with pytest.raises(JobExecutionException, match="damaged"):
        results_of(env, PROGRAM, [events(20, 40)])


class SpoilAndFail(MapFunction):
    """Damages the latest checkpoint and fails, once."""

    def __init__(self, directory: Path, flag: Path) -> None:
        self._directory, self._flag = directory, flag

    def map(self, value: Event) -> Event:
        if value[1] == 30 and not self._flag.exists():
            self._flag.touch()
            spoil_latest(self._directory, "state")
            raise RuntimeError("and the disk was bad, too")
        return value


def test_a_restart_uses_the_one_before(tmp_path: Path) -> None:
    parts = [events(0, 19), events(20, 40)]
    expected, _ = results_of(environment(1), PROGRAM, parts)
    directory = tmp_path / "checkpoints"
    spoiler = SpoilAndFail(directory, tmp_path / "flag")
    env = environment(1, "hashmap", 1, **settings(directory, 5))
    with pytest.warns(UserWarning, match="goes on from the checkpoint before it"):
        got, client = results_of(env, lambda s: PROGRAM(s.map(spoiler, EVENT)), parts)
    assert POISON not in {name for name, _ in got}
    assert sorted(got) == sorted(expected)
    messages = [str(failure) for failure in client.get_exception_history()]
    assert any("the disk was bad" in message for message in messages)
    assert any("is damaged" in message for message in messages)
