"""Whose a checkpoint is that a job starts from."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from pyflinkpp.common import Configuration, Types, WatermarkStrategy
from pyflinkpp.datastream import StreamExecutionEnvironment
from pyflinkpp.datastream.connectors.number_seq import NumberSequenceSource

COUNT = 30_000


def slowly(value: int) -> int:
    """Takes its time now and then, so that there are several checkpoints."""
    if value % 500 == 0:
        time.sleep(0.001)
    return value


def numbers(folder: Path, restore: str | None, claim_mode: str, retained: str) -> list[int]:
    """Runs a job that is checkpointed all the time and gives its results."""
    configuration = Configuration()
    settings = {
        "execution.checkpointing.interval": "1 ms",
        "execution.checkpointing.dir": str(folder),
        "execution.state-recovery.claim-mode": claim_mode,
    }
    if restore is not None:
        settings["execution.state-recovery.path"] = restore
    for key, value in settings.items():
        configuration.set_string(key, value)
    env = StreamExecutionEnvironment.get_execution_environment(configuration)
    source = NumberSequenceSource(0, COUNT - 1)
    stream = env.from_source(source, WatermarkStrategy.no_watermarks(), "numbers")
    with stream.map(slowly, Types.LONG()).execute_and_collect() as results:
        rows = []
        for value in results:
            rows.append(value)
            if retained and value == COUNT // 2:
                # What is there now stays for the next job.
                found = sorted(folder.glob("*/chk-*/_metadata"))
                if found:
                    Path(retained).write_bytes(found[-1].read_bytes())
        return rows


@pytest.mark.parametrize("claim_mode", ["NO_CLAIM", "CLAIM"])
def test_a_claimed_checkpoint_goes_when_a_later_one_takes_its_place(
    claim_mode: str, tmp_path: Path
) -> None:
    start = tmp_path / "start"
    start.mkdir()
    first = numbers(tmp_path / "first", None, "NO_CLAIM", str(start / "_metadata"))
    assert first == list(range(COUNT))
    assert (start / "_metadata").exists(), "no checkpoint was taken"
    rest = numbers(tmp_path / "second", str(start), claim_mode, "")
    assert rest == list(range(COUNT - len(rest), COUNT))
    assert len(rest) < COUNT
    assert (start / "_metadata").exists() == (claim_mode == "NO_CLAIM")
    assert not list((tmp_path / "second").glob("*")), "a finished job leaves no checkpoint"
