"""What the tests of the Python API share."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pyflinkpp.datastream import DataStream, StreamExecutionEnvironment


@pytest.fixture
def env() -> StreamExecutionEnvironment:
    """An environment of parallelism 1."""
    return StreamExecutionEnvironment.get_execution_environment()


@pytest.fixture(params=[1, 2], ids=["p1", "p2"])
def any_env(request: pytest.FixtureRequest) -> StreamExecutionEnvironment:
    """An environment at each execution point that exists so far: one slot, two slots."""
    return StreamExecutionEnvironment.get_execution_environment().set_parallelism(request.param)


@pytest.fixture
def collect() -> Callable[[DataStream], list[Any]]:
    """Runs a stream and gives its elements."""

    def run(stream: DataStream) -> list[Any]:
        with stream.execute_and_collect() as elements:
            return list(elements)

    return run


@pytest.fixture
def run_script(tmp_path: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Runs a program in a process of its own, from another folder."""

    def run(program: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        script = tmp_path / "program.py"
        script.write_text(program, encoding="utf-8")
        return subprocess.run(
            [sys.executable, str(script), *arguments],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=60,
        )

    return run


@pytest.fixture
def visible_lines() -> Callable[[Path], list[str]]:
    """Gives the lines of all visible files below a folder, sorted."""

    def read(folder: Path) -> list[str]:
        files = [p for p in folder.rglob("*") if p.is_file() and p.name[0] not in "._"]
        texts = [p.read_text(encoding="utf-8") for p in files]
        return sorted(line for text in texts for line in text.splitlines())

    return read
