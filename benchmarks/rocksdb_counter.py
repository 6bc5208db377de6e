"""Counts random keys in RocksDB from a Python function: `rocksdb_counter.py UPDATES KEYS INTERVAL_MS|none`.

Prints updates_per_s, and of the checkpoints what `checkpoints.py` prints of them.
"""

import sys
import tempfile
import time

from pyflinkpp.common import Configuration, Types, WatermarkStrategy
from pyflinkpp.datastream import StreamExecutionEnvironment
from pyflinkpp.datastream.connectors.base import DiscardingSink
from pyflinkpp.datastream.connectors.number_seq import NumberSequenceSource
from pyflinkpp.datastream.functions import KeyedProcessFunction
from pyflinkpp.datastream.state import ValueStateDescriptor

SPREAD = 2654435761  # odd and large: following numbers have keys far from each other


class Count(KeyedProcessFunction):
    def open(self, runtime_context):
        self.count = runtime_context.get_state(ValueStateDescriptor("count", Types.LONG()))

    def process_element(self, value, ctx):
        self.count.update((self.count.value() or 0) + 1)


def run(updates, keys, interval, directory):
    configuration = Configuration()
    configuration.set_string("state.backend.type", "rocksdb")
    if interval != "none":
        configuration.set_string("execution.checkpointing.interval", f"{interval} ms")
        configuration.set_string("execution.checkpointing.dir", directory)
    env = StreamExecutionEnvironment.get_execution_environment(configuration)
    source = NumberSequenceSource(0, updates - 1)
    numbers = env.from_source(source, WatermarkStrategy.no_watermarks(), "numbers")
    keyed = numbers.key_by(lambda n: n * SPREAD % keys, Types.LONG())
    keyed.process(Count(), Types.LONG()).sink_to(DiscardingSink())
    client = env.execute_async("count")
    client.get_job_execution_result().result()
    return client._job.checkpoints()


if __name__ == "__main__":
    updates, keys, interval = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
    with tempfile.TemporaryDirectory() as directory:
        start = time.perf_counter()
        checkpoints = run(updates, keys, interval, directory)
        print("updates_per_s", updates / (time.perf_counter() - start))
    completed = [each for each in checkpoints if each["state"] == "COMPLETED"]
    print("checkpoints", len(completed))
    if completed:
        print("sync_ms", max(part["sync_ms"] for each in completed for part in each["subtasks"]))
        print("duration_ms", max(each["duration_ms"] for each in completed))
        print("bytes", completed[-1]["bytes"])
