"""The C++ engine as Python sees it. Only ``pyflinkpp`` itself imports this module; users never do."""

from typing import Any, final

from pyflinkpp.datastream.time_domain import TimeDomain

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
        push_source              id: str, that of a HarnessInput
        python                   function: "map" | "flat_map" | "filter" | "key_by" | "partition_custom" | "assign_timestamps";
                                 pickle: bytes (of the user's object as he gave it; key_by: the selector, partition_custom: the
                                 tuple (partitioner, selector), assign_timestamps: the assigner or b""); key_type:
                                 TypeDescriptor | None (key_by); watermarks (assign_timestamps): {generator: "none" | "bounded" |
                                 "python", max_out_of_orderness_ms: int, idle_timeout_ms: int (0: never), interval_ms: int (0:
                                 no periodic watermarks), pickle: bytes (of what makes the generator, or b"")}
        process                  pickle: bytes; inputs: list of {method: str, with_context: bool, many: bool, drop_none: bool};
                                 keyed: bool; key_type: TypeDescriptor | None; broadcast: bool; side_outputs: list of (id: str,
                                 TypeDescriptor | None); broadcast_states: bytes (pickle of descriptors, or b""); timestamped: bool
        async                    pickle: bytes; ordered: bool; timeout_ms: int; capacity: int; retry: bytes (pickle or b"")
        window                   pickle: bytes (of a WindowCall); assigner: {kind: "tumbling" | "sliding" | "session" | "global" |
                                 "count_tumbling" | "count_sliding" | "python", size: int, slide: int, offset_ms: int, event_time:
                                 bool, merging: bool, pickle: bytes}; trigger: {kind: "event_time" | "processing_time" | "count" |
                                 "continuous_event_time" | "continuous_processing_time" | "never" | "python", limit: int,
                                 purging: bool, pickle: bytes}; allowed_lateness_ms: int; late_tag: (id, type) | None;
                                 side_outputs: list of them; function: "reduce" | "aggregate" | "list"; key_type, input_type,
                                 accumulator_type: TypeDescriptor | None; all: bool (not keyed)
        reduce                   function: "python" | "sum" | "min" | "max" | "min_by" | "max_by"; pickle: bytes (python);
                                 field: int, or -1 for the value itself (the others); final_only: bool (batch mode)
        project                  fields: list[int]
        file_sink                path: str; prefix: str; suffix: str; bucket_format: str ("yyyy-MM-dd--HH" as in Java, "" for
                                 no buckets); time_zone: str | None; encoding: str; format: "text" | "encoder" | "bulk"; pickle:
                                 bytes (encoder, bulk: of the Encoder or the BulkWriterFactory); part_size: int (bytes; 0: parts
                                 end with checkpoints only); rollover_ms, inactivity_ms, check_interval_ms: int
        python_sink              pickle: bytes (of a SinkRunner); commits: bool
        print_sink               identifier: str; stderr: bool
        discarding_sink
        collect_sink
        """

    def add_edge(
        self, source: int, target: int, *, partitioner: str, input: int = 0, side_output: int = -1
    ) -> None:
        """``partitioner``: "forward", "rebalance", "rescale", "shuffle", "broadcast", "global", "hash" (source is a key_by),
        "custom" (source is a partition_custom). ``side_output``: the position in the source's side_outputs; -1 is its main output."""

    def set_checkpoints(self, mode: str, retention: str, settings: dict[str, Any]) -> None:
        """When checkpoints are taken, see _checkpointing.py."""

    def set_restart_strategy(self, kind: str, settings: dict[str, Any]) -> None:
        """What follows a failure; ``kind``: "none", "fixed-delay", "exponential-delay" or "failure-rate"."""

    def set_restore(self, path: str, ignore_unclaimed: bool, claim_mode: str) -> None:
        """The checkpoint that the job starts from; ``claim_mode``: "NO_CLAIM" or "CLAIM"."""

    def plan(self) -> str:
        """The execution plan as JSON in Flink's form: {"nodes": [{"id", "type", "pact", "contents", "parallelism",
        "predecessors": [{"id", "ship_strategy", "side"}]}]}. ValueError when the graph is not valid."""

class FunctionContext:
    """What a function may know of the element in hand; the engine makes it. Times are milliseconds since the epoch."""

    def timestamp(self) -> int:
        """The time of the element or of the firing timer."""

    def timer_service(self) -> TimerService: ...
    def get_current_key(self) -> Any:
        """The key of the element or of the firing timer."""

    def time_domain(self) -> TimeDomain:
        """Which kind of time the firing timer stands in; RuntimeError when none fires."""

    def current_watermark(self) -> int: ...
    def current_processing_time(self) -> int: ...

