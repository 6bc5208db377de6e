#include "sim/job_generator.h"

#include <algorithm>
#include <memory>
#include <optional>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "core/base/status.h"
#include "native/registry.h"
#include "native/window_functions.h"
#include "runtime/connectors/file/file_source_operator.h"
#include "runtime/operators/simple_sinks.h"
#include "runtime/scheduler/execution_graph.h"
#include "sim/model_backend.h"
#include "sim/pausing_operator.h"
#include "sim/ringing_operator.h"
#include "sim/shattering_enumerator.h"
#include "sim/timed_longs.h"

namespace pyflinkpp::sim {
namespace {

using idl::Partitioner;

constexpr int64_t kVolumeMax = 2'000;  // records of one stream, about

enum class Rows { kNumbers, kText, kCounts };

struct Stream {
  int op;
  Rows rows;
  int64_t volume;  // about so many records
};

class Generator {
 public:
  Generator(SimRandom& random, int number, bool streaming, const Limits& limits)
      : random_(random),
        streaming_(streaming),
        limits_(limits),
        prefix_(absl::StrCat("j", number)),
        parallelism_(random.Percent(50) ? random.Between(1, 4) : 0),
        builder_(absl::StrFormat("%032x", number)) {
    job_.batch = random.Percent(30) && !streaming;
    if (job_.batch) builder_.graph().configuration["execution.runtime-mode"] = "BATCH";
    if (random.Percent(20))
      builder_.graph().configuration["pipeline.operator-chaining.enabled"] = "false";
  }

  GeneratedJob Generate() {
    std::vector<Stream> streams;
    for (int64_t i = random_.Between(1, 3); i > 0; --i) streams.push_back(Source());
    for (int64_t i = std::min(random_.Between(0, 6), limits_.operators); i > 0; --i) Grow(streams);
    for (Stream& stream : streams) {
      if (stream.rows == Rows::kNumbers) stream = Apply(stream, "long_to_word", Rows::kText, 1);
    }
    if (streams.size() > 1 && random_.Percent(30)) {  // two word counts, or a plain sink
      const Stream stream = Take(streams);
      if (random_.Percent(50)) {
        CountWords({stream});
      } else {
        Sink(stream, /*reduced=*/false);
      }
    }
    CountWords(streams);
    if (random_.Percent(40)) SumWindows();
    if (streaming_ && random_.Percent(40)) Ring();
    Decorate();
    job_.graph = builder_.Build();
    return std::move(job_);
  }

 private:
  int Parallelism() {
    return static_cast<int>(parallelism_ > 0 && random_.Percent(85) ? parallelism_
                                                                    : random_.Between(1, 4));
  }

  Stream Take(std::vector<Stream>& streams) {
    const auto position = streams.begin() + random_.Below(static_cast<int64_t>(streams.size()));
    const Stream stream = *position;
    streams.erase(position);
    return stream;
  }

  int64_t Records(int64_t below) { return std::min(random_.Below(below), limits_.records); }

  // ---- sources ----

  std::string Word() {
    static const std::vector<std::string> kWords = {"a",    "to",     "be",       "or",   "not",
                                                    "über", "straße", "question", "that", "is"};
    if (random_.Percent(70)) return random_.OneOf(kWords);
    return absl::StrCat("w", random_.Below(40));
  }

  std::string Line() {
    std::string line(static_cast<size_t>(random_.Percent(10) ? 2 : 0), ' ');
    for (int64_t i = random_.Below(9); i > 0; --i)
      absl::StrAppend(&line, Word(), random_.Percent(5) ? "  " : " ");
    if (!line.empty() && random_.Percent(80)) line.pop_back();
    return line;
  }

  Stream Source() {
    switch (random_.Below(3)) {
      case 0: {
        const int64_t first = random_.Between(-500, 500);
        const int64_t count = Records(random_.Percent(10) ? 5 : 1500);
        return {builder_.Numbers(first, first + count - 1, Parallelism()), Rows::kNumbers, count};
      }
      case 1: {
        std::vector<std::string> words;
        for (int64_t i = Records(300); i > 0; --i) words.push_back(Word());
        const int op = builder_.Collection(words);
        job_.texts[op] = words;
        return {op, Rows::kText, static_cast<int64_t>(words.size())};
      }
      default:
        return FileSource();
    }
  }

