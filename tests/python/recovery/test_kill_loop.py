"""A process that is killed at any moment: what a job has written in the end is as if nothing had happened."""

from __future__ import annotations

import random
import re
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest

PROGRAM = Path(__file__).with_name("counting_job.py")
COUNT = 300_000
KEYS = 97
KILLS = 10


def latest_checkpoint(folder: Path) -> Path | None:
    """The completed checkpoint that was written last."""
    found = sorted(folder.glob("*/chk-*/_metadata"), key=lambda path: path.stat().st_mtime_ns)
    return found[-1].parent if found else None


def written_at(checkpoint: Path | None) -> int:
    """When a checkpoint was completed, in nanoseconds; 0 if there is none."""
    return 0 if checkpoint is None else (checkpoint / "_metadata").stat().st_mtime_ns


def has_ended(complete: bool, folder: Path, since: int) -> bool:
    """Tells whether a killed process had brought its job to the end.

    Then the job has deleted its checkpoints, and those of attempts before it are not to be gone back to.

    :param complete: Whether its output has all that it should.
    :param folder: Where the checkpoints of all attempts are.
    :param since: When the checkpoint was completed from which it had started.
    :return: True if so: there is no later checkpoint, and without one nothing would have come out.
    """
    return complete and written_at(latest_checkpoint(folder)) <= since


def missing_files(checkpoint: Path) -> list[str]:
    """The files to which a checkpoint refers by their relative paths, and which are not there."""
    metadata = (checkpoint / "_metadata").read_bytes()
    paths = re.findall(rb"\.\./shared/[-\w.]+?\.sst", metadata)
    return [path.decode() for path in paths if not (checkpoint / path.decode()).exists()]


def written(folder: Path) -> Counter[str]:
    """What can be seen of the output."""
    rows: Counter[str] = Counter()
    for path in folder.rglob("part-*"):
        rows.update(path.read_text(encoding="utf-8").splitlines())
    return rows


@pytest.mark.parametrize("backend", ["hashmap", "rocksdb", "rocksdb+incremental"])
def test_output_is_exactly_once_after_kills(backend: str, tmp_path: Path) -> None:
    checkpoints, output = tmp_path / "checkpoints", tmp_path / "output"
    checkpoints.mkdir()
    rnd = random.Random(backend)
    restores = shared = 0
    expected = Counter(
        f"{key},{number + 1}"
        for key in range(KEYS)
        for number in range(len(range(key, COUNT, KEYS)))
    )
    for attempt in range(KILLS + 1):
        parallelism = rnd.choice(["1", "2"])
        command = [sys.executable, str(PROGRAM), str(COUNT), str(checkpoints), str(output), backend]
        command.append(parallelism)
        restore = latest_checkpoint(checkpoints)
        since = written_at(restore)
        shared += len(list(checkpoints.glob("*/shared/*.sst")))
        if restore is not None:
            command += [str(restore), rnd.choice(["CLAIM", "NO_CLAIM"])]
            restores += 1
            assert not missing_files(restore), "a checkpoint refers to files that are gone"
        process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
        # The last attempt may go to its end; some stand still for a while on their way.
        moments = [rnd.uniform(0.2, 0.7)] if attempt < KILLS else [100]
        if rnd.random() < 0.3:
            moments.insert(0, rnd.uniform(0.1, 0.3))
        error = None
        for moment in moments:
            try:
                _, error = process.communicate(timeout=moment)
                break
            except subprocess.TimeoutExpired:
                process.send_signal(signal.SIGSTOP)
                time.sleep(0.02)
                process.send_signal(signal.SIGCONT)
        if error is None:
            process.kill()
            process.communicate()
            if has_ended(written(output) == expected, checkpoints, since):
                break
            continue
        assert process.returncode == 0, error
        break
    assert written(output) == expected
    assert restores > 0
    assert (shared > 0) == backend.endswith("incremental")