@final
class TimerService:
    """Time and timers of the key in hand; there is one timer for each key and time."""

    def current_processing_time(self) -> int: ...
    def current_watermark(self) -> int: ...
    def register_event_time_timer(self, timestamp: int, /) -> None: ...
    def register_processing_time_timer(self, timestamp: int, /) -> None: ...
    def delete_event_time_timer(self, timestamp: int, /) -> None: ...
    def delete_processing_time_timer(self, timestamp: int, /) -> None: ...

@final
class StateCell:
    """A keyed state: one value of the key in hand, in the normal form of the state's type."""

    def value(self) -> Any:
        """The value itself, not a copy, or None."""

    def update(self, value: Any, /) -> None:
        """Sets the value; None clears it. TypeError, ValueError or OverflowError when it does not fit."""

    def clear(self) -> None: ...
    def append(self, value: Any, /) -> None:
        """A list: appends an element, in place; without a list, makes one."""

    def put(self, key: Any, value: Any, /) -> None:
        """A map: sets the value of a key, in place; without a map, makes one."""

    def touch(self) -> None:
        """Tells that the object that value() gave was changed in place."""

@final
class StateStore:
    """Makes keyed states; a name always gives the same state."""

    def cell(
        self, name: str, type: TypeDescriptor | None, time_to_live_ms: int = 0, /
    ) -> StateCell: ...
    def window_cell(
        self, name: str, type: TypeDescriptor | None, time_to_live_ms: int = 0, /
    ) -> StateCell:
        """A state whose values belong to the window in hand, too."""

    def set_window(self, start: int, end: int, /) -> tuple[int, int]:
        """Puts another window in hand and gives the one that was."""

    def now(self) -> int:
        """The wall clock's time, milliseconds since the epoch."""

@final
class WindowTriggerContext:
    """Time and timers of a key's window, while its trigger is called."""

    def current_watermark(self) -> int: ...
    def current_processing_time(self) -> int: ...
    def register_event_time_timer(self, time: int, /) -> None: ...
    def register_processing_time_timer(self, time: int, /) -> None: ...
    def delete_event_time_timer(self, time: int, /) -> None: ...
    def delete_processing_time_timer(self, time: int, /) -> None: ...

class Job:
    """A job on the mini-cluster. Its methods may be called from any thread."""

    job_id: str
    """32 hexadecimal digits."""

    def status(self) -> str:
        """ "CREATED", "RUNNING", "FAILING", "FAILED", "CANCELLING", "CANCELED" or "FINISHED"."""

    def checkpoints(self) -> list[dict[str, Any]]:
        """The last checkpoints that ended, oldest first: {"id": int, "state": "COMPLETED" | "FAILED", "savepoint": bool,
        "triggered_ms": wall clock, "duration_ms", "bytes", "in_flight_bytes": a part of them, "unaligned": bool, "path": its
        directory or "", "failure": why or "", "subtasks": [{"task", "sync_ms": float, "async_ms", "alignment_ms", "bytes",
        "in_flight_bytes", "unaligned"}]}."""

    def trigger_savepoint(self, directory: str, after: str) -> int:
        """Starts a savepoint below the directory ("": the configured one) and gives its number. ``after``: "go on", "suspend"
        (the job ends behind it) or "drain" (the same; event time is brought to its end first)."""

    def wait_for_savepoint(self, number: int, timeout_ms: int) -> str | None:
        """Waits for the end of a savepoint, at most so long. Its directory; None when it has not ended; raises what it failed
        of."""

    def cancel(self) -> None:
        """Asks the job to stop; returns at once. No effect on a job that has ended."""

    def watermarks(self) -> dict[str, dict[str, Any]]:
        """By task: {"watermark": ms, "idle": bool, "held_by": task, "source": task, "split": name, "since_ms": ms}, as last
        heard."""

    def wait(self, timeout_ms: int) -> bool:
        """Waits until the job has ended, at most so long; lets Python's signal handlers run meanwhile. True when it has."""

    def result(self) -> dict[str, Any]:
        """REQUIRES: the job has ended. A finished job gives {"runtime_ms": int, "operators": [{"name", "records_in",
        "records_out", "late_dropped", "state_accesses", "parallelism"}], "accumulators": {name: [bytes of each subtask's pickle]},
        "watermark_holds": {task: {"held_by", "source", "split", "watermark", "since_ms", "held_ms"}}}
        (with what functions have measured, see pyflinkpp.metrics._report).
        A failed one raises pyflinkpp.common.exceptions.JobExecutionException, a cancelled one JobCancellationException."""

    def counts(self) -> dict[str, Any]:
        """REQUIRES: the job has ended. The same however it ended, with what was reported until then."""

    def next_results(self, timeout_ms: int) -> list[Any] | None:
        """The next results of the job's collect_sink: at least one; [] when none came in time; None after the last one
        (then ask result() whether the job failed)."""

    def failures(self) -> list[tuple[Exception, int]]:
        """Root causes as JobExecutionExceptions and when they came, also of failures that the job survived; the last 16."""

    def close_results(self) -> None:
        """Gives up the results: what the job still produces is dropped."""