  Stream FileSource() {
    const std::string directory =
        absl::StrCat("/in/", prefix_, "/", builder_.graph().operators.size());
    std::vector<std::string> paths;
    std::vector<std::string> lines;
    for (int64_t i = random_.Between(1, 5); i > 0; --i) {
      std::string bytes;
      for (int64_t left = Records(random_.Percent(10) ? 200 : 20); left > 0; --left) {
        lines.push_back(Line());
        absl::StrAppend(&bytes, lines.back(), random_.Percent(20) ? "\r\n" : "\n");
      }
      if (!lines.empty() && !bytes.empty() && !lines.back().empty() && random_.Percent(30)) {
        bytes.resize(bytes.find_last_not_of("\r\n") + 1);
      }
      paths.push_back(absl::StrCat(directory, "/", i));
      job_.files[paths.back()] = bytes;
    }
    if (random_.Percent(50)) paths = {directory};
    const int op = builder_.Files(paths, Parallelism());
    const auto volume = static_cast<int64_t>(lines.size());
    job_.texts[op] = std::move(lines);
    return {op, Rows::kText, volume};
  }

  // ---- between ----

  // Connects and says how many times each record arrives.
  int64_t Connect(const Stream& from, int to) {
    const int source_parallelism = builder_.op(from.op).parallelism;
    const int target_parallelism = builder_.op(to).parallelism;
    std::vector<Partitioner::type> choice = {Partitioner::REBALANCE, Partitioner::RESCALE,
                                             Partitioner::SHUFFLE, Partitioner::GLOBAL};
    if (from.volume * target_parallelism < kVolumeMax) choice.push_back(Partitioner::BROADCAST);
    if (source_parallelism == target_parallelism && random_.Percent(60))
      choice = {Partitioner::FORWARD};
    const Partitioner::type partitioner = random_.OneOf(choice);
    builder_.Connect(from.op, to, partitioner);
    return partitioner == Partitioner::BROADCAST ? target_parallelism : 1;
  }

  Stream Apply(const Stream& from, const std::string& name, Rows rows, int64_t factor) {
    const int op = builder_.Native(name, Parallelism());
    return {op, rows, from.volume * factor * Connect(from, op)};
  }

  // A random operator behind a random stream, which may stay and feed others too; or a union of
  // two.
  void Grow(std::vector<Stream>& streams) {
    const Stream from = Take(streams);
    if (random_.Percent(20)) streams.push_back(from);  // a diamond, or two ends
    const bool small = from.volume * 2 < kVolumeMax;
    if (from.rows == Rows::kNumbers) {
      streams.push_back(Apply(
          from, random_.OneOf<std::string>({"affine_long", "odd_longs", "pause"}), from.rows, 1));
    } else if (random_.Percent(10)) {
      const Stream routed = Apply(from, "route_words", from.rows, 1);
      const int op = builder_.Native("pause", Parallelism());
      builder_.Connect(routed.op, op, Partitioner::CUSTOM);
      streams.push_back({op, from.rows, routed.volume});
    } else if (small && random_.Percent(30)) {
      streams.push_back(Apply(from, "twice", from.rows, 2));
    } else {
      streams.push_back(
          Apply(from, random_.OneOf<std::string>({"short_words", "pause"}), from.rows, 1));
    }
    Stream& made = streams.back();
    for (const Stream& other :
         std::vector<Stream>(streams)) {  // a union, perhaps of a stream with itself
      if (other.op >= made.op || other.rows != from.rows ||
          other.volume + made.volume > kVolumeMax || !random_.Percent(15))
        continue;
      made.volume += other.volume * Connect(other, made.op);
    }
  }

  // ---- the end ----

  void CountWords(const std::vector<Stream>& streams) {
    const int split = builder_.Native("split_words", Parallelism());
    Stream words = {split, Rows::kText, 0};
    for (const Stream& stream : streams) words.volume += stream.volume * 5 * Connect(stream, split);
    if (random_.Percent(20)) words = Apply(words, "pause", Rows::kText, 1);
    Stream counts = Reduce(Apply(words, "pair", Rows::kCounts, 1));
    for (int64_t i = random_.Between(1, 2); i > 0; --i) Sink(counts, /*reduced=*/true);
    if (job_.batch && random_.Percent(40)) {  // of updates the order would matter
      Sink(Reduce(Apply(counts, "first_byte", Rows::kCounts, 1)), /*reduced=*/true);
    }
  }

  Stream Reduce(const Stream& from) {
    const Stream keyed = Apply(from, "key_by_word", Rows::kCounts, 1);
    const int reduce = builder_.Reduce("sum_counts", job_.batch, Parallelism());
    idl::OperatorNode& node = builder_.op(reduce);
    if (random_.Percent(40))
      node.max_parallelism = node.parallelism + static_cast<int>(random_.Below(8));
    builder_.Connect(keyed.op, reduce, Partitioner::HASH);
    return {reduce, Rows::kCounts, keyed.volume};
  }

