#include "runtime/network/result_partition.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <iterator>
#include <memory>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "core/graph/key_groups.h"
#include "harness/barriers.h"
#include "harness/batches.h"
#include "harness/fake_channel.h"
#include "harness/test_env.h"
#include "harness/tracked_serializer.h"

namespace pyflinkpp {
namespace {

using harness::FakeChannel;
using harness::FarEnd;
using harness::LongRange;
using harness::Longs;
using harness::TrackedSerializer;
using harness::TrackedValues;
using idl::Partitioner;
using testing::ElementsAre;
using testing::IsEmpty;

class ResultPartitionTest : public testing::Test {
 protected:
  void Open(Partitioner::type partitioner, size_t channels, int max_parallelism = 128,
            bool blocking = false) {
    partition_.reset();
    sinks_ = std::vector<FarEnd>(channels);
    idl::OutputDescriptor descriptor;
    descriptor.partitioner = partitioner;
    descriptor.max_parallelism = max_parallelism;
    descriptor.target_parallelism = static_cast<int>(channels);
    if (blocking) descriptor.__set_blocking(true);
    std::vector<std::unique_ptr<OutputChannel>> ends;
    for (size_t i = 0; i < channels; ++i) {
      descriptor.targets.push_back(static_cast<int>(i));
      ends.push_back(std::make_unique<FakeChannel>(sinks_[i]));
    }
    partition_ = std::make_unique<ResultPartition>(descriptor, std::move(ends), random_);
  }
  void Write(std::unique_ptr<RecordBatch> batch) {
    const absl::Status status = partition_->Write(std::move(batch));
    ASSERT_TRUE(status.ok()) << status;
  }
  // What a channel has got so far.
  std::vector<std::string> Got(size_t channel) {
    for (const StreamElement& element : sinks_[channel].elements) {
      if (const auto* batch = std::get_if<std::unique_ptr<RecordBatch>>(&element)) {
        EXPECT_FALSE((*batch)->empty());
        EXPECT_LE((*batch)->size(), kBatchRecordsMax);
      }
    }
    return sinks_[channel].Texts();
  }

