// Event time for numbers that rise: the head of a stream with windows.
#pragma once

#include <cstdint>
#include <cstring>
#include <memory>

#include "core/base/hash.h"
#include "core/time/watermark_generator.h"
#include "native/operator_templates.h"

namespace pyflinkpp::sim {

// What the operator and the oracle agree on: a number's time, a little out of order, and its key.
inline constexpr int64_t kOutOfOrdernessMs = 40;
inline int64_t TimeOfLong(int64_t number) {
  return number * 5 + static_cast<int64_t>(MixHash(static_cast<uint64_t>(number)) %
                                           static_cast<uint64_t>(kOutOfOrdernessMs));
}
inline int64_t KeyOfLong(int64_t number) {
  return static_cast<int64_t>(MixHash(static_cast<uint64_t>(number) + 1) % 7);
}

// Gives each number its time and its key, and sends watermarks, where the Env's randomness says.
// REQUIRES: its input comes as one source subtask makes it; so nothing is ever late.
class TimedLongs final : public native::NativeOperator {
 public:
  absl::StatusOr<Progress> ProcessBatch(int, RecordBatchView& view, Output& output) override {
    RecordBatch& batch = output.batch(view.batch->serializer());
    Random& random = context_->env.random;
    const size_t count = 1 + random.Next() % view.remaining();
    for (size_t i = 0; i < count; ++i, ++view.position) {
      const int64_t number = view.batch->rows<int64_t>()[view.position];
      batch.AppendRow(number);
      batch.timestamps().push_back(TimeOfLong(number));
      const int64_t key = KeyOfLong(number);
      const absl::string_view bytes =
          batch.arena().Copy({reinterpret_cast<const char*>(&key), sizeof(key)});
      batch.keys().push_back({bytes.data(), sizeof(key), MurmurHash(bytes)});
      generator_.OnEvent(batch.timestamps().back());
    }
    Count(count, count);
    if (random.Next() % 2 == 0) {
      if (const auto watermark = emitter_.Advance(generator_.watermark()))
        output.EmitWatermark(*watermark);
    }
    return view.done() ? Progress::kDone : Progress::kMore;
  }
  bool makes_watermarks() const override { return true; }

 private:
  BoundedOutOfOrderness generator_{kOutOfOrdernessMs};
  WatermarkEmitter emitter_{/*idle_timeout_ms=*/0};
};

}  // namespace pyflinkpp::sim
