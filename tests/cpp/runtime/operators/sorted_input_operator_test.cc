#include "runtime/operators/sorted_input_operator.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <random>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "harness/batches.h"
#include "harness/tracked_serializer.h"
#include "runtime/connectors/file/file_test_env.h"
#include "runtime/operators/record_sorter.h"
#include "runtime/operators/sorted_run.h"

namespace pyflinkpp {
namespace {

using harness::TrackedSerializer;
using harness::TrackedValues;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;
using testing::StartsWith;

struct Element {
  std::string key;
  std::string text;
  int64_t timestamp = kMinTimestamp;
};

// Writes down what it gets: "input:key@time text", and "/key" at a key's end.
class Recorder final : public Operator {
 public:
  explicit Recorder(std::vector<std::string>* log) : log_(log) {}

  int element_max = 1 << 30;  // in a call
  int key_parts = 1;          // calls of FinishKey for a key
  bool fills_output = false;  // with each element and key
  std::string fails_at;

  absl::Status Open(OperatorContext& context) override {
    context_ = &context;
    return absl::OkStatus();
  }
  absl::StatusOr<Progress> ProcessBatch(int input, RecordBatchView& view, Output& output) override {
    PFPP_CHECK(!output.full());
    RecordBatch& batch = *view.batch;
    const auto& serializer = static_cast<const TrackedSerializer&>(*batch.serializer());
    for (int count = 0; !view.done(); ++view.position) {
      if (count++ == element_max || output.full()) return Progress::kMore;
      const size_t i = view.position;
      const std::string text = serializer.Get(batch.row(i));
      if (text == fails_at) return absl::InvalidArgumentError("failed at " + text);
      key_ = batch.has_keys() ? std::string(batch.keys()[i].bytes()) : "-";
      const int64_t time = batch.has_timestamps() ? batch.timestamps()[i] : kMinTimestamp;
      log_->push_back(absl::StrCat(input, ":", key_, "@",
                                   time == kMinTimestamp ? "" : absl::StrCat(time), " ", text));
      if (fills_output) Fill(output);
    }
    return Progress::kDone;
  }
  absl::StatusOr<Progress> FinishKey(Output& output) override {
    PFPP_CHECK(!output.full());
    if (fills_output) Fill(output);
    if (++parts_ < key_parts) return Progress::kMore;
    parts_ = 0;
    log_->push_back("/" + key_);
    return !fails_at.empty() && key_ == fails_at
               ? absl::StatusOr<Progress>(absl::InternalError("failed at a key's end"))
               : Progress::kDone;
  }
  absl::StatusOr<Progress> ProcessWatermark(const Watermark&, Output&) override {
    log_->push_back("watermark");
    return Progress::kDone;
  }
  absl::StatusOr<Progress> Finish(Output&) override {
    log_->push_back("finish");
    return Progress::kDone;
  }
  int64_t next_processing_time() const override { return 0; }
  absl::Status Close() override {
    log_->push_back("close");
    return absl::OkStatus();
  }

 private:
  static void Fill(Output& output) {
    RecordBatch& batch = output.batch(LongSerializer());
    while (!batch.full()) batch.AppendRow(int64_t{0});
  }

  std::vector<std::string>* const log_;
  OperatorContext* context_ = nullptr;
  std::string key_;
  int parts_ = 0;
};

// Owns a sorted Recorder; calls it again as a chain would. Temporary files lie in `env.directory`.
class Driver {
 public:
  explicit Driver(size_t memory_bytes = kSortMemoryBytes,
                  UnkeyedInput unkeyed = UnkeyedInput::kPasses) {
    env.files.temporary = env.directory / "not/there";
    auto op = std::make_unique<Recorder>(&log);
    recorder_ = op.get();
    op_ = MakeSortedInputOperator(std::move(op), unkeyed, memory_bytes);
    PFPP_CHECK(op_->Open(env.context).ok());
  }
  ~Driver() { Close(); }

  file_test::FileTestEnv env;
  std::vector<std::string> log;
  int calls = 0;
  int waits = 0;
  size_t files_max = 0;

