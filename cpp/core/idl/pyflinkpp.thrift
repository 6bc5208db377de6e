// Every plan and message of the engine, described once. C++ uses the generated structs as they are.
// Rules for change: a field keeps its number and its type for ever; new fields are optional; none is reused.
namespace cpp pyflinkpp.idl

// ---- types ----

enum TypeKind {
  PICKLED = 0,            // any Python object; bytes are its pickle
  BOOLEAN = 1, BYTE = 2, SHORT = 3, INT = 4, LONG = 5, FLOAT = 6, DOUBLE = 7, CHAR = 8, STRING = 9,
  BIG_INT = 10, BIG_DEC = 11, INSTANT = 12, SQL_DATE = 13, SQL_TIME = 14, SQL_TIMESTAMP = 15,
  PRIMITIVE_ARRAY = 16, BASIC_ARRAY = 17, OBJECT_ARRAY = 18, LIST = 19, MAP = 20, TUPLE = 21, ROW = 22,
}

struct TypeInformation {
  1: TypeKind kind,
  2: list<TypeInformation> children,   // element; key and value; fields
  3: list<string> field_names,         // of a ROW
}

// ---- what an operator does ----

struct NumberSequenceSource { 1: i64 first, 2: i64 last }          // both inclusive
struct FileSource { 1: list<string> paths }                         // lines of UTF-8 text
struct PushSource { 1: string id }                                  // elements pushed by the client's process: tests
struct CollectionSource { 1: list<binary> elements }                // each in the binary format of the output type

enum WatermarkGeneratorKind { NONE = 0, BOUNDED = 1, PYTHON = 2 }
struct WatermarkStrategy {
  1: WatermarkGeneratorKind generator,
  2: i64 max_out_of_orderness_ms,       // BOUNDED; monotonous timestamps are bounded by 0
  3: i64 idle_timeout_ms,               // 0: never idle
  4: binary pickle,                     // PYTHON: of a callable that makes the WatermarkGenerator
  5: i64 interval_ms,                   // between periodic watermarks; 0: none but the last
  6: string alignment_group,            // the sources that wait for each other; empty: it waits for none
  7: i64 max_drift_ms,                  // how far it may be ahead of its group
  8: i64 alignment_interval_ms,         // between two comparisons
}

enum PythonFunctionKind { MAP = 0, FLAT_MAP = 1, FILTER = 2, KEY_BY = 3, PARTITION_CUSTOM = 4, ASSIGN_TIMESTAMPS = 5 }
struct PythonFunction {
  1: PythonFunctionKind kind,
  2: binary pickle,                     // ASSIGN_TIMESTAMPS: of the TimestampAssigner; empty: timestamps stay
  3: optional TypeInformation key_type,
  4: optional WatermarkStrategy watermarks,   // ASSIGN_TIMESTAMPS
  5: bool of_source,                    // ASSIGN_TIMESTAMPS: a part of the source before it, with watermarks for each split
}

// A named output beside the main one.
struct OutputTag { 1: string id, 2: TypeInformation type }

// How a Python function takes the elements of one of its inputs.
struct ProcessInput {
  1: string method,                     // "process_element", "flat_map1", ...
  2: bool with_context,                 // called with (value, context), else with (value)
  3: bool many,                         // gives an iterable or None; else one value
  4: bool drop_none,                    // one value None is no result
}

// A Python function with one or two inputs that may have keys, state, timers and side outputs.
struct PythonProcess {
  1: binary pickle,                     // of the function
  2: list<ProcessInput> inputs,
  3: bool keyed,
  4: optional TypeInformation key_type, // of keyed ones; not set: keys without a type
  5: list<OutputTag> side_outputs,
  6: bool broadcast,                    // its context gives broadcast state
  7: binary broadcast_states,           // pickle of the descriptors that were given to broadcast()
  8: bool timestamped,                  // results are TimestampedValues: value and time
}

