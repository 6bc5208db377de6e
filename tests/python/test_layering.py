"""House rules that a machine can see: layers, bans, sizes, paths.

Each rule is a function from (path, text) to findings.
"""

import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SKIPPED_FOLDERS = {".git", ".venv", "build", "dist", "__pycache__"}
NATIVE = "python/pyflinkpp/native/"

Rule = Callable[[str, str], Iterator[str]]


def lines_matching(pattern: str, text: str) -> Iterator[tuple[int, re.Match[str]]]:
    """Matches of a pattern outside of `//` comments and string literals, with their line numbers."""
    for number, line in enumerate(text.splitlines(), 1):
        code = line if line.lstrip().startswith("#") else re.sub(r'"(?:\\.|[^"\\])*"', '""', line)
        for match in re.finditer(pattern, code.split("//")[0]):
            yield number, match


def includes(text: str) -> Iterator[tuple[int, str]]:
    for number, match in lines_matching(r'^\s*#\s*include\s*[<"]([^>"]+)[>"]', text):
        yield number, match[1]


# ---- layers ----

LAYERS = ["core", "state", "runtime", "native"]  # each may include what stands before it
FORBIDDEN = {  # folder: (what it must not include, why)
    "core/": (
        r"thread$|sys/socket\.h|fstream$|fcntl\.h|unistd\.h|poll\.h|sys/epoll\.h|rocksdb/",
        "core holds pure values and functions",
    ),
    "runtime/operators/": (r"runtime/(network|task)/", "operators know neither network nor task"),
    "runtime/checkpoint/": (
        r"runtime/(network|mailbox|env)/|sys/socket\.h|thread$|core/env/transport",
        "checkpoint decides; it knows neither sockets nor threads",
    ),
    "runtime/scheduler/": (
        r"runtime/(network|mailbox|env)/|sys/socket\.h|thread$|core/env/transport",
        "scheduler decides; it knows neither sockets nor threads",
    ),
}


def layer_of(path: str) -> str | None:
    """The layer of a source file or of an include: cpp/core/base/hash.h and core/base/hash.h are in core."""
    if path.startswith((NATIVE, "pyflinkpp/native/", "native/")):
        return "native"
    first = path.removeprefix("cpp/").split("/")[0]
    return first if first in LAYERS else None


def upward_includes(path: str, text: str) -> Iterator[str]:
    layer = layer_of(path)
    if layer is None:
        return
    inner = path.removeprefix("cpp/")
    for number, name in includes(text):
        target = layer_of(name)
        if target is not None and LAYERS.index(target) > LAYERS.index(layer):
            yield f"{path}:{number}: {layer} includes {name} of {target}, which is below it"
        for folder, (pattern, reason) in FORBIDDEN.items():
            if inner.startswith(folder) and re.match(pattern, name):
                yield f"{path}:{number}: includes {name}: {reason}"


def python_below_the_bindings(path: str, text: str) -> Iterator[str]:
    if path.startswith(("cpp/", "tests/cpp/")):
        for number, name in includes(text):
            if re.match(r"(?:python[\d.]*/)?Python\.h$|pybind11/", name):
                yield f"{path}:{number}: includes {name}; only {NATIVE} knows Python"


def sockets_past_the_seam(path: str, text: str) -> Iterator[str]:
    """Headers hide Asio and OpenSSL: what includes them compiles slowly and could use them."""
    if path.startswith(("cpp/", NATIVE)) and not re.match(r"cpp/runtime/env/\w+\.cc$", path):
        for number, name in includes(text):
            if re.match(r"asio[./]|openssl/|sys/socket\.h$", name):
                yield f"{path}:{number}: includes {name}; use Env's Network"


# ---- time, threads and randomness enter through Env ----

