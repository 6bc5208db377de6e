"""The C++ benchmarks of a build tree: `run_native.py BUILD_TREE [FILTER]` prints `name value` lines, medians of 3.

A value is items per second where the benchmark counts items, else nanoseconds of an iteration (name_ns).
"""

import json
import os
import subprocess
import sys
from pathlib import Path


def benchmarks(tree):
    for file in sorted(Path(tree).rglob("bench_*")):
        if file.is_file() and os.access(file, os.X_OK) and "." not in file.name:
            yield file


def run(file, name_filter):
    command = [file, "--benchmark_repetitions=3", "--benchmark_report_aggregates_only=true"]
    command += ["--benchmark_format=json", f"--benchmark_filter={name_filter}"]
    done = subprocess.run(command, stdout=subprocess.PIPE, check=True)
    if not done.stdout.strip():
        return  # nothing matched the filter
    for result in json.loads(done.stdout)["benchmarks"]:
        if result.get("error_occurred"):
            sys.exit(f"{result['name']}: {result['error_message']}")
        if result.get("aggregate_name") != "median":
            continue
        name = result["run_name"].removeprefix("BM_").replace("/", "_").replace(":", "_")
        if "items_per_second" in result:
            yield f"{name}_per_s", result["items_per_second"]
        else:
            unit = {"ns": 1, "us": 1e3, "ms": 1e6, "s": 1e9}[result["time_unit"]]
            yield f"{name}_ns", result["real_time"] * unit


if __name__ == "__main__":
    found = list(benchmarks(sys.argv[1]))
    if not found:
        sys.exit(f"no bench_* program in {sys.argv[1]}: configure it with PFPP_BUILD_BENCHMARKS=ON")
    for file in found:
        for name, value in run(file, sys.argv[2] if len(sys.argv) > 2 else "."):
            print(name, f"{value:.4g}" if value < 1000 else f"{value:.0f}", flush=True)
