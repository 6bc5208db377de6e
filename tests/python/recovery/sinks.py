"""Sinks in two phases that fail once, at a chosen stage."""

from __future__ import annotations

import json
import os
import pickle
import sqlite3
from collections import Counter
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any, BinaryIO
from uuid import uuid4

from pyflinkpp.datastream.connectors import (
    CheckpointCommitter,
    CommitRequest,
    Committer,
    CommittingSinkWriter,
    GenericWriteAheadSink,
    Sink,
    SinkWriter,
    StatefulSinkWriter,
    SupportsCommitter,
    SupportsWriterState,
    TwoPhaseCommitSinkFunction,
    WriterInitContext,
)
from pyflinkpp.datastream.connectors.file_system import BulkWriter, BulkWriterFactory


class Trouble:
    """Fails once at each of some stages: a file says that it has.

    :param folder: Where.
    :param stages: The names of the stages.
    :param after: So many calls at a stage are well.
    """

    def __init__(self, folder: Path, *stages: str, after: int = 0) -> None:
        self._folder = folder
        self._left = dict.fromkeys(stages, after)

    def at(self, stage: str) -> None:
        """The stage is reached."""
        if stage not in self._left or self.has_failed(stage):
            return
        self._left[stage] -= 1
        if self._left[stage] < 0:
            self._flag(stage).touch()
            raise OSError(f"trouble at {stage}")

    def has_failed(self, stage: str) -> bool:
        """Whether it has failed at a stage."""
        return self._flag(stage).exists()

    def _flag(self, stage: str) -> Path:
        return self._folder / f"{stage} has failed"


class Table:
    """Rows in a data base, each batch under a name of its own."""

    def __init__(self, path: Path) -> None:
        self._connection = sqlite3.connect(path, timeout=30)
        with self._connection as connection:
            connection.execute("CREATE TABLE IF NOT EXISTS rows (batch TEXT, row TEXT)")
            connection.execute("CREATE TABLE IF NOT EXISTS batches (batch TEXT PRIMARY KEY)")

    def add(self, batch: str, rows: Collection[Any]) -> None:
        """Adds a batch, once."""
        with self._connection as connection:
            query = "INSERT OR IGNORE INTO batches VALUES (?)"
            if connection.execute(query, (batch,)).rowcount:
                texts = ((batch, json.dumps(row)) for row in rows)
                connection.executemany("INSERT INTO rows VALUES (?, ?)", texts)

    def has(self, batch: str) -> bool:
        """Whether a batch was added."""
        query = "SELECT 1 FROM batches WHERE batch = ?"
        return self._connection.execute(query, (batch,)).fetchone() is not None

    def rows(self) -> Counter[Any]:
        """All rows."""
        rows = (json.loads(row) for (row,) in self._connection.execute("SELECT row FROM rows"))
        return Counter(tuple(row) if isinstance(row, list) else row for row in rows)

    def close(self) -> None:
        """Ends the connection."""
        self._connection.close()


class TableSink(Sink, SupportsCommitter, SupportsWriterState):
    """Rows by Sink, SinkWriter and Committer; the writer numbers its batches, and counts its rows in
    its state.
    """

    STAGES = (
        "create_writer", "write", "flush", "prepare_commit", "snapshot_state", "commit", "half way",
        "committed",
    )  # fmt: skip

    def __init__(self, folder: Path, trouble: Trouble) -> None:
        self.path = folder / "table"
        self.trouble = trouble

    def create_writer(self, context: WriterInitContext) -> StatefulSinkWriter:
        assert context.get_restored_checkpoint_id() is None
        self.trouble.at("create_writer")
        return _TableWriter(self.trouble, 0)

    def restore_writer(
        self, context: WriterInitContext, recovered_state: Sequence[Any]
    ) -> StatefulSinkWriter:
        assert context.get_restored_checkpoint_id() is not None
        self.trouble.at("create_writer")
        return _TableWriter(self.trouble, sum(recovered_state))

    def create_committer(self) -> Committer:
        return _TableCommitter(Table(self.path), self.trouble)


class _TableWriter(CommittingSinkWriter, StatefulSinkWriter):
    def __init__(self, trouble: Trouble, count: int) -> None:
        self._trouble = trouble
        self._count = count
        self._rows: list[Any] = []
        self._flushed: list[Any] = []

    def write(self, element: Any, context: SinkWriter.Context) -> None:
        self._trouble.at("write")
        self._rows.append(element)
        self._count += 1

    def flush(self, end_of_input: bool) -> None:
        self._flushed += self._rows
        self._rows = []
        self._trouble.at("flush")

    def prepare_commit(self) -> Collection[Any]:
        self._trouble.at("prepare_commit")
        prepared, self._flushed = self._flushed, []
        middle = len(prepared) // 2
        return [(uuid4().hex, part) for part in (prepared[:middle], prepared[middle:]) if part]

    def snapshot_state(self, checkpoint_id: int) -> Sequence[Any]:
        self._trouble.at("snapshot_state")
        return [self._count]

    def close(self) -> None:
        assert self._count >= 0


