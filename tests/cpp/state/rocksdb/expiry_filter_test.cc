#include "state/rocksdb/expiry_filter.h"

#include <gmock/gmock.h>
#include <unistd.h>

#include "absl/strings/str_cat.h"
#include "harness/test_env.h"
#include "rocksdb/write_batch.h"
#include "state/rocksdb/rocksdb_database.h"

namespace pyflinkpp {
namespace {

using testing::ElementsAre;

class ExpiryFilterTest : public testing::Test {
 protected:
  static std::string Timed(int64_t time, uint8_t nulls = 0) {
    std::string bytes;
    BinaryWriter out(bytes);
    out.Put(nulls);
    out.Put(time);
    out.PutBytes("value");
    return bytes;
  }
  void Put(const std::string& key, const std::string& value) {
    rocksdb::WriteBatch batch;
    ASSERT_TRUE(batch.Put(family_->handle, key, value).ok());
    ASSERT_TRUE(database_->Write(batch).ok());
  }
  // What is left when all files have been rewritten.
  std::vector<std::string> Compacted() {
    rocksdb::CompactRangeOptions options;
    options.bottommost_level_compaction = rocksdb::BottommostLevelCompaction::kForce;
    EXPECT_TRUE(database_->db().CompactRange(options, family_->handle, nullptr, nullptr).ok());
    std::vector<std::string> keys;
    const std::unique_ptr<rocksdb::Iterator> cursor(
        database_->db().NewIterator(rocksdb::ReadOptions(), family_->handle));
    for (cursor->SeekToFirst(); cursor->Valid(); cursor->Next())
      keys.push_back(cursor->key().ToString());
    return keys;
  }
  void SetUp() override {
    auto database = RocksDbDatabase::Create(
        absl::StrCat(testing::TempDir(), "pfpp-expiry-", ::getpid()), /*incremental=*/false,
        /*memory=*/nullptr, /*env=*/nullptr, &clock_);
    ASSERT_TRUE(database.ok()) << database.status();
    database_ = *std::move(database);
    idl::KeyedStateDescription description;
    description.name = "state";
    auto family = database_->AddFamily(description);
    ASSERT_TRUE(family.ok());
    family_ = *family;
  }

  harness::ManualClock clock_;
  std::shared_ptr<RocksDbDatabase> database_;
  RocksDbDatabase::Family* family_ = nullptr;
};

TEST_F(ExpiryFilterTest, CompactionDropsWhatHasExpired) {
  const int64_t now = clock_.NowMillis();
  Put("long ago", Timed(now - 5'000));
  Put("just now", Timed(now - 1'000));
  Put("older and newer", Timed(now - 5'000));
  Put("older and newer", Timed(now));
  family_->filter->SetTimeToLive(1'001);
  EXPECT_THAT(Compacted(), ElementsAre("just now", "older and newer"));
  clock_.AdvanceMillis(1);
  EXPECT_THAT(Compacted(), ElementsAre("older and newer"));
}

TEST_F(ExpiryFilterTest, WithoutATimeToLiveNothingExpires) {
  Put("long ago", Timed(0));
  EXPECT_THAT(Compacted(), ElementsAre("long ago"));
}

TEST_F(ExpiryFilterTest, AValueWithoutATimeStays) {
  family_->filter->SetTimeToLive(1);
  Put("a null", Timed(0, /*nulls=*/1));
  Put("short", "abc");
  EXPECT_THAT(Compacted(), ElementsAre("a null", "short"));
}

}  // namespace
}  // namespace pyflinkpp