  Recorder& recorder() { return *recorder_; }
  Operator& op() { return *op_; }
  size_t live_values() const { return values_.live(); }

  absl::Status Push(const std::vector<Element>& elements, int input = 0, bool with_keys = true,
                    bool with_timestamps = true) {
    std::vector<std::string> texts, keys;
    for (const Element& element : elements) {
      texts.push_back(element.text);
      keys.push_back(element.key);
    }
    auto batch = TrackedSerializer::Batch(serializer_, texts);
    if (with_keys) harness::SetKeys(*batch, keys);
    for (const Element& element : elements) {
      if (with_timestamps) batch->timestamps().push_back(element.timestamp);
    }
    RecordBatchView view{batch.get()};
    while (!view.done()) {
      ++calls;
      const auto progress = op_->ProcessBatch(input, view, output_);
      RETURN_IF_ERROR(Handled(progress));
    }
    return absl::OkStatus();
  }
  absl::Status Finish() {
    for (;;) {
      ++calls;
      const auto progress = op_->Finish(output_);
      RETURN_IF_ERROR(Handled(progress));
      if (*progress == Progress::kDone) return absl::OkStatus();
    }
  }
  void Close() {
    if (op_ == nullptr) return;
    EXPECT_TRUE(op_->Close().ok());
    op_.reset();
    env.io.RunAll();
    EXPECT_THAT(env.directory.Files(), IsEmpty());
    EXPECT_EQ(env.files.open_files, 0);
    EXPECT_EQ(values_.live(), 0u);
  }

 private:
  absl::Status Handled(const absl::StatusOr<Progress>& progress) {
    output_.Take();
    RETURN_IF_ERROR(progress.status());
    if (*progress != Progress::kWait) return absl::OkStatus();
    ++waits;
    files_max = std::max(files_max, env.directory.Files().size());
    for (const int wakes = env.wakes; env.wakes == wakes;) {
      if (!env.io.RunOne()) return absl::InternalError("waits, and nothing will wake it");
    }
    return absl::OkStatus();
  }

