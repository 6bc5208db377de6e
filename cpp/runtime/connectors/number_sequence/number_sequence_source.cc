#include "runtime/connectors/number_sequence/number_sequence_source.h"

#include <algorithm>
#include <utility>

#include "core/types/native_serializers.h"

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
    for (const idl::SourceSplit& split : splits) splits_.push_back(split.numbers);
    no_more_splits_ |= no_more_splits;
  }

  absl::StatusOr<Progress> Poll(Output& output) override {
    if (splits_.empty()) return no_more_splits_ ? Progress::kDone : Progress::kWait;
    idl::NumberSplit& split = splits_.back();
    const uint64_t left = static_cast<uint64_t>(split.last) -
                          static_cast<uint64_t>(split.first);  // one less than the count
    const size_t count = static_cast<size_t>(std::min<uint64_t>(left, kBatchRecordsMax - 1)) + 1;
    auto* rows = reinterpret_cast<int64_t*>(output.batch(LongSerializer()).Append(count));
    for (size_t i = 0; i < count; ++i) rows[i] = split.first + static_cast<int64_t>(i);
    context_->counters[0].records_out += static_cast<int64_t>(count);
    if (left < count) {
      splits_.pop_back();
    } else {
      split.first += static_cast<int64_t>(count);
    }
    return Progress::kMore;
  }

 private:
  OperatorContext* context_ = nullptr;
  std::vector<idl::NumberSplit> splits_;
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
