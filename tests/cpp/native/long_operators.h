// Native operators over LONG rows: the numbers of the engine's own speed, and of the simulator's
// jobs.
#pragma once

#include <algorithm>
#include <cstring>
#include <memory>

#include "absl/strings/str_cat.h"
#include "core/base/hash.h"
#include "native/operator_templates.h"
#include "runtime/operators/keyed_reduce_operator.h"

namespace pyflinkpp::native {

inline std::unique_ptr<Operator> MakeAffineLong() {
  return MakeMap<int64_t>(LongSerializer(), [](int64_t x, Arena&) {
    return static_cast<int64_t>(static_cast<uint64_t>(x) * 3 + 1);
  });
}

inline std::unique_ptr<Operator> MakeOddLongs() {
  return MakeFilter<int64_t>([](int64_t x) { return (x & 1) != 0; });
}

// STRING rows: "n0" … "n12".
inline std::unique_ptr<Operator> MakeLongToWord() {
  return MakeMap<int64_t>(StringSerializer(), [](int64_t x, Arena& arena) {
    const std::string word = absl::StrCat("n", static_cast<uint64_t>(x) % 13);
    return StringRow{arena.Copy(word).data(), word.size()};
  });
}

// The key of a number is its eight bytes, as in its binary format; `distinct`: of its remainder.
inline std::unique_ptr<Operator> MakeKeyByLong(uint64_t distinct) {
  return MakeKeyBy<int64_t>(
      [distinct](const int64_t* rows, size_t count, Arena& arena, RecordKey* keys) {
        char* bytes = arena.Allocate(count * sizeof(int64_t));
        for (size_t i = 0; i < count; ++i, bytes += sizeof(int64_t)) {
          const uint64_t key = static_cast<uint64_t>(rows[i]) % distinct;
          std::memcpy(bytes, &key, sizeof(key));
          keys[i] = {bytes, sizeof(key), MurmurHash({bytes, sizeof(key)})};
        }
      });
}

// The sum of a key's numbers.
class SumLongs final : public ReduceFunction {
 public:
  std::shared_ptr<const TypeSerializer> StateSerializer(const RecordBatch&) override {
    return LongSerializer();
  }

  absl::Status Reduce(RecordBatchView& view, size_t count, ValueState& state, RecordBatch* emitted,
                      OperatorContext&) override {
    const int64_t* rows = view.batch->rows<int64_t>() + view.position;
    if (emitted != nullptr) count = std::min(count, kBatchRecordsMax - emitted->size());
    auto* out = emitted == nullptr ? nullptr : reinterpret_cast<int64_t*>(emitted->Append(count));
    for (size_t i = 0; i < count; ++i) {
      bool found;
      auto& sum = *reinterpret_cast<int64_t*>(state.Access(i, &found));
      sum = static_cast<int64_t>(static_cast<uint64_t>(sum) + static_cast<uint64_t>(rows[i]));
      if (out != nullptr) out[i] = sum;
    }
    view.position += count;
    return absl::OkStatus();
  }
};

}  // namespace pyflinkpp::native
