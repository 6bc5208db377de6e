"""The C++ engine as Python sees it. Only ``pyflinkpp`` itself imports this module; users never do."""

from typing import Any

# A type as nested tuples: (kind, children, names).
#   kind      the name of the factory in ``Types``: "STRING", "BYTE", "BOOLEAN", "SHORT", "INT", "LONG", "FLOAT", "DOUBLE",
#             "CHAR", "BIG_INT", "BIG_DEC", "INSTANT", "SQL_DATE", "SQL_TIME", "SQL_TIMESTAMP", "PICKLED_BYTE_ARRAY",
#             "PRIMITIVE_ARRAY", "BASIC_ARRAY", "OBJECT_ARRAY", "LIST", "MAP", "TUPLE", "ROW"
#   children  element type; key and value type; field types
#   names     field names of a ROW, else ()
# None means PICKLED_BYTE_ARRAY: any Python object, unchanged.
TypeDescriptor = tuple[str, tuple["TypeDescriptor", ...], tuple[str, ...]]

class JobGraph:
    """The logical graph that a program describes: operators and the edges between them."""

    def __init__(self, configuration: dict[str, str]) -> None: ...
    def add_operator(
        self,
        spec: dict[str, Any],
        *,
        name: str,
        parallelism: int,
        max_parallelism: int = -1,
        output_type: TypeDescriptor | None = None,
        uid: str | None = None,
        uid_hash: str | None = None,
        description: str | None = None,
        chaining: str = "always",
        slot_sharing_group: str | None = None,
        buffer_timeout_ms: int = -1,
    ) -> int:
        """Adds an operator and returns its id, counted from 0 in the order of the calls.

        ``chaining``: "always" (may join its predecessor and its successors), "head" (starts a chain), "never".
        ``slot_sharing_group``: None takes the group of the inputs. ``buffer_timeout_ms``: -1 flushes a full buffer only.

        ``spec`` has a "kind" and that kind's fields:

        number_sequence_source   start: int, end: int (inclusive)
        file_source              paths: list[str]; lines of text, UTF-8
        collection_source        elements: list; converted to output_type at once: TypeError, ValueError or OverflowError
        python                   function: "map" | "flat_map" | "filter" | "key_by" | "partition_custom"; pickle: bytes
                                 (of the user's object as he gave it; key_by: the selector, partition_custom: the tuple
                                 (partitioner, selector)); key_type: TypeDescriptor | None (key_by)
        reduce                   function: "python" | "sum" | "min" | "max" | "min_by" | "max_by"; pickle: bytes (python);
                                 field: int, or -1 for the value itself (the others); final_only: bool (batch mode)
        project                  fields: list[int]
        file_sink                path: str; prefix: str; suffix: str; bucket_format: str ("yyyy-MM-dd--HH" as in Java, "" for
                                 no buckets); encoding: str
        print_sink               identifier: str; stderr: bool
        discarding_sink
        collect_sink
        """

    def add_edge(self, source: int, target: int, *, partitioner: str, input: int = 0) -> None:
        """``partitioner``: "forward", "rebalance", "rescale", "shuffle", "broadcast", "global", "hash" (source is a key_by),
        "custom" (source is a partition_custom)."""

    def plan(self) -> str:
        """The execution plan as JSON in Flink's form: {"nodes": [{"id", "type", "pact", "contents", "parallelism",
        "predecessors": [{"id", "ship_strategy", "side"}]}]}. ValueError when the graph is not valid."""

class Job:
    """A job on the mini-cluster. Its methods may be called from any thread."""

    job_id: str
    """32 hexadecimal digits."""

    def status(self) -> str:
        """ "CREATED", "RUNNING", "FAILING", "FAILED", "CANCELLING", "CANCELED" or "FINISHED"."""

    def cancel(self) -> None:
        """Asks the job to stop; returns at once. No effect on a job that has ended."""

    def wait(self, timeout_ms: int) -> bool:
        """Waits until the job has ended, at most so long; lets Python's signal handlers run meanwhile. True when it has."""

    def result(self) -> dict[str, Any]:
        """REQUIRES: the job has ended. A finished job gives {"runtime_ms": int, "operators": [{"name", "records_in",
        "records_out", "late_dropped", "state_accesses", "parallelism"}], "accumulators": {name: [bytes of each subtask's pickle]}}.
        A failed one raises pyflinkpp.common.exceptions.JobExecutionException, a cancelled one JobCancellationException."""

    def next_results(self, timeout_ms: int) -> list[Any] | None:
        """The next results of the job's collect_sink: at least one; [] when none came in time; None after the last one
        (then ask result() whether the job failed)."""

    def close_results(self) -> None:
        """Gives up the results: what the job still produces is dropped."""

def submit(graph: JobGraph, name: str) -> Job:
    """Starts the job on this process's mini-cluster. ValueError when the graph is not valid."""

def shutdown() -> None:
    """Cancels all jobs and joins all threads: called once before the interpreter ends."""

def serialize(type: TypeDescriptor | None, value: Any) -> bytes:
    """The bytes of a value in the binary format of its type."""

def deserialize(type: TypeDescriptor | None, data: bytes) -> Any: ...
def normalize(type: TypeDescriptor | None, value: Any) -> Any:
    """The value as an operator with this declared output type emits it."""

def to_string(type: TypeDescriptor | None, value: Any) -> str:
    """The value as sinks print it: Java's toString for declared types, str() for others."""

def options() -> list[tuple[str, str, str, str]]:
    """The table of options: (key, type, default, description)."""

def murmur_hash(data: bytes) -> int:
    """The hash that spreads keys over key groups."""
