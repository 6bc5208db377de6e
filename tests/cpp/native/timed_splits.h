// A source whose splits follow a script, and what makes its watermarks: event time without Python.
#pragma once

#include <algorithm>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "core/time/watermark_generator.h"
#include "native/job_builder.h"
#include "native/operator_templates.h"
#include "native/registry.h"
#include "runtime/connectors/split_enumerator.h"

namespace pyflinkpp::native {

// What a split gives: the number `value`, which is its own timestamp, once the clock shows `at_ms`.
struct ScriptedRecord {
  int64_t at_ms;
  int64_t value;
};
using ScriptedSplit = std::vector<ScriptedRecord>;
// By `first` of the NumberSequenceSource that stands for the source, then by subtask.
using Script = std::map<int64_t, std::vector<std::vector<ScriptedSplit>>>;

// Tells each subtask once that it has splits; the operator finds them in the script.
class ScriptedEnumerator final : public SplitEnumerator {
 public:
  absl::StatusOr<idl::EnumeratorState> Snapshot() const override { return idl::EnumeratorState(); }
  void Restore(idl::EnumeratorState) override {}
  void AddSplitsBack(std::vector<idl::SourceSplit>) override {}
  void Start(SplitEnumeratorContext& context, std::function<void(absl::Status)> started) override {
    context_ = &context;
    started(absl::OkStatus());
  }
  void HandleSplitRequest(int subtask) override { context_->assign(subtask, {}, true); }

 private:
  SplitEnumeratorContext* context_ = nullptr;
};

// Reads its splits at once: of those that have a record due and may be read, the least recently
// served comes next, with one record.
class ScriptedSource final : public SourceOperator {
 public:
  explicit ScriptedSource(std::vector<std::vector<ScriptedSplit>> by_subtask)
      : by_subtask_(std::move(by_subtask)) {}

  absl::Status Open(OperatorContext& context) override {
    context_ = &context;
    return absl::OkStatus();
  }
  void AddSplits(std::vector<idl::SourceSplit>, bool) override {
    assigned_ = true;
    for (const ScriptedSplit& split : by_subtask_[static_cast<size_t>(context_->subtask)]) {
      const int id = splits().Add(absl::StrCat("split ", context_->subtask, ".", left_.size()));
      left_.push_back({id, {split.begin(), split.end()}});
    }
    FinishRead();
  }
  absl::StatusOr<Progress> Poll(Output& output) override {
    if (!assigned_) return Progress::kWait;
    if (left_.empty()) return Progress::kDone;
    const int64_t now = context_->env.clock.NowMillis();
    for (size_t i = 0; i < left_.size(); ++i) {
      auto& [id, records] = left_[i];
      if (records.front().at_ms > now || splits().paused(id)) continue;
      RecordBatch& batch = output.batch(LongSerializer());
      batch.set_split(id);
      batch.AppendRow(records.front().value);
      records.pop_front();
      ++context_->counters[0].records_out;
      std::rotate(left_.begin() + static_cast<std::ptrdiff_t>(i),
                  left_.begin() + static_cast<std::ptrdiff_t>(i) + 1, left_.end());
      FinishRead();
      return Progress::kMore;
    }
    told_ = now;
    return Progress::kWait;
  }
  int64_t next_processing_time() const override {
    int64_t next = kMaxTimestamp;
    for (const auto& [id, records] : left_) {
      if (records.front().at_ms > told_) next = std::min(next, records.front().at_ms);
    }
    return next;
  }
  absl::Status OnProcessingTime(int64_t now, Output&) override {
    told_ = now;
    context_->wake();
    return absl::OkStatus();
  }

 private:
  void FinishRead() {
    std::erase_if(left_, [this](const auto& split) {
      if (!split.second.empty()) return false;
      splits().Finish(split.first);
      return true;
    });
  }

  const std::vector<std::vector<ScriptedSplit>> by_subtask_;
  OperatorContext* context_ = nullptr;
  bool assigned_ = false;
  std::vector<std::pair<int, std::deque<ScriptedRecord>>> left_;  // by number of the split
  int64_t told_ = kMinTimestamp;  // the clock's time up to which records were looked for
};

// What Python's step does behind a source: timestamps, and watermarks by split.
class TimedBySplit final : public NativeOperator {
 public:
  explicit TimedBySplit(const idl::WatermarkStrategy& strategy) : strategy_(strategy) {}