class _TableCommitter(Committer):
    def __init__(self, table: Table, trouble: Trouble) -> None:
        self._table = table
        self._trouble = trouble

    def commit(self, requests: Collection[CommitRequest]) -> None:
        self._trouble.at("commit")
        for request in requests:
            batch, rows = request.get_committable()
            if self._table.has(batch):
                request.signal_already_committed()
            else:
                self._table.add(batch, rows)
            self._trouble.at("half way")
        self._trouble.at("committed")

    def close(self) -> None:
        self._table.close()


class RenamedFiles(TwoPhaseCommitSinkFunction):
    """Rows in files that are renamed when they are committed."""

    STAGES = ("begin", "invoke", "pre_commit", "commit", "committed")

    def __init__(self, folder: Path, trouble: Trouble) -> None:
        super().__init__()
        self.folder = folder
        self.trouble = trouble

    def open(self, context: WriterInitContext) -> None:
        self.folder.mkdir(exist_ok=True)
        self._files: dict[str, Any] = {}

    def begin_transaction(self) -> Any:
        self.trouble.at("begin")
        name = uuid4().hex
        self._files[name] = (self.folder / f".{name}").open("w", encoding="utf-8")
        return name

    def invoke(self, transaction: Any, value: Any, context: SinkWriter.Context) -> None:
        self.trouble.at("invoke")
        print(json.dumps(value), file=self._files[transaction])

    def pre_commit(self, transaction: Any) -> None:
        self.trouble.at("pre_commit")
        file = self._files.pop(transaction)
        file.flush()
        os.fsync(file.fileno())
        file.close()

    def commit(self, transaction: Any) -> None:
        self.trouble.at("commit")
        (self.folder / f".{transaction}").rename(self.folder / transaction)
        self.trouble.at("committed")

    def recover_and_commit(self, transaction: Any) -> None:
        self.trouble.at("recover_and_commit")
        if not (self.folder / transaction).exists():
            self.commit(transaction)

    def abort(self, transaction: Any) -> None:
        if transaction in self._files:
            self._files.pop(transaction).close()
        (self.folder / f".{transaction}").unlink(missing_ok=True)

    def recover_and_abort(self, transaction: Any) -> None:
        self.trouble.at("recover_and_abort")
        self.abort(transaction)

    def close(self) -> None:
        assert not self._files


class Sent(CheckpointCommitter):
    """Remembers what was sent in a data base."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def open(self) -> None:
        self._table = Table(self._path)

    def close(self) -> None:
        self._table.close()

    def commit_checkpoint(self, subtask_idx: int, checkpoint_id: int) -> None:
        self._table.add(f"{subtask_idx}/{checkpoint_id}", [])

    def is_checkpoint_committed(self, subtask_idx: int, checkpoint_id: int) -> bool:
        return self._table.has(f"{subtask_idx}/{checkpoint_id}")


class Log(GenericWriteAheadSink):
    """Appends to a file, in one step."""

    STAGES = ("send",)

    def __init__(self, folder: Path, trouble: Trouble, type_info: Any = None) -> None:
        super().__init__(Sent(folder / "sent"), type_info)
        self.path = folder / "log"
        self.trouble = trouble

    def send_values(self, values: Collection[Any], checkpoint_id: int, timestamp: int) -> bool:
        self.trouble.at("send")
        assert checkpoint_id > 0 and timestamp > 0
        with self.path.open("a", encoding="utf-8") as log:
            log.write("".join(f"{json.dumps(value)}\n" for value in values))
        return True


def rows_of(folder: Path) -> Counter[Any]:
    """What can be seen of what one of the sinks has written."""
    if (folder / "table").exists():
        return Table(folder / "table").rows()
    log = folder / "log"
    paths = [log] if log.exists() else [p for p in folder.iterdir() if len(p.name) == 32]
    lines = (line for path in paths for line in path.read_text(encoding="utf-8").splitlines())
    rows = map(json.loads, lines)
    return Counter(tuple(row) if isinstance(row, list) else row for row in rows)


class Pickles(BulkWriterFactory):
    """One pickle a file."""

    def create(self, out: BinaryIO) -> BulkWriter:
        return PickleWriter(out)


class PickleWriter(BulkWriter):
    """Writes when its file ends; 13 is an error."""

    def __init__(self, out: BinaryIO) -> None:
        assert out.tell() == 0 and out.writable()
        self._out = out
        self._elements: list[Any] = []

    def add_element(self, element: Any) -> None:
        self._elements.append(element)

    def finish(self) -> None:
        if 13 in self._elements:
            raise ValueError("unlucky")
        self._out.write(pickle.dumps(self._elements))
