#include "core/stream/batch_codec.h"

#include <gmock/gmock.h>

#include "core/stream/stream_element.h"
#include "harness/batches.h"
#include "harness/tracked_serializer.h"

namespace pyflinkpp {
namespace {

using harness::TrackedSerializer;
using testing::ElementsAre;
using testing::IsEmpty;

TEST(BatchCodecTest, ABatchComesBackWithTheColumnsThatItHad) {
  for (const bool timestamps : {false, true}) {
    for (const bool keys : {false, true}) {
      auto batch = harness::Strings({"a", "", "ü"});
      if (timestamps) batch->timestamps() = {kMinTimestamp, -1, kMaxTimestamp};
      if (keys) harness::SetKeys(*batch, {"", "key", std::string(300, 'k')});
      std::string bytes;
      ASSERT_TRUE(EncodeBatch(*batch, bytes).ok());
      BinaryReader reader(bytes);
      const auto decoded = DecodeBatch(reader, StringSerializer());
      ASSERT_TRUE(decoded.ok());
      EXPECT_EQ(reader.remaining(), 0u);
      EXPECT_THAT(harness::TextsOf(**decoded), ElementsAre("a", "", "ü"));
      EXPECT_EQ((*decoded)->timestamps(), batch->timestamps());
      EXPECT_EQ(harness::KeysOf(**decoded), harness::KeysOf(*batch));
      for (size_t i = 0; i < batch->keys().size(); ++i)
        EXPECT_EQ((*decoded)->keys()[i].hash, batch->keys()[i].hash);
    }
  }
}

TEST(BatchCodecTest, TargetsOfACustomPartitionerAreKeysWithoutBytes) {
  auto batch = harness::Longs({1, 2});
  batch->keys() = {{nullptr, 0, 3}, {nullptr, 0, 1}};
  std::string bytes;
  ASSERT_TRUE(EncodeBatch(*batch, bytes).ok());
  BinaryReader reader(bytes);
  const auto decoded = DecodeBatch(reader, LongSerializer());
  ASSERT_TRUE(decoded.ok());
  EXPECT_EQ((*decoded)->keys()[0].hash, 3u);
  EXPECT_EQ((*decoded)->keys()[1].hash, 1u);
}

TEST(BatchCodecTest, WhatIsCutOffIsAnErrorAndLeaksNothing) {
  harness::TrackedValues values;
  const auto serializer = std::make_shared<const TrackedSerializer>(values, 24);
  {
    const auto batch = TrackedSerializer::Batch(serializer, {"x", "", "z"});
    harness::SetKeys(*batch, {"", "key", "k"});
    batch->timestamps() = {1, 2, 3};
    std::string bytes;
    ASSERT_TRUE(EncodeBatch(*batch, bytes).ok());
    for (size_t cut = 0; cut < bytes.size(); ++cut) {
      BinaryReader reader(absl::string_view(bytes).substr(0, cut));
      EXPECT_FALSE(DecodeBatch(reader, serializer).ok()) << cut;
    }
  }
  EXPECT_EQ(values.live(), 0u);
}

}  // namespace
}  // namespace pyflinkpp