// Python's asynchronous functions.
struct PythonAsync {
  1: binary pickle,                     // of the AsyncFunction
  2: bool ordered,
  3: i64 timeout_ms,                    // 0: none
  4: i32 capacity,                      // calls in hand
  5: binary retry_strategy,                    // pickle of an AsyncRetryStrategy; empty: none
}

enum WindowAssignerKind {
  TUMBLING = 0, SLIDING = 1, SESSION = 2, GLOBAL = 3, COUNT_TUMBLING = 4, COUNT_SLIDING = 5, PYTHON = 6,
}
struct WindowAssigner {
  1: WindowAssignerKind kind,
  2: i64 size,                          // milliseconds; of a SESSION its gap; of COUNT_* elements
  3: i64 slide,
  4: i64 offset_ms,
  5: bool event_time,
  6: binary pickle,                     // PYTHON: of the WindowAssigner; SESSION: of the gap extractor, empty for a fixed gap
  7: bool merging,                      // PYTHON
}

enum TriggerKind {
  EVENT_TIME = 0, PROCESSING_TIME = 1, COUNT = 2, CONTINUOUS_EVENT_TIME = 3, CONTINUOUS_PROCESSING_TIME = 4, NEVER = 5,
  PYTHON = 6,
}
struct WindowTrigger {
  1: TriggerKind kind,
  2: i64 limit,                         // COUNT: elements; CONTINUOUS_*: milliseconds
  3: bool purging,
  4: binary pickle,                     // PYTHON: of the Trigger
}

enum WindowFunctionKind { REDUCE = 0, AGGREGATE = 1, LIST = 2, NATIVE = 3 }
struct Window {
  1: WindowAssigner assigner,
  2: WindowTrigger trigger,
  3: i64 allowed_lateness_ms,
  4: optional OutputTag late_output,
  5: list<OutputTag> side_outputs,      // of the window function
  6: WindowFunctionKind contents,
  7: binary pickle,                     // a dict: see native/python_window.cc
  8: optional TypeInformation key_type,
  9: bool all,                          // window_all: no key is shown to the function
  10: TypeInformation input_type,
  11: optional TypeInformation accumulator_type,
  12: string native_name,               // NATIVE
  13: optional bool merges_panes,       // what sliding windows share is added once and merged when they fire
}

enum ReduceKind { PYTHON = 0, SUM = 1, MIN = 2, MAX = 3, MIN_BY = 4, MAX_BY = 5, NATIVE = 6 }
struct Reduce {
  1: ReduceKind kind,
  2: binary pickle,            // PYTHON
  3: i32 field = -1,           // the aggregations; -1: the value itself
  4: bool final_only,          // emit each key's last value at the end of the input (batch mode)
  5: string native_name,       // NATIVE
  6: optional TypeInformation key_type, // not set: keys without a type
}

struct Project { 1: list<i32> fields }

// When a part file ends, beside the end of the job, of a savepoint and of its bucket.
struct RollingPolicy {
  1: i64 part_size,                     // bytes; 0: with each checkpoint, and by nothing else
  2: i64 rollover_ms,                   // since it was begun
  3: i64 inactivity_ms,                 // since its last row
  4: i64 check_interval_ms,             // between two looks at these times
}
// TEXT: a line for each row; ENCODER, BULK: a Python object says which bytes.
enum PartFormat { TEXT = 0, ENCODER = 1, BULK = 2 }
struct FileSink {
  1: string path, 2: string prefix, 3: string suffix, 4: string bucket_format, 5: string encoding,
  6: optional RollingPolicy rolling,    // not set: with each checkpoint
  7: optional string time_zone,         // of bucket_format; not set: the process's
  8: optional PartFormat format,        // not set: TEXT
  9: optional binary pickle,            // ENCODER: of the Encoder; BULK: of the BulkWriterFactory
}
// A sink that is written in Python.
struct PythonSink {
  1: binary pickle,                     // of what pyflinkpp.datastream._sink_runtime makes of the Sink
  2: bool commits,                      // it has a Committer
}
struct PrintSink { 1: string identifier, 2: bool standard_error }
struct DiscardingSink {}
struct CollectSink {}
struct NativeFunction { 1: string name }                            // C++ functions by name: tests, benchmarks

