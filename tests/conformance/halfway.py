#!/usr/bin/env python3
"""Runs programs in two halves: stopped with a savepoint amid their input, finished from it at another parallelism.

usage: halfway.py [--parallelism N,M] [--filter GLOB] [--timeout S] [--config KEY=VALUE]... [-v] PATH...

The programs are those of run.py, and examples: files that run their job when they are executed. What a program
collects or prints in both halves together must be what run.py expects; of an example, no other line than those in
expected/NAME.txt beside it, and each of them. Collections are given to the job by hand, so that it is known what
the first half is: half of each. A job that reads something else is stopped wherever it is.

A program is left alone, and the reason told, when it can't be stopped: it runs in batch mode, is to fail, runs several
jobs, or has ended before it was stopped.
"""
import contextlib
import io
import json
import runpy
import sys
import tempfile
import threading
from pathlib import Path
from uuid import uuid4

sys.path.insert(0, str(Path(__file__).parent))
import run  # noqa: E402

NO_TIMESTAMP = -(2**63)
# Programs whose results are others when they run in halves, in Flink, too.
NOT_THESE = {
    "036_broadcast_process": "elements of the first half come before rules of the second",
    "070_bounded_out_of_orderness": "prints watermarks, which begin anew",
    "130_no_effect_on_results": "the order of what is dealt out to two subtasks is nobody's promise",
    "134_two_sinks": "also prints a line for each job",
    "sqlite_sink": "shows the table before its second half is there",
    "side_outputs": "what is late depends on watermarks, which begin anew",
    "word_count": "what it shows is cut to the screen",
}
# Events dealt out to two subtasks come in any order; these show their order.
IN_ORDER = {"joins", "timers", "windows"}


class Left(Exception):
    """The program can't be run in halves."""


class Half:
    """One of the two runs: what is put in the place of the environment's methods.

    :param first: Whether it is the first one.
    :param directory: For the savepoint.
    :param path: Of the savepoint to start from.
    """

    def __init__(self, first, directory, path=None):
        self.first, self.directory, self.path = first, directory, path
        self.inputs = []
        self.job = None
        self.savepoint = None
        self.problem = None

    @contextlib.contextmanager
    def installed(self):
        """Puts it in place, and waits for the savepoint at the end."""
        from pyflinkpp.datastream import StreamExecutionEnvironment

        own = StreamExecutionEnvironment.from_collection, StreamExecutionEnvironment._submit
        submit = own[1]
        StreamExecutionEnvironment.from_collection = lambda env, *arguments, **named: self.source(
            env, *arguments, **named
        )
        StreamExecutionEnvironment._submit = lambda env, *arguments: self.submit(submit, env, *arguments)
        self.stopping = None
        try:
            yield self
            if self.stopping:
                self.stopping.join()
        finally:
            StreamExecutionEnvironment.from_collection, StreamExecutionEnvironment._submit = own
        if self.problem:
            raise self.problem

    def source(self, env, collection, type_info=None):
        """Takes the place of from_collection: elements that are pushed."""
        from pyflinkpp._engine import native
        from pyflinkpp.common.typeinfo import engine_type, output_type
        from pyflinkpp.datastream import DataStream
        from pyflinkpp.datastream._transformation import Edge, Transformation

        elements = list(collection)
        kind = output_type(type_info)
        token = uuid4().hex
        pushed = native().HarnessInput(token, engine_type(kind))
        middle = (len(elements) + 1) // 2
        for element in elements[:middle] if self.first else elements[middle:]:
            pushed.push(element, NO_TIMESTAMP)
        if not self.first:
            pushed.end()
        self.inputs.append(pushed)
        node = Transformation("Collection Source", {"kind": "push_source", "id": token}, 1, (), kind)
        node.can_be_parallel = False
        node.max_parallelism = 1
        return DataStream(env, (Edge(node, None),), kind, node)

    def submit(self, submit, env, *arguments):
        """Takes the place of _submit: the first job is stopped when it has read its half."""
        if self.job is not None:
            raise Left("runs several jobs")
        if env._configuration.get_string("execution.runtime-mode", "STREAMING") != "STREAMING":
            raise Left("runs in batch mode")
        if self.path:
            env._configuration.set_string("execution.state-recovery.path", self.path)
        self.job = submit(env, *arguments)
        if self.first:
            self.stopping = threading.Thread(target=self.stop)
            self.stopping.start()
        return self.job

    def stop(self):
        """Stops the job with a savepoint."""
        from pyflinkpp.common.job_client import JobClient

        client = JobClient(self.job)
        try:
            while any(each.pending() for each in self.inputs) and not self.job.wait(1):
                pass
            self.savepoint = client.stop_with_savepoint(False, self.directory).result()
        except Exception as e:
            self.problem = Left(f"could not be stopped: {e}")
            self.job.cancel()


def in_halves(execute):
    """Runs execute(half number) twice and gives both results."""
    with tempfile.TemporaryDirectory() as directory:
        first = Half(True, directory)
        with first.installed():
            results = execute(1)
        if first.job is None:
            raise Left("runs no job")
        with Half(False, directory, first.savepoint).installed():
            return results, execute(2)


