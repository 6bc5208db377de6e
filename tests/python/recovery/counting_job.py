"""A job that is killed again and again: counts numbers by key and writes each count to a file.

`counting_job.py COUNT CHECKPOINTS OUTPUT BACKEND PARALLELISM [RESTORE CLAIM_MODE]`

BACKEND may end with "+incremental".
"""

import sys
import time

from pyflinkpp.common import Configuration, Encoder, Types, WatermarkStrategy
from pyflinkpp.datastream import StreamExecutionEnvironment
from pyflinkpp.datastream.connectors.file_system import FileSink
from pyflinkpp.datastream.connectors.number_seq import NumberSequenceSource
from pyflinkpp.datastream.functions import KeyedProcessFunction
from pyflinkpp.datastream.state import ValueStateDescriptor

KEYS = 97


class Count(KeyedProcessFunction):
    """Counts the elements of each key."""

    def open(self, runtime_context):
        self.seen = runtime_context.get_state(ValueStateDescriptor("seen", Types.LONG()))

    def process_element(self, value, ctx):
        seen = (self.seen.value() or 0) + 1
        self.seen.update(seen)
        yield f"{ctx.get_current_key()},{seen}"


def slowly(value):
    if value % 100 == 0:
        time.sleep(0.001)  # so that there is something to kill
    return value


def main(count, checkpoints, output, backend, parallelism, restore=None, claim_mode="NO_CLAIM"):
    configuration = Configuration()
    backend, _, incremental = backend.partition("+")
    configuration.set_string("state.backend.type", backend)
    configuration.set_boolean("execution.checkpointing.incremental", bool(incremental))
    configuration.set_string("execution.checkpointing.interval", "20 ms")
    configuration.set_string("execution.checkpointing.num-retained", "2")
    configuration.set_string("execution.checkpointing.dir", checkpoints)
    if restore:
        configuration.set_string("execution.state-recovery.path", restore)
        configuration.set_string("execution.state-recovery.claim-mode", claim_mode)
    env = StreamExecutionEnvironment.get_execution_environment(configuration)
    env.set_parallelism(int(parallelism))
    sink = FileSink.for_row_format(output, Encoder.simple_string_encoder()).build()
    (
        env.from_source(
            NumberSequenceSource(0, int(count) - 1), WatermarkStrategy.no_watermarks(), "numbers"
        )
        .uid("numbers")
        .map(slowly, output_type=Types.LONG())
        .key_by(lambda value: value % KEYS, key_type=Types.LONG())
        .process(Count(), output_type=Types.STRING())
        .uid("count")
        .sink_to(sink)
        .uid("files")
    )
    env.execute("counting")


if __name__ == "__main__":
    main(*sys.argv[1:])
