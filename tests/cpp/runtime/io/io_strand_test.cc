#include "runtime/io/io_strand.h"

#include <gmock/gmock.h>

#include <memory>
#include <vector>

#include "core/base/status.h"
#include "runtime/connectors/file/file_test_env.h"

namespace pyflinkpp::file_test {
namespace {

using testing::ElementsAre;

TEST(IoStrandTest, InOrderAndUntilTheFirstFailure) {
  StepExecutor io;
  int progress = 0;
  auto strand = std::make_shared<IoStrand>(io, [&] { ++progress; });
  std::vector<int> done;
  const auto work = [&](int number, bool good) {
    return [&done, number, good] {
      done.push_back(number);
      return good ? absl::OkStatus() : ExternalError("bad " + std::to_string(number));
    };
  };
  EXPECT_TRUE(strand->Below(1));
  strand->Post(work(1, true));
  strand->Post(work(2, true));
  EXPECT_EQ(io.waiting(), 1u);
  EXPECT_TRUE(strand->Below(3));
  EXPECT_FALSE(strand->Below(2));
  io.RunAll();
  EXPECT_EQ(progress, 1);
  EXPECT_TRUE(strand->Below(1));
  strand->Post(work(3, false));
  strand->Post(work(4, false));
  strand->PostAlways([&] { done.push_back(5); });
  EXPECT_FALSE(strand->Below(1));
  std::weak_ptr<IoStrand> weak = strand;
  auto status = [weak] { return weak.lock()->status(); };
  EXPECT_TRUE(status().ok());
  io.RunAll();
  EXPECT_EQ(progress, 2);
  EXPECT_THAT(done, ElementsAre(1, 2, 3, 5));
  EXPECT_EQ(status().message(), "bad 3");
  // What was posted is done after its owner is gone.
  strand->PostAlways([&] { done.push_back(6); });
  strand = nullptr;
  io.RunAll();
  EXPECT_EQ(done.back(), 6);
  EXPECT_TRUE(weak.expired());
}

}  // namespace
}  // namespace pyflinkpp::file_test
