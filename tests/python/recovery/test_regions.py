"""Only the part of a job that failed starts anew: tasks that exchange no elements with it go on."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pyflinkpp.common import Types, WatermarkStrategy
from pyflinkpp.datastream import StreamExecutionEnvironment
from pyflinkpp.datastream.connectors.number_seq import NumberSequenceSource
from recovery.kit import environment
from recovery.watched import OPENED, SEEN, Watched


def numbers(env: StreamExecutionEnvironment, name: str, flag: Path | None = None) -> Any:
    source = env.from_source(
        NumberSequenceSource(1, 1000), WatermarkStrategy.no_watermarks(), f"numbers of {name}"
    )
    return source.map(Watched(name, flag), Types.LONG())


@pytest.mark.parametrize("interval_ms", [0, 1])
def test_the_other_part_is_not_opened_again(interval_ms: int, tmp_path: Path) -> None:
    OPENED.clear()
    SEEN.clear()
    env = environment(1, "hashmap", interval_ms)
    numbers(env, "healthy").print("healthy")
    failing = numbers(env, "failing", tmp_path / "flag")
    with failing.execute_and_collect() as results:
        got = list(results)
    assert sorted(OPENED) == ["failing", "failing", "healthy"]
    assert SEEN["healthy"] == list(range(1, 1001))
    expected = list(range(1, 1001))
    # Without checkpoints it starts from its beginning, and results come again.
    assert got == expected if interval_ms else got[-1000:] == expected


def test_parts_that_exchange_elements_start_anew_together(tmp_path: Path) -> None:
    OPENED.clear()
    SEEN.clear()
    env = environment(1, "hashmap", 1)
    both = numbers(env, "one").union(numbers(env, "two", tmp_path / "flag"))
    with both.execute_and_collect() as results:
        got = list(results)
    assert sorted(OPENED) == ["one", "one", "two", "two"]
    assert sorted(got) == sorted(2 * list(range(1, 1001)))
