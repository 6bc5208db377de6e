"""Side outputs: one pass over a log gives counts, broken lines, warnings and late lines.

The watermark follows each line here, by a generator of our own, so that it is known beforehand
which line is late. In practice `WatermarkStrategy.for_bounded_out_of_orderness` does.
"""

from pyflinkpp.common import Time, Types, WatermarkStrategy
from pyflinkpp.common.watermark_strategy import TimestampAssigner, Watermark, WatermarkGenerator
from pyflinkpp.datastream import (
    OutputTag,
    ProcessFunction,
    ProcessWindowFunction,
    StreamExecutionEnvironment,
)
from pyflinkpp.datastream.window import TumblingEventTimeWindows

LINES = [
    "3 web started",
    "4 db slow",
    "twelve web ?",
    "9 web ready",
    "14 db gone",
    "8 db slow",  # 10 seconds were over when this came
    "19 web ready",
]
ENTRY = Types.TUPLE([Types.LONG(), Types.STRING(), Types.STRING()])
BROKEN = OutputTag("broken", Types.STRING())
WARNINGS = OutputTag("warnings", ENTRY)
LATE = OutputTag("late", ENTRY)


class Parse(ProcessFunction):
    """Gives (second, service, message); (tag, element) goes to a side output instead."""

    def process_element(self, value, ctx):
        second, service, message = value.split(" ", 2)
        if not second.isdigit():
            yield BROKEN, value
            return
        entry = int(second), service, message
        if message in ("slow", "gone"):
            yield WARNINGS, entry
        yield entry


class FirstField(TimestampAssigner):
    """The first field of an entry is its time, in seconds."""

    def extract_timestamp(self, value, record_timestamp):
        return value[0] * 1000


class AfterEach(WatermarkGenerator):
    """Says at each entry that none is expected from before it."""

    def on_event(self, event, event_timestamp, output):
        output.emit_watermark(Watermark(event_timestamp - 1))

    def on_periodic_emit(self, output):
        pass


class Count(ProcessWindowFunction):
    """Counts a window's entries."""

    def process(self, key, context, elements):
        yield f"count    {key}, second {context.window().start // 1000}: {len(list(elements))}"


def main():
    """Runs the job and prints all its outputs."""
    env = StreamExecutionEnvironment.get_execution_environment()
    entries = env.from_collection(LINES, Types.STRING()).process(Parse(), output_type=ENTRY)
    strategy = WatermarkStrategy.for_generator(AfterEach).with_timestamp_assigner(FirstField())
    counts = (
        entries.assign_timestamps_and_watermarks(strategy)
        .key_by(lambda entry: entry[1], key_type=Types.STRING())
        .window(TumblingEventTimeWindows.of(Time.seconds(10)))
        .side_output_late_data(LATE)
        .process(Count(), output_type=Types.STRING())
    )
    everything = counts.union(
        entries.get_side_output(BROKEN).map(lambda line: f"broken   {line}", Types.STRING()),
        entries.get_side_output(WARNINGS).map(lambda e: f"warning  {e}", Types.STRING()),
        counts.get_side_output(LATE).map(lambda e: f"late     {e}", Types.STRING()),
    )
    with everything.execute_and_collect() as lines:
        print(*sorted(lines), sep="\n")


if __name__ == "__main__":
    main()
