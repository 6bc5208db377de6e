// The parts of a window operator that are the user's Python: function, trigger, assigner.
#pragma once

#include <Python.h>

#include <memory>
#include <optional>

#include "core/windowing/trigger.h"
#include "core/windowing/window_assigner.h"
#include "native/function_runtime.h"
#include "native/gil.h"
#include "native/python_serializer.h"
#include "runtime/operators/registry.h"
#include "runtime/operators/window_function.h"

namespace pyflinkpp {

// What the parts of one operator share.
class WindowShare {
 public:
  explicit WindowShare(std::string operator_name, idl::WindowAssignerKind::type kind)
      : operator_name_(std::move(operator_name)), kind_(kind) {}

  // Called by the window function, which is opened first and closed last. Under the lock.
  absl::Status Open(OperatorContext& context, const WindowTimes& times, const idl::Window& spec);
  void Close();

  const std::string& operator_name() const { return operator_name_; }
  const OperatorContext& context() const { return *context_; }
  const WindowTimes& times() const { return *times_; }
  const std::shared_ptr<FunctionRuntime>& runtime() const { return runtime_; }
  // RuntimeContext of the function, None when it has none. Borrowed; set by the function while it
  // is open.
  PyObject* runtime_context() const { return runtime_context_; }
  void set_runtime_context(PyObject* context) { runtime_context_ = context; }

  // The key and window in hand, for states, contexts and errors.
  void Begin(const RecordKey& key, const Window& window, int64_t timestamp);
  // The same where no window is known, for errors.
  void BeginElement(const RecordKey& key, int64_t timestamp);
  void BeginElement(const RecordBatch& batch, size_t i);
  void End() {
    runtime_->End();
    window_.reset();
  }

  // New references; null with an error set.
  PyObject* WindowObject(const Window& window);
  // The words of a TimeWindow, CountWindow or GlobalWindow; false with an error set.
  static bool WindowOf(PyObject* object, Window* window);
  // The element's value. `value_of_row` needs the batch's serializer only when that changes.
  PyObject* Element(const RecordBatch& batch, size_t i);

  // The error that is set, with what is in hand.
  absl::Status Failed(PyObject* element, absl::string_view what);
  absl::Status DoesNotFit(PyObject* element, const std::string& type);

 private:
  const std::string operator_name_;
  const idl::WindowAssignerKind::type kind_;
  OperatorContext* context_ = nullptr;
  const WindowTimes* times_ = nullptr;
  std::shared_ptr<FunctionRuntime> runtime_;
  bool shows_key_ = true;
  std::optional<Window> window_;  // in hand
  PyObject* runtime_context_ = Py_None;
  const TypeSerializer* reads_ = nullptr;  // the serializer that read_ is for
  RowReader read_ = nullptr;
};

// Holds the lock between Enter and Leave.
class GilScope {
 public:
  void Enter() { gil_.emplace(); }
  void Leave() { gil_.reset(); }

 private:
  std::optional<Gil> gil_;
};

absl::StatusOr<std::unique_ptr<WindowFunction>> MakePythonWindowFunction(
    const idl::OperatorNode& node, std::shared_ptr<WindowShare> share,
    const SerializerFactory& serializers);
std::unique_ptr<Trigger> MakePythonTrigger(const idl::WindowTrigger& spec,
                                           std::shared_ptr<WindowShare> share);
// A PYTHON assigner, or SESSION with a gap extractor.
std::unique_ptr<WindowAssigner> MakePythonWindowAssigner(const idl::WindowAssigner& spec,
                                                         std::shared_ptr<WindowShare> share);

absl::StatusOr<std::unique_ptr<Operator>> MakePythonWindowOperator(
    std::span<const idl::OperatorNode> nodes, const SerializerFactory& serializers);

// The Python type WindowTriggerContext. False with an error set.
bool AddTriggerContextType(PyObject* module);

}  // namespace pyflinkpp
