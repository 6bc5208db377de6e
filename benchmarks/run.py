"""Whole jobs through the public API against the same functions in a plain Python loop; prints `name value` lines.

usage: run.py [--rounds N] [jobs] [startup] [memory]     (all three when none is named)

The two sides of a job run in turn, each in a process of its own; a figure is the median of its rounds. Ratios compare
figures of one run only.
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
EXAMPLE = HERE.parent / "examples" / "word_count.py"
DATA = Path(os.environ.get("BENCH_DATA", os.path.join(tempfile.gettempdir(), "bench-data")))
IMPORT = (
    "import time; start = time.perf_counter(); from pyflinkpp.datastream import "
    "StreamExecutionEnvironment; print('seconds', time.perf_counter() - start)"
)


def report(name, value):
    print(name, f"{value:.4g}" if abs(value) < 1000 else f"{value:.0f}", flush=True)


def data(kind, name):
    """The path of a data set, generated when it is missing (its .meta.json is written last)."""
    path = DATA / name
    if not Path(f"{path}.meta.json").exists():
        generator = [sys.executable, str(HERE / "gen.py"), kind]
        subprocess.run(generator, check=True, env={**os.environ, "BENCH_DATA": str(DATA)})
    return str(path)


def figures(*arguments):
    """Runs Python with these arguments; its `name value` lines and wall_s."""
    start = time.perf_counter()
    done = subprocess.run([sys.executable, *arguments], capture_output=True, text=True)
    wall = time.perf_counter() - start
    if done.returncode:
        sys.exit(f"{' '.join(arguments)} failed:\n{done.stdout[-1000:]}{done.stderr[-3000:]}")
    pairs = (line.split() for line in done.stdout.splitlines())
    found = {pair[0]: float(pair[1]) for pair in pairs if len(pair) == 2 and is_number(pair[1])}
    return {**found, "wall_s": wall}


def is_number(text):
    try:
        float(text)
    except ValueError:
        return False
    return True


def duel(name, argument, rounds, title=None):
    """Runs a program's two sides in turn; reports the medians and their ratios under a title."""
    title = title or name
    seen = {"plain": [], "engine": []}
    for _ in range(rounds):
        for side, results in seen.items():
            results.append(figures(str(HERE / f"{name}.py"), argument, side))
    medians = {
        side: {key: statistics.median(r[key] for r in results) for key in results[0]}
        for side, results in seen.items()
    }
    for side, values in medians.items():
        for key, value in values.items():
            report(f"{title}_{side}_{key}", value)
    for key in medians["plain"]:
        if key.endswith("_per_s") or key.endswith("_per_cpu_s"):
            report(f"{title}_ratio_{key}", medians["engine"][key] / medians["plain"][key])


def session_members(session):
    """The living processes of a session."""
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                state, _, _, its_session = (
                    Path("/proc", entry, "stat").read_text().rsplit(")", 1)[1].split()[:4]
                )
            except OSError:
                continue
            if int(its_session) == session and state != "Z":
                yield int(entry)


def peak_memory_mb(*arguments):
    """The peak of the proportional set sizes of a command and its children, sampled every 20 ms."""
    command = [sys.executable, *arguments]
    child = subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
    )
    peak_kb = 0
    while child.poll() is None:
        total_kb = 0
        for pid in session_members(child.pid):
            try:
                rollup = Path("/proc", str(pid), "smaps_rollup").read_text()
            except OSError:
                continue
            total_kb += sum(
                int(line.split()[1]) for line in rollup.splitlines() if line.startswith("Pss:")
            )
        peak_kb = max(peak_kb, total_kb)
        time.sleep(0.02)
    if child.returncode:
        sys.exit(f"{' '.join(arguments)} failed")
    return peak_kb / 1024


def jobs(rounds):
    duel("word_count", data("words", "words.txt"), rounds)
    duel("map_filter", "10000000", rounds)
    few, many = data("events", "events_1000.csv"), data("events", "events_1000000.csv")
    duel("window_sum", few, rounds, "window_sum_1000_keys")
    duel("window_sum", many, rounds, "window_sum_1000000_keys")
    duel("keyed_timers", few, rounds)
    duel("state_access", few, rounds)


def startup(rounds):
    report(
        "import_s",
        statistics.median(figures("-c", IMPORT)["seconds"] for _ in range(2 * rounds + 1)),
    )
    report(
        "startup_s",
        statistics.median(figures(str(EXAMPLE))["wall_s"] for _ in range(2 * rounds + 1)),
    )


def memory(rounds):
    report("startup_peak_mb", peak_memory_mb(str(EXAMPLE)))
    job = str(HERE / "word_count.py")
    small = peak_memory_mb(job, data("words", "words_1m.txt"), "engine")
    large = peak_memory_mb(job, data("words", "words.txt"), "engine")
    report("word_count_1m_peak_mb", small)
    report("word_count_10m_peak_mb", large)
    report("word_count_growth_mb", large - small)


def main():
    parts = {"jobs": jobs, "startup": startup, "memory": memory}
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("parts", nargs="*", metavar="jobs|startup|memory")
    options = parser.parse_args()
    if unknown := set(options.parts) - set(parts):
        parser.error(f"unknown: {', '.join(sorted(unknown))}")
    for name, part in parts.items():
        if name in options.parts or not options.parts:
            part(options.rounds)


if __name__ == "__main__":
    main()