BANS = [
    (r"\b(?:system|steady|high_resolution)_clock::now\b", "Env's Clock"),
    (r"\b(?:clock_gettime|gettimeofday)\s*\(|\babsl::Now\s*\(", "Env's Clock"),
    (
        r"\bsleep_(?:for|until)\b|\b(?:u|nano)?sleep\s*\(|\babsl::SleepFor\b",
        "a timer of Env's Clock, or a mail",
    ),
    (
        r"\bstd::j?thread\b(?!::id)|\bpthread_create\b|\bstd::async\b",
        "Env's LoopRunner or Executor",
    ),
    (
        r"\bstd::random_device\b|\bstd::s?rand\b|(?<![\w.:>])s?rand\s*\(|\babsl::BitGen\b",
        "Env's Random",
    ),
]
SEAM = (
    "cpp/runtime/env/",
    "cpp/runtime/mailbox/",
    "tests/cpp/runtime/env/",
    "tests/cpp/runtime/mailbox/",
)


def past_the_seam(path: str, text: str) -> Iterator[str]:
    if path.startswith(("cpp/", "tests/cpp/", NATIVE)) and not path.startswith(SEAM):
        for pattern, instead in BANS:
            for number, match in lines_matching(pattern, text):
                yield f"{path}:{number}: {match[0].strip('( ')} is banned here: use {instead}"


# ---- sizes and paths ----

LINES_MAX = 800


def too_long(path: str, text: str) -> Iterator[str]:
    if path.endswith((".h", ".cc", ".py", ".pyi")) or path == "dev":
        count = text.count("\n")
        if count > LINES_MAX:
            yield f"{path}: {count} lines; {LINES_MAX} are the most"


def machine_paths(path: str, text: str) -> Iterator[str]:
    places = r"(?<![\w./$}])/(?:root|home|Users|work)/[\w.]"
    for number, line in enumerate(text.splitlines(), 1):
        if match := re.search(places, line) or (
            len(ROOT.parts) > 2 and re.search(re.escape(f"{ROOT}/"), line)
        ):
            yield f"{path}:{number}: a path of one machine: {match[0]}"


RULES: list[Rule] = [
    upward_includes,
    python_below_the_bindings,
    sockets_past_the_seam,
    past_the_seam,
    too_long,
    machine_paths,
]


# ---- the tree ----


def sources() -> Iterator[tuple[str, str]]:
    """Every text file of the project but the examples' data: (path from the root, content)."""
    for folder, folders, names in os.walk(ROOT):
        folders[:] = sorted(
            f for f in folders if f not in SKIPPED_FOLDERS and not f.endswith("_cache")
        )
        for name in sorted(names):
            file = Path(folder, name)
            path = file.relative_to(ROOT).as_posix()
            if not path.startswith("examples/data/") and not file.is_symlink():
                try:
                    yield path, file.read_text(encoding="utf-8")
                except UnicodeDecodeError:
                    continue


@pytest.fixture(scope="module")
def tree() -> list[tuple[str, str]]:
    return list(sources())


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_the_tree_keeps(rule: Rule, tree: list[tuple[str, str]]) -> None:
    found = [finding for path, text in tree for finding in rule(path, text)]
    assert not found, "\n" + "\n".join(found)


@pytest.mark.parametrize("layer", ["core", "state", "runtime"])
def test_each_layer_has_a_readme(layer: str) -> None:
    assert (ROOT / "cpp" / layer / "README.md").is_file(), (
        f"cpp/{layer}/README.md: what the layer is for, its invariants"
    )


def test_the_tree_is_seen(tree: list[tuple[str, str]]) -> None:
    paths = {path for path, _ in tree}
    assert {"dev", "pyproject.toml", "tests/python/test_layering.py"} <= paths
    assert any(path.startswith("cpp/core/") for path in paths)
    assert any(layer_of(path) == "native" for path in paths)


# ---- each rule finds what it is there for ----

