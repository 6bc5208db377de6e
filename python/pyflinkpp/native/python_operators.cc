#include "native/python_operators.h"

#include "core/base/status.h"
#include "native/async_operator.h"
#include "native/errors.h"
#include "native/gil.h"
#include "native/process_operator.h"
#include "native/push_source.h"
#include "native/python_part_encoder.h"
#include "native/python_reduce.h"
#include "native/python_serializer.h"
#include "native/python_stage.h"
#include "native/python_windows.h"
#include "native/sink_operator.h"
#include "runtime/connectors/collection/collection_source.h"

namespace pyflinkpp {
namespace {

// What the program has defined in its __main__ is found there in other processes, too.
absl::Status InstallMain(const std::map<std::string, std::string>& configuration) {
  const auto main = configuration.find("python.main-module");
  if (main == configuration.end()) return absl::OkStatus();
  Gil gil;
  static PyObject* install = nullptr;
  const PyRef done = Imported(&install, "pyflinkpp.datastream._main_module", "install") == nullptr
                         ? PyRef()
                         : PyRef::Steal(PyObject_CallFunction(install, "s", main->second.c_str()));
  return done ? absl::OkStatus()
              : CaptureError("what the program defines can't be made in a TaskManager");
}

}  // namespace

OperatorRegistry PythonOperators() {
  OperatorRegistry registry = BuiltinOperators();
  registry.serializers = PythonSerializerOf;
  registry.prepare = InstallMain;
  registry.entries["push_source"] = {
      .make = MakePushSource,
      .make_enumerator =
          [](const idl::OperatorNode&) -> absl::StatusOr<std::unique_ptr<SplitEnumerator>> {
        return MakeCollectionEnumerator();
      },
      .takes_turns = true};
  registry.entries["window"] = {
      .make = MakePythonWindowOperator, .make_enumerator = {}, .takes_turns = true};
  registry.entries["async"] = {
      .make = MakeAsyncOperator, .make_enumerator = {}, .takes_turns = true};
  registry.entries["process"] = {
      .make = MakeProcessOperator, .make_enumerator = {}, .takes_turns = true};
  registry.entries["python_sink"] = {
      .make = MakeSinkOperator, .make_enumerator = {}, .takes_turns = true};
  registry.entries["file_sink"].make = MakePythonFileSink;
  registry.entries["python"] = {
      .make = MakePythonStage, .fuses = true, .make_enumerator = {}, .takes_turns = true};
  registry.entries["project"] = registry.entries["python"];
  registry.entries["reduce"] = {
      .make = [](std::span<const idl::OperatorNode> nodes, const SerializerFactory& serializers)
          -> absl::StatusOr<std::unique_ptr<Operator>> {
        ASSIGN_OR_RETURN(auto serializer, serializers(nodes[0].output_type));
        return MakeKeyedReduceOperator(MakePythonReduce(nodes[0], std::move(serializer)),
                                       nodes[0].spec.reduce.final_only);
      },
      .make_enumerator = {},
      .takes_turns = true};
  return registry;
}

void PythonConsole::Write(absl::string_view text, bool standard_error) {
  Gil gil;
  PyObject* stream = PySys_GetObject(standard_error ? "stderr" : "stdout");
  if (stream == nullptr || stream == Py_None) return;
  const PyRef string = PyRef::Steal(
      PyUnicode_DecodeUTF8(text.data(), static_cast<Py_ssize_t>(text.size()), "replace"));
  const PyRef written =
      string ? PyRef::Steal(PyObject_CallMethod(stream, "write", "O", string.get())) : PyRef();
  if (!written) PyErr_Clear();  // a closed stream loses what is printed, not the job
}

}  // namespace pyflinkpp
