// The one table of options. The reference in docs/configuration.md is generated from it.
#pragma once

namespace pyflinkpp {

struct Option {
  const char* key;
  const char* type;  // "int", "bool", "string", "duration", "enum"
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
    {"execution.checkpointing.snapshot-compression", "bool", "false",
     "Accepted for compatibility."},
    {"execution.runtime-mode", "enum", "STREAMING", "STREAMING, BATCH or AUTOMATIC."},
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
    {"restart-strategy.type", "enum", "none", "What happens after a failure: none."},
    {"state.backend.rocksdb.localdir", "string", "",
     "The folder for the files of rocksdb state while a job runs; the system's folder for "
     "temporary files when not set."},
    {"state.backend.type", "enum", "hashmap",
     "Where keyed state lives: hashmap (memory) or rocksdb (local disk)."},
    {"task.cancellation.interval", "duration", "30 s", "Accepted for compatibility."},
    {"task.cancellation.timeout", "duration", "180 s", "Accepted for compatibility."},
    {"taskmanager.numberOfTaskSlots", "int", "",
     "Slots of the TaskManager; as many as jobs need when it is not set."},
};

}  // namespace pyflinkpp