VIOLATIONS = [
    (upward_includes, "cpp/core/graph/x.h", '#include "runtime/task/stream_task.h"'),
    (upward_includes, "cpp/core/graph/x.h", '#include "state/keyed/backend.h"'),
    (upward_includes, "cpp/state/memory/x.cc", '  #  include "runtime/mailbox/mailbox.h"'),
    (upward_includes, "cpp/runtime/task/x.cc", '#include "pyflinkpp/native/gil.h"'),
    (upward_includes, "cpp/core/base/x.cc", "#include <thread>"),
    (upward_includes, "cpp/runtime/operators/x.h", '#include "runtime/network/input_gate.h"'),
    (upward_includes, "cpp/runtime/operators/x.h", '#include "runtime/task/stream_task.h"'),
    (upward_includes, "cpp/runtime/checkpoint/x.h", "#include <sys/socket.h>"),
    (upward_includes, "cpp/runtime/scheduler/x.h", '#include "runtime/mailbox/thread_runner.h"'),
    (python_below_the_bindings, "cpp/runtime/x.cc", "#include <Python.h>"),
    (python_below_the_bindings, "cpp/core/x.h", '#include "pybind11/pybind11.h"'),
    (sockets_past_the_seam, "cpp/runtime/network/x.cc", "#include <asio/ip/tcp.hpp>"),
    (sockets_past_the_seam, "cpp/runtime/env/x.h", "#include <asio.hpp>"),
    (sockets_past_the_seam, "cpp/runtime/rpc/x.cc", "#include <openssl/ssl.h>"),
    (past_the_seam, "cpp/state/x.cc", "auto t = std::chrono::steady_clock::now();"),
    (past_the_seam, "cpp/state/x.cc", "auto t = std::chrono::system_clock::now();"),
    (past_the_seam, "cpp/runtime/task/x.cc", "std::this_thread::sleep_for(1ms);"),
    (past_the_seam, "cpp/runtime/task/x.cc", "std::thread t(run);"),
    (past_the_seam, "python/pyflinkpp/native/x.cc", "std::jthread t(run);"),
    (past_the_seam, "tests/cpp/core/x_test.cc", "usleep(10);"),
    (past_the_seam, "cpp/core/x.cc", "std::random_device seed;"),
    (past_the_seam, "cpp/core/x.cc", "int n = rand() % 7;"),
    (past_the_seam, "cpp/core/x.cc", "int n = std::rand() % 7;"),
    (too_long, "cpp/core/x.cc", "\n" * (LINES_MAX + 1)),
    (machine_paths, "docs/x.md", "see /" + "home/someone/notes"),
    (machine_paths, "tests/x.py", 'open("/' + 'work/x")'),
    (machine_paths, "docs/x.md", f"built in {ROOT}/build"),
]
HARMLESS = [
    (
        upward_includes,
        "cpp/runtime/task/x.cc",
        '#include "core/base/status.h"\n#include "state/keyed/backend.h"',
    ),
    (
        upward_includes,
        "python/pyflinkpp/native/x.cc",
        '#include "runtime/minicluster/mini_cluster.h"',
    ),
    (upward_includes, "cpp/core/base/x.h", '// #include "runtime/task/stream_task.h"'),
    (upward_includes, "cpp/core/base/x.h", "#include <vector>"),
    (python_below_the_bindings, "python/pyflinkpp/native/x.cc", "#include <Python.h>"),
    (sockets_past_the_seam, "cpp/runtime/env/x.cc", "#include <asio/ip/tcp.hpp>"),
    (past_the_seam, "cpp/runtime/env/real_env.cc", "std::thread t([] { sleep_for(1ms); });"),
    (past_the_seam, "cpp/core/x.cc", 'Fail("steady_clock::now");  // instead of steady_clock::now'),
    (past_the_seam, "cpp/core/x.cc", "operand(1); random.rand(); std::thread::id id;"),
    (too_long, "cpp/core/x.cc", "\n" * LINES_MAX),
    (machine_paths, "docs/x.md", "https://example.org/home/page and /usr/bin/python3 and $HOME/x"),
]


@pytest.mark.parametrize(("rule", "path", "text"), VIOLATIONS)
def test_finds(rule: Rule, path: str, text: str) -> None:
    assert list(rule(path, text))


@pytest.mark.parametrize(("rule", "path", "text"), HARMLESS)
def test_lets_pass(rule: Rule, path: str, text: str) -> None:
    assert not list(rule(path, text))
