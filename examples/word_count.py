"""Counts the words of a text, as Flink's WordCount does.

python word_count.py                                  # prints each count of built-in lines
python word_count.py --input FILE                     # prints the most frequent words
python word_count.py --input FILE --output DIRECTORY  # one (word,count) a line, in part files
"""

import argparse

from pyflinkpp.common import Encoder, Types, WatermarkStrategy
from pyflinkpp.datastream import RuntimeExecutionMode, StreamExecutionEnvironment
from pyflinkpp.datastream.connectors.file_system import (
    FileSink,
    FileSource,
    OutputFileConfig,
    StreamFormat,
)

LINES = [
    "to be or not to be that is the question",
    "whether tis nobler in the mind to suffer",
    "the slings and arrows of outrageous fortune",
    "or to take arms against a sea of troubles",
    "and by opposing end them",
]


def split(line):
    """Gives the words of a line."""
    yield from line.split()


def count_words(env, input_path):
    """Describes the job: a stream of (word, count) with an update for each word that is read."""
    if input_path is None:
        lines = env.from_collection(LINES, Types.STRING())
    else:
        source = FileSource.for_record_stream_format(StreamFormat.text_line_format(), input_path)
        lines = env.from_source(source.build(), WatermarkStrategy.no_watermarks(), "lines")
    return (
        lines.flat_map(split, output_type=Types.STRING())
        .name("split")
        .map(lambda word: (word, 1), output_type=Types.TUPLE([Types.STRING(), Types.LONG()]))
        .name("pair")
        .key_by(lambda counted: counted[0], key_type=Types.STRING())
        .reduce(lambda a, b: (a[0], a[1] + b[1]))
        .name("count")
    )


def add_file_sink(counts, directory):
    """Writes each (word,count) as a line of files such as DIRECTORY/2024-05-01--12/words-0-0.txt."""
    names = OutputFileConfig.builder().with_part_prefix("words").with_part_suffix(".txt").build()
    sink = FileSink.for_row_format(directory, Encoder.simple_string_encoder())
    counts.sink_to(sink.with_output_file_config(names).build()).name("files")


def add_top_sink(counts, how_many):
    """Prints the most frequent words once all counts are known."""
    pair = Types.TUPLE([Types.STRING(), Types.LONG()])
    ranking = Types.LIST(pair)

    def merge(a, b):
        return sorted(a + b, key=lambda counted: (-counted[1], counted[0]))[:how_many]

    (
        counts.map(lambda counted: [counted], output_type=ranking)
        .name("rank")
        .key_by(lambda words: 0, key_type=Types.INT())
        .reduce(merge)
        .name("top")
        .flat_map(lambda words: words, output_type=pair)
        .name("words")
        .map(lambda counted: f"{counted[1]:>8,}  {counted[0]}", output_type=Types.STRING())
        .name("format")
        .force_non_parallel()
        .print()
    )


def main():
    """Reads the arguments, runs the job and prints its summary."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--input", metavar="FILE", help="a text file or a directory of them")
    parser.add_argument("--output", metavar="DIRECTORY", help="write the counts, do not print")
    parser.add_argument(
        "--execution-mode",
        choices=["STREAMING", "BATCH", "AUTOMATIC"],
        default="STREAMING",
        help="BATCH gives only each word's final count",
    )
    parser.add_argument(
        "--top",
        type=int,
        metavar="N",
        help="print the N most frequent words; 0 prints every count (default: 20 for an --input)",
    )
    parser.add_argument("--parallelism", type=int, default=1, metavar="N")
    options = parser.parse_args()
    top = options.top
    if top is None:
        top = 20 if options.input and not options.output else 0

    env = StreamExecutionEnvironment.get_execution_environment()
    env.set_parallelism(options.parallelism)
    mode = "BATCH" if top else options.execution_mode
    env.set_runtime_mode(RuntimeExecutionMode[mode])
    counts = count_words(env, options.input)
    if options.output:
        add_file_sink(counts, options.output)
    if top:
        add_top_sink(counts, top)
    elif not options.output:
        counts.print()
    result = env.execute("word count")

    late = sum(counted["late_dropped"] for counted in result.get_summary().values())
    print(result)
    print(f"wall time {result.get_net_runtime() / 1000:.3f} s, late records dropped: {late}")


if __name__ == "__main__":
    main()
