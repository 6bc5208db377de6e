// Keyed state with namespaces, timers and broadcast state: what a keyed process function has.
#pragma once

#include <cstdint>
#include <cstring>
#include <memory>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "core/base/status.h"
#include "native/operator_templates.h"
#include "state/keyed/namespaced_key.h"
#include "state/keyed/timer_queue.h"

namespace pyflinkpp::sim {

// What the operator and the oracle agree on: when a number's timer rings, and what it says then.
inline int64_t RingOf(int64_t time) {
  return (time >= 0 ? time / 50 + 1 : -((-time - 1) / 50)) * 50;
}
inline int64_t SaidAt(int64_t ring, int64_t key, int64_t numbers) {
  return ring * 1'000'000 + key * 10'000 + numbers;
}

// Input 0: numbers with times and keys (TimedLongs). Each key has a timer for every 50 ms in which it
// has numbers, which says how many there were. Input 1, broadcast: numbers that are added up.
class RingingOperator final : public native::NativeOperator {
 public:
  // `told`: the sum of all numbers of input 1.
  explicit RingingOperator(int64_t told) : told_(told) {}

  absl::Status Open(OperatorContext& context) override {
    RETURN_IF_ERROR(NativeOperator::Open(context));
    ASSIGN_OR_RETURN(numbers_, context.keyed_state->CreateValueState("numbers", LongSerializer(),
                                                                     KeyShape::kNamespacedKey));
    RETURN_IF_ERROR(context.keyed_state->RegisterEntries("timers", &timers_));
    if (context.restored.empty()) return absl::OkStatus();
    const idl::OperatorListState* told = FindList(context.restored[0], "told");
    if (told == nullptr) return absl::OkStatus();
    if (told->elements.size() != 1) return absl::InternalError("not one copy of broadcast state");
    BinaryReader in(told->elements[0]);
    return in.Get(&sum_) ? absl::OkStatus() : absl::DataLossError("broadcast state");
  }

  absl::StatusOr<Progress> ProcessBatch(int input, RecordBatchView& view, Output&) override {
    const size_t count = 1 + context_->env.random.Next() % view.remaining();
    const RecordBatch& batch = *view.batch;
    for (size_t i = 0; i < count; ++i, ++view.position) {
      if (input == 1) {
        sum_ += batch.rows<int64_t>()[view.position];
        continue;
      }
      const RecordKey& key = batch.keys()[view.position];
      const int64_t ring = RingOf(batch.timestamps()[view.position]);
      timers_.Register(ring, key);
      bool found;
      ASSIGN_OR_RETURN(std::byte * row, numbers_->FindOrInsert(Bucket(key, ring), &found));
      ++*reinterpret_cast<int64_t*>(row);
    }
    RETURN_IF_ERROR(numbers_->Flush());
    Count(count, 0);
    return view.done() ? Progress::kDone : Progress::kMore;
  }
  bool between_elements() const override { return true; }

  absl::StatusOr<Progress> ProcessWatermark(const Watermark& watermark, Output& output) override {
    while (timers_.due(watermark.timestamp)) {
      const TimerQueue::TimerPtr timer = timers_.Pop();
      int64_t key;
      std::memcpy(&key, timer->key, sizeof(key));
      const RecordKey bucket = Bucket(timer->record_key(), timer->timestamp);
      ASSIGN_OR_RETURN(const std::byte* row, numbers_->Find(bucket));
      if (row == nullptr) return absl::InternalError("a timer rings of which nothing is known");
      output.batch(LongSerializer())
          .AppendRow(SaidAt(timer->timestamp, key, *reinterpret_cast<const int64_t*>(row)));
      RETURN_IF_ERROR(numbers_->Erase(bucket));
      RETURN_IF_ERROR(numbers_->Flush());
      Count(0, 1);
      if (context_->env.random.Next() % 4 == 0) return Progress::kMore;
    }
    return Progress::kDone;
  }

  absl::StatusOr<Progress> Finish(Output&) override {
    if (numbers_->size() != 0) return absl::InternalError("a timer has not rung");
    if (sum_ != told_)
      return absl::InternalError(absl::StrCat("broadcast state is ", sum_, " instead of ", told_));
    return Progress::kDone;
  }

  absl::Status Snapshot(SnapshotContext& context) override {
    std::string told;
    BinaryWriter(told).Put(sum_);
    context.AddList("told", idl::Redistribution::BROADCAST, {std::move(told)});
    return absl::OkStatus();
  }

 private:
  RecordKey Bucket(const RecordKey& key, int64_t ring) {
    bucket_.resize(key.size + sizeof(Namespace));
    return NamespacedKey(key, {ring, 0}, context_->max_parallelism, bucket_.data());
  }

  const int64_t told_;
  std::unique_ptr<ValueState> numbers_;
  TimerQueue timers_;
  std::string bucket_;
  int64_t sum_ = 0;
};

}  // namespace pyflinkpp::sim
