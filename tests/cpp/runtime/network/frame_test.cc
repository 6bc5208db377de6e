#include "runtime/network/frame.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <random>
#include <vector>

#include "absl/strings/escaping.h"

namespace pyflinkpp {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

struct Seen final : FrameSink {
  void OnGreeting() override { ++greetings; }
  void OnFrame(std::string body) override { frames.push_back(std::move(body)); }
  int greetings = 0;
  std::vector<std::string> frames;
};

std::string FrameOf(const std::string& body) {
  const auto header = FrameHeader(body);
  return std::string(header.data(), header.size()) + body;
}

// Puts bytes where the reader wants them, at most `step` at a time.
absl::Status Feed(FrameReader& reader, absl::string_view bytes, FrameSink& sink,
                  size_t step = ~size_t{0}) {
  while (!bytes.empty()) {
    size_t put = 0;
    for (const absl::Span<char> room : reader.Room()) {
      const size_t count = std::min({room.size(), step - put, bytes.size()});
      if (count == 0) continue;
      std::memcpy(room.data(), bytes.data(), count);
      bytes.remove_prefix(count);
      put += count;
    }
    EXPECT_GT(put, 0u) << "there is always room";
    if (const absl::Status taken = reader.Take(put, sink); !taken.ok()) return taken;
  }
  return absl::OkStatus();
}

std::string RandomBytes(std::mt19937& random, size_t size) {
  std::string bytes(size, '\0');
  for (char& byte : bytes) byte = static_cast<char>(random());
  return bytes;
}

TEST(FrameTest, GoldenBytes) {
  EXPECT_EQ(absl::BytesToHexString(EncodeGreeting("secret")), "5046505001000600736563726574");
  EXPECT_EQ(absl::BytesToHexString(FrameOf("")), "00000000c74b6748");
  EXPECT_EQ(absl::BytesToHexString(FrameOf("hello")), "05000000a1b1174e68656c6c6f");
}

TEST(FrameTest, FramesComeWholeAndInOrderHoweverTheyAreCut) {
  std::mt19937 random(1);
  std::vector<std::string> bodies;
  std::string bytes = EncodeGreeting("t");
  for (const size_t size : {0, 1, 15, 16, 5'000, 16'375, 16'376, 16'384, 300'000, 3'000'000, 7}) {
    bodies.push_back(RandomBytes(random, size));
    bytes += FrameOf(bodies.back());
  }
  for (const size_t step : {1, 7, 8, 9, 4'096, 16'384, 1'000'000}) {
    FrameReader reader("t");
    Seen seen;
    ASSERT_TRUE(Feed(reader, bytes, seen, step).ok());
    EXPECT_EQ(seen.greetings, 1);
    EXPECT_EQ(seen.frames, bodies) << "in steps of " << step;
    EXPECT_TRUE(reader.between_frames());
  }
}

TEST(FrameTest, WhatIsMissingAtTheEndIsSeen) {
  const std::string bytes = EncodeGreeting("") + FrameOf("whole") + FrameOf("cut");
  for (size_t size = 0; size <= bytes.size(); ++size) {
    FrameReader reader("");
    Seen seen;
    ASSERT_TRUE(Feed(reader, absl::string_view(bytes).substr(0, size), seen).ok());
    const bool whole = size == 8 || size == 8 + 13 || size == bytes.size();
    EXPECT_EQ(reader.between_frames(), whole) << size;
  }
}

TEST(FrameTest, ALargeBodyIsReadStraightIntoItsString) {
  FrameReader reader("");
  Seen seen;
  const std::string bytes = EncodeGreeting("") + FrameOf(std::string(200'000, 'x'));
  ASSERT_TRUE(Feed(reader, absl::string_view(bytes).substr(0, 100), seen).ok());
  const auto room = reader.Room();
  EXPECT_EQ(room[0].size(), bytes.size() - 100);
  EXPECT_GT(room[1].size(), 0u) << "and what follows it in the same read";
}

TEST(FrameTest, MemoryGrowsWithWhatHasComeNotWithWhatIsClaimed) {
  FrameReader reader("");
  Seen seen;
  std::string header = FrameOf("");
  const uint32_t claimed = kFrameBytesMax;
  std::memcpy(header.data(), &claimed, 4);
  ASSERT_TRUE(Feed(reader, EncodeGreeting("") + header, seen).ok());
  EXPECT_LE(reader.Room()[0].size(), size_t{1} << 20);
  EXPECT_EQ(reader.Room()[1].size(), 0u);
}

struct Refused {
  std::string bytes;
  std::string reason;
};

TEST(FrameTest, WhatIsWrongIsNamed) {
  std::string other_version = EncodeGreeting("token");
  other_version[4] = 9;
  std::string long_token = EncodeGreeting("token");
  long_token[7] = '\x7f';
  std::string damaged = FrameOf("hello");
  damaged.back() ^= 1;
  std::string too_long = FrameOf("hello");
  too_long[2] = 1;
  const std::string greeting = EncodeGreeting("token");
  for (const Refused& each : std::vector<Refused>{
           {"GET / HTTP/1.1\r\n\r\n", "not those of pyflinkpp: 'GET '"},
           {"PX", "not those of pyflinkpp"},
           {other_version, "version 9 of the protocol, this process version 1"},
           {long_token, "its token has 32517 bytes; 1024 are the most"},
           {EncodeGreeting("tokem"), "its token is not the one"},
           {EncodeGreeting("toke"), "its token is not the one"},
           {EncodeGreeting(""), "its token is not the one"},
           {greeting + damaged, "a frame of 5 bytes has not the checksum"},
           {greeting + too_long, "claims to have 65541 bytes; 1000 are the most"},
       }) {
    FrameReader reader("token", /*frame_bytes_max=*/1000);
    Seen seen;
    const absl::Status taken = Feed(reader, each.bytes, seen);
    EXPECT_THAT(std::string(taken.message()), HasSubstr(each.reason));
    EXPECT_THAT(seen.frames, ElementsAre());
  }
}

TEST(FrameTest, FramesBeforeADamagedOneCount) {
  FrameReader reader("");
  Seen seen;
  std::string damaged = FrameOf("bad");
  damaged[5] ^= 1;
  EXPECT_FALSE(Feed(reader, EncodeGreeting("") + FrameOf("good") + damaged, seen).ok());
  EXPECT_THAT(seen.frames, ElementsAre("good"));
}

// Bits flipped, pieces cut out or repeated, garbage put in: what comes out is a prefix of what was
// sent, or an error that says why.
TEST(FrameTest, MutationsNeverPassAndNeverHarm) {
  std::mt19937 random(1);
  int refused = 0;
  for (int round = 0; round < 3'000; ++round) {
    std::vector<std::string> bodies;
    std::string bytes = EncodeGreeting("token");
    for (int i = 0; i < 4; ++i) {
      bodies.push_back(RandomBytes(random, random() % 200));
      bytes += FrameOf(bodies.back());
    }
    const size_t at = random() % bytes.size();
    const size_t size = random() % 20;
    switch (random() % 5) {
      case 0:
        bytes[at] = static_cast<char>(bytes[at] ^ (1 << (random() % 8)));
        break;
      case 1:
        bytes.erase(at, 1 + size);
        break;
      case 2:
        bytes.insert(at, RandomBytes(random, 1 + size));
        break;
      case 3:
        bytes.resize(at);
        break;
      default:
        bytes = RandomBytes(random, bytes.size());
    }
    FrameReader reader("token");
    Seen seen;
    const absl::Status taken = Feed(reader, bytes, seen, 1 + random() % 300);
    if (!taken.ok()) {
      ++refused;
      EXPECT_FALSE(taken.message().empty());
    }
    ASSERT_LE(seen.frames.size(), bodies.size());
    for (size_t i = 0; i < seen.frames.size(); ++i) ASSERT_EQ(seen.frames[i], bodies[i]);
  }
  EXPECT_GT(refused, 1'000);
}

}  // namespace
}  // namespace pyflinkpp
