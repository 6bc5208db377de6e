"""How long a job with small state gives no output after one of its tasks has failed.

usage: failover.py [RUNS]

A keyed counter over a number sequence, checkpoints each 100 ms in a directory; a function raises
once. Told: from there to the first element that the restarted job processes, less the restart
delay (100 ms), in milliseconds.
"""

import statistics
import sys
import tempfile
import time
from pathlib import Path

from pyflinkpp.common import Configuration, Types, WatermarkStrategy
from pyflinkpp.datastream import KeyedProcessFunction, StreamExecutionEnvironment
from pyflinkpp.datastream.connectors.base import DiscardingSink
from pyflinkpp.datastream.connectors.number_seq import NumberSequenceSource
from pyflinkpp.datastream.state import ValueStateDescriptor

DELAY_MS = 100


class Counter(KeyedProcessFunction):
    """Counts; raises after half a second, and notes when, and when it goes on."""

    def __init__(self, folder):
        self.failed, self.again = Path(folder, "failed"), Path(folder, "again")

    def open(self, ctx):
        self.count = ctx.get_state(ValueStateDescriptor("count", Types.LONG()))
        self.fails_at = time.monotonic() + 0.5
        self.restarted = self.failed.exists()
        self.first = True

    def process_element(self, value, ctx):
        if self.first and self.restarted:
            self.again.write_text(str(time.monotonic()))
        self.first = False
        self.count.update((self.count.value() or 0) + 1)
        if not self.restarted and value % 1000 == 0 and time.monotonic() > self.fails_at:
            self.failed.write_text(str(time.monotonic()))
            raise RuntimeError("wanted")


def run():
    """One job; the milliseconds beyond the restart delay."""
    with tempfile.TemporaryDirectory() as folder:
        configuration = Configuration.from_dict(
            {
                "execution.checkpointing.interval": "100 ms",
                "execution.checkpointing.dir": folder,
                "restart-strategy.type": "fixed-delay",
                "restart-strategy.fixed-delay.attempts": "1",
                "restart-strategy.fixed-delay.delay": f"{DELAY_MS} ms",
            }
        )
        env = StreamExecutionEnvironment.get_execution_environment(configuration)
        numbers = env.from_source(
            NumberSequenceSource(0, 10**12), WatermarkStrategy.no_watermarks(), "numbers"
        )
        counted = numbers.key_by(lambda n: n % 1000, Types.LONG()).process(Counter(folder))
        counted.sink_to(DiscardingSink())
        client = env.execute_async()
        again = Path(folder, "again")
        while not again.exists() or not again.read_text():
            time.sleep(0.01)
        client.cancel().result()
        client._job.wait(10_000)
        taken = float(again.read_text()) - float(Path(folder, "failed").read_text())
        return taken * 1000 - DELAY_MS


if __name__ == "__main__":
    taken = [run() for _ in range(int(sys.argv[1]) if len(sys.argv) > 1 else 9)]
    print(f"failover_ms {statistics.median(taken):.1f}")
    print(f"failover_max_ms {max(taken):.1f}")
