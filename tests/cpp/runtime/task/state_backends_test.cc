#include "runtime/task/state_backends.h"

#include <gmock/gmock.h>
#include <unistd.h>

#include "absl/strings/str_cat.h"
#include "core/base/status.h"
#include "core/types/native_serializers.h"
#include "harness/batches.h"
#include "harness/test_env.h"
#include "runtime/task/keyed_state_file.h"
#include "sim/model_backend.h"
#include "sim/sim_file_system.h"

namespace pyflinkpp {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::IsEmpty;

class StateBackendsTest : public testing::Test {
 protected:
  StateBackendsTest() {
    registry_.state_backends[sim::kModelBackend] = sim::ModelBackends(counts_);
  }

  KeyedStateBackendPlan Plan(const std::string& name) {
    return PlanKeyedState(env_, configuration_, {0, 7}, 8, name);
  }
  // A snapshot of files with one entry.
  idl::KeyedStateHandle Saved() {
    configuration_["state.backend.type"] = sim::kModelBackend;
    auto backend = MakeKeyedStateBackend(registry_, Plan("first"));
    PFPP_CHECK(backend.ok());
    auto state = (*backend)->CreateValueState("numbers", LongSerializer());
    bool found;
    *reinterpret_cast<int64_t*>(*(*state)->FindOrInsert(harness::KeyOf("key"), &found)) = 5;
    PFPP_CHECK((*state)->Flush().ok());
    auto snapshot = (*backend)->SnapshotFiles();
    KeyedStateFile file(files_, test_env_.io,
                        {.directory = "/c/chk-1", .shared_directory = "/c/shared", .name = "op"});
    PFPP_CHECK(*(*snapshot)->WriteSome(file));
    idl::KeyedStateHandle handle;
    file.Finish([&](const absl::StatusOr<WrittenState>& written) { handle = written->handle; });
    RunWorks();
    return handle;
  }
  void RunWorks() {
    while (test_env_.io.RunOne()) {
    }
  }

  harness::TestEnv test_env_;
  sim::SimFileSystem files_{[] { return true; }};
  Env env_{test_env_.clock, test_env_.random,  files_,
           test_env_.io,    test_env_.console, test_env_.loops};
  sim::ModelBackendCounts counts_;
  OperatorRegistry registry_;
  std::map<std::string, std::string> configuration_;
};

TEST_F(StateBackendsTest, ABackendIsRestoredFromItsFilesAndNothingElseIsLeft) {
  const idl::KeyedStateHandle saved = Saved();
  ASSERT_TRUE(saved.__isset.backend);
  auto backend = RestoreKeyedStateBackend(registry_, Plan("second"), {saved});
  ASSERT_TRUE(backend.ok()) << backend.status();
  auto state = (*backend)->CreateValueState("numbers", LongSerializer());
  ASSERT_TRUE(state.ok()) << state.status();
  const auto row = (*state)->Find(harness::KeyOf("key"));
  ASSERT_TRUE(row.ok() && *row != nullptr);
  EXPECT_EQ(*reinterpret_cast<const int64_t*>(*row), 5);
  state->reset();
  backend->reset();
  RunWorks();
  EXPECT_THAT(files_.FilesBelow("/tmp"), IsEmpty());
}

TEST_F(StateBackendsTest, FilesOfAnotherBackendAreRefusedWithTheRemedy) {
  const idl::KeyedStateHandle saved = Saved();
  for (const char* type : {"hashmap", "rocksdb"}) {
    configuration_["state.backend.type"] = type;
    const auto backend = RestoreKeyedStateBackend(registry_, Plan("second"), {saved});
    EXPECT_THAT(std::string(backend.status().message()),
                AllOf(HasSubstr("'model'"), HasSubstr(type), HasSubstr("savepoint")));
    EXPECT_EQ(FailureOf(backend.status()).kind, idl::FaultKind::USER);
  }
  RunWorks();
  EXPECT_THAT(files_.FilesBelow("/tmp"), IsEmpty());
}

TEST_F(StateBackendsTest, NothingIsLeftWhenAFileIsDamaged) {
  const idl::KeyedStateHandle saved = Saved();
  files_.Flip(saved.backend.files.back().file.path, 3);
  EXPECT_THAT(
      std::string(RestoreKeyedStateBackend(registry_, Plan("second"), {saved}).status().message()),
      HasSubstr("is damaged"));
  RunWorks();
  EXPECT_THAT(files_.FilesBelow("/tmp"), IsEmpty());
}

TEST_F(StateBackendsTest, AnUnknownOneIsNamed) {
  configuration_["state.backend.type"] = "paper";
  EXPECT_THAT(std::string(MakeKeyedStateBackend(registry_, Plan("x")).status().message()),
              HasSubstr("'paper'"));
}

TEST_F(StateBackendsTest, RocksDbTakesTheMemoryThatIsConfigured) {
  configuration_["state.backend.type"] = "rocksdb";
  configuration_["state.backend.rocksdb.localdir"] = testing::TempDir();
  configuration_["taskmanager.memory.managed.size"] = "64 MB";
  configuration_["state.backend.rocksdb.memory.write-buffer-ratio"] = "0.25";
  const auto backend = MakeKeyedStateBackend(registry_, Plan(absl::StrCat("memory-", ::getpid())));
  EXPECT_TRUE(backend.ok()) << backend.status();
}

TEST_F(StateBackendsTest, MemoryThatIsNoneIsRefused) {
  configuration_["state.backend.type"] = "rocksdb";
  const std::pair<const char*, const char*> kWrong[] = {
      {"taskmanager.memory.managed.size", "a lot"},
      {"taskmanager.memory.managed.size", "1023 kb"},
      {"state.backend.rocksdb.memory.fixed-per-tm", "0"},
      {"state.backend.rocksdb.memory.fixed-per-slot", "64 mb"},
      {"state.backend.rocksdb.memory.write-buffer-ratio", "2"},
      {"state.backend.rocksdb.memory.high-prio-pool-ratio", "nan"},
  };
  for (const auto& [key, value] : kWrong) {
    const auto before = configuration_;
    configuration_[key] = value;
    const auto backend = MakeKeyedStateBackend(registry_, Plan("wrong"));
    ASSERT_FALSE(backend.ok()) << key;
    EXPECT_THAT(std::string(backend.status().message()), HasSubstr(key));
    configuration_ = before;
  }
}

}  // namespace
}  // namespace pyflinkpp
