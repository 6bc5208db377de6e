#include "state/rocksdb/rocksdb_keyed_state_backend.h"

#include <filesystem>

#include "absl/strings/str_replace.h"
#include "state/keyed/keyed_state_backend_conformance.h"

namespace pyflinkpp {
namespace {

namespace fs = std::filesystem;

std::string FreshDirectory() {
  static int count = 0;
  const auto* test = testing::UnitTest::GetInstance()->current_test_info();
  const std::string name = absl::StrReplaceAll(test->name(), {{"/", "-"}});
  const fs::path path =
      fs::path(testing::TempDir()) / absl::StrCat("pfpp-rocksdb-", name, "-", ++count);
  fs::remove_all(path);
  return path;
}

std::unique_ptr<KeyedStateBackend> OpenFresh(KeyGroupRange groups, int max_parallelism) {
  auto backend = OpenRocksDbKeyedStateBackend(
      {.key_groups = groups, .max_parallelism = max_parallelism, .directory = FreshDirectory()});
  PFPP_CHECK(backend.ok());
  return *std::move(backend);
}

INSTANTIATE_TEST_SUITE_P(RocksDb, KeyedStateBackendConformance,
                         testing::Values(BackendFactory{"rocksdb", OpenFresh}),
                         [](const auto&) { return std::string("Backend"); });

// A budget that holds a few rows only: everything is written back and read again all the time.
std::unique_ptr<KeyedStateBackend> OpenTiny(KeyGroupRange groups, int max_parallelism) {
  auto backend = OpenRocksDbKeyedStateBackend({.key_groups = groups,
                                               .max_parallelism = max_parallelism,
                                               .directory = FreshDirectory(),
                                               .memory = {.managed = false, .bytes = 2'000}});
  PFPP_CHECK(backend.ok());
  return *std::move(backend);
}

INSTANTIATE_TEST_SUITE_P(RocksDbTinyCache, KeyedStateBackendConformance,
                         testing::Values(BackendFactory{"rocksdb", OpenTiny}),
                         [](const auto&) { return std::string("Backend"); });

TEST(RocksDbKeyedStateBackendTest, DeletesItsDirectory) {
  const std::string directory = FreshDirectory();
  auto backend = OpenRocksDbKeyedStateBackend(
      {.key_groups = {0, 7}, .max_parallelism = 8, .directory = directory});
  ASSERT_TRUE(backend.ok()) << backend.status();
  auto state = (*backend)->CreateValueState("numbers", LongSerializer());
  ASSERT_TRUE(state.ok()) << state.status();
  EXPECT_TRUE(fs::exists(directory));
  backend->reset();
  EXPECT_TRUE(fs::exists(directory)) << "the state outlives its backend";
  state->reset();
  EXPECT_FALSE(fs::exists(directory));
}

TEST(RocksDbKeyedStateBackendTest, NamesTheDirectoryThatItCannotOpen) {
  const auto backend = OpenRocksDbKeyedStateBackend(
      {.key_groups = {0, 7}, .max_parallelism = 8, .directory = "/dev/null/state"});
  ASSERT_FALSE(backend.ok());
  EXPECT_THAT(std::string(backend.status().message()), testing::HasSubstr("/dev/null/state"));
}

}  // namespace
}  // namespace pyflinkpp