  TrackedValues values_;
  std::shared_ptr<const TrackedSerializer> serializer_ =
      std::make_shared<const TrackedSerializer>(values_, 16);
  Output output_;
  std::unique_ptr<Operator> op_;
  Recorder* recorder_;
};

TEST(SortedInputOperatorTest, OneKeyAfterTheOtherByTimeAndArrival) {
  Driver driver;
  ASSERT_TRUE(driver.Push({{"b", "1", 5}, {"a", "2", 9}, {"a", "3", 7}}).ok());
  ASSERT_TRUE(driver.Push({{"a", "4", 9}, {"", "5", 1}, {"a", "6", -7}, {"aa", "7", 0}}).ok());
  EXPECT_THAT(driver.log, IsEmpty()) << "before the end of the input";
  Output unused;
  for (const int64_t time : {int64_t{3}, kMaxTimestamp})
    ASSERT_TRUE(driver.op().ProcessWatermark({time, false}, unused).ok());
  ASSERT_TRUE(driver.Finish().ok());
  driver.Close();
  EXPECT_THAT(driver.log,
              ElementsAre("0:@1 5", "/", "0:a@-7 6", "0:a@7 3", "0:a@9 2", "0:a@9 4", "/a",
                          "0:aa@0 7", "/aa", "0:b@5 1", "/b", "watermark", "finish", "close"));
  EXPECT_EQ(driver.files_max, 0u);
}

TEST(SortedInputOperatorTest, TwoInputsAreOneOrder) {
  Driver driver;
  ASSERT_TRUE(driver.Push({{"b", "1", 5}, {"a", "2", 9}}, 1).ok());
  ASSERT_TRUE(driver.Push({{"a", "3", 9}, {"a", "4", 1}}, 0).ok());
  ASSERT_TRUE(driver.Push({{"a", "5", 9}, {"a", "6", 10}}, 1).ok());
  ASSERT_TRUE(driver.Finish().ok());
  EXPECT_THAT(driver.log, ElementsAre("0:a@1 4", "1:a@9 2", "0:a@9 3", "1:a@9 5", "1:a@10 6", "/a",
                                      "1:b@5 1", "/b", "finish"));
}

TEST(SortedInputOperatorTest, ABroadcastInputGoesThroughAtOnce) {
  Driver driver;
  ASSERT_TRUE(driver.Push({{"a", "1", 9}}, 0).ok());
  driver.recorder().element_max = 1;
  ASSERT_TRUE(driver.Push({{"", "2", 5}, {"", "3", 4}}, 1, /*with_keys=*/false).ok());
  EXPECT_THAT(driver.log, ElementsAre("1:-@5 2", "1:-@4 3"));
  ASSERT_TRUE(driver.Finish().ok());
  EXPECT_THAT(driver.log, ElementsAre("1:-@5 2", "1:-@4 3", "0:a@9 1", "/a", "finish"));
}

TEST(SortedInputOperatorTest, RecordsWithoutKeysMayHaveOneAndTheSame) {
  Driver driver(kSortMemoryBytes, UnkeyedInput::kIsOneKey);
  ASSERT_TRUE(driver.Push({{"", "1", 9}, {"", "2", 3}}, 0, /*with_keys=*/false).ok());
  EXPECT_THAT(driver.log, IsEmpty());
  ASSERT_TRUE(driver.Finish().ok());
  EXPECT_THAT(driver.log, ElementsAre("0:@3 2", "0:@9 1", "/", "finish"));
}

TEST(SortedInputOperatorTest, RecordsWithoutTimestampsComeAsTheyArrived) {
  Driver driver;
  ASSERT_TRUE(
      driver.Push({{"a", "1"}, {"b", "2"}, {"a", "3"}}, 0, true, /*with_timestamps=*/false).ok());
  ASSERT_TRUE(driver.Push({{"a", "4", 5}}).ok());
  ASSERT_TRUE(driver.Finish().ok());
  EXPECT_THAT(driver.log,
              ElementsAre("0:a@ 1", "0:a@ 3", "0:a@5 4", "/a", "0:b@ 2", "/b", "finish"));
}

TEST(SortedInputOperatorTest, NoInputNoKey) {
  Driver driver;
  ASSERT_TRUE(driver.Finish().ok());
  EXPECT_THAT(driver.log, ElementsAre("finish"));
}

TEST(SortedInputOperatorTest, StopsAnywhereAndGoesOn) {
  const std::vector<Element> elements = {{"b", "1", 5}, {"a", "2", 9}, {"a", "3", 7}};
  for (const bool full : {false, true}) {
    Driver driver;
    driver.recorder().element_max = 1;
    driver.recorder().key_parts = 3;
    driver.recorder().fills_output = full;
    driver.env.yield = !full;
    ASSERT_TRUE(driver.Push(elements).ok());
    ASSERT_TRUE(driver.Finish().ok());
    EXPECT_THAT(driver.log, ElementsAre("0:a@7 3", "0:a@9 2", "/a", "0:b@5 1", "/b", "finish"));
    EXPECT_GE(driver.calls, 8);
  }
}

TEST(SortedInputOperatorTest, ManyRecordsOfAKeyComeInSeveralBatches) {
  Driver driver;
  std::vector<Element> elements(2500, Element{"k", "x", 1});
  ASSERT_TRUE(driver.Push(elements).ok());
  ASSERT_TRUE(driver.Finish().ok());
  EXPECT_THAT(driver.log, SizeIs(2502));
  EXPECT_EQ(driver.log[2500], "/k") << "one end, behind the last";
}

TEST(SortedInputOperatorTest, TheClockDoesNotPass) {
  Driver driver;
  EXPECT_EQ(driver.recorder().next_processing_time(), 0);
  EXPECT_EQ(driver.op().next_processing_time(), kMaxTimestamp);
}

TEST(SortedInputOperatorTest, FailuresEndIt) {
  for (const char* at : {"2", "a"}) {
    Driver driver;
    driver.recorder().fails_at = at;
    ASSERT_TRUE(driver.Push({{"b", "1", 5}, {"a", "2", 9}}).ok());
    EXPECT_THAT(std::string(driver.Finish().message()), StartsWith("failed at "));
  }
}

// ---- more than memory holds ----

struct Case {
  std::vector<std::pair<int, std::vector<Element>>> batches;  // input, elements
};

Case RandomCase(uint32_t seed, size_t records, int keys) {
  std::mt19937 random(seed);
  Case result;
  for (size_t i = 0; i < records;) {
    std::vector<Element> elements;
    for (const size_t end = std::min(records, i + 1 + random() % 40); i < end; ++i) {
      const std::string key = std::string(random() % 3, 'x') + std::to_string(random() % keys);
      elements.push_back({key, std::to_string(i), static_cast<int64_t>(random() % 20)});
    }
    result.batches.emplace_back(static_cast<int>(random() % 2), std::move(elements));
  }
  return result;
}

// What a plain sort says.
std::vector<std::string> Expected(const Case& c) {
  std::vector<std::tuple<std::string, int64_t, size_t, std::string>> all;
  for (const auto& [input, elements] : c.batches) {
    for (const Element& element : elements) {
      all.emplace_back(
          element.key, element.timestamp, all.size(),
          absl::StrCat(input, ":", element.key, "@", element.timestamp, " ", element.text));
    }
  }
  std::sort(all.begin(), all.end());
  std::vector<std::string> log;
  for (size_t i = 0; i < all.size(); ++i) {
    log.push_back(std::get<3>(all[i]));
    if (i + 1 == all.size() || std::get<0>(all[i + 1]) != std::get<0>(all[i]))
      log.push_back("/" + std::get<0>(all[i]));
  }
  log.push_back("finish");
  return log;
}

TEST(SortedInputOperatorTest, SortsThroughFilesAsInMemory) {
  for (uint32_t seed = 0; seed < 30; ++seed) {
    SCOPED_TRACE(seed);
    const Case c = RandomCase(seed, 100 + (seed % 5) * 500, seed % 3 == 0 ? 5 : 1000);
    Driver driver(/*memory_bytes=*/1 + (seed % 5) * 9000);
    driver.env.yield = seed % 2 == 0;
    driver.recorder().element_max = seed % 4 == 0 ? 3 : 1 << 30;
    for (const auto& [input, elements] : c.batches) ASSERT_TRUE(driver.Push(elements, input).ok());
    ASSERT_TRUE(driver.Finish().ok());
    ASSERT_EQ(driver.log, Expected(c));
    EXPECT_GT(driver.files_max, 0u);
    EXPECT_GT(driver.waits, 0);
    EXPECT_EQ(driver.live_values(), 0u);
  }
}

TEST(SortedInputOperatorTest, ARunOfManyBlocksIsReadBlockByBlock) {
  Driver driver(/*memory_bytes=*/1'000'000);
  const Case c = RandomCase(7, 40'000, 100);
  for (const auto& [input, elements] : c.batches) ASSERT_TRUE(driver.Push(elements, input).ok());
  ASSERT_TRUE(driver.Finish().ok());
  ASSERT_EQ(driver.log, Expected(c));
  EXPECT_LT(driver.files_max, 20u);
  EXPECT_GT(driver.env.files.reads, 30);
}

TEST(SortedInputOperatorTest, AFileIsGoneWhenItsRunIs) {
  Driver driver(/*memory_bytes=*/1);
  for (const char* key : {"a", "b", "c"}) ASSERT_TRUE(driver.Push({{key, key, 0}}).ok());
  driver.recorder().fails_at = "c";
  EXPECT_FALSE(driver.Finish().ok());
  driver.env.io.RunAll();
  EXPECT_THAT(driver.env.directory.Files(), SizeIs(testing::Le(1)));
}

TEST(SortedInputOperatorTest, FilesAreGoneAfterAFailure) {
  for (const char* what : {"create", "append", "read"}) {
    SCOPED_TRACE(what);
    Driver driver(/*memory_bytes=*/1);
    driver.env.files.failures[what] = ExternalError("the disk is gone");
    absl::Status status;
    for (int i = 0; i < 20 && status.ok(); ++i) status = driver.Push({{"k", "x", 0}});
    status.Update(driver.Finish());
    EXPECT_THAT(std::string(status.message()), HasSubstr("the disk is gone"));
  }
}

TEST(SortedInputOperatorTest, FilesAreGoneWhenTheTaskEndsInBetween) {
  for (const bool merging : {false, true}) {
    Driver driver(/*memory_bytes=*/1);
    for (int i = 0; i < 20; ++i) ASSERT_TRUE(driver.Push({{"k", "x", 0}}).ok());
    if (merging) {
      driver.recorder().fails_at = "x";
      EXPECT_FALSE(driver.Finish().ok());
      EXPECT_GT(driver.files_max, 0u);
    }
    driver.Close();  // checks
  }
}

TEST(SortedRunTest, KeysAreSortedAsBytes) {
  std::mt19937 random(3);
  const std::string bytes("\0\1a\x7f\xff", 5);
  std::vector<std::string> keys = {"", ""};
  while (keys.size() < 600) {
    std::string key(keys.size() % 3 == 0 ? random() % 4 : 6 + random() % 5, 'a');
    for (int i = 0; i < 2 && !key.empty(); ++i)
      key[key.size() - 1 - random() % std::min<size_t>(3, key.size())] = bytes[random() % 5];
    keys.push_back(key);
  }
  std::shuffle(keys.begin(), keys.end(), random);
  SortedBlock block;
  block.batch = harness::LongRange(0, keys.size());
  harness::SetKeys(*block.batch, keys);
  std::vector<std::tuple<std::string, int64_t, uint64_t>> expected;
  for (size_t i = 0; i < keys.size(); ++i) {
    block.batch->timestamps().push_back(static_cast<int64_t>(random() % 3) - 1);
    block.numbers.push_back(2 * i);
    expected.emplace_back(keys[i], block.batch->timestamps()[i], 2 * i);
  }
  std::sort(expected.begin(), expected.end());
  block.Sort();
  for (size_t i = 0; i < keys.size(); ++i) {
    const SortKey key = block.at(block.order[i]);
    ASSERT_EQ(std::make_tuple(std::string(key.key), key.timestamp, key.number), expected[i]);
  }
}

TEST(SortedRunTest, ABlockComesBackAsItWas) {
  TrackedValues values;
  const auto serializer = std::make_shared<const TrackedSerializer>(values, 24);
  SortedBlock block;
  block.batch = TrackedSerializer::Batch(serializer, {"x", "", "z"});
  harness::SetKeys(*block.batch, {"", "key", std::string(300, 'k')});
  block.batch->timestamps() = {kMinTimestamp, -1, kMaxTimestamp};
  block.numbers = {0, 7, ~uint64_t{0}};
  std::string bytes;
  ASSERT_TRUE(EncodeBlock(block, bytes).ok());
  const auto decoded = DecodeBlock(bytes, serializer);
  ASSERT_TRUE(decoded.ok());
  EXPECT_EQ(harness::TextsOf(*decoded->batch), harness::TextsOf(*block.batch));
  EXPECT_EQ(harness::KeysOf(*decoded->batch), harness::KeysOf(*block.batch));
  for (size_t i = 0; i < 3; ++i)
    EXPECT_EQ(decoded->batch->keys()[i].hash, block.batch->keys()[i].hash);
  EXPECT_EQ(decoded->batch->timestamps(), block.batch->timestamps());
  EXPECT_EQ(decoded->numbers, block.numbers);
  EXPECT_THAT(decoded->order, ElementsAre(0, 1, 2));
  for (size_t cut = 0; cut < bytes.size(); ++cut) {
    EXPECT_FALSE(DecodeBlock(absl::string_view(bytes).substr(0, cut), serializer).ok());
  }
}

}  // namespace
}  // namespace pyflinkpp