union OperatorSpec {
  1: NumberSequenceSource number_sequence_source,
  2: FileSource file_source,
  3: CollectionSource collection_source,
  4: PythonFunction python,
  5: Reduce reduce,
  6: Project project,
  7: FileSink file_sink,
  8: PrintSink print_sink,
  9: DiscardingSink discarding_sink,
  10: CollectSink collect_sink,
  11: NativeFunction native_function,
  12: PythonProcess process,
  13: Window window,
  14: PythonAsync async_function,
  15: PushSource push_source,
  16: PythonSink python_sink,
}

// ---- the job ----

enum ChainingStrategy { ALWAYS = 0, HEAD = 1, NEVER = 2 }

struct OperatorNode {
  1: i32 id,
  2: string name,
  3: OperatorSpec spec,
  4: i32 parallelism,
  5: i32 max_parallelism = -1,          // -1: by Flink's formula
  6: TypeInformation output_type,
  7: optional string uid,
  8: optional string uid_hash,
  9: optional string description,
  10: ChainingStrategy chaining,
  11: optional string slot_sharing_group,
  12: i64 buffer_timeout_ms = -1,
  13: i32 target_parallelism = 0,       // set when chaining: subtasks behind a PARTITION_CUSTOM
}

enum Partitioner { FORWARD = 0, REBALANCE = 1, RESCALE = 2, SHUFFLE = 3, BROADCAST = 4, GLOBAL = 5, HASH = 6, CUSTOM = 7 }

struct Edge {
  1: i32 source, 2: i32 target, 3: Partitioner partitioner, 4: i32 input,
  5: i32 side_output = -1,              // the position of its tag in the source; -1: the main output
}

enum CheckpointMode { EXACTLY_ONCE = 0, AT_LEAST_ONCE = 1 }
// What becomes of the retained checkpoints when a job is cancelled (those of a failed one stay, those of a finished
// one go), or whatever its end.
enum CheckpointRetention { NO_EXTERNALIZED = 0, DELETE_ON_CANCELLATION = 1, RETAIN_ON_CANCELLATION = 2 }
struct CheckpointSettings {
  1: i64 interval_ms,                   // between two triggers; 0: none but savepoints
  2: CheckpointMode mode,
  3: string directory,                  // empty: in the JobManager's memory
  4: string savepoint_directory,
  5: i64 min_pause_ms,                  // from the end of one to the start of the next
  6: i64 timeout_ms = 600000,
  7: i32 tolerable_failures,            // in a row, before the job fails; -1: any
  8: i32 max_concurrent = 1,
  9: CheckpointRetention retention,
  10: i32 retained = 1,
  11: bool unaligned,
  12: i64 aligned_timeout_ms = 1000,    // of alignment, then it goes on unaligned; 0: at once
  13: bool after_tasks_finish = true,
  20: optional bool incremental,        // a backend with files of its own adds those that the last one lacks
}

enum RestartKind { NONE = 0, FIXED_DELAY = 1, EXPONENTIAL_DELAY = 2, FAILURE_RATE = 3 }
struct RestartStrategy {
  1: RestartKind kind,
  2: i32 attempts,                      // FIXED_DELAY, EXPONENTIAL_DELAY: restarts; FAILURE_RATE: failures in an interval
  3: i64 delay_ms,                      // EXPONENTIAL_DELAY: the first one
  4: i64 max_delay_ms,
  5: double multiplier,
  6: double jitter,                     // a part of the delay
  7: i64 reset_ms,                      // EXPONENTIAL_DELAY: after so long without a failure the delay is the first again
  8: i64 interval_ms,                   // FAILURE_RATE
}

enum ClaimMode { NO_CLAIM = 0, CLAIM = 1 }
struct RestoreSettings { 1: string path, 2: bool ignore_unclaimed, 3: ClaimMode claim_mode }

