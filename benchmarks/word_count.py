"""Word count with four Python callables: `word_count.py FILE plain|engine` prints words_per_s and words_per_cpu_s.

`-p N`: at parallelism N, in as many TaskManager processes. Starting them is part of the time; the difference between
two files of unlike length has none of it.
"""

import argparse
import time


def split(line):
    yield from line.split()


def pair(word):
    return word, 1


def word_of(counted):
    return counted[0]


def add(a, b):
    return a[0], a[1] + b[1]


def plain(path):
    state = {}
    with open(path, encoding="utf-8") as lines:
        for line in lines:
            for word in split(line.rstrip("\n")):
                counted = pair(word)
                key = word_of(counted)
                seen = state.get(key)
                state[key] = counted if seen is None else add(seen, counted)
    return sum(count for _, count in state.values())


def describe(env, path, parallelism=1):
    """Adds the job to an environment."""
    from pyflinkpp.common import Types, WatermarkStrategy
    from pyflinkpp.datastream.connectors.base import DiscardingSink
    from pyflinkpp.datastream.connectors.file_system import FileSource, StreamFormat

    env.set_parallelism(parallelism)
    source = FileSource.for_record_stream_format(StreamFormat.text_line_format(), path).build()
    (
        env.from_source(source, WatermarkStrategy.no_watermarks(), "lines")
        .flat_map(split, output_type=Types.STRING())
        .map(pair, output_type=Types.TUPLE([Types.STRING(), Types.LONG()]))
        .key_by(word_of, key_type=Types.STRING())
        .reduce(add)
        .sink_to(DiscardingSink())
        .name("discard")
    )


def engine(path, parallelism=1):
    from pyflinkpp.common import Configuration
    from pyflinkpp.datastream import StreamExecutionEnvironment

    config = Configuration()
    if parallelism > 1:
        config.set_string("execution.local.processes", str(parallelism))
    env = StreamExecutionEnvironment.get_execution_environment(config)
    describe(env, path, parallelism)
    return env.execute("word count").get_summary()["discard"]["records_in"]


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("path")
    parser.add_argument("how", choices=["plain", "engine"])
    parser.add_argument("-p", "--parallelism", type=int, default=1)
    given = parser.parse_args()
    start, cpu_start = time.perf_counter(), time.process_time()
    words = plain(given.path) if given.how == "plain" else engine(given.path, given.parallelism)
    seconds = time.perf_counter() - start
    print("words", words)
    print("seconds", seconds)
    print("words_per_s", words / seconds)
    print("words_per_cpu_s", words / (time.process_time() - cpu_start))
