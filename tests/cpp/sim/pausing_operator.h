// An operator that passes everything on and takes its time: it stops within batches, and waits for
// work of the executor.
#pragma once

#include <memory>

#include "native/operator_templates.h"

namespace pyflinkpp::sim {

// For rows without keys and timestamps. Where it pauses follows from the Env's randomness.
class PausingOperator final : public native::NativeOperator {
 public:
  absl::StatusOr<Progress> ProcessBatch(int, RecordBatchView& view, Output& output) override {
    if (Waits()) return Progress::kWait;
    Random& random = context_->env.random;
    const size_t count = 1 + random.Next() % view.remaining();
    RecordBatch& batch = output.batch(view.batch->serializer());
    view.batch->serializer()->Move(view.batch->row(view.position), count, batch.Append(count),
                                   batch.arena());
    Count(count, count);
    view.position += count;
    return view.done() ? Progress::kDone : Progress::kMore;
  }

  bool between_elements() const override { return true; }

  absl::StatusOr<Progress> Finish(Output&) override {
    if (Waits()) return Progress::kWait;
    return context_->env.random.Next() % 2 == 0 ? Progress::kMore : Progress::kDone;
  }

 private:
  // Whether it has to wait, now and then.
  bool Waits() {
    if (ready_ == nullptr) {
      if (context_->env.random.Next() % 8 != 0) return false;
      ready_ = std::make_shared<std::atomic<bool>>(false);
      context_->env.io.Run([ready = ready_, wake = context_->wake] {
        ready->store(true);
        wake();
      });
      return true;
    }
    if (!ready_->load()) return true;
    ready_ = nullptr;
    return false;
  }

  std::shared_ptr<std::atomic<bool>> ready_;  // while it waits: whether the executor is done
};

}  // namespace pyflinkpp::sim
