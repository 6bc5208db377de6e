"""Every file of examples/ runs as a user would run it: in a process of its own, from another folder."""

import collections
import re
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
BOOK = EXAMPLES / "data" / "jane_austen.txt"
EXPECTED = sorted((EXAMPLES / "expected").glob("*.txt"))  # what these print on built-in input


def run_example(folder: Path, *arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, *arguments], cwd=folder, capture_output=True, text=True, timeout=100
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    assert "Traceback" not in done.stderr
    return done.stdout


def counted(folder: Path) -> dict[str, int]:
    """The greatest count of each word in the visible part files under a folder."""
    counts: dict[str, int] = {}
    for file in folder.rglob("*"):
        if file.is_file() and not file.name.startswith((".", "_")):
            for line in file.read_text(encoding="utf-8").splitlines():
                match = re.fullmatch(r"\((.*),(\d+)\)", line)
                assert match, f"{file.name}: {line!r}"
                counts[match[1]] = max(int(match[2]), counts.get(match[1], 0))
    return counts


def test_every_example_has_a_test() -> None:
    tested = {"word_count", *(file.stem for file in EXPECTED)}
    assert {p.stem for p in EXAMPLES.glob("*.py")} == tested


@pytest.mark.parametrize("expected", EXPECTED, ids=lambda file: file.stem)
def test_prints_what_is_expected(expected: Path, tmp_path: Path) -> None:
    printed = run_example(tmp_path, str(EXAMPLES / f"{expected.stem}.py"))
    assert printed == expected.read_text(encoding="utf-8")
    assert not list(tmp_path.iterdir())


def test_word_count_runs_without_arguments(tmp_path: Path) -> None:
    assert run_example(tmp_path, str(EXAMPLES / "word_count.py")).strip()
    assert not list(tmp_path.iterdir())


def test_word_count_of_a_book(tmp_path: Path) -> None:
    output = tmp_path / "out"
    run_example(
        tmp_path, str(EXAMPLES / "word_count.py"), "--input", str(BOOK), "--output", str(output)
    )
    assert counted(output) == collections.Counter(BOOK.read_text(encoding="utf-8").split())
    assert not [p.name for p in output.rglob("*") if p.is_file() and p.name.startswith(".")]


def test_word_count_shows_the_most_frequent_words(tmp_path: Path) -> None:
    printed = run_example(tmp_path, str(EXAMPLES / "word_count.py"), "--input", str(BOOK))
    for word, count in collections.Counter(BOOK.read_text(encoding="utf-8").split()).most_common(3):
        assert re.search(rf"\b{word}\b", printed)
        assert f"{count}" in printed.replace(",", "")


def test_functions_of_main_in_python_c(tmp_path: Path) -> None:
    program = """
from pyflinkpp.common import Types
from pyflinkpp.datastream import StreamExecutionEnvironment
factor = 10
def times(n):
    return twice(n) * factor
def twice(n):
    return 2 * n
env = StreamExecutionEnvironment.get_execution_environment()
with env.from_collection([1, 2, 3], Types.LONG()).map(times, Types.LONG()).execute_and_collect() as results:
    print(list(results))
"""
    assert run_example(tmp_path, "-c", program) == "[20, 40, 60]\n"
