"""Each conformance program and example, stopped with a savepoint amid its input and finished from it
at another parallelism (tests/conformance/halfway.py).
"""

import sys
from argparse import Namespace
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

CONFORMANCE = Path(__file__).resolve().parents[1] / "conformance"
sys.path.insert(0, str(CONFORMANCE))

import halfway  # noqa: E402

PROGRAMS = sorted(CONFORMANCE.glob("datastream/*.py"))
EXAMPLES = sorted((CONFORMANCE.parents[1] / "examples").glob("*.py"))
LEFT = {
    *halfway.NOT_THESE,
    *("120_batch_reduce", "121_batch_keyed_process"),
    *("132_collect_with_limit", "checkpoints"),  # several jobs
    *("140_udf_raises", "141_key_selector_raises", "142_timer_raises"),  # fail
    *("143_wrong_arguments", "testing"),  # no job
    "003_number_sequence",  # may have ended
    "004_file_lines",
    "131_parallelism",
}


@pytest.fixture(scope="module", params=["hashmap", "rocksdb"])
def worker(request: pytest.FixtureRequest) -> Iterator[Any]:
    worker = halfway.make_worker([f"state.backend.type={request.param}"])
    yield worker
    worker.stop()


@pytest.mark.parametrize("program", [*PROGRAMS, *EXAMPLES], ids=lambda program: program.stem)
def test_the_halves_give_what_the_whole_does(worker: Any, program: Path) -> None:
    options = Namespace(timeout=50, verbose=True)
    pairs = halfway.parallelisms(program, [1, 2])
    outcomes = {pair: halfway.check(worker, program, pair, options) for pair in pairs}
    if program.stem in LEFT:
        outcomes = {pair: "ok" if o.startswith("left") else o for pair, o in outcomes.items()}
    assert outcomes == dict.fromkeys(pairs, "ok")
