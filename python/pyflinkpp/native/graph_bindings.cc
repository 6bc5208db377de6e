#include "native/graph_bindings.h"

#include <pybind11/stl.h>

#include <map>
#include <optional>
#include <string>

#include "core/graph/job_graph.h"
#include "native/errors.h"
#include "native/gil.h"
#include "native/type_coder.h"
#include "native/type_descriptor.h"

namespace pyflinkpp {
namespace py = pybind11;

namespace {

template <class Value>
Value Pick(const std::map<std::string, Value>& names, const std::string& name, const char* what) {
  const auto found = names.find(name);
  if (found == names.end())
    throw py::value_error(std::string("unknown ") + what + " '" + name + "'");
  return found->second;
}

// Each element in the binary format of its type; the type's own error when one doesn't fit.
std::vector<std::string> Serialize(const py::list& elements, const idl::TypeInformation& type) {
  const auto coder = MakeCoder(type);
  if (coder == nullptr) throw py::error_already_set();
  std::vector<std::string> result;
  result.reserve(elements.size());
  for (const py::handle element : elements) {
    const PyRef normalized = PyRef::Steal(coder->Normalize(element.ptr()));
    std::string bytes;
    BinaryWriter writer(bytes);
    if (!normalized || !coder->Write(normalized.get(), writer)) throw py::error_already_set();
    result.push_back(std::move(bytes));
  }
  return result;
}

idl::WatermarkStrategy WatermarksOf(const py::dict& spec) {
  using Kind = idl::WatermarkGeneratorKind;
  idl::WatermarkStrategy strategy;
  strategy.generator =
      Pick<Kind::type>({{"none", Kind::NONE}, {"bounded", Kind::BOUNDED}, {"python", Kind::PYTHON}},
                       py::cast<std::string>(spec["generator"]), "watermark generator");
  strategy.max_out_of_orderness_ms = py::cast<int64_t>(spec["max_out_of_orderness_ms"]);
  strategy.idle_timeout_ms = py::cast<int64_t>(spec["idle_timeout_ms"]);
  strategy.interval_ms = py::cast<int64_t>(spec["interval_ms"]);
  strategy.pickle = py::cast<std::string>(spec["pickle"]);
  if (spec.contains("alignment")) {
    const auto alignment = py::cast<py::tuple>(spec["alignment"]);
    strategy.alignment_group = py::cast<std::string>(alignment[0]);
    strategy.max_drift_ms = py::cast<int64_t>(alignment[1]);
    strategy.alignment_interval_ms = py::cast<int64_t>(alignment[2]);
  }
  return strategy;
}

std::vector<idl::OutputTag> TagsOf(const py::handle& tags) {
  std::vector<idl::OutputTag> result;
  for (const py::handle each : py::cast<py::list>(tags)) {  // (id, type)
    const auto pair = py::cast<py::tuple>(each);
    idl::OutputTag tag;
    tag.id = py::cast<std::string>(pair[0]);
    tag.type = TypeFromDescriptor(pair[1]);
    result.push_back(std::move(tag));
  }
  return result;
}

idl::PythonProcess ProcessOf(const py::dict& spec) {
  idl::PythonProcess process;
  process.pickle = py::cast<std::string>(spec["pickle"]);
  for (const py::handle each : py::cast<py::list>(spec["inputs"])) {
    const auto how = py::cast<py::dict>(each);
    idl::ProcessInput input;
    input.method = py::cast<std::string>(how["method"]);
    input.with_context = py::cast<bool>(how["with_context"]);
    input.many = py::cast<bool>(how["many"]);
    input.drop_none = py::cast<bool>(how["drop_none"]);
    process.inputs.push_back(std::move(input));
  }
  process.keyed = py::cast<bool>(spec["keyed"]);
  process.broadcast = py::cast<bool>(spec["broadcast"]);
  if (process.keyed && !spec["key_type"].is_none())
    process.__set_key_type(TypeFromDescriptor(spec["key_type"]));
  process.side_outputs = TagsOf(spec["side_outputs"]);
  process.broadcast_states = py::cast<std::string>(spec["broadcast_states"]);
  process.timestamped = py::cast<bool>(spec["timestamped"]);
  return process;
}

idl::Window WindowOf(const py::dict& spec) {
  using Assigner = idl::WindowAssignerKind;
  using Trigger = idl::TriggerKind;
  using Function = idl::WindowFunctionKind;
  const auto pickle_of = [](const py::dict& part) { return py::cast<std::string>(part["pickle"]); };
  idl::Window window;
  const auto assigner = py::cast<py::dict>(spec["assigner"]);
  window.assigner.kind =
      Pick<Assigner::type>({{"tumbling", Assigner::TUMBLING},
                            {"sliding", Assigner::SLIDING},
                            {"session", Assigner::SESSION},
                            {"global", Assigner::GLOBAL},
                            {"count_tumbling", Assigner::COUNT_TUMBLING},
                            {"count_sliding", Assigner::COUNT_SLIDING},
                            {"python", Assigner::PYTHON}},
                           py::cast<std::string>(assigner["kind"]), "window assigner");
  window.assigner.size = py::cast<int64_t>(assigner["size"]);
  window.assigner.slide = py::cast<int64_t>(assigner["slide"]);
  window.assigner.offset_ms = py::cast<int64_t>(assigner["offset_ms"]);
  window.assigner.event_time = py::cast<bool>(assigner["event_time"]);
  window.assigner.merging = py::cast<bool>(assigner["merging"]);
  window.assigner.pickle = pickle_of(assigner);
  const auto trigger = py::cast<py::dict>(spec["trigger"]);
  window.trigger.kind =
      Pick<Trigger::type>({{"event_time", Trigger::EVENT_TIME},
                           {"processing_time", Trigger::PROCESSING_TIME},
                           {"count", Trigger::COUNT},
                           {"continuous_event_time", Trigger::CONTINUOUS_EVENT_TIME},
                           {"continuous_processing_time", Trigger::CONTINUOUS_PROCESSING_TIME},
                           {"never", Trigger::NEVER},
                           {"python", Trigger::PYTHON}},
                          py::cast<std::string>(trigger["kind"]), "trigger");
  window.trigger.limit = py::cast<int64_t>(trigger["limit"]);
  window.trigger.purging = py::cast<bool>(trigger["purging"]);
  window.trigger.pickle = pickle_of(trigger);
  window.allowed_lateness_ms = py::cast<int64_t>(spec["allowed_lateness_ms"]);
  if (!spec["late_tag"].is_none()) {
    py::list one;
    one.append(spec["late_tag"]);
    window.__set_late_output(TagsOf(one)[0]);
  }
  window.side_outputs = TagsOf(spec["side_outputs"]);
  window.contents = Pick<Function::type>(
      {{"reduce", Function::REDUCE}, {"aggregate", Function::AGGREGATE}, {"list", Function::LIST}},
      py::cast<std::string>(spec["function"]), "window function");
  window.pickle = pickle_of(spec);
  if (!spec["key_type"].is_none()) window.__set_key_type(TypeFromDescriptor(spec["key_type"]));
  window.all = py::cast<bool>(spec["all"]);
  window.input_type = TypeFromDescriptor(spec["input_type"]);
  if (!spec["accumulator_type"].is_none())
    window.__set_accumulator_type(TypeFromDescriptor(spec["accumulator_type"]));
  if (py::cast<bool>(spec["merges_panes"])) window.__set_merges_panes(true);
  return window;
}

idl::OperatorSpec SpecOf(const py::dict& spec, const idl::TypeInformation& type) {
  const auto text = [&](const char* field) { return py::cast<std::string>(spec[field]); };
  const std::string kind = text("kind");
  idl::OperatorSpec result;
  if (kind == "number_sequence_source") {
    idl::NumberSequenceSource source;
    source.first = py::cast<int64_t>(spec["start"]);
    source.last = py::cast<int64_t>(spec["end"]);
    result.__set_number_sequence_source(source);
  } else if (kind == "file_source") {
    idl::FileSource source;
    source.paths = py::cast<std::vector<std::string>>(spec["paths"]);
    result.__set_file_source(source);
  } else if (kind == "collection_source") {
    idl::CollectionSource source;
    source.elements = Serialize(py::cast<py::list>(spec["elements"]), type);
    result.__set_collection_source(std::move(source));
  } else if (kind == "push_source") {
    idl::PushSource source;
    source.id = text("id");
    result.__set_push_source(source);
  } else if (kind == "python") {
    using Kind = idl::PythonFunctionKind;
    idl::PythonFunction function;
    function.kind = Pick<Kind::type>({{"map", Kind::MAP},
                                      {"flat_map", Kind::FLAT_MAP},
                                      {"filter", Kind::FILTER},
                                      {"key_by", Kind::KEY_BY},
                                      {"partition_custom", Kind::PARTITION_CUSTOM},
                                      {"assign_timestamps", Kind::ASSIGN_TIMESTAMPS}},
                                     text("function"), "function");
    function.pickle = text("pickle");
    if (function.kind == Kind::ASSIGN_TIMESTAMPS)
      function.__set_watermarks(WatermarksOf(py::cast<py::dict>(spec["watermarks"])));
    if (spec.contains("of_source")) function.of_source = py::cast<bool>(spec["of_source"]);
    if (spec.contains("key_type") && !spec["key_type"].is_none()) {
      const idl::TypeInformation key_type = TypeFromDescriptor(spec["key_type"]);
      if (key_type.kind != idl::TypeKind::PICKLED) function.__set_key_type(key_type);
    }
    result.__set_python(std::move(function));
  } else if (kind == "process") {
    result.__set_process(ProcessOf(spec));
  } else if (kind == "async") {
    idl::PythonAsync async;
    async.pickle = text("pickle");
    async.ordered = py::cast<bool>(spec["ordered"]);
    async.timeout_ms = py::cast<int64_t>(spec["timeout_ms"]);
    async.capacity = py::cast<int>(spec["capacity"]);
    async.retry_strategy = text("retry");
    result.__set_async_function(std::move(async));
  } else if (kind == "window") {
    result.__set_window(WindowOf(spec));
  } else if (kind == "reduce") {
    using Kind = idl::ReduceKind;
    idl::Reduce reduce;
    reduce.kind = Pick<Kind::type>({{"python", Kind::PYTHON},
                                    {"sum", Kind::SUM},
                                    {"min", Kind::MIN},
                                    {"max", Kind::MAX},
                                    {"min_by", Kind::MIN_BY},
                                    {"max_by", Kind::MAX_BY}},
                                   text("function"), "aggregation");
    if (reduce.kind == Kind::PYTHON) {
      reduce.pickle = text("pickle");
    } else {
      reduce.field = py::cast<int>(spec["field"]);
    }
    reduce.final_only = py::cast<bool>(spec["final_only"]);
    if (!spec["key_type"].is_none()) reduce.__set_key_type(TypeFromDescriptor(spec["key_type"]));
    result.__set_reduce(std::move(reduce));
  } else if (kind == "project") {
    idl::Project project;
    project.fields = py::cast<std::vector<int>>(spec["fields"]);
    result.__set_project(project);
  } else if (kind == "file_sink") {
    idl::FileSink sink;
    sink.path = text("path");
    sink.prefix = text("prefix");
    sink.suffix = text("suffix");
    sink.bucket_format = text("bucket_format");
    sink.encoding = text("encoding");
    using Format = idl::PartFormat;
    sink.__set_format(Pick<Format::type>(
        {{"text", Format::TEXT}, {"encoder", Format::ENCODER}, {"bulk", Format::BULK}},
        text("format"), "file format"));
    if (spec.contains("pickle")) sink.__set_pickle(text("pickle"));
    if (!spec["time_zone"].is_none()) sink.__set_time_zone(text("time_zone"));
    idl::RollingPolicy rolling;
    rolling.part_size = py::cast<int64_t>(spec["part_size"]);
    rolling.rollover_ms = py::cast<int64_t>(spec["rollover_ms"]);
    rolling.inactivity_ms = py::cast<int64_t>(spec["inactivity_ms"]);
    rolling.check_interval_ms = py::cast<int64_t>(spec["check_interval_ms"]);
    sink.__set_rolling(rolling);
    result.__set_file_sink(sink);
  } else if (kind == "python_sink") {
    idl::PythonSink sink;
    sink.pickle = text("pickle");
    sink.commits = py::cast<bool>(spec["commits"]);
    result.__set_python_sink(sink);
  } else if (kind == "print_sink") {
    idl::PrintSink sink;
    sink.identifier = text("identifier");
    sink.standard_error = py::cast<bool>(spec["stderr"]);
    result.__set_print_sink(sink);
  } else if (kind == "discarding_sink") {
    result.__set_discarding_sink({});
  } else if (kind == "collect_sink") {
    result.__set_collect_sink({});
  } else {
    throw py::value_error("unknown kind of operator '" + kind + "'");
  }
  return result;
}

int AddOperator(JobGraphBuilder& builder, const py::dict& spec, const std::string& name,
                int parallelism, int max_parallelism, const py::object& output_type,
                const std::optional<std::string>& uid, const std::optional<std::string>& uid_hash,
                const std::optional<std::string>& description, const std::string& chaining,
                const std::optional<std::string>& slot_sharing_group, int64_t buffer_timeout_ms) {
  idl::OperatorNode node;
  node.id = static_cast<int>(builder.graph.operators.size());
  node.name = name;
  node.parallelism = parallelism;
  node.max_parallelism = max_parallelism;
  node.output_type = TypeFromDescriptor(output_type);
  node.spec = SpecOf(spec, node.output_type);
  if (uid) node.__set_uid(*uid);
  if (uid_hash) node.__set_uid_hash(*uid_hash);
  if (description) node.__set_description(*description);
  if (slot_sharing_group) node.__set_slot_sharing_group(*slot_sharing_group);
  using Strategy = idl::ChainingStrategy;
  node.chaining = Pick<Strategy::type>(
      {{"always", Strategy::ALWAYS}, {"head", Strategy::HEAD}, {"never", Strategy::NEVER}},
      chaining, "chaining strategy");
  node.buffer_timeout_ms = buffer_timeout_ms;
  builder.graph.operators.push_back(std::move(node));
  return builder.graph.operators.back().id;
}

void AddEdge(JobGraphBuilder& builder, int source, int target, const std::string& partitioner,
             int input, int side_output) {
  using Kind = idl::Partitioner;
  idl::Edge edge;
  edge.source = source;
  edge.target = target;
  edge.input = input;
  edge.side_output = side_output;
  edge.partitioner = Pick<Kind::type>({{"forward", Kind::FORWARD},
                                       {"rebalance", Kind::REBALANCE},
                                       {"rescale", Kind::RESCALE},
                                       {"shuffle", Kind::SHUFFLE},
                                       {"broadcast", Kind::BROADCAST},
                                       {"global", Kind::GLOBAL},
                                       {"hash", Kind::HASH},
                                       {"custom", Kind::CUSTOM}},
                                      partitioner, "partitioner");
  builder.graph.edges.push_back(edge);
}

// The settings come as the Python layer has read and checked them.
void SetCheckpoints(JobGraphBuilder& builder, const std::string& mode, const std::string& retention,
                    const py::dict& settings) {
  using Mode = idl::CheckpointMode;
  using Retention = idl::CheckpointRetention;
  idl::CheckpointSettings checkpoints;
  checkpoints.mode = Pick<Mode::type>(
      {{"EXACTLY_ONCE", Mode::EXACTLY_ONCE}, {"AT_LEAST_ONCE", Mode::AT_LEAST_ONCE}}, mode,
      "checkpointing mode");
  checkpoints.retention =
      Pick<Retention::type>({{"NO_EXTERNALIZED_CHECKPOINTS", Retention::NO_EXTERNALIZED},
                             {"DELETE_ON_CANCELLATION", Retention::DELETE_ON_CANCELLATION},
                             {"RETAIN_ON_CANCELLATION", Retention::RETAIN_ON_CANCELLATION}},
                            retention, "retention");
  checkpoints.interval_ms = py::cast<int64_t>(settings["interval_ms"]);
  checkpoints.directory = py::cast<std::string>(settings["directory"]);
  checkpoints.savepoint_directory = py::cast<std::string>(settings["savepoint_directory"]);
  checkpoints.min_pause_ms = py::cast<int64_t>(settings["min_pause_ms"]);
  checkpoints.timeout_ms = py::cast<int64_t>(settings["timeout_ms"]);
  checkpoints.tolerable_failures = py::cast<int>(settings["tolerable_failures"]);
  checkpoints.max_concurrent = py::cast<int>(settings["max_concurrent"]);
  checkpoints.retained = py::cast<int>(settings["retained"]);
  checkpoints.unaligned = py::cast<bool>(settings["unaligned"]);
  checkpoints.aligned_timeout_ms = py::cast<int64_t>(settings["aligned_timeout_ms"]);
  checkpoints.after_tasks_finish = py::cast<bool>(settings["after_tasks_finish"]);
  checkpoints.__set_incremental(py::cast<bool>(settings["incremental"]));
  builder.graph.__set_checkpoints(std::move(checkpoints));
}

void SetRestartStrategy(JobGraphBuilder& builder, const std::string& kind,
                        const py::dict& settings) {
  using Kind = idl::RestartKind;
  idl::RestartStrategy strategy;
  strategy.kind = Pick<Kind::type>({{"none", Kind::NONE},
                                    {"fixed-delay", Kind::FIXED_DELAY},
                                    {"exponential-delay", Kind::EXPONENTIAL_DELAY},
                                    {"failure-rate", Kind::FAILURE_RATE}},
                                   kind, "restart strategy");
  strategy.attempts = py::cast<int>(settings["attempts"]);
  strategy.delay_ms = py::cast<int64_t>(settings["delay_ms"]);
  strategy.max_delay_ms = py::cast<int64_t>(settings["max_delay_ms"]);
  strategy.multiplier = py::cast<double>(settings["multiplier"]);
  strategy.jitter = py::cast<double>(settings["jitter"]);
  strategy.reset_ms = py::cast<int64_t>(settings["reset_ms"]);
  strategy.interval_ms = py::cast<int64_t>(settings["interval_ms"]);
  builder.graph.__set_restart_strategy(strategy);
}

void SetRestore(JobGraphBuilder& builder, const std::string& path, bool ignore_unclaimed,
                const std::string& claim_mode) {
  using Mode = idl::ClaimMode;
  idl::RestoreSettings restore;
  restore.path = path;
  restore.ignore_unclaimed = ignore_unclaimed;
  restore.claim_mode = Pick<Mode::type>({{"NO_CLAIM", Mode::NO_CLAIM}, {"CLAIM", Mode::CLAIM}},
                                        claim_mode, "claim mode");
  builder.graph.__set_restore(std::move(restore));
}

}  // namespace

idl::JobGraph JobGraphBuilder::Complete() const {
  idl::JobGraph complete = graph;
  if (const absl::Status status = ValidateAndComplete(complete); !status.ok()) {
    RaiseStatus(status);
    throw py::error_already_set();
  }
  return complete;
}

void BindJobGraph(py::module_& module) {
  py::class_<JobGraphBuilder>(module, "JobGraph")
      .def(py::init([](std::map<std::string, std::string> configuration) {
             JobGraphBuilder builder;
             builder.graph.configuration = std::move(configuration);
             return builder;
           }),
           py::arg("configuration"))
      .def("add_operator", AddOperator, py::arg("spec"), py::kw_only(), py::arg("name"),
           py::arg("parallelism"), py::arg("max_parallelism") = -1,
           py::arg("output_type") = py::none(), py::arg("uid") = py::none(),
           py::arg("uid_hash") = py::none(), py::arg("description") = py::none(),
           py::arg("chaining") = "always", py::arg("slot_sharing_group") = py::none(),
           py::arg("buffer_timeout_ms") = -1)
      .def("add_edge", AddEdge, py::arg("source"), py::arg("target"), py::kw_only(),
           py::arg("partitioner"), py::arg("input") = 0, py::arg("side_output") = -1)
      .def("set_checkpoints", SetCheckpoints, py::arg("mode"), py::arg("retention"),
           py::arg("settings"))
      .def("set_restart_strategy", SetRestartStrategy, py::arg("kind"), py::arg("settings"))
      .def("set_restore", SetRestore, py::arg("path"), py::arg("ignore_unclaimed"),
           py::arg("claim_mode"))
      .def("plan", [](const JobGraphBuilder& builder) { return PlanAsJson(builder.Complete()); });
}

}  // namespace pyflinkpp
