"""A sink in two phases: results go to a SQLite table, each exactly once, although the job fails.

Between two checkpoints each subtask writes into a transaction of its own. When a checkpoint is
taken its rows are stored under the transaction's name, where no reader looks (`pre_commit`). When
the checkpoint is complete they move into the table (`commit`); doing that again moves nothing.
"""

import sqlite3
from pathlib import Path
from tempfile import TemporaryDirectory
from uuid import uuid4

from pyflinkpp.common import RestartStrategies, Types, WatermarkStrategy
from pyflinkpp.datastream import MapFunction, StreamExecutionEnvironment
from pyflinkpp.datastream.connectors import TwoPhaseCommitSinkFunction
from pyflinkpp.datastream.connectors.number_seq import NumberSequenceSource

LAST = 100_000


class Squares(MapFunction):
    """Fails in the middle, the first time."""

    def __init__(self, flag):
        self.flag = flag

    def map(self, number):
        if number == LAST // 2 and not self.flag.exists():
            self.flag.touch()
            raise OSError("the service is down")
        return number, number * number


class SquaresTable(TwoPhaseCommitSinkFunction):
    """Writes pairs of numbers.

    :param path: The path of the data base.
    """

    def __init__(self, path):
        super().__init__()
        self.path = path

    def open(self, context):
        self.database = sqlite3.connect(self.path, timeout=60)
        self.rows = {}  # by transaction; those of the one that is open

    def begin_transaction(self):
        transaction = uuid4().hex
        self.rows[transaction] = []
        return transaction

    def invoke(self, transaction, value, context):
        self.rows[transaction].append((transaction, *value))

    def pre_commit(self, transaction):
        with self.database:
            self.database.executemany(
                "INSERT INTO staged VALUES (?, ?, ?)", self.rows.pop(transaction)
            )

    def commit(self, transaction):
        with self.database:
            self.database.execute(
                "INSERT INTO squares SELECT number, square FROM staged WHERE transaction_id = ?",
                (transaction,),
            )
            self.abort(transaction)

    def abort(self, transaction):
        self.rows.pop(transaction, None)
        with self.database:
            self.database.execute("DELETE FROM staged WHERE transaction_id = ?", (transaction,))

    def close(self):
        self.database.close()


def main():
    with TemporaryDirectory() as name:
        path = Path(name) / "results.db"
        with sqlite3.connect(path) as database:
            database.execute("PRAGMA journal_mode = WAL")
            database.execute("CREATE TABLE squares (number INTEGER, square INTEGER)")
            database.execute(
                "CREATE TABLE staged (transaction_id TEXT, number INTEGER, square INTEGER)"
            )

        env = StreamExecutionEnvironment.get_execution_environment().set_parallelism(2)
        env.enable_checkpointing(20)
        env.set_restart_strategy(RestartStrategies.fixed_delay_restart(3, 10))
        source = NumberSequenceSource(1, LAST)
        numbers = env.from_source(source, WatermarkStrategy.no_watermarks(), "numbers")
        pair = Types.TUPLE([Types.LONG(), Types.LONG()])
        numbers.map(Squares(Path(name) / "has failed"), pair).sink_to(SquaresTable(str(path)))
        client = env.execute_async("squares")
        client.get_job_execution_result().result()
        for failure in client.get_exception_history():
            print("survived:", failure.operator_name, "raised", repr(failure.cause))

        rows = database.execute("SELECT count(*), count(DISTINCT number), max(square) FROM squares")
        print(
            "{:,} rows, {:,} different ones, the greatest square is {:,}".format(*rows.fetchone())
        )
        # What was stored behind the last checkpoint before the failure was never committed.
        database.close()


if __name__ == "__main__":
    main()
