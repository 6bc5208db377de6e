"""The conformance programs of tests/conformance, each at parallelism 1 and 2 (or as it declares).

Each gives the same results while checkpoints are taken all the time, whatever keeps its state.
"""

import importlib.util
from argparse import Namespace
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

CONFORMANCE = Path(__file__).resolve().parents[1] / "conformance"
PROGRAMS = sorted(CONFORMANCE.glob("datastream/*.py"))


def load_runner() -> ModuleType:
    spec = importlib.util.spec_from_file_location("conformance_run", CONFORMANCE / "run.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


run = load_runner()


SETTINGS = {
    "plain": [],
    "checkpoints": ["execution.checkpointing.interval=2 ms"],
    "rocksdb": ["execution.checkpointing.interval=10 ms", "state.backend.type=rocksdb"],
}


@pytest.fixture(scope="module", params=SETTINGS.values(), ids=SETTINGS.keys())
def worker(request: pytest.FixtureRequest) -> Iterator[Any]:
    worker = run.Worker("pyflinkpp", request.param)
    yield worker
    worker.stop()


def test_the_programs_are_there() -> None:
    assert len(PROGRAMS) == 72


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda program: program.stem)
def test_prints_what_flink_prints(worker: Any, program: Path) -> None:
    options = Namespace(timeout=50, verbose=True, update=False, updated=set())
    parallelisms = run.parallelisms(program, [1, 2])
    outcomes = {p: run.check(worker, program, p, options) for p in parallelisms}
    assert outcomes == dict.fromkeys(parallelisms, "ok")
