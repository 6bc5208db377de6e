"""Unaligned checkpoints of a job that is slower than its source."""

from __future__ import annotations

import time
from pathlib import Path

from pyflinkpp.common import Duration, Encoder, Types, WatermarkStrategy
from pyflinkpp.common.job_client import JobClient
from pyflinkpp.common.job_status import JobStatus
from pyflinkpp.datastream import (
    ExternalizedCheckpointRetention,
    KeyedProcessFunction,
    MapFunction,
    StreamExecutionEnvironment,
)
from pyflinkpp.datastream.connectors.file_system import FileSink
from pyflinkpp.datastream.connectors.number_seq import NumberSequenceSource
from pyflinkpp.datastream.state import ValueStateDescriptor
from recovery.kit import environment

LAST = 12_000
KEYS = 7


class Gate(MapFunction):
    """Waits at a number until a file is there; then may fail once.

    :param at: The number.
    :param opened: The file.
    :param failed: A file that says that it has failed; None: it does not fail.
    """

    def __init__(self, at: int, opened: Path, failed: Path | None = None) -> None:
        self._at = at
        self._opened = opened
        self._failed = failed

    def map(self, value: int) -> int:
        if value >= self._at and not self._opened.exists():
            time.sleep(0.005)
        if value >= self._at and self._failed and self._opened.exists():
            if not self._failed.exists():
                self._failed.touch()
                raise RuntimeError("it fails once")
        return value


class Count(KeyedProcessFunction):
    """Numbers the elements of each key."""

    def open(self, runtime_context) -> None:  # type: ignore[no-untyped-def]
        self._count = runtime_context.get_state(ValueStateDescriptor("count", Types.LONG()))

    def process_element(self, value, ctx):  # type: ignore[no-untyped-def]
        count = (self._count.value() or 0) + 1
        self._count.update(count)
        yield f"{ctx.get_current_key()} {count}"


def submit(env: StreamExecutionEnvironment, gate: Gate, output: Path) -> JobClient:
    """Source -> slow map -> count by key -> files."""
    config = env.get_checkpoint_config()
    config.enable_unaligned_checkpoints().set_aligned_checkpoint_timeout(Duration.of_millis(0))
    source = NumberSequenceSource(1, LAST)
    numbers = env.from_source(source, WatermarkStrategy.no_watermarks(), "numbers").uid("numbers")
    slow = numbers.rebalance().map(gate, Types.LONG()).uid("slow")
    counts = slow.key_by(lambda n: n % KEYS, Types.LONG()).process(Count(), Types.STRING())
    sink = FileSink.for_row_format(str(output), Encoder.simple_string_encoder()).build()
    counts.uid("counts").sink_to(sink).uid("files")
    return env.execute_async()


def wait_for_in_flight(client: JobClient) -> None:
    deadline = time.monotonic() + 60
    while not any(
        c["state"] == "COMPLETED" and c["unaligned"] and c["in_flight_bytes"] > 0
        for c in client.get_checkpoints()
    ):
        assert time.monotonic() < deadline, "no checkpoint has overtaken elements"
        time.sleep(0.005)


def lines(output: Path) -> list[str]:
    """What is visible."""
    files = (path for path in output.rglob("*") if path.is_file() and path.name[0] != ".")
    return sorted(line for path in files for line in path.read_text().splitlines())


def expected() -> list[str]:
    """Each key's elements, numbered without a gap."""
    count = dict.fromkeys(range(KEYS), 0)
    for number in range(1, LAST + 1):
        count[number % KEYS] += 1
    return sorted(f"{key} {n}" for key, last in count.items() for n in range(1, last + 1))


def test_after_a_failure_what_was_in_flight_is_processed_once(tmp_path: Path) -> None:
    opened = tmp_path / "opened"
    gate = Gate(500, opened, tmp_path / "failed")
    client = submit(environment(2, interval_ms=10), gate, tmp_path / "out")
    wait_for_in_flight(client)
    opened.touch()
    client.get_job_execution_result().result()
    assert len(client.get_exception_history()) == 1
    assert lines(tmp_path / "out") == expected()


def test_a_retained_checkpoint_is_restored_at_another_parallelism(tmp_path: Path) -> None:
    path, opened = "", tmp_path / "opened"
    for parallelism in (2, 3, 1):
        settings = {"execution__checkpointing__dir": str(tmp_path / "checkpoints")}
        if path:
            settings["execution__state_recovery__path"] = path
        env = environment(parallelism, interval_ms=10, **settings)
        env.get_checkpoint_config().set_externalized_checkpoint_retention(
            ExternalizedCheckpointRetention.RETAIN_ON_CANCELLATION
        )
        last = parallelism == 1
        if last:
            opened.touch()
        client = submit(env, Gate(500, opened), tmp_path / "out")
        if not last:
            wait_for_in_flight(client)
            client.cancel().result()
            assert client._job.wait(10_000)  # until then another checkpoint may be complete
            completed = [c for c in client.get_checkpoints() if c["state"] == "COMPLETED"]
            path = completed[-1]["path"]
    client.get_job_execution_result().result()
    assert client.get_job_status().result() is JobStatus.FINISHED
    assert lines(tmp_path / "out") == expected()
