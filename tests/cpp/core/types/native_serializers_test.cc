#include "core/types/native_serializers.h"

#include <gmock/gmock.h>

#include <limits>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "core/stream/record_batch.h"
#include "harness/batches.h"

namespace pyflinkpp {
namespace {

using harness::Counted;
using harness::Longs;
using harness::Strings;
using harness::TextsOf;
using testing::Each;
using testing::ElementsAre;

std::string Written(const RecordBatch& batch) {
  std::string bytes;
  BinaryWriter out(bytes);
  EXPECT_TRUE(batch.serializer()->Write(batch.row(0), batch.size(), out).ok());
  return bytes;
}

absl::StatusOr<std::unique_ptr<RecordBatch>> ReadBack(
    const std::shared_ptr<const TypeSerializer>& serializer, size_t count,
    absl::string_view bytes) {
  auto batch = std::make_unique<RecordBatch>(serializer);
  std::byte* rows = batch->Append(count);
  std::memset(rows, 0, count * serializer->stride());
  BinaryReader in(bytes);
  if (absl::Status status = serializer->Read(in, count, rows, batch->arena()); !status.ok())
    return status;
  EXPECT_EQ(in.remaining(), 0u);
  return batch;
}

// Batches of every native type, from a seed. None is empty.
std::vector<std::unique_ptr<RecordBatch>> RandomBatches(uint32_t seed) {
  std::mt19937_64 random(seed);
  const auto text = [&] {
    std::string bytes(random() % 8 == 0 ? random() % 400 : random() % 12, '\0');
    for (char& byte : bytes) byte = static_cast<char>(random());
    return bytes;
  };
  std::vector<int64_t> numbers = {0, -1, std::numeric_limits<int64_t>::min(),
                                  std::numeric_limits<int64_t>::max()};
  std::vector<std::string> texts = {"", std::string("\0", 1), "gr\xc3\xbc\xc3\x9f"};
  std::vector<std::pair<std::string, int64_t>> counted = {{"", 0}};
  for (uint64_t i = random() % 60; i > 0; --i) {
    numbers.push_back(static_cast<int64_t>(random() >> random() % 64));
    texts.push_back(text());
    counted.emplace_back(text(), static_cast<int64_t>(random()));
  }
  std::vector<std::unique_ptr<RecordBatch>> batches;
  batches.push_back(Longs(numbers));
  batches.push_back(Strings(texts));
  batches.push_back(Counted(counted));
  return batches;
}

TEST(NativeSerializersTest, ValuesComeBackFromTheirBytes) {
  for (uint32_t seed = 0; seed < 50; ++seed) {
    for (const auto& batch : RandomBatches(seed)) {
      const std::string bytes = Written(*batch);
      const auto back = ReadBack(batch->serializer(), batch->size(), bytes);
      ASSERT_TRUE(back.ok()) << back.status();
      ASSERT_EQ(TextsOf(**back), TextsOf(*batch));
      ASSERT_EQ(Written(**back), bytes);
    }
  }
}

TEST(NativeSerializersTest, TheirBytesAreStable) {
  EXPECT_EQ(Written(*Longs({1, -2})),
            std::string("\1\0\0\0\0\0\0\0\xfe\xff\xff\xff\xff\xff\xff\xff", 16));
  EXPECT_EQ(Written(*Strings({"", "caf\xc3\xa9", std::string(200, 'x')})),
            std::string("\0\5caf\xc3\xa9\xc8\1", 9) + std::string(200, 'x'));
  EXPECT_EQ(Written(*Counted({{"ab", 258}})), std::string("\2ab\2\1\0\0\0\0\0\0", 11));
}

TEST(NativeSerializersTest, TruncatedBytesAreErrors) {
  for (const auto& batch : RandomBatches(99)) {
    const std::string bytes = Written(*batch);
    for (size_t size = 0; size < bytes.size(); size += 1 + size / 64) {
      const auto back = ReadBack(batch->serializer(), batch->size(), bytes.substr(0, size));
      ASSERT_EQ(back.status().code(), absl::StatusCode::kDataLoss) << size;
      ASSERT_THAT(back.status().message(), testing::HasSubstr(batch->serializer()->name()));
    }
  }
}

TEST(NativeSerializersTest, MutatedBytesNeverCrash) {
  std::mt19937 random(5);
  for (int round = 0; round < 300; ++round) {
    for (const auto& batch : RandomBatches(static_cast<uint32_t>(round))) {
      std::string bytes = Written(*batch);
      bytes[random() % bytes.size()] ^= static_cast<char>(1u << random() % 8);
      auto back = std::make_unique<RecordBatch>(batch->serializer());
      std::byte* rows = back->Append(batch->size());
      std::memset(rows, 0, batch->size() * batch->stride());
      BinaryReader in(bytes);
      const absl::Status status = batch->serializer()->Read(in, batch->size(), rows, back->arena());
      // A flipped bit in a length moves everything behind it; values that were read can be read.
      if (status.ok()) {
        EXPECT_EQ(Written(*back).size(), bytes.size() - in.remaining());
      } else {
        EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss);
      }
    }
  }
}

TEST(NativeSerializersTest, MoveLeavesZerosAndNothingOfTheOldArena) {
  for (auto& from : RandomBatches(7)) {
    const std::vector<std::string> texts = TextsOf(*from);
    RecordBatch to(from->serializer());
    from->serializer()->Move(from->row(0), from->size(), to.Append(from->size()), to.arena());
    const std::vector<std::byte> left(from->row(0), from->row(0) + from->size() * from->stride());
    EXPECT_THAT(left, Each(std::byte{0}));
    from.reset();
    EXPECT_EQ(TextsOf(to), texts);
  }
}

TEST(NativeSerializersTest, CopySharesNothing) {
  for (auto& from : RandomBatches(8)) {
    const std::vector<std::string> texts = TextsOf(*from);
    RecordBatch to(from->serializer());
    ASSERT_TRUE(from->serializer()
                    ->Copy(from->row(0), from->size(), to.Append(from->size()), to.arena())
                    .ok());
    EXPECT_EQ(TextsOf(*from), texts);
    from.reset();
    EXPECT_EQ(TextsOf(to), texts);
  }
}

TEST(NativeSerializersTest, SinksPrintValuesAsPythonUsersKnowThem) {
  EXPECT_THAT(TextsOf(*Longs({0, -7, std::numeric_limits<int64_t>::min()})),
              ElementsAre("0", "-7", "-9223372036854775808"));
  EXPECT_THAT(TextsOf(*Strings({"", "a b"})), ElementsAre("", "a b"));
  EXPECT_THAT(TextsOf(*Counted({{"word", 3}})), ElementsAre("(word,3)"));
}

TEST(NativeSerializersTest, FormatAppends) {
  const auto batch = Longs({1, 22});
  std::string out = "before";
  std::vector<size_t> ends = {6};
  ASSERT_TRUE(batch->serializer()->Format(batch->row(0), 2, out, ends).ok());
  EXPECT_EQ(out, "before122");
  EXPECT_THAT(ends, ElementsAre(6, 7, 9));
}

TEST(NativeSerializersTest, EachTypeHasOneSerializer) {
  EXPECT_EQ(LongSerializer().get(), LongSerializer().get());
  EXPECT_EQ(LongSerializer()->name(), "LONG");
  EXPECT_EQ(LongSerializer()->stride(), 8u);
  EXPECT_EQ(StringSerializer()->name(), "STRING");
  EXPECT_EQ(StringSerializer()->stride(), 16u);
  EXPECT_EQ(CountedSerializer()->name(), "TUPLE<STRING, LONG>");
  EXPECT_EQ(CountedSerializer()->stride(), 24u);
}

}  // namespace
}  // namespace pyflinkpp
