// Native operators of a word count: STRING lines and words, (STRING, LONG) counts.
#pragma once

#include <algorithm>
#include <memory>
#include <string>

#include "absl/strings/str_cat.h"
#include "core/base/hash.h"
#include "native/operator_templates.h"
#include "runtime/operators/keyed_reduce_operator.h"

namespace pyflinkpp::native {

inline StringRow CopyTo(Arena& arena, absl::string_view text) {
  return {arena.Copy(text).data(), text.size()};
}

// A line of eight words of a thousand, some more frequent than others.
inline std::unique_ptr<Operator> MakeLongToLine() {
  return MakeMap<int64_t>(StringSerializer(), [](int64_t number, Arena& arena) {
    std::string line;
    uint64_t random = static_cast<uint64_t>(number);
    for (int i = 0; i < 8; ++i) {
      random = MixHash(random + 1);
      const uint64_t rank = (random & 0xffff) * (random >> 48) / (1 << 16) * 1000 / (1 << 16);
      absl::StrAppend(&line, i == 0 ? "word" : " word", rank);
    }
    return CopyTo(arena, line);
  });
}

// The runs of a line between blanks.
inline std::unique_ptr<Operator> MakeSplitWords() {
  return MakeFlatMap<StringRow>(StringSerializer(), [](const StringRow& line, RecordBatch& to) {
    const absl::string_view text = line.view();
    for (size_t begin = 0, end; begin < text.size(); begin = end + 1) {
      end = std::min(text.find(' ', begin), text.size());
      if (end > begin) to.AppendRow(CopyTo(to.arena(), text.substr(begin, end - begin)));
    }
  });
}

// Twice each word.
inline std::unique_ptr<Operator> MakeTwice() {
  return MakeFlatMap<StringRow>(StringSerializer(), [](const StringRow& word, RecordBatch& to) {
    to.AppendRow(CopyTo(to.arena(), word.view()));
    to.AppendRow(CopyTo(to.arena(), word.view()));
  });
}

// At most four bytes.
inline std::unique_ptr<Operator> MakeShortWords() {
  return MakeFilter<StringRow>([](const StringRow& word) { return word.size <= 4; });
}

// word -> (word, 1)
inline std::unique_ptr<Operator> MakePair() {
  return MakeMap<StringRow>(CountedSerializer(), [](const StringRow& word, Arena& arena) {
    return CountedRow{CopyTo(arena, word.view()), 1};
  });
}

// (word, n) -> (the word's first byte, n)
inline std::unique_ptr<Operator> MakeFirstByte() {
  return MakeMap<CountedRow>(CountedSerializer(), [](const CountedRow& row, Arena& arena) {
    return CountedRow{CopyTo(arena, row.word.view().substr(0, 1)), row.count};
  });
}

// The key of (word, n) is the word.
inline std::unique_ptr<Operator> MakeKeyByWord() {
  return MakeKeyBy<CountedRow>([](const CountedRow* rows, size_t count, Arena&, RecordKey* keys) {
    for (size_t i = 0; i < count; ++i) {
      const StringRow& word = rows[i].word;
      keys[i] = {word.data, static_cast<uint32_t>(word.size), MurmurHash(word.view())};
    }
  });
}

// For a custom partitioner: a word goes to the subtask that its length says.
inline std::unique_ptr<Operator> MakeRouteWords(int target_parallelism) {
  return MakeKeyBy<StringRow>([target_parallelism](const StringRow* rows, size_t count, Arena&,
                                                   RecordKey* keys) {
    for (size_t i = 0; i < count; ++i) {
      keys[i] = {nullptr, 0,
                 static_cast<uint32_t>(rows[i].size % static_cast<uint64_t>(target_parallelism))};
    }
  });
}

// The sum of a word's counts. Stops early like a slow function when told to yield.
class SumCounts final : public ReduceFunction {
 public:
  std::shared_ptr<const TypeSerializer> StateSerializer(const RecordBatch&) override {
    return CountedSerializer();
  }

  absl::Status Reduce(RecordBatchView& view, size_t count, ValueState& state, RecordBatch* emitted,
                      OperatorContext& context) override {
    const CountedRow* rows = view.batch->rows<CountedRow>() + view.position;
    for (size_t i = 0; i < count && (emitted == nullptr || !emitted->full());) {
      bool found;
      auto& sum = *reinterpret_cast<CountedRow*>(state.Access(i, &found));
      if (found) {
        sum.count += rows[i].count;
      } else {
        sum = {CopyTo(words_, rows[i].word.view()), rows[i].count};
      }
      if (emitted != nullptr)
        emitted->AppendRow(CountedRow{CopyTo(emitted->arena(), sum.word.view()), sum.count});
      ++view.position;
      ++i;
      if (context.should_yield()) break;
    }
    return absl::OkStatus();
  }

 private:
  Arena words_;  // of the state's values; lives longer than the state
};

}  // namespace pyflinkpp::native
