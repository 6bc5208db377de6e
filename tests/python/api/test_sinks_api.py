"""Sinks that are written in Python: what is called when, retries, and what is refused."""

from __future__ import annotations

import time
from collections.abc import Collection, Sequence
from typing import Any

import pytest
from pyflinkpp.common import Configuration, JobExecutionException, Types, WatermarkStrategy
from pyflinkpp.common.watermark_strategy import TimestampAssigner
from pyflinkpp.datastream import StreamExecutionEnvironment
from pyflinkpp.datastream.connectors import (
    CheckpointCommitter,
    CommitRequest,
    Committer,
    CommittingSinkWriter,
    GenericWriteAheadSink,
    SimpleVersionedSerializer,
    Sink,
    SinkWriter,
    StatefulSinkWriter,
    SupportsCommitter,
    SupportsWriterState,
    TwoPhaseCommitSinkFunction,
)
from pyflinkpp.datastream.connectors.base import DiscardingSink
from pyflinkpp.datastream.connectors.number_seq import NumberSequenceSource

LONG = Types.LONG()

_calls: list[Any] = []


@pytest.fixture
def calls() -> list[Any]:
    """What the sinks of this module were told; they are pickled, so it is not theirs."""
    _calls.clear()
    return _calls


class Writer(CommittingSinkWriter):
    def __init__(self) -> None:
        self._values: list[Any] = []

    def write(self, element: Any, context: SinkWriter.Context) -> None:
        _calls.append(("write", element, context.timestamp()))
        self._values.append(element)

    def write_watermark(self, watermark: Any) -> None:
        _calls.append(("watermark", watermark.timestamp))

    def flush(self, end_of_input: bool) -> None:
        _calls.append(("flush", end_of_input))

    def prepare_commit(self) -> Collection[Any]:
        _calls.append("prepare_commit")
        values, self._values = self._values, []
        return values

    def close(self) -> None:
        _calls.append("close writer")


class TwoPhases(Sink, SupportsCommitter):
    """Commits as a function of the request says."""

    def __init__(self, commit: Any, serializer: SimpleVersionedSerializer | None = None) -> None:
        self._commit = commit
        self._serializer = serializer

    def create_writer(self, context: Any) -> SinkWriter:
        _calls.append(
            (context.get_subtask_id(), context.get_number_of_parallel_subtasks(),
             context.get_attempt_number(), context.get_restored_checkpoint_id())
        )  # fmt: skip
        context.metric_group().counter("writers").inc()
        return Writer()

    def create_committer(self) -> Committer:
        return ByFunction(self._commit)

    def get_committable_serializer(self) -> SimpleVersionedSerializer | None:
        return self._serializer


class ByFunction(Committer):
    def __init__(self, commit: Any) -> None:
        self._commit = commit

    def commit(self, requests: Collection[CommitRequest]) -> None:
        for request in requests:
            _calls.append(("commit", request.get_committable(), request.get_number_of_retries()))
            self._commit(request)

    def close(self) -> None:
        _calls.append("close committer")


def nothing(request: CommitRequest) -> None:
    return None


def run(sink: Sink, values: Sequence[Any], **settings: str) -> Any:
    """Runs a job without checkpoints."""
    configuration = Configuration.from_dict({k.replace("__", "."): v for k, v in settings.items()})
    env = StreamExecutionEnvironment.get_execution_environment(configuration)
    env.from_collection(list(values), LONG).sink_to(sink).name("Own")
    return env.execute()


class OwnTime(TimestampAssigner):
    def extract_timestamp(self, value: int, record_timestamp: int) -> int:
        return value * 1000


def test_the_calls_of_a_bounded_job(env, calls) -> None:
    strategy = WatermarkStrategy.for_monotonous_timestamps().with_timestamp_assigner(OwnTime())
    stream = env.from_collection([1, 2], LONG).assign_timestamps_and_watermarks(strategy)
    stream.sink_to(TwoPhases(nothing)).name("Own").uid("own")
    result = env.execute()
    assert [call for call in calls if call[0] != "watermark"] == [
        (0, 1, 0, None),
        ("write", 1, 1000),
        ("write", 2, 2000),
        ("flush", True),
        "prepare_commit",
        ("commit", 1, 0),
        ("commit", 2, 0),
        "close writer",
        "close committer",
    ]
    assert ("watermark", 2**63 - 1) in calls
    assert result.get_metrics()["Own"]
    assert result.get_summary()["Own"]["records_in"] == 2


def test_elements_without_a_time(calls) -> None:
    run(TwoPhases(nothing), [7])
    assert ("write", 7, None) in calls


class Plain(SinkWriter):
    def write(self, element: Any, context: SinkWriter.Context) -> None:
        _calls.append(element)

    def flush(self, end_of_input: bool) -> None:
        _calls.append(-1 if end_of_input else -2)


class PlainSink(Sink):
    def create_writer(self, context: Any) -> SinkWriter:
        return Plain()


def test_a_sink_without_a_committer(any_env, calls) -> None:
    any_env.from_collection(list(range(100)), LONG).rebalance().sink_to(PlainSink())
    any_env.execute()
    assert sorted(calls) == [-1] * any_env.get_parallelism() + list(range(100))


