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
     "Whether buffers are sent before they are full. The engine sends what is at hand and never waits for more than a millisecond."},
    {"execution.buffer-timeout.interval", "duration", "100 ms",
     "Flink's upper bound for how long a buffer waits. The engine sends what is at hand and never waits for more than a millisecond."},
    {"execution.runtime-mode", "enum", "STREAMING", "STREAMING, BATCH or AUTOMATIC."},
    {"parallelism.default", "int", "1", "The parallelism of operators that don't set their own."},
    {"pipeline.auto-watermark-interval", "duration", "200 ms", "How often periodic watermarks are emitted; 0 turns them off."},
    {"pipeline.global-job-parameters", "string", "", "Parameters that functions find in their RuntimeContext: key:value,key:value."},
    {"pipeline.max-parallelism", "int", "-1", "The number of key groups, the most that a job can be scaled to; -1 derives it from the parallelism."},
    {"pipeline.name", "string", "", "The name of the job."},
    {"pipeline.object-reuse", "bool", "false", "Whether values that reach several operators are shared instead of copied."},
    {"pipeline.operator-chaining.enabled", "bool", "true", "Whether operators that are connected one to one run in one task."},
    {"python.fn-execution.bundle.size", "int", "1000", "The most records that a Python function processes in one batch."},
    {"python.fn-execution.bundle.time", "duration", "1000 ms", "Accepted for compatibility: a batch is what is at hand and is never waited for."},
    {"python.state.cache-size", "int", "1000", "Accepted for compatibility: state in memory needs no cache."},
    {"state.backend.type", "enum", "hashmap", "Where keyed state lives: hashmap (memory)."},
    {"taskmanager.numberOfTaskSlots", "int", "", "Slots of the TaskManager; as many as jobs need when it is not set."},
};

}  // namespace pyflinkpp
