#include "runtime/task/in_flight.h"

#include <gmock/gmock.h>

#include "core/base/checksum.h"
#include "core/base/status.h"
#include "core/types/native_serializers.h"
#include "harness/batches.h"
#include "harness/test_env.h"
#include "harness/tracked_serializer.h"
#include "sim/sim_file_system.h"

namespace pyflinkpp {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class InFlightTest : public testing::Test {
 protected:
  void Add(const InFlightChannel& channel, const RecordBatch& batch, size_t from = 0) {
    ASSERT_TRUE(data_.Add(channel, batch, from).ok());
  }
  // Writes what was added; what is longer than this goes to a file.
  std::vector<idl::InFlightHandle> Write(size_t inline_bytes) {
    StateFileTarget target;
    target.directory = "/c";
    target.name = "in-flight";
    target.inline_bytes = inline_bytes;
    KeyedStateFile file(files_, env_.io, target);
    data_.WriteTo(file);
    std::vector<idl::InFlightHandle> handles;
    file.Finish([&](const absl::StatusOr<WrittenState>& written) {
      PFPP_CHECK(written.ok());
      handles = data_.Handles(written->handle);
    });
    while (env_.io.RunOne()) {
    }
    return handles;
  }
  static idl::RestoredInFlight All(const idl::InFlightHandle& handle) {
    idl::RestoredInFlight part;
    part.handle = handle;
    part.types.resize(1);
    part.name = "'a' -> 'b'";
    return part;
  }
  // What a task takes of these parts, as texts.
  std::vector<std::string> Restore(const std::vector<idl::RestoredInFlight>& parts,
                                   KeyGroupRange groups = {0, 15}) {
    std::deque<ReadRun> runs;
    status_ = absl::OkStatus();
    for (const idl::RestoredInFlight& part : parts)
      status_.Update(ReadInFlight(files_, part, runs));
    RestoredBatches batches(std::move(runs), serializers_, groups, 16);
    std::vector<std::string> texts;
    while (status_.ok()) {
      absl::StatusOr<RestoredBatches::Restored> restored = batches.Next();
      status_.Update(restored.status());
      if (!restored.ok() || restored->batch == nullptr) break;
      for (const std::string& text : harness::TextsOf(*restored->batch)) texts.push_back(text);
    }
    return texts;
  }

  harness::TestEnv env_;
  sim::SimFileSystem files_{[] { return true; }};
  harness::TrackedValues values_;
  std::shared_ptr<const harness::TrackedSerializer> tracked_ =
      std::make_shared<const harness::TrackedSerializer>(values_);
  SerializerFactory serializers_ = [this](const idl::TypeInformation&) { return tracked_; };
  InFlightData data_;
  absl::Status status_;
};

TEST_F(InFlightTest, BatchesComeBackInTheOrderOfEachChannel) {
  for (const size_t inline_bytes : {size_t{0}, size_t{1} << 20}) {
    data_ = {};
    Add({.exchange = 3, .source = 1, .target = 0}, *harness::Longs({1, 2, 3}), /*from=*/1);
    Add({.exchange = 5, .source = 0, .target = 0}, *harness::Longs({10}));
    Add({.exchange = 3, .source = 1, .target = 0}, *harness::Longs({4}));
    Add({.exchange = 3, .source = 1, .target = 2, .of_sender = true}, *harness::Strings({"s"}));
    const std::vector<idl::InFlightHandle> handles = Write(inline_bytes);
    ASSERT_EQ(handles.size(), 2u);
    EXPECT_EQ(handles[0].exchange, 3);
    EXPECT_EQ(handles[0].file.path.empty(), inline_bytes > 0);
    EXPECT_EQ(handles[0].runs[0].source, 1);
    EXPECT_TRUE(handles[0].runs[1].of_sender);
    EXPECT_THAT(Restore({All(handles[0])}), ElementsAre("2", "3", "4", "s")) << status_;
    EXPECT_THAT(Restore({All(handles[1])}), ElementsAre("10"));
  }
}

TEST_F(InFlightTest, BatchesOfTwoTypesStayInOrder) {
  const InFlightChannel channel{.exchange = 1};
  Add(channel, *harness::Longs({1}));
  Add(channel, *harness::TrackedSerializer::Batch(tracked_, {"x"}));
  Add(channel, *harness::Longs({2}));
  EXPECT_THAT(Restore({All(Write(0)[0])}), ElementsAre("1", "x", "2")) << status_;
}

TEST_F(InFlightTest, OfARescaledExchangeATaskTakesItsOwnKeys) {
  auto batch = harness::LongRange(0, 50);
  std::vector<std::string> keys;
  for (int i = 0; i < 50; ++i) keys.push_back(std::to_string(i));
  harness::SetKeys(*batch, keys);
  Add({.exchange = 1}, *batch);
  idl::RestoredInFlight part = All(Write(0)[0]);
  part.by_key = true;
  std::vector<std::string> all;
  for (const KeyGroupRange groups : {KeyGroupRange{0, 5}, KeyGroupRange{6, 15}}) {
    const std::vector<std::string> mine = Restore({part}, groups);
    EXPECT_FALSE(mine.empty());
    for (const std::string& text : mine)
      EXPECT_TRUE(groups.contains(KeyGroupOf(harness::KeyOf(text).hash, 16)));
    all.insert(all.end(), mine.begin(), mine.end());
  }
  EXPECT_THAT(all, testing::UnorderedElementsAreArray(keys));
}

TEST_F(InFlightTest, WhereThereAreNoKeysBatchesAreSpread) {
  for (int i = 0; i < 5; ++i) Add({.exchange = 1}, *harness::Longs({i}));
  idl::RestoredInFlight part = All(Write(0)[0]);
  part.shares = 2;
  EXPECT_THAT(Restore({part}), ElementsAre("0", "2", "4"));
  part.share = 1;
  EXPECT_THAT(Restore({part}), ElementsAre("1", "3"));
}

TEST_F(InFlightTest, DamageIsNoticed) {
  Add({.exchange = 1}, *harness::Longs({1, 2, 3}));
  idl::InFlightHandle handle = Write(1 << 20)[0];
  handle.file.inline_bytes[6] ^= 1;
  EXPECT_THAT(Restore({All(handle)}), IsEmpty());
  EXPECT_THAT(FailureOf(status_).message, HasSubstr("is damaged: in-flight data of 'a' -> 'b'"));
  handle.file.inline_bytes.resize(4);
  Restore({All(handle)});
  EXPECT_FALSE(status_.ok());
}

TEST_F(InFlightTest, AnotherTypeIsRefused) {
  Add({.exchange = 1}, *harness::TrackedSerializer::Batch(tracked_, {"x"}));
  const idl::InFlightHandle handle = Write(0)[0];
  serializers_ = [](const idl::TypeInformation&) { return LongSerializer(); };
  Restore({All(handle)});
  EXPECT_THAT(FailureOf(status_).message, HasSubstr("of the type TRACKED"));
}

}  // namespace
}  // namespace pyflinkpp