  // Numbers with times, keys and watermarks.
  Stream TimedNumbers() {
    // A restored source may get splits in any order: one split has one order.
    const int parallelism = streaming_ ? 1 : Parallelism();
    const int64_t first = random_.Between(-300, 300);
    const int64_t count = Records(random_.Percent(10) ? 5 : 1500);
    const int numbers = builder_.Numbers(first, first + count - 1, parallelism);
    const int timed = builder_.Native("timed_longs", parallelism);
    builder_.Connect(numbers, timed, Partitioner::FORWARD);
    return {timed, Rows::kNumbers, count};
  }

  // A keyed function with timers, and often with broadcast state.
  void Ring() {
    const Stream timed = TimedNumbers();
    const int64_t count = random_.Percent(60) ? Records(random_.Percent(50) ? 10 : 500) : 0;
    std::optional<int> told;
    if (count > 0) told = builder_.Numbers(1, count, Parallelism());
    const int ring = builder_.Native("process", Parallelism());
    idl::OperatorNode& node = builder_.op(ring);
    node.spec = {};
    node.spec.__isset.process = true;
    node.spec.process.keyed = true;
    node.spec.process.pickle = absl::StrCat(count * (count + 1) / 2);
    if (random_.Percent(50))
      node.max_parallelism = node.parallelism + static_cast<int>(random_.Below(8));
    builder_.Connect(timed.op, ring, Partitioner::HASH);
    if (told) {
      builder_.Connect(*told, ring, Partitioner::BROADCAST);
      builder_.graph().edges.back().input = 1;
    }
    Sink({ring, Rows::kNumbers, timed.volume}, /*reduced=*/false);
  }

  // Sums of numbers by key and window of event time. In batch mode one key comes after the other.
  void SumWindows() {
    const Stream timed = TimedNumbers();
    idl::Window plan;
    plan.contents = idl::WindowFunctionKind::NATIVE;
    plan.native_name = "sum";
    plan.assigner.event_time = true;
    plan.assigner.kind = random_.OneOf<idl::WindowAssignerKind::type>(
        {idl::WindowAssignerKind::TUMBLING, idl::WindowAssignerKind::SLIDING,
         idl::WindowAssignerKind::SESSION});
    const bool session = plan.assigner.kind == idl::WindowAssignerKind::SESSION;
    plan.assigner.size = session ? random_.Between(1, 120) : random_.Between(1, 1000);
    plan.assigner.slide = random_.Between(1 + plan.assigner.size / 4, plan.assigner.size);
    if (!session) plan.assigner.offset_ms = random_.Below(plan.assigner.slide);
    plan.trigger.kind = idl::TriggerKind::EVENT_TIME;
    plan.trigger.purging = random_.Percent(30);
    plan.allowed_lateness_ms = random_.Percent(50) ? 0 : random_.Below(500);
    const int window = builder_.Native("window", Parallelism());
    builder_.op(window).spec = {};
    builder_.op(window).spec.__set_window(plan);
    builder_.Connect(timed.op, window, Partitioner::HASH);

    Stream sums = {window, Rows::kNumbers, timed.volume};
    if (random_.Percent(30)) sums = Apply(sums, "affine_long", Rows::kNumbers, 1);
    Sink(sums, /*reduced=*/false);
  }

  void Sink(const Stream& from, bool reduced) {
    SinkPlan plan{
        .kind = random_.OneOf<SinkPlan::Kind>({SinkPlan::Kind::kDiscard, SinkPlan::Kind::kCollect,
                                               SinkPlan::Kind::kPrint, SinkPlan::Kind::kFiles}),
        .op = 0,
        .source = from.op,
        .place = {}};
    const int parallelism = Parallelism();
    const std::string name = absl::StrCat(prefix_, "s", builder_.graph().operators.size());
    if (plan.kind == SinkPlan::Kind::kCollect && std::exchange(collects_, true))
      plan.kind = SinkPlan::Kind::kFiles;
    switch (plan.kind) {
      case SinkPlan::Kind::kDiscard:
        plan.op = builder_.Discard(parallelism);
        break;
      case SinkPlan::Kind::kCollect:
        plan.op = builder_.Collect();
        builder_.op(plan.op).output_type.kind = from.rows == Rows::kNumbers ? idl::TypeKind::LONG
                                                : from.rows == Rows::kText  ? idl::TypeKind::STRING
                                                                            : idl::TypeKind::TUPLE;
        break;
      case SinkPlan::Kind::kPrint:
        plan.place = name;
        plan.op = builder_.Print(name, random_.Percent(30), parallelism);
        break;
      case SinkPlan::Kind::kFiles:
        plan.place = absl::StrCat("/out/", name);
        plan.op = builder_.WriteFiles(plan.place, parallelism);
        if (random_.Percent(70)) builder_.op(plan.op).spec.file_sink.__set_rolling(Rolling());
        break;
    }
    Connect(from, plan.op);
    plan.keeps_order =
        reduced && (builder_.op(plan.op).parallelism == 1 ||
                    builder_.graph().edges.back().partitioner == Partitioner::FORWARD);
    job_.sinks.push_back(std::move(plan));
  }

