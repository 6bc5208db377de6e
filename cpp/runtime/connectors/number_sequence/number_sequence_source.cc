#include "runtime/connectors/number_sequence/number_sequence_source.h"

#include <algorithm>
#include <utility>

#include "core/base/status.h"
#include "core/types/native_serializers.h"
#include "runtime/connectors/split_name.h"
#include "runtime/connectors/split_state.h"

namespace pyflinkpp {
namespace {

class NumberSequenceEnumerator final : public SplitEnumerator {
 public:
  explicit NumberSequenceEnumerator(const idl::NumberSequenceSource& range) : range_(range) {}

  void Start(SplitEnumeratorContext& context, std::function<void(absl::Status)> started) override {
    context_ = &context;
    if (!restored_) Split(context.parallelism);
    started(absl::OkStatus());
  }

  absl::StatusOr<idl::EnumeratorState> Snapshot() const override { return left_; }
  void Restore(idl::EnumeratorState state) override {
    restored_ = true;
    left_ = std::move(state);
    left_.readers.assign(left_.splits.size(), kAny);
  }

  void AddSplitsBack(std::vector<idl::SourceSplit> splits) override {
    for (idl::SourceSplit& split : splits) {
      left_.splits.push_back(std::move(split));
      left_.readers.push_back(kAny);
    }
  }

  // Each subtask gets its own range; what was restored goes to who asks.
  void HandleSplitRequest(int subtask) override {
    std::vector<idl::SourceSplit> splits;
    for (size_t i = 0; i < left_.splits.size() && splits.empty(); ++i) {
      if (left_.readers[i] != kAny && left_.readers[i] != subtask) continue;
      splits.push_back(std::move(left_.splits[i]));
      left_.splits.erase(left_.splits.begin() + static_cast<ptrdiff_t>(i));
      left_.readers.erase(left_.readers.begin() + static_cast<ptrdiff_t>(i));
    }
    const bool no_more = std::none_of(left_.readers.begin(), left_.readers.end(), [&](int reader) {
      return reader == kAny || reader == subtask;
    });
    context_->assign(subtask, std::move(splits), no_more);
  }

 private:
  const idl::NumberSequenceSource range_;
  static constexpr int kAny = -1;

  void Split(int parallelism) {
    if (range_.first > range_.last) return;
    // 128 bits: the whole range of 64 bit numbers has 2^64 of them.
    const unsigned __int128 count =
        static_cast<unsigned __int128>(static_cast<__int128>(range_.last) - range_.first + 1);
    const auto border = [&](int i) {
      return static_cast<__int128>(range_.first) + static_cast<__int128>(count * i / parallelism);
    };
    for (int subtask = 0; subtask < parallelism; ++subtask) {
      if (border(subtask) == border(subtask + 1)) continue;
      idl::NumberSplit numbers;
      numbers.first = static_cast<int64_t>(border(subtask));
      numbers.last = static_cast<int64_t>(border(subtask + 1) - 1);
      left_.splits.emplace_back().__set_numbers(numbers);
      left_.readers.push_back(subtask);
    }
  }

  SplitEnumeratorContext* context_ = nullptr;
  idl::EnumeratorState left_;
  bool restored_ = false;
};

class NumberSequenceSourceOperator final : public SourceOperator {
 public:
  absl::Status Open(OperatorContext& context) override {
    context_ = &context;
    ASSIGN_OR_RETURN(std::vector<idl::SourceSplit> restored, RestoredSplits(context));
    AddSplits(std::move(restored), /*no_more_splits=*/false);
    requested_ = true;
    return absl::OkStatus();
  }

  absl::Status Snapshot(SnapshotContext& context) override {
    std::vector<idl::SourceSplit> splits;
    for (const Range& range : ranges_) splits.emplace_back().__set_numbers(range.left);
    SnapshotSplits(context, splits);
    return absl::OkStatus();
  }

  void AddSplits(std::vector<idl::SourceSplit> splits, bool no_more_splits) override {
    for (const idl::SourceSplit& split : splits) {
      ranges_.push_back({this->splits().Add(NameOf(split.numbers)), split.numbers});
    }
    no_more_splits_ |= no_more_splits;
    requested_ = false;
  }

  absl::StatusOr<Progress> Poll(Output& output) override {
    if (ranges_.empty() && !no_more_splits_ && !std::exchange(requested_, true)) request_split();
    if (ranges_.empty()) return no_more_splits_ ? Progress::kDone : Progress::kWait;
    if (splits().paused(ranges_.back().split)) {  // another one, if there is one that may be read
      const auto other = std::find_if(ranges_.begin(), ranges_.end(), [this](const Range& each) {
        return !splits().paused(each.split);
      });
      if (other != ranges_.end()) std::swap(*other, ranges_.back());
    }
    Range& range = ranges_.back();
    idl::NumberSplit& numbers = range.left;
    const uint64_t left = static_cast<uint64_t>(numbers.last) -
                          static_cast<uint64_t>(numbers.first);  // one less than the count
    const size_t count = static_cast<size_t>(std::min<uint64_t>(left, batch_limit() - 1)) + 1;
    RecordBatch& batch = output.batch(LongSerializer());
    batch.set_split(range.split);
    auto* rows = reinterpret_cast<int64_t*>(batch.Append(count));
    for (size_t i = 0; i < count; ++i) rows[i] = numbers.first + static_cast<int64_t>(i);
    context_->counters[0].records_out += static_cast<int64_t>(count);
    if (left < count) {
      splits().Finish(range.split);
      ranges_.pop_back();
    } else {
      numbers.first += static_cast<int64_t>(count);
    }
    return Progress::kMore;
  }

 private:
  struct Range {
    int split;
    idl::NumberSplit left;
  };

  OperatorContext* context_ = nullptr;
  std::vector<Range> ranges_;
  bool no_more_splits_ = false;
  bool requested_ = true;  // the task asks for the first one
};

}  // namespace

std::unique_ptr<SplitEnumerator> MakeNumberSequenceEnumerator(
    const idl::NumberSequenceSource& range) {
  return std::make_unique<NumberSequenceEnumerator>(range);
}

std::unique_ptr<SourceOperator> MakeNumberSequenceSource() {
  return std::make_unique<NumberSequenceSourceOperator>();
}

}  // namespace pyflinkpp
