// The one table of options. The reference in docs/configuration.md is generated from it.
#pragma once

namespace pyflinkpp {

struct Option {
  const char* key;
  const char* type;  // "int", "bool", "string", "float", "duration", "memory", "enum"
  const char* default_value;
  const char* description;
};

inline constexpr Option kOptions[] = {
    {"execution.buffer-timeout.enabled", "bool", "true",
     "Whether buffers are sent before they are full. The engine sends what is at hand and never "
     "waits for more than a millisecond."},
    {"execution.buffer-timeout.interval", "duration", "100 ms",
     "Flink's upper bound for how long a buffer waits. The engine sends what is at hand and never "
     "waits for more than a millisecond."},
    {"execution.checkpointing.aligned-checkpoint-timeout", "duration", "1 s",
     "How long barriers may wait for each other before they overtake data, where unaligned "
     "checkpoints are enabled."},
    {"execution.checkpointing.checkpoints-after-tasks-finish", "bool", "true",
     "Whether checkpoints go on when a part of the job has finished."},
    {"execution.checkpointing.data-inline-threshold", "memory", "20 kb",
     "Keyed state of a task up to this size goes into the checkpoint's metadata, not into a file "
     "of its own."},
    {"execution.checkpointing.dir", "string", "",
     "The folder of checkpoints; in memory when not set."},
    {"execution.checkpointing.externalized-checkpoint-retention", "enum",
     "NO_EXTERNALIZED_CHECKPOINTS",
     "What stays of the checkpoints of a job that was cancelled or has failed: "
     "NO_EXTERNALIZED_CHECKPOINTS, DELETE_ON_CANCELLATION or RETAIN_ON_CANCELLATION."},
    {"execution.checkpointing.incremental", "bool", "false",
     "Whether a checkpoint of rocksdb state writes only the files that the one before lacks. It "
     "needs a folder; savepoints are whole always."},
    {"execution.checkpointing.interval", "duration", "",
     "The time between two checkpoints; none are taken when not set."},
    {"execution.checkpointing.max-concurrent-checkpoints", "int", "1",
     "How many checkpoints may be under way."},
    {"execution.checkpointing.min-pause", "duration", "0 ms",
     "The least time between the end of a checkpoint and the start of the next."},
    {"execution.checkpointing.mode", "enum", "EXACTLY_ONCE", "EXACTLY_ONCE or AT_LEAST_ONCE."},
    {"execution.checkpointing.num-retained", "int", "1",
     "How many completed checkpoints are kept."},
    {"execution.checkpointing.savepoint-dir", "string", "",
     "The folder of savepoints that are taken without naming one."},
    {"execution.checkpointing.snapshot-compression", "bool", "false",
     "Accepted for compatibility."},
    {"execution.checkpointing.storage", "enum", "",
     "Where checkpoints are: jobmanager (memory) or filesystem, which needs a folder. Where a "
     "folder is set they are written to it."},
    {"execution.checkpointing.timeout", "duration", "10 min",
     "After this time a checkpoint is given up."},
    {"execution.checkpointing.tolerable-failed-checkpoints", "int", "0",
     "How many checkpoints in a row may fail before the job does; -1: any."},
    {"execution.checkpointing.unaligned.enabled", "bool", "false",
     "Whether barriers overtake data, which becomes a part of the checkpoint. It needs the mode "
     "EXACTLY_ONCE."},
    {"execution.checkpointing.unaligned.forced", "bool", "false",
     "Accepted for compatibility: custom partitioners stay aligned."},
    {"execution.checkpointing.unaligned.max-subtasks-per-channel-state-file", "int", "5",
     "Accepted for compatibility: each subtask writes a file of its own."},
    {"execution.checkpointing.write-buffer-size", "int", "4096", "Accepted for compatibility."},
    {"execution.local.processes", "int", "0",
     "How many TaskManager processes a local run has, so that Python functions use as many cores; "
     "0: all runs in the program's own process."},
    {"execution.runtime-mode", "enum", "STREAMING", "STREAMING, BATCH or AUTOMATIC."},
    {"execution.state-recovery.claim-mode", "enum", "NO_CLAIM",
     "Whose the checkpoint is that a job starts from: NO_CLAIM leaves it alone, CLAIM lets the job "
     "delete it."},
    {"execution.state-recovery.ignore-unclaimed-state", "bool", "false",
     "Whether state is left behind whose operator is not in the job."},
    {"execution.state-recovery.path", "string", "",
     "The savepoint or checkpoint that the job starts from."},
    {"heartbeat.interval", "duration", "10 s",
     "How often the JobManager asks its TaskManagers whether they live."},
    {"heartbeat.timeout", "duration", "50 s",
     "After this time without a word JobManager and TaskManager take each other for lost. A broken "
     "connection tells at once."},
    {"jobmanager.rpc.address", "string", "localhost", "Where TaskManagers find the JobManager."},
    {"jobmanager.rpc.port", "int", "6123", "The JobManager's port for TaskManagers."},
    {"metrics.latency.interval", "duration", "0 ms", "Accepted for compatibility."},
    {"parallelism.default", "int", "1", "The parallelism of operators that don't set their own."},
    {"pipeline.auto-generate-uids", "bool", "true",
     "Accepted for compatibility: operators are told apart by their position unless they have a "
     "uid."},
    {"pipeline.auto-watermark-interval", "duration", "200 ms",
     "How often periodic watermarks are emitted; 0 turns them off."},
    {"pipeline.cached-files", "string", "",
     "Files that functions find by name: name:words,path:/data/words.txt;name:tool,path:/opt/tool,"
     "executable:true."},
    {"pipeline.closure-cleaner-level", "enum", "RECURSIVE",
     "Accepted for compatibility: Python functions need no closure cleaner."},
    {"pipeline.global-job-parameters", "string", "",
     "Parameters that functions find in their RuntimeContext: key:value,key:value."},
    {"pipeline.max-parallelism", "int", "-1",
     "The number of key groups, the most that a job can be scaled to; -1 derives it from the "
     "parallelism."},
    {"pipeline.name", "string", "", "The name of the job."},
    {"pipeline.object-reuse", "bool", "false",
     "Accepted for compatibility: values that reach several operators are copied, immutable ones "
     "are shared."},
    {"pipeline.operator-chaining.chain-operators-with-different-max-parallelism", "bool", "true",
     "Accepted for compatibility: such operators are chained."},
    {"pipeline.operator-chaining.enabled", "bool", "true",
     "Whether operators that are connected one to one run in one task."},
    {"python.fn-execution.bundle.size", "int", "1000",
     "The most records that a Python function processes in one batch."},
    {"python.fn-execution.bundle.time", "duration", "1000 ms",
     "Accepted for compatibility: a batch is what is at hand and is never waited for."},
    {"python.state.cache-size", "int", "1000",
     "Accepted for compatibility: state in memory needs no cache."},
    {"restart-strategy.exponential-delay.attempts-before-reset-backoff", "int", "",
     "How many restarts in a row are tried; any number when not set."},
    {"restart-strategy.exponential-delay.backoff-multiplier", "float", "1.5",
     "By what the delay grows from restart to restart."},
    {"restart-strategy.exponential-delay.initial-backoff", "duration", "100 ms",
     "The delay of the first restart."},
    {"restart-strategy.exponential-delay.jitter-factor", "float", "0.1",
     "The part of the delay by which it is varied at random."},
    {"restart-strategy.exponential-delay.max-backoff", "duration", "1 min", "The longest delay."},
    {"restart-strategy.exponential-delay.reset-backoff-threshold", "duration", "1 h",
     "After this time without a failure the delay is the first one again."},
    {"restart-strategy.failure-rate.delay", "duration", "1 s", "The delay of a restart."},
    {"restart-strategy.failure-rate.failure-rate-interval", "duration", "1 min",
     "The time in which failures are counted."},
    {"restart-strategy.failure-rate.max-failures-per-interval", "int", "1",
     "How many failures in that time are survived."},
    {"restart-strategy.fixed-delay.attempts", "int", "1", "How many restarts are tried."},
    {"restart-strategy.fixed-delay.delay", "duration", "1 s", "The delay of a restart."},
    {"restart-strategy.type", "enum", "",
     "What happens after a failure: none, fixed-delay, exponential-delay (the default with "
     "checkpoints) or failure-rate."},
    {"sink.committer.retries", "int", "10",
     "How often a sink's committer is asked again for what it wants to retry; then the job fails."},
    {"state.backend.rocksdb.checkpoint.transfer.thread.num", "int", "4",
     "Accepted for compatibility: the process's threads for files copy them."},
    {"state.backend.rocksdb.localdir", "string", "",
     "The folder for the files of rocksdb state while a job runs; the system's folder for "
     "temporary files when not set."},
    {"state.backend.rocksdb.memory.fixed-per-tm", "memory", "",
     "The memory of all rocksdb state of a process, instead of taskmanager.memory.managed.size."},
    {"state.backend.rocksdb.memory.high-prio-pool-ratio", "float", "0.1",
     "The part of the block cache that is kept for indexes and filters."},
    {"state.backend.rocksdb.memory.managed", "bool", "true",
     "Whether all rocksdb state of a process shares one memory budget; else each task's state has "
     "one of this size for itself."},
    {"state.backend.rocksdb.memory.write-buffer-ratio", "float", "0.5",
     "The part of RocksDB's memory that write buffers may take."},
    {"state.backend.rocksdb.predefined-options", "enum", "DEFAULT",
     "Accepted for compatibility: there is one set of options."},
    {"state.backend.type", "enum", "hashmap",
     "Where keyed state lives: hashmap (memory) or rocksdb (local disk)."},
    {"task.cancellation.interval", "duration", "30 s", "Accepted for compatibility."},
    {"task.cancellation.timeout", "duration", "180 s", "Accepted for compatibility."},
    {"taskmanager.memory.managed.size", "memory", "512 mb",
     "The memory of all rocksdb state of a process: a quarter for the rows that were used lately, "
     "the rest for RocksDB's blocks and write buffers."},
    {"taskmanager.numberOfTaskSlots", "int", "",
     "Slots of the TaskManager; when it is not set, as many as jobs need in a local run, and 1 in "
     "a "
     "TaskManager that was started by itself."},
    {"taskmanager.registration.timeout", "duration", "5 min",
     "How long a TaskManager looks for the JobManager before it gives up."},
};

}  // namespace pyflinkpp
