#include "runtime/connectors/number_sequence/number_sequence_source.h"

#include <algorithm>
#include <utility>

#include "core/types/native_serializers.h"
#include "runtime/connectors/split_name.h"

namespace pyflinkpp {
namespace {

class NumberSequenceEnumerator final : public SplitEnumerator {
 public:
  explicit NumberSequenceEnumerator(const idl::NumberSequenceSource& range) : range_(range) {}

  void Start(SplitEnumeratorContext& context, std::function<void(absl::Status)> started) override {
    context_ = &context;
    assigned_.resize(context.parallelism);
    started(absl::OkStatus());
  }

  void HandleSplitRequest(int subtask) override {
    std::vector<idl::SourceSplit> splits;
    if (!assigned_[subtask]) {
      assigned_[subtask] = true;
      // 128 bits: the whole range of 64 bit numbers has 2^64 of them.
      const unsigned __int128 count =
          static_cast<unsigned __int128>(static_cast<__int128>(range_.last) - range_.first + 1);
      const auto border = [&](int i) {
        return static_cast<__int128>(range_.first) +
               static_cast<__int128>(count * i / context_->parallelism);
      };
      if (range_.first <= range_.last && border(subtask) < border(subtask + 1)) {
        idl::NumberSplit numbers;
        numbers.first = static_cast<int64_t>(border(subtask));
        numbers.last = static_cast<int64_t>(border(subtask + 1) - 1);
        splits.emplace_back().__set_numbers(numbers);
      }
    }
    context_->assign(subtask, std::move(splits), true);
  }

 private:
  const idl::NumberSequenceSource range_;
  SplitEnumeratorContext* context_ = nullptr;
  std::vector<bool> assigned_;
};

class NumberSequenceSourceOperator final : public SourceOperator {
 public:
  absl::Status Open(OperatorContext& context) override {
    context_ = &context;
    return absl::OkStatus();
  }

  void AddSplits(std::vector<idl::SourceSplit> splits, bool no_more_splits) override {
    for (const idl::SourceSplit& split : splits) {
      ranges_.push_back({this->splits().Add(NameOf(split.numbers)), split.numbers});
    }
    no_more_splits_ |= no_more_splits;
  }

  absl::StatusOr<Progress> Poll(Output& output) override {
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
    const size_t count = static_cast<size_t>(std::min<uint64_t>(left, kBatchRecordsMax - 1)) + 1;
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