def submit(graph: JobGraph, name: str, debug: bool = False) -> Job:
    """Starts the job on this process's mini-cluster. ValueError when the graph is not valid.

    ``debug``: its tasks run in the thread that waits for it, in wait() and next_results().
    """

def dispose_savepoint(path: str) -> None:
    """Deletes a savepoint: what its metadata lists. ValueError when there is none, RuntimeError when it is damaged."""

def shutdown() -> None:
    """Cancels all jobs and joins all threads: called once before the interpreter ends."""

class HarnessInput:
    """The elements of the push_source of this id."""

    def __init__(self, id: str, type: TypeDescriptor | None) -> None: ...
    def push(self, value: Any, timestamp: int) -> None:
        """Adds an element; the least 64-bit integer is no timestamp. TypeError, ValueError or OverflowError when it does not fit."""

    def push_watermark(self, timestamp: int, idle: bool = False) -> None:
        """Adds a watermark; with ``idle``, the input is idle from there on."""

    def pending(self) -> int:
        """How many elements and watermarks the job has not taken yet."""

    def end(self) -> None: ...

class Harness:
    """A cluster whose tasks run in run() and advance() only, under a clock that advance() moves."""

    def __init__(self, start_ms: int) -> None: ...
    def submit(self, graph: JobGraph, name: str) -> Job: ...
    def run(self) -> None:
        """Runs until there is nothing left to do at this time."""

    def advance(self, millis: int) -> None:
        """Moves the clock from one timer to the next and runs what they start."""

    def now(self) -> int:
        """The clock's time, milliseconds since the epoch."""

    def close(self) -> None:
        """Cancels the jobs. May be called again."""

def inspect(operator_name: str) -> list[dict[str, Any]]:
    """What the open subtasks of an operator keep, one dict for each: {"states": {name: {key: value}}, "event_time_timers":
    [(key, time)], "processing_time_timers": [(key, time)]}."""

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

class ProcessCluster:
    """A JobManager in this process for TaskManagers in others; listens on the loopback address.

    ``token``: what TaskManagers must know. ``version``, ``python``: what they must run.
    """

    def __init__(
        self,
        token: str,
        version: str,
        python: str,
        heartbeat_interval_ms: int,
        heartbeat_timeout_ms: int,
    ) -> None: ...
    @property
    def address(self) -> tuple[str, int]:
        """Where it listens: host and port."""
    def task_managers(self) -> int:
        """How many are registered."""
    def wait_for_task_managers(self, count: int, timeout_ms: int) -> bool:
        """Whether so many are registered, after waiting at most so long for them."""
    def submit(self, graph: JobGraph, name: str) -> Job:
        """Starts a job."""
    def shutdown(self) -> None:
        """Cancels all jobs, waits until they have ended, and closes all connections."""

class TaskManagerHost:
    """The TaskManager of this process; looks for its JobManager at once.

    ``slots``: 0 for as many as jobs need. ``registration_timeout_ms``: how long it looks.
    """

    def __init__(
        self,
        host: str,
        port: int,
        token: str,
        slots: int,
        name: str,
        version: str,
        python: str,
        registration_timeout_ms: int,
    ) -> None: ...
    def watch_parent(self, control: int, parent: int, grace_ms: int) -> None:
        """Shuts down when the pipe ``control`` or the process ``parent`` ends.

        What still runs ``grace_ms`` later is ended hard.
        """
    def shutdown(self) -> None:
        """Cancels all tasks; when they have ended, so has the TaskManager."""
    def wait(self, timeout_ms: int) -> bool:
        """Whether it has ended, after waiting at most so long."""
    def failure(self) -> str:
        """Why it has ended by itself; "" when it was told to."""
