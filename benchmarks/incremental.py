"""Incremental checkpoints of large RocksDB state, and how long restores take.

usage: incremental.py [KEYS [VALUE_BYTES [FOLDER]]]

A keyed function keeps a text for each of KEYS (1 M) keys, 1,000 bytes each: 1 GB. Then, 20 times, 1 %
of the keys get another text, and the bytes of the checkpoints that were taken meanwhile are added
up. The job is cancelled and restored, its savepoint is restored with the memory backend. Told: bytes
of all state, of the first and of the mean incremental checkpoint and their parts of it; the longest
time that the task was held up by one; the seconds from a job's submission to its first result,
without state and restored.
"""

import random
import shutil
import statistics
import sys
import tempfile
import time
from uuid import uuid4

from pyflinkpp._engine import native
from pyflinkpp.common import Configuration, Types
from pyflinkpp.common.typeinfo import engine_type
from pyflinkpp.datastream import DataStream, KeyedProcessFunction, StreamExecutionEnvironment
from pyflinkpp.datastream._transformation import Edge, Transformation
from pyflinkpp.datastream.state import ValueStateDescriptor

ROUNDS = 20
NO_TIMESTAMP = -(2**63)
ASK = -1


class Keep(KeyedProcessFunction):
    """Keeps a text of random bytes for each key; answers when it is asked."""

    def __init__(self, size):
        self.size = size

    def open(self, runtime_context):
        self.text = runtime_context.get_state(ValueStateDescriptor("text", Types.STRING()))
        self.random = random.Random(7)

    def process_element(self, value, ctx):
        if value == ASK:
            yield value
        else:
            self.text.update(f"{self.random.getrandbits(4 * self.size):0{self.size}x}")


class Job:
    """A job whose elements are pushed."""

    def __init__(self, folder, size, backend="rocksdb", restore=None):
        self.began = time.perf_counter()
        configuration = Configuration.from_dict(
            {
                "execution.checkpointing.interval": "500 ms",
                "execution.checkpointing.dir": f"{folder}/checkpoints",
                "execution.checkpointing.incremental": "true",
                "execution.checkpointing.externalized-checkpoint-retention": "RETAIN_ON_CANCELLATION",
                "state.backend.type": backend,
                "state.backend.rocksdb.localdir": folder,
                "restart-strategy.type": "none",
                **({"execution.state-recovery.path": restore} if restore else {}),
            }
        )
        env = StreamExecutionEnvironment.get_execution_environment(configuration)
        token = uuid4().hex
        self.input = native().HarnessInput(token, engine_type(Types.LONG()))
        kind = {"kind": "push_source", "id": token}
        node = Transformation("Source", kind, 1, (), Types.LONG())
        source = DataStream(env, (Edge(node, None),), Types.LONG(), node).uid("source")
        kept = source.key_by(lambda key: key, Types.LONG()).process(Keep(size), Types.LONG())
        self.results = kept.uid("keep").execute_and_collect()
        self.job = self.results._results._job

    def push(self, keys):
        for number, key in enumerate(keys):
            self.input.push(key, NO_TIMESTAMP)
            if number % 10_000 == 0:
                self.wait(lambda: self.input.pending() < 20_000)
        self.wait(lambda: self.input.pending() == 0)

    def wait(self, done):
        while not done():
            self.job.next_results(1)

    def completed(self, since_ms=0):
        return [
            told
            for told in self.job.checkpoints()
            if told["state"] == "COMPLETED" and told["triggered_ms"] > since_ms
        ]

    def wait_for_checkpoint(self):
        """Waits for one that was triggered from now on."""
        now = time.time() * 1000
        self.wait(lambda: self.completed(now))

    def first_result(self):
        """Seconds from the submission to the first result."""
        self.input.push(ASK, NO_TIMESTAMP)
        while not self.job.next_results(1):
            pass
        return time.perf_counter() - self.began

    def cancel(self):
        self.job.cancel()
        self.job.wait(60_000)


def sync_ms(told):
    return max(part["sync_ms"] for each in told for part in each["subtasks"])


def run(keys, size, folder):
    job = Job(folder, size)
    print(f"empty_start_s {job.first_result():.2f}")
    job.push(range(keys))
    job.wait_for_checkpoint()
    full = job.completed()[-1]["full_bytes"]
    changed = random.Random(3)
    parts = []
    held_up = sync_ms(job.completed())
    for _ in range(ROUNDS):
        before = job.completed()[-1]["id"]
        job.push(changed.sample(range(keys), keys // 100))
        job.wait_for_checkpoint()
        told = [each for each in job.completed() if each["id"] > before]
        parts.append(sum(each["bytes"] for each in told))
        held_up = max(held_up, sync_ms(told))
    print("full_bytes", full)
    print(f"first_incremental_bytes {parts[0]} part {parts[0] / full:.4f}")
    print(
        f"mean_incremental_bytes {statistics.mean(parts):.0f} part {statistics.mean(parts) / full:.4f}"
    )
    print(f"most_incremental_bytes {max(parts)} part {max(parts) / full:.4f}")
    print(f"sync_ms {held_up:.2f}")
    path = job.completed()[-1]["path"]
    job.cancel()

    job = Job(folder, size, restore=path)
    print(f"rocksdb_restore_s {job.first_result():.2f}")
    number = job.job.trigger_savepoint(f"{folder}/savepoints", "go on")
    savepoint = None
    while savepoint is None:
        savepoint = job.job.wait_for_savepoint(number, 1000)
    job.cancel()
    shutil.rmtree(f"{folder}/checkpoints")

    job = Job(folder, size, backend="hashmap", restore=savepoint)
    print(f"memory_restore_s {job.first_result():.2f}")
    told = job.completed()
    while not told:
        job.job.next_results(100)
        told = job.completed()
    print(f"memory_sync_ms {sync_ms(told):.2f}")
    job.cancel()


if __name__ == "__main__":
    keys = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    size = int(sys.argv[2]) if len(sys.argv) > 2 else 1_000
    with tempfile.TemporaryDirectory(dir=sys.argv[3] if len(sys.argv) > 3 else None) as folder:
        run(keys, size, folder)
