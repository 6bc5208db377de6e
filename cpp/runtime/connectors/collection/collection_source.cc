#include "runtime/connectors/collection/collection_source.h"

#include <utility>

#include "core/base/status.h"
#include "runtime/connectors/split_name.h"
#include "runtime/connectors/split_state.h"

namespace pyflinkpp {
namespace {

class CollectionEnumerator final : public SplitEnumerator {
 public:
  void Start(SplitEnumeratorContext& context, std::function<void(absl::Status)> started) override {
    context_ = &context;
    started(absl::OkStatus());
  }
  absl::StatusOr<idl::EnumeratorState> Snapshot() const override {
    idl::EnumeratorState state;
    if (!assigned_) state.splits.emplace_back().__set_collection_from(0);
    return state;
  }
  void Restore(idl::EnumeratorState state) override { assigned_ = state.splits.empty(); }
  void AddSplitsBack(std::vector<idl::SourceSplit> splits) override { assigned_ = splits.empty(); }
  void HandleSplitRequest(int subtask) override {
    std::vector<idl::SourceSplit> splits;
    if (!std::exchange(assigned_, true)) splits.emplace_back().__set_collection_from(0);
    context_->assign(subtask, std::move(splits), true);
  }

 private:
  SplitEnumeratorContext* context_ = nullptr;
  bool assigned_ = false;
};

class CollectionSourceOperator final : public SourceOperator {
 public:
  CollectionSourceOperator(const idl::CollectionSource& spec,
                           std::shared_ptr<const TypeSerializer> serializer)
      : elements_(spec.elements), serializer_(std::move(serializer)), next_(elements_.size()) {}

  absl::Status Open(OperatorContext& context) override {
    context_ = &context;
    ASSIGN_OR_RETURN(std::vector<idl::SourceSplit> restored, RestoredSplits(context));
    AddSplits(std::move(restored), /*no_more_splits=*/false);
    return absl::OkStatus();
  }

  absl::Status Snapshot(SnapshotContext& context) override {
    std::vector<idl::SourceSplit> splits;
    if (next_ < elements_.size())
      splits.emplace_back().__set_collection_from(static_cast<int64_t>(next_));
    SnapshotSplits(context, splits);
    return absl::OkStatus();
  }

  void AddSplits(std::vector<idl::SourceSplit> splits, bool no_more_splits) override {
    if (!splits.empty()) {
      next_ = static_cast<size_t>(splits[0].collection_from);
      split_ = this->splits().Add(NameOfCollection());
    }
    no_more_splits_ |= no_more_splits;
  }

  absl::StatusOr<Progress> Poll(Output& output) override {
    if (!no_more_splits_) return Progress::kWait;
    if (next_ == elements_.size()) return Progress::kDone;
    RecordBatch& batch = output.batch(serializer_);
    batch.set_split(split_);
    size_t bytes = 0;
    while (next_ < elements_.size() && batch.size() < batch_limit() && bytes < kBatchBytesMax) {
      const std::string& element = elements_[next_];
      bytes += element.size();
      BinaryReader reader(element);
      std::byte* row = batch.Append(1);
      std::memset(row, 0, batch.stride());  // owns nothing until it is read
      RETURN_IF_ERROR(serializer_->Read(reader, 1, row, batch.arena()));
      ++next_;
      ++context_->counters[0].records_out;
    }
    if (next_ == elements_.size()) splits().Finish(split_);
    return Progress::kMore;
  }

 private:
  const std::vector<std::string> elements_;
  const std::shared_ptr<const TypeSerializer> serializer_;
  OperatorContext* context_ = nullptr;
  size_t next_;
  int split_ = SourceSplits::kNone;
  bool no_more_splits_ = false;
};

}  // namespace

std::unique_ptr<SplitEnumerator> MakeCollectionEnumerator() {
  return std::make_unique<CollectionEnumerator>();
}

std::unique_ptr<SourceOperator> MakeCollectionSource(
    const idl::CollectionSource& spec, std::shared_ptr<const TypeSerializer> serializer) {
  return std::make_unique<CollectionSourceOperator>(spec, std::move(serializer));
}

}  // namespace pyflinkpp