  absl::Status Open(OperatorContext& context) override {
    next_ = context.env.clock.NowMillis() + strategy_.interval_ms;
    return NativeOperator::Open(context);
  }
  absl::StatusOr<Progress> ProcessBatch(int, RecordBatchView& view, Output& output) override {
    const int split = view.batch->split();
    Generator& generator = GeneratorOf(split);
    RecordBatch& batch = output.batch(view.batch->serializer());
    Count(view.remaining(), view.remaining());
    for (; !view.done(); ++view.position) {
      const int64_t value = view.batch->rows<int64_t>()[view.position];
      batch.AppendRow(value);
      batch.timestamps().push_back(value);
      generator.bounded.OnEvent(value);
      generator.emitter.OnEvent();
    }
    context_->splits->Reach(split, generator.bounded.watermark());
    return Progress::kDone;
  }
  bool makes_watermarks() const override { return true; }
  int64_t next_processing_time() const override { return context_->splits->stale() ? 0 : next_; }
  absl::Status OnProcessingTime(int64_t now, Output& output) override {
    SourceSplits& splits = *context_->splits;
    std::optional<Watermark> watermark = splits.Combine();
    if (now >= next_) {
      next_ = now + strategy_.interval_ms;
      for (const SourceSplits::Split& split : splits.live()) {
        Generator& generator = GeneratorOf(split.id);
        if (splits.paused(split.id)) generator.emitter.OnEvent();
        const auto sent = generator.emitter.Periodic(generator.bounded.watermark(), now);
        if (!sent) continue;
        if (const auto combined = splits.Advance(split.id, *sent)) watermark = combined;
      }
    }
    if (watermark) output.EmitWatermark(*watermark);
    return absl::OkStatus();
  }

 private:
  struct Generator {
    BoundedOutOfOrderness bounded;
    WatermarkEmitter emitter;
  };
  Generator& GeneratorOf(int split) {
    return generators_
        .try_emplace(split, Generator{BoundedOutOfOrderness(strategy_.max_out_of_orderness_ms),
                                      WatermarkEmitter(strategy_.idle_timeout_ms)})
        .first->second;
  }

  const idl::WatermarkStrategy strategy_;
  std::map<int, Generator> generators_;
  int64_t next_ = 0;
};

// Number sources follow the script; the steps that belong to a source are native.
inline void AddTimedSplits(OperatorRegistry& registry, Script script) {
  registry.entries["number_sequence_source"] = {
      .make = [script = std::move(script)](
                  std::span<const idl::OperatorNode> nodes,
                  const SerializerFactory&) -> absl::StatusOr<std::unique_ptr<Operator>> {
        return std::make_unique<ScriptedSource>(
            script.at(nodes[0].spec.number_sequence_source.first));
      },
      .make_enumerator =
          [](const idl::OperatorNode&) -> absl::StatusOr<std::unique_ptr<SplitEnumerator>> {
        return std::make_unique<ScriptedEnumerator>();
      }};
  registry.entries["python"] = {
      .make = [](std::span<const idl::OperatorNode> nodes,
                 const SerializerFactory&) -> absl::StatusOr<std::unique_ptr<Operator>> {
        return std::make_unique<TimedBySplit>(nodes[0].spec.python.watermarks);
      },
      .make_enumerator = {}};
}

// source -> its watermarks; returns the latter.
inline int AddTimedSource(JobBuilder& job, int64_t script, int parallelism,
                          const idl::WatermarkStrategy& strategy) {
  const int source = job.Numbers(script, script, parallelism);
  const int timed = job.Native("timed", parallelism);
  idl::PythonFunction function;
  function.kind = idl::PythonFunctionKind::ASSIGN_TIMESTAMPS;
  function.of_source = true;
  function.__set_watermarks(strategy);
  job.op(timed).spec = idl::OperatorSpec();
  job.op(timed).spec.__set_python(function);
  return job.Then(source, idl::Partitioner::FORWARD, timed);
}

}  // namespace pyflinkpp::native
