// What a Python function sees of the element in hand and what it may do with time, keys and state.
#pragma once

#include <Python.h>

#include <memory>
#include <string>
#include <vector>

#include "native/errors.h"
#include "native/gil.h"
#include "native/key_encoder.h"
#include "native/type_coder.h"
#include "runtime/operators/operator.h"
#include "state/keyed/timer_queue.h"

namespace pyflinkpp {

// A keyed state as a function holds it: one Python object a key, or a key and window.
struct StateCell {
  std::string name;
  std::shared_ptr<const TypeCoder> coder;
  std::unique_ptr<Normalizer> normalizer;   // null: any value
  std::unique_ptr<Normalizer> children[2];  // of a LIST's elements, of a MAP's keys and values
  std::shared_ptr<const TypeCoder> child_coders[2];
  std::unique_ptr<ValueState> state;
  bool of_window;  // its values belong to the runtime's window
};

// Belongs to one operator of one subtask; the objects that functions hold (contexts, states) share
// it and find it closed when they are used later. All methods need the interpreter's lock.
class FunctionRuntime {
 public:
  // `key_type`: null or PICKLED for keys without a declared type.
  FunctionRuntime(OperatorContext& context, std::string operator_name)
      : context_(&context), operator_name_(std::move(operator_name)) {}

  // False with a Python error set.
  bool Open(bool keyed, const idl::TypeInformation* key_type);
  // Makes the timers a part of keyed state, and takes up what was restored. After Open.
  absl::Status RegisterTimers();
  // Gives up the state; what still points here is refused from now on.
  void Close();

  // ---- the operator's side ----

  int64_t watermark = kMinTimestamp;
  TimerQueue event_timers;
  TimerQueue processing_timers;
  Namespace window;  // of window cells
  // Batch mode, at a key's end: no later time comes at which a new timer could fire.
  bool refuses_timers = false;

  // The element or timer in hand. `key`: null: there is none; its bytes stay until the next call.
  void Begin(int64_t timestamp, const RecordKey* key, const char* time_domain = nullptr) {
    timestamp_ = timestamp;
    key_ = key;
    time_domain_ = time_domain;
    if (key_object_) key_object_ = PyRef();
  }
  void End() { Begin(kMinTimestamp, nullptr); }
  // Before and after a run of records: states read and write in bulk.
  absl::Status Prefetch(std::span<const RecordKey> keys);
  absl::Status Flush();
  absl::Status ClearStates();

  // ---- the function's side ----

  bool closed() const { return context_ == nullptr; }
  bool keyed() const { return keyed_; }
  int64_t timestamp() const { return timestamp_; }
  const char* time_domain() const {
    return time_domain_;
  }  // "EVENT_TIME", "PROCESSING_TIME", null: no timer fires
  int64_t now() const { return context_->env.clock.NowMillis(); }
  const RecordKey* key() const { return key_; }
  PyObject* KeyObject();  // new reference; null with an error set
  // The key under which the cell's value is; null with an error set.
  const RecordKey* KeyOf(const StateCell& cell);
  // Null with an error set.
  // `time_to_live_ms`: KeyedStateBackend::CreateValueState.
  StateCell* MakeCell(const std::string& name, PyObject* type_descriptor, bool of_window,
                      int64_t time_to_live_ms);
  const std::string& operator_name() const { return operator_name_; }

  // For tests: those of an operator that are open; what they hold as a dict (new reference).
  static std::vector<std::shared_ptr<FunctionRuntime>> OpenOnes(const std::string& operator_name);
  static std::shared_ptr<FunctionRuntime> Make(OperatorContext& context, std::string operator_name);
  PyObject* Inspect() const;

 private:
  OperatorContext* context_;  // null: closed
  const std::string operator_name_;
  bool keyed_ = false;
  std::unique_ptr<KeyDecoder> keys_;
  int64_t timestamp_ = kMinTimestamp;
  const RecordKey* key_ = nullptr;
  const char* time_domain_ = nullptr;
  PyRef key_object_;  // decoded when first asked for
  std::vector<std::unique_ptr<StateCell>> cells_;
  std::string window_key_bytes_;
  RecordKey window_key_;
};

// The element or timer in hand of a runtime, for the error that is set: which stays set.
class PointInHand {
 public:
  // `runtime`: null: nothing is known. `element`: borrowed; may be null.
  PointInHand(FunctionRuntime* runtime, PyObject* element, bool with_key = true);
  CallPoint point;

 private:
  PyRef key_;
};

// The Python types over it: FunctionContext, TimerService, StateCell, StateStore. False with an
// error set.
bool AddFunctionTypes(PyObject* module);
// New references; null with an error set. `type`: FunctionContext (null) or a class derived from
// it.
PyObject* NewFunctionContext(std::shared_ptr<FunctionRuntime> runtime,
                             PyTypeObject* type = nullptr);
PyObject* NewStateStore(std::shared_ptr<FunctionRuntime> runtime);

}  // namespace pyflinkpp