struct JobGraph {
  1: string job_id,                     // 32 hexadecimal digits
  2: string name,
  3: list<OperatorNode> operators,      // in topological order; id is the position
  4: list<Edge> edges,
  5: map<string, string> configuration,
  6: optional CheckpointSettings checkpoints,
  7: optional RestartStrategy restart_strategy,
  8: optional RestoreSettings restore,
}

// ---- what a checkpoint keeps ----

// Bytes of a checkpoint: in a file, or here when they are few.
struct StateFile { 1: string path, 2: i64 size, 3: binary inline_bytes }

// The entries of one state and key group within the file.
struct KeyGroupBlock { 1: i32 state, 2: i32 key_group, 3: i64 offset, 4: i64 size, 5: i64 crc32, 6: i64 entries }

enum KeyedStateKind { VALUES = 0, TIMERS = 1 }
struct KeyedStateDescription {
  1: string name,
  2: KeyedStateKind kind,
  3: string type,                       // of VALUES: the name of their serializer
  4: bool namespaced,                   // their keys have a namespace behind them
}

// Keyed state in a backend's own format: files that never change. Each has a name, which the backend knows it by. Shared ones
// belong to all checkpoints that refer to them.
struct NativeFile { 1: string name, 2: StateFile file, 3: i64 crc32, 4: bool shared }
struct NativeStateContents { 1: KeyedStateDescription description, 2: i64 entries }
struct NativeKeyedState {
  1: string format,                     // the backend's name
  2: i32 first_key_group,
  3: i32 last_key_group,                // inclusive
  4: list<NativeFile> files,
  5: list<NativeStateContents> states,  // that are in them
}

// Keyed state in the canonical format, which is the same for all backends (state/README.md), and beside it, in incremental
// checkpoints, what the backend has in files of its own.
struct KeyedStateHandle {
  1: list<KeyedStateDescription> states, 2: list<KeyGroupBlock> blocks, 3: StateFile file,
  4: optional NativeKeyedState backend,
}

// How the elements of a list are spread when a job is restored: in equal parts over the subtasks, all to each, or
// one subtask's to each (they are all the same).
enum Redistribution { SPLIT = 0, UNION = 1, BROADCAST = 2 }
struct OperatorListState { 1: string name, 2: Redistribution redistribution, 3: list<binary> elements, 4: string type }

// The state of one operator in one subtask.
struct OperatorState { 1: list<KeyedStateHandle> keyed, 2: list<OperatorListState> lists }

// Batches of one channel that a barrier has overtaken, one behind the other in the format of stream/batch_codec.h.
struct InFlightRun {
  1: i32 source,                        // subtask that sends
  2: i32 target,                        // subtask that receives
  3: bool of_sender,                    // kept by the sender: comes behind what the receiver has kept of the channel
  4: string type,                       // of the records: the name of their serializer
  5: i64 offset,
  6: i64 size,
  7: i64 crc32,
}
// What one task has kept of one exchange: of each channel in order.
struct InFlightHandle { 1: i32 exchange, 2: list<InFlightRun> runs, 3: StateFile file }
// The same of all its tasks. An exchange is known by the operators at its ends.
struct InFlightExchange {
  1: string source,                     // uid
  2: string target,                     // uid
  3: i32 input,                         // of the target
  4: i32 side_output = -1,              // of the source; -1: the main one
  5: string name,                       // for messages
  6: list<InFlightHandle> handles,
}

// What one task adds to a checkpoint.
struct TaskSnapshot {
  1: map<i32, OperatorState> operators, // by JobGraph operator
  2: bool finished,                     // all its input has been processed
  3: i64 sync_nanos,                    // how long the task itself was held up, at most, in one piece
  4: i64 async_ms,                      // from there until all was durable
  5: i64 alignment_ms,                  // from the first barrier to the last
  6: i64 bytes,                         // that were written
  10: optional i64 full_bytes,          // with those of earlier checkpoints that it refers to; not set: as `bytes`
  20: optional list<InFlightHandle> in_flight,
  21: optional i64 in_flight_bytes = 0, // a part of `bytes`
  22: optional bool unaligned = false,  // its barrier has overtaken
}

