#include "runtime/operators/simple_sinks.h"

#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "core/base/status.h"

namespace pyflinkpp {
namespace {

class DiscardingSink final : public Operator {
 public:
  absl::Status Open(OperatorContext& context) override {
    context_ = &context;
    return absl::OkStatus();
  }
  absl::StatusOr<Progress> ProcessBatch(int, RecordBatchView& batch, Output&) override {
    context_->counters[0].records_in += static_cast<int64_t>(batch.remaining());
    batch.position = batch.batch->size();
    return Progress::kDone;
  }

 private:
  OperatorContext* context_ = nullptr;
};

class PrintSink final : public Operator {
 public:
  explicit PrintSink(const idl::PrintSink& spec) : spec_(spec) {}

  absl::Status Open(OperatorContext& context) override {
    context_ = &context;
    prefix_ = spec_.identifier;
    if (context.parallelism > 1)
      absl::StrAppend(&prefix_, prefix_.empty() ? "" : ":", context.subtask + 1);
    if (!prefix_.empty()) prefix_ += "> ";
    return absl::OkStatus();
  }

  absl::StatusOr<Progress> ProcessBatch(int, RecordBatchView& view, Output&) override {
    std::string values;
    std::vector<size_t> ends;
    RecordBatch& batch = *view.batch;
    RETURN_IF_ERROR(
        batch.serializer()->Format(batch.row(view.position), view.remaining(), values, ends));
    std::string text;
    size_t begin = 0;
    for (const size_t end : ends) {
      absl::StrAppend(&text, prefix_, absl::string_view(values).substr(begin, end - begin), "\n");
      begin = end;
    }
    context_->env.console.Write(text, spec_.standard_error);
    context_->counters[0].records_in += static_cast<int64_t>(view.remaining());
    view.position = batch.size();
    return Progress::kDone;
  }

 private:
  const idl::PrintSink spec_;
  OperatorContext* context_ = nullptr;
  std::string prefix_;
};

class CollectSink final : public Operator {
 public:
  absl::Status Open(OperatorContext& context) override {
    context_ = &context;
    return absl::OkStatus();
  }
  absl::StatusOr<Progress> ProcessBatch(int, RecordBatchView& view, Output& output) override {
    PFPP_CHECK(view.position == 0);
    RecordBatch& from = *view.batch;
    context_->counters[0].records_in += static_cast<int64_t>(from.size());
    RecordBatch& to = output.batch(from.serializer());
    from.serializer()->Move(from.row(0), from.size(), to.Append(from.size()), to.arena());
    view.position = from.size();
    return Progress::kDone;
  }

 private:
  OperatorContext* context_ = nullptr;
};

}  // namespace

std::unique_ptr<Operator> MakeDiscardingSink() { return std::make_unique<DiscardingSink>(); }
std::unique_ptr<Operator> MakePrintSink(const idl::PrintSink& spec) {
  return std::make_unique<PrintSink>(spec);
}
std::unique_ptr<Operator> MakeCollectSink() { return std::make_unique<CollectSink>(); }

}  // namespace pyflinkpp