  harness::SeededRandom random_{7};
  std::vector<FarEnd> sinks_;
  std::unique_ptr<ResultPartition> partition_;
};

// ---- where records go ----

TEST_F(ResultPartitionTest, OneChannelGetsBatchesAsTheyAre) {
  for (const auto partitioner :
       {Partitioner::FORWARD, Partitioner::REBALANCE, Partitioner::RESCALE, Partitioner::SHUFFLE,
        Partitioner::BROADCAST, Partitioner::GLOBAL}) {
    Open(partitioner, 1);
    auto batch = Longs({1, 2});
    const RecordBatch* written = batch.get();
    Write(std::move(batch));
    ASSERT_EQ(sinks_[0].elements.size(), 1u) << "at once, without a flush";
    EXPECT_EQ(std::get<0>(sinks_[0].elements[0]).get(), written);
  }
}

TEST_F(ResultPartitionTest, AnEmptyBatchIsNotSent) {
  Open(Partitioner::FORWARD, 1);
  Write(Longs({}));
  EXPECT_THAT(sinks_[0].elements, IsEmpty());
}

TEST_F(ResultPartitionTest, GlobalMeansTheFirst) {
  Open(Partitioner::GLOBAL, 3);
  Write(Longs({1, 2}));
  Write(Longs({3}));
  EXPECT_THAT(Got(0), ElementsAre("1", "2", "3"));
  EXPECT_THAT(Got(1), IsEmpty());
  EXPECT_THAT(Got(2), IsEmpty());
}

TEST_F(ResultPartitionTest, RebalanceDealsRecordsInTurn) {
  for (const auto partitioner : {Partitioner::REBALANCE, Partitioner::RESCALE}) {
    for (const size_t channels : {2, 3, 5}) {
      Open(partitioner, channels);
      int64_t next = 0;
      for (const size_t size : {1, 4, 7, 30, 18}) {  // 60 records; borders of batches mean nothing
        Write(LongRange(next, size));
        next += static_cast<int64_t>(size);
      }
      partition_->Flush();
      std::set<int64_t> remainders;
      for (size_t channel = 0; channel < channels; ++channel) {
        const std::vector<std::string> got = Got(channel);
        ASSERT_EQ(got.size(), 60 / channels);
        const int64_t first = std::stoll(got[0]);
        remainders.insert(first);
        for (size_t i = 0; i < got.size(); ++i) {
          ASSERT_EQ(std::stoll(got[i]), first + static_cast<int64_t>(i * channels));
        }
      }
      EXPECT_EQ(remainders.size(), channels);
      EXPECT_EQ(*remainders.rbegin(), static_cast<int64_t>(channels) - 1);
    }
  }
}

TEST_F(ResultPartitionTest, RebalanceStartsAnywhere) {
  std::set<size_t> starts;
  for (int i = 0; i < 50; ++i) {
    Open(Partitioner::REBALANCE, 4);
    Write(Longs({0}));
    partition_->Flush();
    for (size_t channel = 0; channel < 4; ++channel) {
      if (!Got(channel).empty()) starts.insert(channel);
    }
  }
  EXPECT_EQ(starts.size(), 4u) << "else many producers of few records all feed the first target";
}

TEST_F(ResultPartitionTest, HashFollowsTheKeyGroups) {
  for (const int max_parallelism : {5, 128, 1000}) {
    Open(Partitioner::HASH, 5, max_parallelism);
    std::vector<std::vector<std::string>> expected(5);
    for (int round = 0; round < 4; ++round) {
      std::vector<std::pair<std::string, int64_t>> records;
      for (int i = 0; i < 100; ++i) {
        const std::string word = "key " + std::to_string(i % 37);
        records.emplace_back(word, i);
        const int group = KeyGroupOf(MurmurHash(word), max_parallelism);
        expected[SubtaskOfKeyGroup(group, 5, max_parallelism)].push_back("(" + word + "," +
                                                                         std::to_string(i) + ")");
      }
      Write(harness::KeyedCounted(records));
    }
    partition_->Flush();
    for (size_t channel = 0; channel < 5; ++channel) {
      EXPECT_EQ(Got(channel), expected[channel]);
      for (const StreamElement& element : sinks_[channel].elements) {
        const auto& batch = std::get<0>(element);
        ASSERT_EQ(batch->keys().size(), batch->size()) << "keys go along";
        for (size_t i = 0; i < batch->size(); ++i) {
          EXPECT_EQ(batch->keys()[i].bytes(), batch->rows<CountedRow>()[i].word.view());
          EXPECT_TRUE(KeyGroupsOfSubtask(static_cast<int>(channel), 5, max_parallelism)
                          .contains(KeyGroupOf(batch->keys()[i].hash, max_parallelism)));
        }
      }
    }
  }
}

TEST_F(ResultPartitionTest, CustomGoesWhereTheHashSays) {
  Open(Partitioner::CUSTOM, 3);
  auto batch = LongRange(0, 6);
  for (const uint32_t target : {2, 0, 2, 1, 1, 2}) batch->keys().push_back({nullptr, 0, target});
  Write(std::move(batch));
  partition_->Flush();
  EXPECT_THAT(Got(0), ElementsAre("1"));
  EXPECT_THAT(Got(1), ElementsAre("3", "4"));
  EXPECT_THAT(Got(2), ElementsAre("0", "2", "5"));
}

TEST_F(ResultPartitionTest, ShuffleReachesAllAboutEqually) {
  Open(Partitioner::SHUFFLE, 4);
  for (int i = 0; i < 20; ++i) Write(LongRange(i * 100, 100));
  partition_->Flush();
  size_t total = 0;
  for (size_t channel = 0; channel < 4; ++channel) {
    const std::vector<std::string> got = Got(channel);
    EXPECT_GT(got.size(), 400u);
    EXPECT_LT(got.size(), 600u);
    total += got.size();
    for (size_t i = 1; i < got.size(); ++i) EXPECT_LT(std::stoll(got[i - 1]), std::stoll(got[i]));
  }
  EXPECT_EQ(total, 2000u);
}

TEST_F(ResultPartitionTest, BroadcastGivesEachItsOwnCopy) {
  TrackedValues values;
  const auto serializer = std::make_shared<const TrackedSerializer>(values);
  Open(Partitioner::BROADCAST, 3);
  Write(TrackedSerializer::Batch(serializer, {"a", "b"}));
  EXPECT_EQ(values.live(), 6u);
  for (size_t channel = 0; channel < 3; ++channel) {
    EXPECT_THAT(Got(channel), ElementsAre("a", "b")) << "at once, without a flush";
    sinks_[channel].elements.clear();
    EXPECT_EQ(values.live(), 6u - 2 * (channel + 1));
  }
}

TEST_F(ResultPartitionTest, NothingIsLostOrDoubled) {
  std::mt19937 random(3);
  for (const auto partitioner : {Partitioner::REBALANCE, Partitioner::SHUFFLE, Partitioner::HASH}) {
    TrackedValues values;
    const auto serializer = std::make_shared<const TrackedSerializer>(values);
    Open(partitioner, 3);
    std::multiset<std::string> written, got;
    for (int round = 0; round < 30; ++round) {
      std::vector<std::string> texts;
      for (uint32_t i = random() % 100; i > 0; --i)
        texts.push_back(std::to_string(random() % 1000));
      written.insert(texts.begin(), texts.end());
      auto batch = TrackedSerializer::Batch(serializer, texts);
      harness::SetKeys(*batch, texts);
      Write(std::move(batch));
      if (random() % 4 == 0) partition_->Flush();
    }
    partition_->Flush();
    for (size_t channel = 0; channel < 3; ++channel) {
      for (std::string& text : Got(channel)) got.insert(std::move(text));
    }
    EXPECT_EQ(got, written);
    EXPECT_EQ(values.made(), written.size()) << "routing makes no copies";
    sinks_.clear();
    EXPECT_EQ(values.live(), 0u);
  }
}

// ---- gathering and flushing ----

TEST_F(ResultPartitionTest, FewRecordsWaitForAFlush) {
  Open(Partitioner::REBALANCE, 2);
  Write(Longs({1, 2}));
  Write(Longs({3, 4}));
  EXPECT_THAT(sinks_[0].elements, IsEmpty());
  EXPECT_THAT(sinks_[1].elements, IsEmpty());
  partition_->Flush();
  EXPECT_EQ(sinks_[0].elements.size(), 1u);
  EXPECT_EQ(sinks_[1].elements.size(), 1u);
  partition_->Flush();
  EXPECT_EQ(sinks_[0].elements.size(), 1u) << "nothing is left";
  Write(Longs({5, 6}));
  partition_->Flush();
  EXPECT_EQ(sinks_[0].elements.size(), 2u);
}

TEST_F(ResultPartitionTest, AFullBatchDoesNotWait) {
  Open(Partitioner::REBALANCE, 2);
  Write(LongRange(0, 2 * kBatchRecordsMax - 1));
  EXPECT_EQ(sinks_[0].elements.size() + sinks_[1].elements.size(), 1u);
  Write(Longs({-1}));
  for (FarEnd& sink : sinks_) {
    ASSERT_EQ(sink.elements.size(), 1u);
    EXPECT_EQ(std::get<0>(sink.elements[0])->size(), kBatchRecordsMax);
  }
}

TEST_F(ResultPartitionTest, ALargeBatchIsCutIntoFullOnes) {
  Open(Partitioner::CUSTOM, 2);
  auto batch = LongRange(0, 3 * kBatchRecordsMax + 5);
  batch->keys().assign(batch->size(), {nullptr, 0, 1});
  Write(std::move(batch));
  EXPECT_EQ(sinks_[1].elements.size(), 3u);
  partition_->Flush();
  ASSERT_EQ(sinks_[1].elements.size(), 4u);
  const std::vector<std::string> got = Got(1);
  ASSERT_EQ(got.size(), 3 * kBatchRecordsMax + 5);
  for (size_t i = 0; i < got.size(); ++i) ASSERT_EQ(got[i], std::to_string(i));
}

TEST_F(ResultPartitionTest, BatchesOfAnotherTypeOrShapeStayApartAndInOrder) {
  Open(Partitioner::CUSTOM, 2);
  const auto targeted = [](std::unique_ptr<RecordBatch> batch) {
    batch->keys().assign(batch->size(), {nullptr, 0, 0});
    return batch;
  };
  Write(targeted(Longs({1})));
  Write(targeted(harness::Strings({"two"})));
  auto timed = targeted(harness::Strings({"three"}));
  timed->timestamps() = {3};
  Write(std::move(timed));
  Write(targeted(Longs({4})));
  partition_->Flush();
  EXPECT_THAT(Got(0), ElementsAre("1", "two", "three", "4"));
  EXPECT_EQ(sinks_[0].elements.size(), 4u);
  EXPECT_FALSE(std::get<0>(sinks_[0].elements[1])->has_timestamps());
  EXPECT_THAT(std::get<0>(sinks_[0].elements[2])->timestamps(), ElementsAre(3));
}

// ---- control elements ----

TEST_F(ResultPartitionTest, ControlElementsGoToAllBehindTheData) {
  for (const auto partitioner :
       {Partitioner::REBALANCE, Partitioner::HASH, Partitioner::GLOBAL, Partitioner::BROADCAST}) {
    Open(partitioner, 2);
    const auto write = [&](const std::string& word) { Write(harness::KeyedCounted({{word, 1}})); };
    write("a");
    partition_->Broadcast(Watermark{5, false});
    write("b");
    partition_->Broadcast(harness::BarrierOf(1));
    partition_->Broadcast(EndOfInput{});
    std::vector<std::string> data;
    for (size_t channel = 0; channel < 2; ++channel) {
      std::vector<std::string> control;
      for (const std::string& each : Got(channel)) {
        (each[0] == '(' ? data : control).push_back(each);
        EXPECT_TRUE(each != "(a,1)" || control.empty());
        EXPECT_TRUE(each != "(b,1)" || control == std::vector<std::string>{"W5"});
      }
      EXPECT_THAT(control, ElementsAre("W5", "B1", "E"));
    }
    EXPECT_EQ(data.size(), partitioner == Partitioner::BROADCAST ? 4u : 2u);
  }
}

// ---- barriers that overtake ----

TEST_F(ResultPartitionTest, ABarrierNeedsNoCredit) {
  Open(Partitioner::FORWARD, 1);
  sinks_[0].credit = 0;
  partition_->Broadcast(harness::BarrierOf(1));
  EXPECT_THAT(Got(0), ElementsAre("B1"));
}

TEST_F(ResultPartitionTest, ABarrierOvertakesWhatWaits) {
  Open(Partitioner::REBALANCE, 2);
  sinks_[0].credit = 1;
  sinks_[1].credit = 0;
  Write(Longs({1, 2}));
  partition_->Flush();
  Write(Longs({3, 4}));  // gathered
  std::vector<std::string> overtaken;
  partition_->Overtake(harness::BarrierOf(1), [&](int target, const RecordBatch& batch) {
    for (const std::string& text : harness::TextsOf(batch))
      overtaken.push_back(std::to_string(target) + ":" + text);
  });
  for (size_t channel : {0, 1}) sinks_[channel].credit = 10;
  const std::vector<std::string> first = Got(0);
  partition_->Pump();
  std::vector<std::string> all;
  for (size_t channel : {0, 1}) {
    const std::vector<std::string> got = Got(channel);
    const auto barrier = std::find(got.begin(), got.end(), "B1");
    ASSERT_NE(barrier, got.end());
    for (auto text = std::next(barrier); text != got.end(); ++text)
      all.push_back(std::to_string(channel) + ":" + *text);
  }
  EXPECT_EQ(overtaken, all) << "each that came behind the barrier was told, in order";
  EXPECT_EQ(overtaken.size(), 3u);
  EXPECT_EQ(first.size(), 2u) << "one element had credit";
}

TEST_F(ResultPartitionTest, ABarrierThatWaitsOvertakesLater) {
  Open(Partitioner::FORWARD, 1);
  sinks_[0].credit = 0;
  Write(Longs({1}));
  partition_->Broadcast(harness::BarrierOf(1));
  Write(Longs({2}));
  EXPECT_TRUE(partition_->Waits(1));
  EXPECT_THAT(Got(0), IsEmpty());
  std::vector<int64_t> overtaken;
  partition_->OvertakeLate(harness::BarrierOf(1), [&](int, const RecordBatch& batch) {
    overtaken.push_back(batch.rows<int64_t>()[0]);
  });
  EXPECT_THAT(overtaken, ElementsAre(1)) << "what was written behind it is not overtaken";
  EXPECT_THAT(Got(0), ElementsAre("B1"));
  EXPECT_FALSE(partition_->Waits(1));
  sinks_[0].credit = 2;
  partition_->Pump();
  EXPECT_THAT(Got(0), ElementsAre("B1", "1", "2"));
}

TEST_F(ResultPartitionTest, CheckpointsStayInOrder) {
  Open(Partitioner::FORWARD, 1);
  sinks_[0].credit = 0;
  Write(Longs({1}));
  partition_->Broadcast(harness::BarrierOf(1));
  Write(Longs({2}));
  std::vector<int64_t> overtaken;
  partition_->Overtake(harness::BarrierOf(2), [&](int, const RecordBatch& batch) {
    overtaken.push_back(batch.rows<int64_t>()[0]);
  });
  EXPECT_THAT(overtaken, ElementsAre(2));
  sinks_[0].credit = 2;
  partition_->Pump();
  EXPECT_THAT(Got(0), ElementsAre("1", "B1", "B2", "2"));
}

TEST_F(ResultPartitionTest, ABarrierOvertakesTheEndWhileThatWaits) {
  Open(Partitioner::FORWARD, 1);
  sinks_[0].credit = 0;
  Write(Longs({1}));
  partition_->Broadcast(EndOfInput{});
  int overtaken = 0;
  const auto count = [&](int, const RecordBatch&) { ++overtaken; };
  partition_->Overtake(harness::BarrierOf(1), count);
  EXPECT_EQ(overtaken, 1);
  sinks_[0].credit = 2;
  partition_->Pump();
  partition_->Overtake(harness::BarrierOf(2), count);
  EXPECT_THAT(Got(0), ElementsAre("B1", "1", "E")) << "nothing follows the end";
}

TEST_F(ResultPartitionTest, ABarrierThatWaitsCanBeForgotten) {
  Open(Partitioner::FORWARD, 1);
  sinks_[0].credit = 0;
  Write(Longs({1}));
  partition_->Broadcast(harness::BarrierOf(1));
  partition_->Forget(1);
  sinks_[0].credit = 1;
  EXPECT_FALSE(partition_->Pump());
  EXPECT_THAT(Got(0), ElementsAre("1"));
}

// ---- credit ----

TEST_F(ResultPartitionTest, WithoutCreditElementsWaitInOrder) {
  Open(Partitioner::FORWARD, 1);
  sinks_[0].credit = 1;
  EXPECT_FALSE(partition_->Pump());
  Write(Longs({1}));
  EXPECT_FALSE(partition_->Pump()) << "nothing waits";
  Write(Longs({2}));
  partition_->Broadcast(Watermark{3, false});
  Write(Longs({4}));
  EXPECT_TRUE(partition_->Pump());
  EXPECT_THAT(Got(0), ElementsAre("1"));
  sinks_[0].credit = 2;
  EXPECT_TRUE(partition_->Pump());
  EXPECT_THAT(Got(0), ElementsAre("1", "2", "W3"));
  Write(Longs({5}));  // behind what waits, also with credit
  sinks_[0].credit = 10;
  Write(Longs({6}));
  EXPECT_FALSE(partition_->Pump());
  EXPECT_THAT(Got(0), ElementsAre("1", "2", "W3", "4", "5", "6"));
}

TEST_F(ResultPartitionTest, OneChannelWithoutCreditBlocksThePartitionAndNotTheOthers) {
  Open(Partitioner::BROADCAST, 2);
  sinks_[1].credit = 0;
  Write(Longs({1}));
  EXPECT_TRUE(partition_->Pump());
  EXPECT_THAT(Got(0), ElementsAre("1"));
  EXPECT_THAT(Got(1), IsEmpty());
  sinks_[1].credit = 1;
  EXPECT_FALSE(partition_->Pump());
  EXPECT_THAT(Got(1), ElementsAre("1"));
}

TEST_F(ResultPartitionTest, GatheringNeedsNoCredit) {
  Open(Partitioner::REBALANCE, 2);
  sinks_[0].credit = sinks_[1].credit = 0;
  Write(Longs({1, 2}));
  EXPECT_FALSE(partition_->Pump());
  partition_->Flush();
  EXPECT_TRUE(partition_->Pump());
  sinks_[0].credit = sinks_[1].credit = 1;
  EXPECT_FALSE(partition_->Pump());
  EXPECT_EQ(Got(0).size() + Got(1).size(), 2u);
}

// Random credit, writes and flushes: per channel the order of what was written is kept.
TEST_F(ResultPartitionTest, TheOrderWithinAChannelIsKeptUnderRandomCredit) {
  for (uint32_t seed = 0; seed < 40; ++seed) {
    std::mt19937 random(seed);
    Open(Partitioner::CUSTOM, 3);
    for (FarEnd& sink : sinks_) sink.credit = 0;
    std::vector<std::vector<std::string>> expected(3);
    int64_t next = 0;
    for (int step = 0; step < 60; ++step) {
      switch (random() % 5) {
        case 0:
        case 1: {
          auto batch = LongRange(next, random() % 40);
          for (size_t i = 0; i < batch->size(); ++i) {
            const uint32_t target = random() % 3;
            batch->keys().push_back({nullptr, 0, target});
            expected[target].push_back(std::to_string(next++));
          }
          Write(std::move(batch));
          break;
        }
        case 2:
          partition_->Flush();
          break;
        case 3:
          partition_->Broadcast(Watermark{step, false});
          for (auto& channel : expected) channel.push_back("W" + std::to_string(step));
          break;
        case 4:
          for (FarEnd& sink : sinks_) sink.credit += static_cast<int>(random() % 2);
          partition_->Pump();
          break;
      }
    }
    for (FarEnd& sink : sinks_) sink.credit += 1000;
    partition_->Flush();
    ASSERT_FALSE(partition_->Pump());
    for (size_t channel = 0; channel < 3; ++channel)
      ASSERT_EQ(Got(channel), expected[channel]) << "seed " << seed;
  }
}

// ---- blocking exchanges ----

TEST_F(ResultPartitionTest, ABlockingExchangeTakesFullBatches) {
  Open(Partitioner::REBALANCE, 2, 128, /*blocking=*/true);
  Write(LongRange(0, 10));
  partition_->Flush();
  EXPECT_THAT(Got(0), IsEmpty()) << "nobody waits for it";
  Write(LongRange(10, 2 * kBatchRecordsMax));
  EXPECT_THAT(Got(0), testing::SizeIs(kBatchRecordsMax));
  partition_->Broadcast(EndOfInput{});
  EXPECT_THAT(Got(0), testing::SizeIs(kBatchRecordsMax + 6)) << "5 records and the end";
}

TEST_F(ResultPartitionTest, SmallBatchesForABlockingExchangeAreGathered) {
  Open(Partitioner::FORWARD, 1, 128, /*blocking=*/true);
  std::vector<std::string> expected;
  for (int64_t i = 0; i < 100; ++i) {
    Write(Longs({i}));
    expected.push_back(std::to_string(i));
  }
  EXPECT_THAT(sinks_[0].elements, IsEmpty());
  Write(LongRange(100, kBatchRecordsMax));
  for (int64_t i = 100; i < 1100; ++i) expected.push_back(std::to_string(i));
  Write(Longs({1100}));
  expected.insert(expected.end(), {"1100", "E"});
  partition_->Broadcast(EndOfInput{});
  EXPECT_THAT(sinks_[0].elements, testing::SizeIs(4)) << "in the order in which they came";
  EXPECT_EQ(Got(0), expected);
}

TEST_F(ResultPartitionTest, OfWatermarksABlockingExchangeTakesTheLast) {
  Open(Partitioner::FORWARD, 1, 128, /*blocking=*/true);
  partition_->Broadcast(Watermark{5, false});
  partition_->Broadcast(Watermark{5, true});
  Write(Longs({1}));
  partition_->Broadcast(Watermark{kMaxTimestamp, false});
  partition_->Broadcast(EndOfInput{});
  EXPECT_THAT(Got(0), ElementsAre("1", "Wmax", "E"));
}

TEST_F(ResultPartitionTest, TheEndOfABlockingExchangeWaitsUntilAllIsSettled) {
  Open(Partitioner::REBALANCE, 2, 128, /*blocking=*/true);
  sinks_[1].settled = false;
  Write(Longs({1, 2}));
  EXPECT_FALSE(partition_->Pump()) << "nothing waits for it before the end";
  partition_->Broadcast(EndOfInput{});
  EXPECT_TRUE(partition_->Pump());
  sinks_[1].settled = true;
  EXPECT_FALSE(partition_->Pump());
}

TEST_F(ResultPartitionTest, AChannelsFailureIsThePartitions) {
  Open(Partitioner::REBALANCE, 2, 128, /*blocking=*/true);
  EXPECT_TRUE(partition_->status().ok());
  sinks_[1].status = absl::DataLossError("disk full");
  EXPECT_EQ(partition_->status(), absl::DataLossError("disk full"));
}

}  // namespace
}  // namespace pyflinkpp