  // Part files that live over several checkpoints, and some that are small.
  idl::RollingPolicy Rolling() {
    idl::RollingPolicy rolling;
    rolling.part_size = random_.Percent(40) ? random_.Between(1, 500) : int64_t{1} << 30;
    rolling.rollover_ms = random_.Percent(30) ? random_.Between(1, 100) : 60'000;
    rolling.inactivity_ms = random_.Percent(30) ? random_.Between(1, 50) : 60'000;
    rolling.check_interval_ms = random_.Between(1, 30);
    return rolling;
  }

  // What has no influence on the result.
  void Decorate() {
    const bool groups = random_.Percent(10);
    for (idl::OperatorNode& node : builder_.graph().operators) {
      if (random_.Percent(10)) node.chaining = idl::ChainingStrategy::HEAD;
      if (random_.Percent(7)) node.chaining = idl::ChainingStrategy::NEVER;
      if (groups && random_.Percent(30)) node.__set_slot_sharing_group("another group");
    }
  }

  SimRandom& random_;
  const bool streaming_;
  const Limits limits_;
  const std::string prefix_;
  const int64_t parallelism_;  // of most operators; 0: of none
  native::JobBuilder builder_;
  GeneratedJob job_;
  bool collects_ = false;
};

}  // namespace

GeneratedJob GenerateJob(SimRandom& random, int number, bool streaming, const Limits& limits) {
  return Generator(random, number, streaming, limits).Generate();
}

void DrawCheckpoints(SimRandom& random, int64_t step_nanos_max, GeneratedJob& job) {
  const auto millis = [&](int64_t steps) {
    return std::max<int64_t>(step_nanos_max * steps / 2 / 1'000'000, 1);
  };
  idl::CheckpointSettings settings;
  settings.interval_ms = random.Between(1, std::min<int64_t>(millis(2'000), 50));
  settings.min_pause_ms = random.Percent(70) ? 0 : random.Between(1, millis(500));
  settings.mode = idl::CheckpointMode::EXACTLY_ONCE;
  settings.max_concurrent = random.Percent(70) ? 1 : 2;
  settings.retained = static_cast<int>(random.Between(1, 3));
  settings.tolerable_failures = -1;
  if (random.Percent(70)) settings.directory = "/checkpoints";
  settings.savepoint_directory = "/savepoints";
  settings.retention = random.OneOf<idl::CheckpointRetention::type>(
      {idl::CheckpointRetention::NO_EXTERNALIZED, idl::CheckpointRetention::DELETE_ON_CANCELLATION,
       idl::CheckpointRetention::RETAIN_ON_CANCELLATION});
  if (random.Percent(30)) {
    settings.timeout_ms =
        50 + millis(random.Between(2'000, 20'000));  // loops may pause for a while
  } else if (random.Percent(20)) {
    settings.tolerable_failures = static_cast<int>(random.Below(3));
  }
  if (random.Percent(60)) {
    settings.unaligned = true;
    settings.aligned_timeout_ms = random.OneOf<int64_t>({0, 0, 1, millis(100), 1'000});
  }
  job.graph.__set_checkpoints(settings);
  if (random.Percent(60)) {  // state is small: most of it would need no file
    job.graph.configuration["execution.checkpointing.data-inline-threshold"] =
        absl::StrCat(random.OneOf<int>({0, 30, 300}));
  }

  idl::RestartStrategy restart;
  restart.kind = random.OneOf<idl::RestartKind::type>({idl::RestartKind::FIXED_DELAY,
                                                       idl::RestartKind::EXPONENTIAL_DELAY,
                                                       idl::RestartKind::FAILURE_RATE});
  restart.attempts = restart.kind == idl::RestartKind::EXPONENTIAL_DELAY ? 0 : 1'000;
  restart.delay_ms = random.Between(0, 30);
  restart.max_delay_ms = restart.delay_ms + 20;
  restart.multiplier = 1.5;
  restart.jitter = 0.1;
  restart.reset_ms = 100;
  restart.interval_ms = 1'000;
  job.graph.__set_restart_strategy(restart);

  if (random.Percent(50)) {
    job.graph.configuration["state.backend.type"] = kModelBackend;
    job.graph.checkpoints.__set_incremental(random.Percent(80));
  }
}

idl::JobGraph Rescaled(SimRandom& random, const GeneratedJob& job, const std::string& job_id) {
  idl::JobGraph graph = job.graph;
  graph.job_id = job_id;
  std::vector<size_t> group(graph.operators.size());  // those that a FORWARD connects
  for (size_t i = 0; i < group.size(); ++i) group[i] = i;
  for (const idl::Edge& edge : graph.edges) {
    if (edge.partitioner != Partitioner::FORWARD) continue;
    const size_t from = group[static_cast<size_t>(edge.source)];
    const size_t to = group[static_cast<size_t>(edge.target)];
    std::replace(group.begin(), group.end(), from, to);
  }
  std::vector<int> most(group.size(), 4);  // 0: as it is
  const auto limit = [&](int op, int value) {
    int& of_group = most[group[static_cast<size_t>(op)]];
    of_group = std::min(of_group, value);
  };
  for (const idl::OperatorNode& node : graph.operators) {
    limit(node.id, node.max_parallelism);
    if (node.spec.__isset.collection_source || node.spec.__isset.collect_sink) limit(node.id, 0);
  }
  for (const idl::Edge& edge : graph.edges) {
    const bool multiplies = edge.partitioner == Partitioner::BROADCAST && edge.input == 0;
    if (multiplies || edge.partitioner == Partitioner::CUSTOM) limit(edge.target, 0);
  }
  for (const SinkPlan& sink : job.sinks) {
    if (sink.keeps_order && graph.operators[static_cast<size_t>(sink.op)].parallelism == 1)
      limit(sink.op, 0);
  }
  std::vector<int> chosen(group.size(), 0);
  for (idl::OperatorNode& node : graph.operators) {
    const size_t of = group[static_cast<size_t>(node.id)];
    if (most[of] == 0) continue;
    if (chosen[of] == 0) chosen[of] = static_cast<int>(random.Between(1, most[of]));
    node.parallelism = chosen[of];
  }
  return graph;
}

OperatorRegistry GeneratorOperators() {
  OperatorRegistry registry = native::NativeOperators();
  native::AddNative(registry, "pause",
                    [](const idl::OperatorNode&) { return std::make_unique<PausingOperator>(); });
  native::AddNative(registry, "timed_longs",
                    [](const idl::OperatorNode&) { return std::make_unique<TimedLongs>(); });
  native::AddWindows(registry);
  registry.entries["process"].make = [](std::span<const idl::OperatorNode> nodes,
                                        const SerializerFactory&) {
    int64_t told = 0;
    PFPP_CHECK(absl::SimpleAtoi(nodes[0].spec.process.pickle, &told));
    return std::make_unique<RingingOperator>(told);
  };
  registry.entries["collect_sink"].make = [](std::span<const idl::OperatorNode> nodes,
                                             const SerializerFactory&) {
    const idl::TypeKind::type kind = nodes[0].output_type.kind;
    return MakeCollectSink([kind]() -> absl::StatusOr<std::shared_ptr<const TypeSerializer>> {
      if (kind == idl::TypeKind::LONG) return LongSerializer();
      return kind == idl::TypeKind::STRING ? StringSerializer() : CountedSerializer();
    });
  };
  // In ranges and chunks so small that lines and characters lie across them, and that reading
  // waits.
  OperatorRegistry::Entry& files = registry.entries["file_source"];
  files.make = [](std::span<const idl::OperatorNode>, const SerializerFactory&) {
    return MakeFileSourceOperator({.read_ahead = {.chunk_bytes = 50, .chunks_max = 2}});
  };
  files.make_enumerator =
      [make = std::move(files.make_enumerator)](
          const idl::OperatorNode& node) -> absl::StatusOr<std::unique_ptr<SplitEnumerator>> {
    ASSIGN_OR_RETURN(std::unique_ptr<SplitEnumerator> enumerator, make(node));
    return std::make_unique<ShatteringEnumerator>(std::move(enumerator));
  };
  return registry;
}

ExecutionGraph::SlotNeed SlotsOf(const idl::JobGraph& graph) {
  return ExecutionGraph(graph).slots();
}

}  // namespace pyflinkpp::sim
