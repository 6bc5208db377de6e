"""What a state access costs beyond a dict's.

`state_access.py FILE plain|engine` prints records_per_s and access_ns.

The engine's side runs a keyed process function with `ACCESSES` reads and writes of a value state for each record; the
plain side runs the same function over dicts. The same job without the accesses is subtracted from each, so that
(engine - plain) / accesses is what the engine adds to an access.
"""

import sys
import time

ACCESSES = 8  # 4 reads and 4 writes


def parse(line):
    key, timestamp, value = line.split(",")
    return int(key), int(timestamp), int(value)


def plain(path, accesses):
    counts = {}
    for line in open(path):
        key, _, value = parse(line)
        for _ in range(accesses // 2):
            counts[key] = (counts.get(key) or 0) + value
    return sum(counts.values())


def engine(path, accesses):
    from pyflinkpp.common import Types, WatermarkStrategy
    from pyflinkpp.datastream import StreamExecutionEnvironment
    from pyflinkpp.datastream.connectors.base import DiscardingSink
    from pyflinkpp.datastream.connectors.file_system import FileSource, StreamFormat
    from pyflinkpp.datastream.functions import KeyedProcessFunction
    from pyflinkpp.datastream.state import ValueStateDescriptor

    class Count(KeyedProcessFunction):
        def open(self, context):
            self.count = context.get_state(ValueStateDescriptor("count", Types.LONG()))

        def process_element(self, value, ctx):
            count = self.count
            for _ in range(accesses // 2):
                count.update((count.value() or 0) + value[2])

    env = StreamExecutionEnvironment.get_execution_environment()
    env.set_parallelism(1)
    source = FileSource.for_record_stream_format(StreamFormat.text_line_format(), path).build()
    (
        env.from_source(source, WatermarkStrategy.no_watermarks(), "lines")
        .map(parse, output_type=Types.TUPLE([Types.LONG(), Types.LONG(), Types.LONG()]))
        .key_by(lambda event: event[0], key_type=Types.LONG())
        .process(Count())
        .sink_to(DiscardingSink())
    )
    env.execute("state access")


if __name__ == "__main__":
    path, how = sys.argv[1], sys.argv[2]
    side = plain if how == "plain" else engine
    rows = sum(1 for _ in open(path))
    seconds = {}
    for accesses in (0, ACCESSES):
        start = time.perf_counter()
        side(path, accesses)
        seconds[accesses] = time.perf_counter() - start
    print("records_per_s", rows / seconds[ACCESSES])
    print("access_ns", (seconds[ACCESSES] - seconds[0]) / rows / ACCESSES * 1e9)