def test_what_is_retried_comes_again(calls) -> None:
    def twice(request: CommitRequest) -> None:
        if request.get_committable() == 2 and request.get_number_of_retries() < 2:
            request.retry_later()
        elif request.get_number_of_retries() == 0:
            request.signal_already_committed()

    run(TwoPhases(twice), [1, 2, 3])
    assert [call for call in calls if call[0] == "commit"] == [
        ("commit", 1, 0),
        ("commit", 2, 0),
        ("commit", 3, 0),
        ("commit", 2, 1),
        ("commit", 2, 2),
    ]


def test_a_retried_committable_may_change(calls) -> None:
    def halve(request: CommitRequest) -> None:
        if request.get_committable() > 1:
            request.update_and_retry_later(request.get_committable() // 2)

    run(TwoPhases(halve), [4])
    assert [call[1] for call in calls if call[0] == "commit"] == [4, 2, 1]


def test_retries_have_an_end(calls) -> None:
    with pytest.raises(JobExecutionException, match="7 was not committed after 1 retries"):
        run(TwoPhases(lambda request: request.retry_later()), [7], sink__committer__retries="1")
    assert [call for call in calls if call[0] == "commit"] == [("commit", 7, 0), ("commit", 7, 1)]
    assert calls[-2:] == ["close writer", "close committer"]


def test_a_failure_with_a_known_reason_is_accepted(calls) -> None:
    def refuse(request: CommitRequest) -> None:
        request.signal_failed_with_known_reason(ValueError("too old"))

    with pytest.warns(UserWarning, match="5 of a sink was dropped: ValueError.'too old'"):
        run(TwoPhases(refuse), [5])


def test_a_failure_with_an_unknown_reason_fails_the_job(calls) -> None:
    def break_off(request: CommitRequest) -> None:
        request.signal_failed_with_unknown_reason(OSError("gone"))

    with pytest.raises(JobExecutionException, match="operator 'Own'.*5 could not be committed"):
        run(TwoPhases(break_off), [5])


def test_an_error_names_operator_and_element() -> None:
    class Broken(SinkWriter):
        def write(self, element: Any, context: SinkWriter.Context) -> None:
            raise KeyError("nowhere")

        def flush(self, end_of_input: bool) -> None: ...

    class BrokenSink(Sink):
        def create_writer(self, context: Any) -> SinkWriter:
            return Broken()

    with pytest.raises(JobExecutionException, match="operator 'Own'.*failed on the element 3"):
        run(BrokenSink(), [3])


class Decimal(SimpleVersionedSerializer):
    """Numbers as text; version 1 had a letter in front."""

    def __init__(self, version: int) -> None:
        self._version = version

    def get_version(self) -> int:
        return self._version

    def serialize(self, obj: Any) -> bytes:
        return f"{'n' if self._version == 1 else ''}{obj}".encode()

    def deserialize(self, version: int, serialized: bytes) -> Any:
        _calls.append(("version", version))
        return int(serialized[1:] if version == 1 else serialized)


def never(request: CommitRequest) -> None:
    request.retry_later()


def endless(env: Any, sink: Sink) -> None:
    source = NumberSequenceSource(0, 2**62)
    numbers = env.from_source(source, WatermarkStrategy.no_watermarks(), "numbers").uid("numbers")
    numbers.filter(lambda n: n < 3).sink_to(sink).uid("sink")


def savepoint_of(sink: Sink, folder: Any) -> str:
    """A savepoint that has the sink's 0, 1 and 2, not committed."""
    env = StreamExecutionEnvironment.get_execution_environment()
    endless(env, sink)
    client = env.execute_async()
    deadline = time.monotonic() + 30
    while len([call for call in _calls if call[0] == "write"]) < 3:
        client.get_job_status().result()
        assert time.monotonic() < deadline, "nothing is written"
    path: str = client.trigger_savepoint(str(folder)).result()
    client.cancel().result()
    return path


def restored(path: str, sink: Sink) -> None:
    configuration = Configuration.from_dict({"execution.state-recovery.path": path})
    env = StreamExecutionEnvironment.get_execution_environment(configuration)
    env.from_collection([], LONG).sink_to(sink).uid("sink")
    # The position of the source is left behind.
    configuration.set_string("execution.state-recovery.ignore-unclaimed-state", "true")
    env.configure(configuration)
    env.execute()


def test_a_later_version_reads_what_an_earlier_one_wrote(calls, tmp_path) -> None:
    path = savepoint_of(TwoPhases(never, Decimal(1)), tmp_path)
    calls.clear()
    restored(path, TwoPhases(nothing, Decimal(2)))
    assert calls.count(("version", 1)) == 3
    assert [call[1] for call in calls if call[0] == "commit"] == [0, 1, 2]
    assert [call[3] for call in calls if len(call) == 4] != [None]


def test_committables_need_their_committer(calls, tmp_path) -> None:
    path = savepoint_of(TwoPhases(never), tmp_path)

    class OneWriter(Sink):
        def create_writer(self, context: Any) -> SinkWriter:
            return Writer()

    with pytest.raises(JobExecutionException, match="has committables of this sink"):
        restored(path, OneWriter())
    calls.clear()
    path = savepoint_of(TwoPhases(never, Decimal(1)), tmp_path)
    with pytest.raises(JobExecutionException, match="with a serializer of the sink's"):
        restored(path, TwoPhases(nothing))


def test_writers_of_the_wrong_kind_are_refused(calls) -> None:
    class Wrong(TwoPhases):
        def create_writer(self, context: Any) -> Any:
            return self

    with pytest.raises(JobExecutionException, match="must be a SinkWriter"):
        run(Wrong(nothing), [1])

    class NoState(TwoPhases, SupportsWriterState):
        def restore_writer(self, context: Any, recovered_state: Any) -> StatefulSinkWriter:
            raise AssertionError

    with pytest.raises(JobExecutionException, match="must be a StatefulSinkWriter"):
        run(NoState(nothing), [1])


def test_sinks_are_abstract() -> None:
    for kind in (Sink, SinkWriter, Committer, GenericWriteAheadSink, TwoPhaseCommitSinkFunction):
        with pytest.raises(TypeError, match="abstract"):
            kind()  # type: ignore[abstract]
    with pytest.raises(NotImplementedError, match="DiscardingSink has no writer"):
        DiscardingSink().create_writer(None)  # type: ignore[arg-type]


def test_a_sink_that_cannot_be_pickled_is_explained(env) -> None:
    import threading

    sink = TwoPhases(nothing)
    sink.lock = threading.Lock()  # type: ignore[attr-defined]
    env.from_collection([1]).sink_to(sink).name("locked")
    with pytest.raises(TypeError, match=r"'locked'.*lock"):
        env.execute()


def test_unbounded_jobs_without_checkpoints_are_warned_of(env, calls) -> None:
    unbounded = env.from_collection([1])
    unbounded._node.bounded = False
    unbounded.sink_to(TwoPhases(nothing))
    with pytest.warns(UserWarning, match="only happens at the end of the job"):
        env.get_execution_plan()


def test_debugging_and_batch_mode(env, calls) -> None:
    env.debug()
    sink = TwoPhases(nothing)
    env.from_collection([1, 2], LONG).sink_to(sink)
    env.execute()
    assert [call for call in calls if call[0] == "commit"] == [("commit", 1, 0), ("commit", 2, 0)]
    calls.clear()
    configuration = Configuration.from_dict({"execution.runtime-mode": "BATCH"})
    env = StreamExecutionEnvironment.get_execution_environment(configuration).set_parallelism(2)
    env.from_collection([1, 2], LONG).rebalance().sink_to(sink)
    env.execute()
    assert sorted(call for call in calls if call[0] == "commit") == [
        ("commit", 1, 0),
        ("commit", 2, 0),
    ]


class Mails(GenericWriteAheadSink):
    """Does not get through at first."""

    def send_values(self, values: Collection[Any], checkpoint_id: int, timestamp: int) -> Any:
        _calls.append((list(values), checkpoint_id))
        return {1: False, 3: 7}.get(len(_calls), True)


def test_elements_that_were_not_sent_come_again(calls) -> None:
    run(Mails(), [1, 2])
    assert calls == [([1, 2], 2**63 - 1)] * 2
    with pytest.raises(JobExecutionException, match="True or False, not 7"):
        run(Mails(), [3])


def test_write_ahead_needs_a_committer_of_its_kind() -> None:
    with pytest.raises(TypeError, match="must be a CheckpointCommitter"):
        Mails(nothing)  # type: ignore[arg-type]
    assert issubclass(CheckpointCommitter, object)


class Noted(TwoPhaseCommitSinkFunction):
    def begin_transaction(self) -> Any:
        _calls.append("begin")
        return []

    def invoke(self, transaction: Any, value: Any, context: SinkWriter.Context) -> None:
        transaction.append(value)

    def pre_commit(self, transaction: Any) -> None:
        _calls.append(("pre_commit", list(transaction)))

    def commit(self, transaction: Any) -> None:
        _calls.append(("commit", list(transaction)))
        if 13 in transaction:
            raise OSError("no luck")

    def abort(self, transaction: Any) -> None:
        _calls.append(("abort", list(transaction)))

    def close(self) -> None:
        _calls.append("close")


def test_the_calls_of_a_transaction(calls) -> None:
    run(Noted(), [1, 2])
    assert calls == ["begin", ("pre_commit", [1, 2]), ("commit", [1, 2]), "close"]


def test_a_transaction_that_fails(env, calls) -> None:
    def fail(value: int) -> int:
        raise ValueError("early")

    env.from_collection([1], LONG).map(fail, LONG).sink_to(Noted())
    with pytest.raises(JobExecutionException, match="early"):
        env.execute()
    assert calls == ["begin", ("abort", []), "close"]
    calls.clear()
    with pytest.raises(JobExecutionException, match="could not be committed"):
        run(Noted(), [13])
    assert calls == ["begin", ("pre_commit", [13]), ("commit", [13]), "close"]
