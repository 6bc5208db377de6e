"""Checkpoints of RocksDB state that share their files."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import pytest
from pyflinkpp.common import JobExecutionException, Types
from pyflinkpp.datastream import (
    DataStream,
    EmbeddedRocksDBStateBackend,
    RuntimeContext,
    StreamExecutionEnvironment,
)
from pyflinkpp.datastream.functions import KeyedProcessFunction
from pyflinkpp.datastream.state import ValueStateDescriptor
from recovery.kit import EVENT, Event, Run, environment

KEYS = 500
TEXT = "x" * 200


class Count(KeyedProcessFunction):
    """Counts the elements of each key and keeps some text beside."""

    def open(self, runtime_context: RuntimeContext) -> None:
        self._seen = runtime_context.get_state(ValueStateDescriptor("seen", Types.LONG()))
        self._text = runtime_context.get_state(ValueStateDescriptor("text", Types.STRING()))

    def process_element(
        self, value: Event, ctx: KeyedProcessFunction.Context
    ) -> Iterator[tuple[str, int]]:
        seen = (self._seen.value() or 0) + 1
        self._seen.update(seen)
        self._text.update(f"{value[0]}{TEXT}")
        yield value[0], seen


def counted(stream: DataStream) -> DataStream:
    """The program of all these tests."""
    keyed = stream.key_by(lambda event: event[0], key_type=Types.STRING())
    return keyed.process(Count(), EVENT).uid("count")


def keys(count: int) -> list[Event]:
    """One element for each of so many keys."""
    return [(f"k{number}", number) for number in range(count)]


def incremental(
    folder: Path, parallelism: int = 1, backend: str = "rocksdb", **settings: str
) -> StreamExecutionEnvironment:
    """An environment with incremental checkpoints that stay when the job is cancelled."""
    return environment(
        parallelism,
        backend,
        interval_ms=5,
        execution__checkpointing__dir=str(folder),
        execution__checkpointing__incremental="true",
        execution__checkpointing__externalized_checkpoint_retention="RETAIN_ON_CANCELLATION",
        **settings,
    )


def two_checkpoints(run: Run) -> None:
    """Waits for two checkpoints behind what was pushed, also of a restored job: its first one has a
    higher number than two.
    """
    run.wait_for_checkpoints()
    run.wait_for_checkpoints()


def cancelled(run: Run) -> Path:
    """Cancels a job behind its next checkpoints and gives the one that it leaves."""
    run.wait_for_checkpoints()
    run.client.cancel().result()
    with pytest.raises(JobExecutionException):
        run.finish()
    return Path(completed(run)[-1]["path"])


def completed(run: Run) -> list[dict[str, Any]]:
    """What is told of the checkpoints that were complete."""
    return [told for told in run.client.get_checkpoints() if told["state"] == "COMPLETED"]


def shared(folder: Path) -> set[str]:
    """The shared files of all jobs."""
    return {path.name for path in folder.glob("*/shared/*")}


def start(folder: Path, parallelism: int = 1, **settings: str) -> Path:
    """A job that has counted each key once and twice and left a checkpoint."""
    run = Run(incremental(folder, parallelism, **settings), counted)
    run.push(keys(KEYS))
    run.wait_for_checkpoints()
    run.push(keys(KEYS // 100))
    return cancelled(run)


def restored(path: Path) -> dict[str, str]:
    """The settings of a job that starts from a checkpoint."""
    return {"execution__state_recovery__path": str(path)}


def counts(run: Run) -> list[Event]:
    """The last count of each key: rows that the job before had not given yet come first."""
    last: dict[str, int] = {}
    for key, count in run.finish():
        last[key] = max(count, last.get(key, 0))
    return sorted(last.items())


def expected(twice: int = KEYS // 100) -> list[Event]:
    """What a job gives that goes on from there and gets each key once more."""
    return sorted((f"k{number}", 3 if number < twice else 2) for number in range(KEYS))


def test_files_are_shared_and_go_when_nobody_needs_them(tmp_path: Path) -> None:
    run = Run(incremental(tmp_path), counted)
    run.push(keys(KEYS))
    run.wait_for_checkpoints()
    first = shared(tmp_path)
    assert first
    for _ in range(20):
        run.push(keys(KEYS // 100))
        run.wait_for_checkpoints()
    told = completed(run)
    assert told[-1]["full_bytes"] > KEYS * len(TEXT)
    assert told[-1]["bytes"] < told[-1]["full_bytes"] / 4
    assert told[-1]["subtasks"][0].keys() >= {"bytes", "full_bytes"}
    # Files were merged: those that no checkpoint refers to are gone.
    assert len(shared(tmp_path)) < 20
    results = run.finish()
    assert len(results) == KEYS + 20 * (KEYS // 100)
    assert not list(tmp_path.glob("*"))


@pytest.mark.parametrize("parallelism", [1, 2, 3])
def test_a_job_goes_on_at_any_parallelism(parallelism: int, tmp_path: Path) -> None:
    path = start(tmp_path, parallelism=2)
    run = Run(incremental(tmp_path, parallelism, **restored(path)), counted)
    run.push(keys(KEYS))
    two_checkpoints(run)
    assert counts(run) == expected()
    assert (path / "_metadata").exists()


@pytest.mark.parametrize("claim_mode", ["CLAIM", "NO_CLAIM"])
def test_claim_modes(claim_mode: str, tmp_path: Path) -> None:
    path = start(tmp_path / "first")
    before = shared(tmp_path / "first")
    settings = {**restored(path), "execution__state_recovery__claim_mode": claim_mode}
    run = Run(incremental(tmp_path / "second", **settings), counted)
    run.push(keys(1))
    two_checkpoints(run)
    told = completed(run)
    if claim_mode == "CLAIM":
        assert told[0]["bytes"] < told[0]["full_bytes"]
        assert not path.exists()
    else:
        assert told[0]["bytes"] == told[0]["full_bytes"], "the first one has files of its own"
        assert shared(tmp_path / "first") == before
    assert told[-1]["bytes"] < told[-1]["full_bytes"]
    run.push(keys(KEYS)[1:])
    assert counts(run) == expected()
    left = {file.name for file in tmp_path.rglob("*") if file.is_file()}
    assert left == (set() if claim_mode == "CLAIM" else {*before, "_metadata"})


def test_another_backend_needs_a_savepoint(tmp_path: Path) -> None:
    run = Run(incremental(tmp_path / "c"), counted)
    run.push(keys(KEYS))
    run.wait_for_checkpoints()
    savepoint = run.client.trigger_savepoint(str(tmp_path / "s"))
    run.wait(savepoint.done)
    path = cancelled(run)
    refused = Run(incremental(tmp_path / "d", backend="hashmap", **restored(path)), counted)
    with pytest.raises(JobExecutionException, match="savepoint"):
        refused.finish()
    settings = restored(Path(savepoint.result()))
    accepted = Run(incremental(tmp_path / "d", backend="hashmap", **settings), counted)
    accepted.push(keys(KEYS))
    assert counts(accepted) == expected(twice=0)


def test_a_damaged_file_is_noticed(tmp_path: Path) -> None:
    path = start(tmp_path)
    victim = max(path.parent.glob("shared/*.sst"), key=lambda file: file.stat().st_size)
    content = bytearray(victim.read_bytes())
    content[len(content) // 2] ^= 1
    victim.write_bytes(content)
    run = Run(incremental(tmp_path / "d", **restored(path)), counted)
    with pytest.raises(JobExecutionException, match=f"{victim.name} is damaged"):
        run.finish()


def test_state_on_another_device_is_copied(tmp_path: Path) -> None:
    memory = Path("/dev/shm")
    if not memory.is_dir() or memory.stat().st_dev == tmp_path.stat().st_dev:
        pytest.skip("there is one device only")
    local = mkdtemp(dir=memory)
    try:
        settings = {"state__backend__rocksdb__localdir": local}
        path = start(tmp_path, **settings)
        run = Run(incremental(tmp_path, **restored(path), **settings), counted)
        run.push(keys(KEYS))
        two_checkpoints(run)
        assert completed(run)[-1]["bytes"] < completed(run)[-1]["full_bytes"]
        assert counts(run) == expected()
        assert not list(Path(local).iterdir())
    finally:
        shutil.rmtree(local)


def test_the_backend_and_the_old_key_turn_it_on(tmp_path: Path) -> None:
    for way in ("backend", "old key"):
        folder = tmp_path / way
        settings = {"execution__checkpointing__dir": str(folder)}
        if way == "old key":
            settings["state__backend__incremental"] = "true"
        env = environment(1, "rocksdb", interval_ms=5, **settings)
        if way == "backend":
            env.set_state_backend(
                EmbeddedRocksDBStateBackend(enable_incremental_checkpointing=True)
            )
        run = Run(env, counted)
        run.push(keys(KEYS))
        run.wait_for_checkpoints()
        assert shared(folder), way
        run.finish()


def test_without_it_each_checkpoint_has_all(tmp_path: Path) -> None:
    env = environment(1, "rocksdb", interval_ms=5, execution__checkpointing__dir=str(tmp_path))
    run = Run(env, counted)
    run.push(keys(KEYS))
    run.wait_for_checkpoints()
    assert not shared(tmp_path)
    assert all(told["bytes"] == told["full_bytes"] for told in completed(run))
    run.finish()
