"""What sinks in two phases show is there exactly once, whatever fails and whenever."""

from __future__ import annotations

import pickle
import random
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from pyflinkpp.common import Encoder, Types
from pyflinkpp.common.job_status import JobStatus
from pyflinkpp.datastream import DataStream
from pyflinkpp.datastream.connectors.file_system import (
    BucketAssigner,
    FileSink,
    RollingPolicy,
)
from recovery.kit import EVENT, Program, Run, environment, events, results_of, stopped
from recovery.sinks import Log, Pickles, RenamedFiles, TableSink, Trouble, rows_of
from recovery.test_kill_loop import has_ended, latest_checkpoint, written_at

SINKS: list[Any] = [TableSink, RenamedFiles, Log]
PARTS = [events(0, 19), events(20, 45)]
ALL = Counter(event for part in PARTS for event in part)


def into(sink: Any) -> Program:
    """A program that writes its elements to a sink."""

    def program(stream: DataStream) -> DataStream:
        stream.rebalance().sink_to(sink).uid("sink")
        return stream.filter(lambda event: False)

    return program


@pytest.mark.parametrize("parallelism", [1, 2], ids=["p1", "p2"])
@pytest.mark.parametrize("after", [0, 2])
@pytest.mark.parametrize(
    ("kind", "stage"), [(kind, stage) for kind in SINKS for stage in kind.STAGES]
)
def test_a_failure_at_any_stage(
    kind: Any, stage: str, after: int, parallelism: int, tmp_path: Path
) -> None:
    trouble = Trouble(tmp_path, stage, after=after)
    _, client = results_of(environment(parallelism), into(kind(tmp_path, trouble)), PARTS)
    assert client.get_job_status().result() is JobStatus.FINISHED
    assert rows_of(tmp_path) == ALL
    failures = client.get_exception_history()
    # How often it gets there is a matter of speed.
    assert trouble.has_failed(stage) or after > 0
    assert len(failures) == trouble.has_failed(stage)
    assert all(f"trouble at {stage}" in str(failure) for failure in failures)


@pytest.mark.parametrize(
    "stages",
    [
        ("committed", "recover_and_commit"),
        ("commit", "recover_and_commit", "committed"),
        ("invoke", "recover_and_abort"),
        ("pre_commit", "recover_and_abort", "begin"),
    ],
)
def test_failures_of_the_recovery(stages: tuple[str, ...], tmp_path: Path) -> None:
    trouble = Trouble(tmp_path, *stages, after=1 if stages[0] == "invoke" else 0)
    results_of(environment(), into(RenamedFiles(tmp_path, trouble)), PARTS)
    assert rows_of(tmp_path) == ALL
    assert trouble.has_failed(stages[0])
    assert [path for path in tmp_path.iterdir() if path.name.startswith(".")] == []


@pytest.mark.parametrize("kind", SINKS)
def test_what_is_committed_is_in_a_complete_checkpoint(kind: Any, tmp_path: Path) -> None:
    run = Run(environment(), into(kind(tmp_path, Trouble(tmp_path))))
    run.push(events(0, 9))
    run.wait_for_checkpoints()
    run.wait(lambda: rows_of(tmp_path) == Counter(events(0, 9)))
    assert rows_of(tmp_path) == Counter(events(0, 9))
    run.finish()


@pytest.mark.parametrize("interval_ms", [0, 1])
@pytest.mark.parametrize("kind", SINKS)
def test_a_bounded_job_commits_at_its_end(kind: Any, interval_ms: int, tmp_path: Path) -> None:
    results_of(
        environment(2, interval_ms=interval_ms), into(kind(tmp_path, Trouble(tmp_path))), PARTS
    )
    assert rows_of(tmp_path) == ALL


@pytest.mark.parametrize("drain", [False, True])
@pytest.mark.parametrize(("before", "behind"), [(1, 3), (3, 1), (2, 2)])
@pytest.mark.parametrize("kind", SINKS)
def test_a_savepoint_at_another_parallelism(
    kind: Any, before: int, behind: int, drain: bool, tmp_path: Path
) -> None:
    program = into(kind(tmp_path, Trouble(tmp_path)))
    _, path = stopped(environment(before), program, PARTS[0], tmp_path / "savepoints", drain)
    assert rows_of(tmp_path) == Counter(PARTS[0])
    settings = {"execution__state_recovery__path": path}
    results_of(environment(behind, **settings), program, PARTS[1:])
    assert rows_of(tmp_path) == ALL