// One operator's state in a checkpoint, of all its subtasks.
struct OperatorCheckpoint {
  1: string uid,                        // how a later job finds it
  2: string name,
  3: i32 parallelism,
  4: i32 max_parallelism,
  5: map<i32, OperatorState> subtasks,
  6: list<i32> finished,                // subtasks that had ended
  7: optional binary enumerator,        // of a source
}

struct Checkpoint {
  1: i32 version,
  2: i64 id,
  3: i64 timestamp,                     // when it was triggered, milliseconds since the epoch
  4: bool savepoint,
  5: list<OperatorCheckpoint> operators,
  20: optional list<InFlightExchange> in_flight,
}

// ---- a deployment: the slice of a job that one subtask needs ----

struct ChainNode {
  1: OperatorNode op,
  2: list<i32> successors,              // positions in the chain
  3: list<i32> outputs,                 // positions in TaskDeployment.outputs
  4: i32 side_output = -1,              // which output of its predecessor in the chain it takes; -1: the main one
}

struct OutputDescriptor {
  1: i32 edge, 2: Partitioner partitioner, 3: list<i32> targets, 4: i32 max_parallelism, 5: i32 target_parallelism,
  6: i32 side_output = -1,              // of which output of its operator; -1: the main one
  7: optional bool blocking,            // kept until the task has ended; then its consumers come
  20: optional bool overtakes = false,  // barriers may overtake data
  30: optional list<string> peers,      // for each target where its TaskManager listens for data; empty: the same process
}
struct InputDescriptor {
  1: i32 edge, 2: i32 input, 3: list<i32> sources, 4: optional bool blocking,
  20: optional bool overtakes = false,  // the same
  30: optional list<string> peers,      // for each source, the same
  31: optional list<TypeInformation> types,  // that the records may have
}

// In-flight data that a task processes before anything else: its part of some batches.
struct RestoredInFlight {
  1: i32 input,                         // of the operator
  2: InFlightHandle handle,             // of one channel
  3: list<TypeInformation> types,       // that the records may have
  4: bool by_key,                       // of each batch the records of its own key groups
  5: i32 share = 0,                     // else of each `shares` batches this one
  6: i32 shares = 1,
  7: string name,                       // of the exchange, for messages
  8: i32 op,                            // the operator
}

struct TaskId { 1: string job_id, 2: i32 vertex, 3: i32 subtask, 4: i32 attempt }

struct TaskDeployment {
  1: TaskId task,
  2: string name,                       // "Source: lines -> Flat Map (1/2)"
  3: list<ChainNode> chain,             // chain[0] is the head
  4: list<InputDescriptor> inputs,
  5: list<OutputDescriptor> outputs,
  6: i32 parallelism,
  7: i32 max_parallelism,
  8: map<string, string> configuration,
  9: i32 restart = 0,                   // how often the job was restarted: channels of different restarts never meet
  10: bool restored,                    // from a checkpoint: `state` is what it had for this task
  11: map<i32, OperatorState> state,    // by JobGraph operator
  12: i64 restored_checkpoint = 0,
  13: bool finished,                    // it had processed all its input: nothing is left but to say so
  14: bool checkpoints,                 // are taken
  15: bool at_least_once,
  20: optional list<RestoredInFlight> in_flight,
}

// ---- messages ----

enum FaultKind { INTERNAL = 0, USER = 1, EXTERNAL = 2 }

struct Failure {
  1: FaultKind kind,
  2: string message,                    // for the user, complete
  3: string operator_name,
  4: i32 subtask = -1,
  5: binary pickled_exception,           // of the user's exception; may be empty
  6: optional bool fatal,                        // restarting can't help
  7: optional binary pickled_context,   // of the FailureContext: which call has failed
  8: optional bool damaged_state,       // the checkpoint that the task was restored from is not what was written
}

