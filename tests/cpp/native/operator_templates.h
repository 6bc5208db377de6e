// Native operators from a function of one row: what a test or a benchmark writes is the function.
//
//   MakeMap<int64_t>(LongSerializer(), [](int64_t x, Arena&) { return 3 * x + 1; })
//
// All are for rows without timestamps, and they drop the keys of their input.
#pragma once

#include <cstdint>
#include <memory>
#include <type_traits>
#include <utility>
#include <vector>

#include "core/types/native_serializers.h"
#include "runtime/operators/operator.h"

namespace pyflinkpp::native {

// What all of them share: the context, and counting.
class NativeOperator : public Operator {
 public:
  absl::Status Open(OperatorContext& context) override {
    context_ = &context;
    return absl::OkStatus();
  }

 protected:
  void Count(size_t in, size_t out) {
    context_->counters[0].records_in += static_cast<int64_t>(in);
    context_->counters[0].records_out += static_cast<int64_t>(out);
  }
  OperatorContext* context_ = nullptr;
};

// One row from each: `Out function(const In& row, Arena& arena)`, where what varies in length in
// the result lies in `arena`.
template <class In, class Out, class Function>
class MapOperator final : public NativeOperator {
 public:
  MapOperator(std::shared_ptr<const TypeSerializer> to, Function function)
      : to_(std::move(to)), function_(std::move(function)) {}

  absl::StatusOr<Progress> ProcessBatch(int, RecordBatchView& view, Output& output) override {
    const size_t count = view.remaining();
    RecordBatch& batch = output.batch(to_);
    const In* from = view.batch->rows<In>() + view.position;
    Apply(from, count, reinterpret_cast<Out*>(batch.Append(count)), batch.arena());
    Count(count, count);
    view.position += count;
    return Progress::kDone;
  }

 private:
  void Apply(const In* from, size_t count, Out* to, Arena& arena) {
    for (size_t i = 0; i < count; ++i) to[i] = function_(from[i], arena);
  }

  const std::shared_ptr<const TypeSerializer> to_;
  Function function_;
};

template <class In, class Function>
std::unique_ptr<Operator> MakeMap(std::shared_ptr<const TypeSerializer> to, Function function) {
  using Out = std::invoke_result_t<Function, const In&, Arena&>;
  return std::make_unique<MapOperator<In, Out, Function>>(std::move(to), std::move(function));
}

// The rows for which `bool predicate(const Row&)` holds.
template <class Row, class Predicate>
class FilterOperator final : public NativeOperator {
 public:
  explicit FilterOperator(Predicate predicate) : predicate_(std::move(predicate)) {}

  absl::StatusOr<Progress> ProcessBatch(int, RecordBatchView& view, Output& output) override {
    const size_t count = view.remaining();
    RecordBatch& batch = output.batch(view.batch->serializer());
    const size_t kept =
        std::is_same_v<Row, int64_t> ? KeepFixed(view, count, batch) : KeepAny(view, count, batch);
    Count(count, kept);
    view.position += count;
    return Progress::kDone;
  }

 private:
  // Rows that point nowhere: without a branch on the data.
  size_t KeepFixed(const RecordBatchView& view, size_t count, RecordBatch& batch) {
    const Row* from = view.batch->rows<Row>() + view.position;
    Row* to = reinterpret_cast<Row*>(batch.Append(count));
    size_t kept = 0;
    for (size_t i = 0; i < count; ++i) {
      to[kept] = from[i];
      kept += predicate_(from[i]) ? 1 : 0;
    }
    batch.Unappend(count - kept);
    return kept;
  }
  // Rows that point into their batch's arena.
  size_t KeepAny(const RecordBatchView& view, size_t count, RecordBatch& batch) {
    kept_.clear();
    const Row* rows = view.batch->rows<Row>();
    for (size_t i = view.position; i < view.position + count; ++i) {
      if (predicate_(rows[i])) kept_.push_back(static_cast<uint32_t>(i));
    }
    for (const uint32_t i : kept_) {
      view.batch->serializer()->Move(view.batch->row(i), 1, batch.Append(1), batch.arena());
    }
    return kept_.size();
  }

  Predicate predicate_;
  std::vector<uint32_t> kept_;
};

template <class Row, class Predicate>
std::unique_ptr<Operator> MakeFilter(Predicate predicate) {
  return std::make_unique<FilterOperator<Row, Predicate>>(std::move(predicate));
}

// Any number of rows from each: `void function(const In& row, RecordBatch& to)` appends them. Stops
// after the row in hand when it is told to yield, or when the output is full.
template <class In, class Function>
class FlatMapOperator final : public NativeOperator {
 public:
  FlatMapOperator(std::shared_ptr<const TypeSerializer> to, Function function)
      : to_(std::move(to)), function_(std::move(function)) {}

  absl::StatusOr<Progress> ProcessBatch(int, RecordBatchView& view, Output& output) override {
    RecordBatch& batch = output.batch(to_);
    const size_t in_before = view.position;
    const size_t out_before = batch.size();
    const In* rows = view.batch->rows<In>();
    while (!view.done() && !batch.full()) {
      function_(rows[view.position++], batch);
      if (context_->should_yield()) break;
    }
    Count(view.position - in_before, batch.size() - out_before);
    return view.done() ? Progress::kDone : Progress::kMore;
  }
  bool between_elements() const override { return true; }

 private:
  const std::shared_ptr<const TypeSerializer> to_;
  Function function_;
};

template <class In, class Function>
std::unique_ptr<Operator> MakeFlatMap(std::shared_ptr<const TypeSerializer> to, Function function) {
  return std::make_unique<FlatMapOperator<In, Function>>(std::move(to), std::move(function));
}

// Passes the rows on with a key each: `void function(const Row* rows, size_t count, Arena& arena,
// RecordKey* keys)`; the rows already lie in the batch to which `arena` belongs.
template <class Row, class Function>
class KeyByOperator final : public NativeOperator {
 public:
  explicit KeyByOperator(Function function) : function_(std::move(function)) {}

  absl::StatusOr<Progress> ProcessBatch(int, RecordBatchView& view, Output& output) override {
    const size_t count = view.remaining();
    RecordBatch& batch = output.batch(view.batch->serializer());
    std::byte* rows = batch.Append(count);
    view.batch->serializer()->Move(view.batch->row(view.position), count, rows, batch.arena());
    batch.keys().resize(count);
    function_(reinterpret_cast<const Row*>(rows), count, batch.arena(), batch.keys().data());
    Count(count, count);
    view.position += count;
    return Progress::kDone;
  }

 private:
  Function function_;
};

template <class Row, class Function>
std::unique_ptr<Operator> MakeKeyBy(Function function) {
  return std::make_unique<KeyByOperator<Row, Function>>(std::move(function));
}

}  // namespace pyflinkpp::native