def test_a_checkpoint_that_fails_leaves_what_it_has_to_the_next(tmp_path: Path) -> None:
    trouble = Trouble(tmp_path, "snapshot_state", after=1)
    tolerant = {"execution__checkpointing__tolerable_failed_checkpoints": "10"}
    program = into(TableSink(tmp_path, trouble))
    _, client = results_of(environment(2, **tolerant), program, PARTS)
    assert trouble.has_failed("snapshot_state")
    assert client.get_exception_history() == []
    assert rows_of(tmp_path) == ALL


def files_sink(folder: Path) -> FileSink:
    """Part files that live over several checkpoints."""
    builder = FileSink.for_row_format(folder, Encoder.simple_string_encoder())
    builder.with_bucket_assigner(BucketAssigner.base_path_bucket_assigner())
    return builder.with_rolling_policy(RollingPolicy.default_rolling_policy(150)).build()


def lines_of(folder: Path) -> Counter[str]:
    """What is visible."""
    files = [path for path in folder.iterdir() if not path.name.startswith(".")]
    return Counter(line for path in files for line in path.read_text().splitlines())


def test_part_files_over_several_checkpoints(tmp_path: Path) -> None:
    out = tmp_path / "out"
    flag = tmp_path / "flag"
    parts: list[Any] = [PARTS[0], [*PARTS[1], ("poison", 46), *events(47, 60)], events(61, 80)]
    results_of(environment(2), into(files_sink(out)), parts, flag)
    assert flag.exists()
    expected = [*events(0, 45), *events(47, 80)]
    assert lines_of(out) == Counter(f"({key},{number})" for key, number in expected)
    assert all(path.stat().st_size < 250 for path in out.iterdir())


def test_bulk_parts_end_with_checkpoints(tmp_path: Path) -> None:
    out = tmp_path / "out"
    builder = FileSink.for_bulk_format(out, Pickles())
    builder.with_bucket_assigner(BucketAssigner.base_path_bucket_assigner())
    run = Run(environment(), into(builder.build()))
    for first in (0, 10, 20):
        run.push(events(first, first + 9))
        run.wait_for_checkpoints()
    run.finish()
    files = [pickle.loads(path.read_bytes()) for path in out.iterdir() if path.name[0] != "."]
    assert Counter(element for file in files for element in file) == Counter(events(0, 29))
    assert len(files) >= 3


def test_a_savepoint_is_used_twice_while_its_job_goes_on(tmp_path: Path) -> None:
    out = tmp_path / "out"
    program = into(files_sink(out))
    run = Run(environment(2), program)
    run.push(events(0, 9))
    run.wait_for_checkpoints()
    savepoint = run.client.trigger_savepoint(str(tmp_path / "savepoints"))
    run.wait(savepoint.done)
    run.push(events(10, 19))
    run.finish()
    for first in (20, 30):
        settings = {"execution__state_recovery__path": savepoint.result()}
        results_of(environment(1, **settings), program, [events(first, first + 9)])
    assert lines_of(out) == Counter(f"({key},{number})" for key, number in events(0, 39))


PROGRAM = Path(__file__).with_name("transactions_job.py")
COUNT = 60_000
KILLS = 8


@pytest.mark.parametrize("kind", ["table", "files"])
def test_a_sink_is_exactly_once_after_kills(kind: str, tmp_path: Path) -> None:
    checkpoints, output = tmp_path / "checkpoints", tmp_path / "output"
    checkpoints.mkdir()
    output.mkdir()
    rnd = random.Random(kind)
    restores = 0
    for attempt in range(KILLS + 1):
        command = [sys.executable, str(PROGRAM), str(COUNT), str(checkpoints), str(output), kind]
        command.append(rnd.choice(["1", "2"]))
        restore = latest_checkpoint(checkpoints)
        since = written_at(restore)
        if restore is not None:
            command.append(str(restore))
            restores += 1
        process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
        try:  # the last attempt may go to its end
            _, error = process.communicate(
                timeout=rnd.uniform(0.25, 0.6) if attempt < KILLS else 100
            )
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()
            if has_ended(rows_of(output) == Counter(range(COUNT)), checkpoints, since):
                break
            continue
        assert process.returncode == 0, error
        break
    assert rows_of(output) == Counter(range(COUNT))
    assert restores > 0


def test_types_of_what_a_log_keeps(tmp_path: Path) -> None:
    program = into(Log(tmp_path, Trouble(tmp_path), EVENT))
    _, path = stopped(environment(), program, PARTS[0], tmp_path / "savepoints")
    settings = {"execution__state_recovery__path": path}
    results_of(environment(**settings), program, PARTS[1:])
    assert rows_of(tmp_path) == ALL
    assert str(EVENT) == str(Types.TUPLE([Types.STRING(), Types.LONG()]))