// What a barrier tells on its way from the sources.
enum AfterBarrier { GO_ON = 0, SUSPEND = 1, DRAIN = 2 }               // DRAIN: event time ends before the barrier
struct Barrier {
  1: i64 checkpoint,
  2: i64 timestamp,                     // when it was triggered, milliseconds since the epoch
  3: string directory,                  // for files of state; empty: there are none
  4: bool savepoint,
  5: AfterBarrier after,
  10: optional string shared_directory, // for files of state that later checkpoints may share; not set: there are none
  11: optional i64 base,                // the checkpoint whose shared files this one may refer to; not set: none
  20: optional bool unaligned = false,  // it may overtake data, where the exchange allows it,
  21: optional i64 aligned_timeout_ms = 0,  // when it has waited so long for other barriers or behind data
}
struct CheckpointTrigger { 1: TaskId task, 2: Barrier barrier }
struct CheckpointNotice { 1: TaskId task, 2: i64 checkpoint, 3: bool completed }      // else it was given up
struct CheckpointAnswer { 1: TaskId task, 2: i64 checkpoint, 3: optional TaskSnapshot snapshot, 4: optional Failure failure }

enum TaskState { CREATED = 0, RUNNING = 1, PREPARED = 2, FINISHED = 3, CANCELED = 4, FAILED = 5 }

struct OperatorMetrics { 1: i32 op, 2: i64 records_in, 3: i64 records_out, 4: i64 late_dropped, 5: i64 state_accesses }

// A task's watermark stood still because of one of its inputs.
struct WatermarkHold {
  1: i32 edge = -1,                     // the exchange and the sending subtask; -1: a split of the task's own source
  2: i32 subtask = -1,
  3: string split,
  4: i64 watermark,
  5: i64 since_ms,                      // wall clock
  6: i64 until_ms,
}

struct TaskReport {
  1: TaskId task,
  2: TaskState state,
  3: optional Failure failure,
  4: list<OperatorMetrics> metrics,
  5: map<string, list<binary>> accumulators,
  6: optional WatermarkHold longest_hold,   // when the task ends
}

// How far a task's event time is and what holds it.
struct WatermarkProgress {
  1: TaskId task,
  2: i64 watermark,                     // milliseconds since the epoch; the least i64 before the first
  3: bool idle,                         // all inputs are
  4: i32 held_by_edge = -1,             // the exchange and the sending subtask of the input that is behind the others;
  5: i32 held_by_subtask = -1,          // -1: the task's own source
  6: i64 since_ms,                      // wall clock: since when the watermark and what holds it are these
  7: string held_by_split,              // of the task's own source: the split that is behind the others
}

// A source subtask tells its alignment group how far it is.
struct ReportedWatermark {
  1: TaskId task,
  2: i64 watermark,                     // the least i64: none yet; the greatest: it has ended
  3: bool idle,
}
// The answer: how far it may read.
struct WatermarkAlignment { 1: TaskId task, 2: i64 max_watermark }

struct FileSplit { 1: string path, 2: i64 first, 3: i64 limit, 4: i64 file_size }  // bytes [first, limit)
struct NumberSplit { 1: i64 first, 2: i64 last }                     // inclusive
union SourceSplit { 1: FileSplit file, 2: NumberSplit numbers, 3: i64 collection_from }
// What a SplitEnumerator has not dealt out.
struct EnumeratorState { 1: list<SourceSplit> splits, 2: list<i32> readers }         // `readers`: for which each was meant; -1: any
// A part file that is not visible yet. `size` is set while it is written: so much of it belongs to the checkpoint.
struct PendingFile { 1: string hidden_path, 2: string path, 3: optional i64 size }
struct SplitRequest { 1: TaskId task, 2: i32 op }
struct SplitAssignment { 1: TaskId task, 2: i32 op, 3: list<SourceSplit> splits, 4: bool no_more_splits }
