"""Word count while checkpoints are taken: `checkpoints.py FILE INTERVAL_MS|none [hashmap|rocksdb]`.

Prints words_per_s, and of the checkpoints their number, the longest time that a task was held up in one piece
(sync_ms), their longest duration and the bytes of the last one.
"""

import sys
import tempfile
import time

from pyflinkpp.common import Configuration
from pyflinkpp.datastream import StreamExecutionEnvironment
from word_count import describe


def run(path, interval, backend, directory):
    configuration = Configuration()
    configuration.set_string("state.backend.type", backend)
    if interval != "none":
        configuration.set_string("execution.checkpointing.interval", f"{interval} ms")
        configuration.set_string("execution.checkpointing.dir", directory)
    env = StreamExecutionEnvironment.get_execution_environment(configuration)
    describe(env, path)
    client = env.execute_async("word count")
    result = client.get_job_execution_result().result()
    return result.get_summary()["discard"]["records_in"], client._job.checkpoints()


if __name__ == "__main__":
    path, interval, *backend = sys.argv[1:]
    with tempfile.TemporaryDirectory() as directory:
        start = time.perf_counter()
        words, checkpoints = run(path, interval, *(backend or ["hashmap"]), directory)
        print("words_per_s", words / (time.perf_counter() - start))
    completed = [each for each in checkpoints if each["state"] == "COMPLETED"]
    print("checkpoints", len(completed))
    if completed:
        print("sync_ms", max(part["sync_ms"] for each in completed for part in each["subtasks"]))
        print("duration_ms", max(each["duration_ms"] for each in completed))
        print("bytes", completed[-1]["bytes"])