def run_program(path, parallelism):
    """What run.run_program gives, of a program in two halves; parallelism: a pair."""
    file = Path(path)
    try:
        if file.stem in NOT_THESE:
            raise Left(NOT_THESE[file.stem])
        if file.parent.name == "examples":
            return run_example(file, parallelism)
        text = file.read_text(encoding="utf-8")
        if 'RUNTIME_MODE = "BATCH"' in text or "\nRAISES" in text:
            raise Left("runs in batch mode" if "BATCH" in text else "is to fail")

        def execute(half):
            result = run_once(path, parallelism[half - 1])
            if "error" in result:
                raise Left(result["error"]) if "Left: " in result["error"] else RuntimeError(result["error"])
            return result

        first, second = in_halves(execute)
        lines = None if first["lines"] is None else first["lines"] + second["lines"]
        return {"lines": lines, "ordered": first["ordered"]}
    except Left as e:
        return {"left": str(e).strip().splitlines()[-1]}
    except BaseException as e:
        return {"error": str(e)}


def run_example(file, parallelism):
    """The lines that an example prints, each once."""
    from pyflinkpp.common import Configuration
    from pyflinkpp.datastream import StreamExecutionEnvironment

    def execute(half):
        env_of = StreamExecutionEnvironment.get_execution_environment

        def at_parallelism(configuration=None):
            env = env_of(configuration or Configuration())
            return env.set_parallelism(parallelism[half - 1])

        StreamExecutionEnvironment.get_execution_environment = at_parallelism
        printed = io.StringIO()
        arguments, sys.argv = sys.argv, [str(file)]
        try:
            with contextlib.redirect_stdout(printed):
                runpy.run_path(str(file), run_name="__main__")
        finally:
            sys.argv = arguments
            StreamExecutionEnvironment.get_execution_environment = env_of
        return printed.getvalue().splitlines()

    first, second = in_halves(execute)
    return {"lines": sorted({*first, *second} - {""}), "ordered": False}


def parallelisms(file, given):
    """The pairs at which a program runs; what examples print is that of parallelism 1."""
    if file.parent.name == "examples":
        return [(1, 1) if file.stem in IN_ORDER else (1, 2)]
    own = run.parallelisms(file, given)
    return [(own[0], own[-1]), (own[-1], own[0])] if len(own) > 1 else [(own[0], own[0])]


def check(worker, file, pair, options):
    """Runs one program once; returns "ok", "left: why" or what is wrong."""
    result = worker.run(file.resolve(), pair, options.timeout)
    if "left" in result:
        return "left: " + result["left"]
    if "error" in result:
        if options.verbose:
            print(result["error"])
        return "error: " + [line for line in result["error"].splitlines() if line and not line[0].isspace()][-1][:200]
    example = file.parent.name == "examples"
    expected = file.parent / "expected" / f"{file.stem}.txt" if example else file.with_suffix(".expected")
    lines = result["lines"] if result["ordered"] else sorted(result["lines"])
    wanted = expected.read_text(encoding="utf-8").splitlines()
    wanted = sorted({*wanted} - {""}) if example else wanted
    if options.verbose and lines != wanted:
        import difflib
        print("\n".join(difflib.unified_diff(wanted, lines, "expected", "got", "", "", 0)))
    return "ok" if lines == wanted else "differs"


def make_worker(config):
    """The process that runs programs in halves."""
    run.__file__ = __file__  # what it executes
    return run.Worker("pyflinkpp", config)


def main():
    import argparse
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--parallelism", default=[1, 2], type=lambda s: [int(n) for n in s.split(",")])
    parser.add_argument("--filter", default="*")
    parser.add_argument("--timeout", default=60, type=float)
    parser.add_argument("--config", action="append", default=[], metavar="KEY=VALUE")
    parser.add_argument("-v", "--verbose", action="store_true")
    parser.add_argument("--serve", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--package", help=argparse.SUPPRESS)
    parser.add_argument("paths", nargs="*")
    options = parser.parse_args()
    if options.serve is not None:
        global run_once
        run_once, run.run_program = run.run_program, run_program
        return run.serve(options.package, options.serve, options.config)
    worker, counts = make_worker(options.config), {"ok": 0, "left": 0, "bad": 0}
    try:
        for path in map(Path, options.paths):
            for file in [path] if path.is_file() else sorted(path.rglob("*.py")):
                if not run.fnmatch.fnmatch(file.stem, options.filter):
                    continue
                for pair in parallelisms(file, options.parallelism):
                    outcome = check(worker, file, pair, options)
                    counts[outcome if outcome == "ok" else "left" if outcome.startswith("left") else "bad"] += 1
                    print(f"{file.stem} {pair[0]} -> {pair[1]}: {outcome}", flush=True)
    finally:
        worker.stop()
    print(json.dumps(counts))
    return 1 if counts["bad"] else 0


if __name__ == "__main__":
    sys.exit(main())
