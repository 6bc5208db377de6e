"""Two lambdas over a number sequence: `map_filter.py N plain|engine` prints records_per_s and how many passed."""

import sys
import time

double = lambda x: x * 2 + 1
keep = lambda x: x % 3 != 0


def plain(n):
    passed = 0
    for x in range(1, n + 1):
        if keep(double(x)):
            passed += 1
    return passed


def engine(n):
    from pyflinkpp.common import Types, WatermarkStrategy
    from pyflinkpp.datastream import StreamExecutionEnvironment
    from pyflinkpp.datastream.connectors.base import DiscardingSink
    from pyflinkpp.datastream.connectors.number_seq import NumberSequenceSource

    env = StreamExecutionEnvironment.get_execution_environment()
    env.set_parallelism(1)
    source = NumberSequenceSource(1, n)
    (
        env.from_source(source, WatermarkStrategy.no_watermarks(), "numbers", Types.LONG())
        .map(double, output_type=Types.LONG())
        .filter(keep)
        .sink_to(DiscardingSink())
        .name("discard")
    )
    return env.execute("map filter").get_summary()["discard"]["records_in"]


if __name__ == "__main__":
    n, how = int(sys.argv[1]), sys.argv[2]
    start, cpu_start = time.perf_counter(), time.process_time()
    passed = plain(n) if how == "plain" else engine(n)
    print("passed", passed)
    print("records_per_s", n / (time.perf_counter() - start))
    print("records_per_cpu_s", n / (time.process_time() - cpu_start))
