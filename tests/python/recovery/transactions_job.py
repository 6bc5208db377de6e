"""A job that is killed again and again: writes numbers to a sink in two phases.

`transactions_job.py COUNT CHECKPOINTS OUTPUT KIND PARALLELISM [RESTORE]`
"""

import sys
import time
from pathlib import Path

from pyflinkpp.common import Configuration, Types, WatermarkStrategy
from pyflinkpp.datastream import StreamExecutionEnvironment
from pyflinkpp.datastream.connectors.number_seq import NumberSequenceSource

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from recovery.sinks import RenamedFiles, TableSink, Trouble


def slowly(value):
    if value % 50 == 0:
        time.sleep(0.001)  # so that there is something to kill
    return value


def main(count, checkpoints, output, kind, parallelism, restore=None):
    configuration = Configuration()
    configuration.set_string("execution.checkpointing.interval", "20 ms")
    configuration.set_string("execution.checkpointing.num-retained", "2")
    configuration.set_string("execution.checkpointing.dir", checkpoints)
    if restore:
        configuration.set_string("execution.state-recovery.path", restore)
    env = StreamExecutionEnvironment.get_execution_environment(configuration)
    env.set_parallelism(int(parallelism))
    folder = Path(output)
    sink = {"table": TableSink, "files": RenamedFiles}[kind](folder, Trouble(folder))
    source = NumberSequenceSource(0, int(count) - 1)
    numbers = env.from_source(source, WatermarkStrategy.no_watermarks(), "numbers").uid("numbers")
    numbers.map(slowly, output_type=Types.LONG()).sink_to(sink).uid("sink")
    env.execute("transactions")


if __name__ == "__main__":
    main(*sys.argv[1:])
