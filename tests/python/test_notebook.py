"""A job in a notebook: functions live in the kernel's __main__, what they print lands in the cell that runs the job."""

import sys
from pathlib import Path
from typing import Any

import pytest

nbformat = pytest.importorskip("nbformat")
nbclient = pytest.importorskip("nbclient")
pytest.importorskip("ipykernel")

DEFINITIONS = """
from pyflinkpp.common import Types
from pyflinkpp.datastream import StreamExecutionEnvironment

separator = " "

def split(line):
    print("splitting", line)
    yield from line.split(separator)

def pair(word):
    return word, 1

env = StreamExecutionEnvironment.get_execution_environment()
env.set_parallelism(1)

import sys
print(sys.prefix)
"""
WORD_COUNT = """
counts = (env.from_collection(["to be or", "not to be"], Types.STRING())
          .flat_map(split, output_type=Types.STRING())
          .map(pair, output_type=Types.TUPLE([Types.STRING(), Types.LONG()]))
          .key_by(lambda counted: counted[0], key_type=Types.STRING())
          .reduce(lambda a, b: (a[0], a[1] + b[1])))
"""
COLLECT = """
with counts.execute_and_collect() as results:
    last = {}
    for word, n in results:
        last[word] = n
print(sorted(last.items()))
"""
PRINT = """
counts.print()
summary = env.execute("word count").get_summary()
print("operators", len(summary) > 0)
"""
FAIL = """
env.from_collection([1, 0], Types.LONG()).map(lambda n: 1 // n, Types.LONG()).print()
try:
    env.execute("fails")
except Exception as error:
    print("ZeroDivisionError" in str(error))
"""


EXAMPLES = Path(__file__).resolve().parents[2] / "examples"


def execute(notebook: Any) -> list[str]:
    """What each code cell wrote to its output, in the order of the cells."""
    nbclient.NotebookClient(notebook, timeout=60, kernel_name="python3").execute()
    return [
        "".join(
            o.get("text", "")
            for o in cell.outputs
            if o.output_type == "stream" and o.name == "stdout"
        )
        for cell in notebook.cells
        if cell.cell_type == "code"
    ]


@pytest.fixture(scope="module")
def outputs() -> list[str]:
    cells = [DEFINITIONS, WORD_COUNT, COLLECT, PRINT, FAIL]
    return execute(nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(c) for c in cells]))


def test_the_kernel_runs_the_interpreter_under_test(outputs: list[str]) -> None:
    assert outputs[0] == f"{sys.prefix}\n"


def test_functions_of_main_run(outputs: list[str]) -> None:
    assert "[('be', 2), ('not', 1), ('or', 1), ('to', 2)]" in outputs[2]


def test_what_functions_print_is_in_the_cell(outputs: list[str]) -> None:
    for output in outputs[2:4]:
        assert output.count("splitting to be or\n") == 1
        assert output.count("splitting not to be\n") == 1


def test_the_print_sink_writes_to_the_cell(outputs: list[str]) -> None:
    assert "(be,2)" in outputs[3]
    assert "operators True" in outputs[3]


def test_an_error_shows_the_users_exception(outputs: list[str]) -> None:
    assert outputs[4].strip().endswith("True")


def test_the_event_time_notebook() -> None:
    notebook = nbformat.read(EXAMPLES / "event_time.ipynb", as_version=4)
    assert not any(cell.get("outputs") or cell.get("execution_count") for cell in notebook.cells)
    *_, strict, lenient = execute(notebook)
    assert strict.splitlines() == [
        "window  0 s  a b d    at watermark 11.999 s",
        "late: f",
        "window 10 s  c e      at the end",
        "window 20 s  g        at the end",
    ]
    assert lenient.splitlines()[1] == "window  0 s  a b d f  at watermark 11.999 s"
    assert "late" not in lenient


def test_every_notebook_has_a_test() -> None:
    assert [file.name for file in EXAMPLES.rglob("*.ipynb")] == ["event_time.ipynb"]
