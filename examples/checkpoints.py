"""Checkpoints and savepoints: a job that fails goes on, a job that was stopped goes on.

The numbers from 1 to 200,000 are counted by their last digit. The first job is stopped with a
savepoint as soon as it runs. The second one starts from the savepoint; one of its functions fails,
and the job goes on from the last checkpoint. Each number still counts exactly once.
"""

from collections import Counter
from pathlib import Path
from tempfile import TemporaryDirectory

from pyflinkpp.common import Configuration, Encoder, RestartStrategies, Types, WatermarkStrategy
from pyflinkpp.datastream import (
    ExternalizedCheckpointRetention,
    KeyedProcessFunction,
    MapFunction,
    StreamExecutionEnvironment,
)
from pyflinkpp.datastream.connectors.file_system import FileSink
from pyflinkpp.datastream.connectors.number_seq import NumberSequenceSource
from pyflinkpp.datastream.state import ValueStateDescriptor

LAST = 200_000


class Fragile(MapFunction):
    """Fails in the middle, the first time."""

    def __init__(self, flag):
        self.flag = flag

    def map(self, number):
        if number == LAST // 2 and not self.flag.exists():
            self.flag.touch()
            raise OSError("the service is down")
        return number


class Count(KeyedProcessFunction):
    """Counts the numbers of each last digit."""

    def open(self, runtime_context):
        self.count = runtime_context.get_state(ValueStateDescriptor("count", Types.LONG()))

    def process_element(self, number, ctx):
        self.count.update((self.count.value() or 0) + 1)
        yield f"{number % 10} {self.count.value()}"


def submit(folder, savepoint=None):
    settings = Configuration()
    if savepoint is not None:
        settings.set_string("execution.state-recovery.path", savepoint)
    env = StreamExecutionEnvironment.get_execution_environment(settings)
    env.enable_checkpointing(20)
    env.set_restart_strategy(RestartStrategies.fixed_delay_restart(3, 10))
    config = env.get_checkpoint_config()
    config.set_checkpoint_storage_dir(str(folder / "checkpoints"))
    config.set_externalized_checkpoint_retention(
        ExternalizedCheckpointRetention.DELETE_ON_CANCELLATION
    )
    source = NumberSequenceSource(1, LAST)
    numbers = env.from_source(source, WatermarkStrategy.no_watermarks(), "numbers").uid("numbers")
    counts = (
        numbers.map(Fragile(folder / "has failed"), Types.LONG())
        .uid("fragile")
        .key_by(lambda number: number % 10, Types.LONG())
        .process(Count(), Types.STRING())
        .uid("count")
    )
    encoder = Encoder.simple_string_encoder()
    counts.sink_to(FileSink.for_row_format(str(folder / "counts"), encoder).build()).uid("files")
    return env.execute_async("count")


def main():
    with TemporaryDirectory() as name:
        folder = Path(name)
        first = submit(folder)
        savepoint = first.stop_with_savepoint(False, str(folder / "savepoints")).result()
        print("stopped:", first.get_job_status().result().name)

        second = submit(folder, savepoint)
        second.get_job_execution_result().result()
        print("at last:", second.get_job_status().result().name)
        for failure in second.get_exception_history():
            print("survived:", failure.operator_name, "raised", repr(failure.cause))

        # What a failed attempt had begun stays hidden.
        found = (folder / "counts").rglob("[!.]*")
        files = [path for path in found if path.is_file()]
        lines = [line for path in files for line in path.read_text().splitlines()]
        print(f"{len(lines):,} results, {len(set(lines)):,} different ones")
        greatest = Counter()
        for line in lines:
            digit, count = line.split()
            greatest[digit] = max(greatest[digit], int(count))
        print("counts:", sorted(greatest.items()))


if __name__ == "__main__":
    main()
