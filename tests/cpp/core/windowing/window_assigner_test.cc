#include "core/windowing/window_assigner.h"

#include <gmock/gmock.h>

#include <random>
#include <vector>

#include "absl/strings/match.h"
#include "core/base/status.h"
#include "core/windowing/fake_context.h"
#include "core/windowing/session_windows.h"
#include "core/windowing/time_window_assigners.h"
#include "core/windowing/untimed_windows.h"
#include "core/windowing/window_plan.h"

namespace pyflinkpp {
namespace {

using harness::FakeAssignerContext;
using testing::ElementsAre;
using testing::IsEmpty;

std::vector<Window> Assign(WindowAssigner& assigner, int64_t timestamp, AssignerContext& context) {
  std::vector<Window> windows;
  const auto batch = harness::Longs({0});
  const absl::Status status = assigner.Assign(*batch, 0, timestamp, context, windows);
  EXPECT_TRUE(status.ok()) << status;
  return windows;
}
std::vector<Window> Assign(WindowAssigner& assigner, int64_t timestamp) {
  FakeAssignerContext context;
  return Assign(assigner, timestamp, context);
}

TEST(WindowAssignerTest, Tumbling) {
  const auto windows = *MakeTumblingWindows(1000, 0, true);
  EXPECT_TRUE(windows->event_time());
  EXPECT_FALSE(windows->merging());
  EXPECT_THAT(Assign(*windows, 0), ElementsAre(Window{0, 1000}));
  EXPECT_THAT(Assign(*windows, 999), ElementsAre(Window{0, 1000}));
  EXPECT_THAT(Assign(*windows, 1000), ElementsAre(Window{1000, 2000}));
  EXPECT_THAT(Assign(*windows, -1), ElementsAre(Window{-1000, 0}));
  EXPECT_THAT(Assign(*windows, -1000), ElementsAre(Window{-1000, 0}));
  EXPECT_THAT(Assign(*windows, -1001), ElementsAre(Window{-2000, -1000}));
  EXPECT_THAT(Assign(**MakeTumblingWindows(1000, 100, true), 50), ElementsAre(Window{-900, 100}));
  EXPECT_THAT(Assign(**MakeTumblingWindows(1000, -100, true), 950), ElementsAre(Window{900, 1900}));
}

TEST(WindowAssignerTest, Sliding) {
  const auto windows = *MakeSlidingWindows(10, 5, 0, true);
  EXPECT_THAT(Assign(*windows, 4), ElementsAre(Window{0, 10}, Window{-5, 5}));
  EXPECT_THAT(Assign(*windows, 5), ElementsAre(Window{5, 15}, Window{0, 10}));
  EXPECT_THAT(Assign(**MakeSlidingWindows(7, 3, 0, true), 6),
              ElementsAre(Window{6, 13}, Window{3, 10}, Window{0, 7}));
  EXPECT_THAT(Assign(**MakeSlidingWindows(10, 5, 2, true), -1),
              ElementsAre(Window{-3, 7}, Window{-8, 2}));
  const auto gaps = *MakeSlidingWindows(5, 10, 0, true);
  EXPECT_THAT(Assign(*gaps, 4), ElementsAre(Window{0, 5}));
  EXPECT_THAT(Assign(*gaps, 5), IsEmpty());
}

TEST(WindowAssignerTest, EveryTimeLiesInExactlyItsWindows) {
  std::mt19937 random(1);
  for (int i = 0; i < 300; ++i) {
    const int64_t slide = 1 + random() % 20;
    const int64_t size = 1 + random() % 40;
    const int64_t offset = static_cast<int64_t>(random() % (2 * slide - 1)) - slide + 1;
    const auto windows = *MakeSlidingWindows(size, slide, offset, true);
    const int64_t time = static_cast<int64_t>(random() % 200) - 100;
    std::vector<Window> expected;
    for (int64_t start = time; start > time - size; --start) {
      if ((start - offset) % slide == 0) expected.push_back({start, start + size});
    }
    EXPECT_EQ(Assign(*windows, time), expected);
  }
}

TEST(WindowAssignerTest, TheEndsOfTimeHaveWindows) {
  for (const auto& [size, slide] :
       {std::pair<int64_t, int64_t>{10, 10}, {10, 3}, {kMaxTimestamp, kMaxTimestamp}}) {
    const auto windows = *MakeSlidingWindows(size, slide, 0, true);
    for (const int64_t time :
         {kMinTimestamp + 1, kMinTimestamp + 12, kMaxTimestamp - 12, kMaxTimestamp - 1}) {
      const std::vector<Window> all = Assign(*windows, time);
      ASSERT_FALSE(all.empty());
      for (const Window& window : all) {
        EXPECT_LE(window.start, time);
        EXPECT_GE(window.max_timestamp(), time);
      }
    }
    EXPECT_FALSE(Assign(*windows, kMaxTimestamp).empty());
  }
}

TEST(WindowAssignerTest, ARunIsItsElementsOneByOne) {
  std::mt19937 random(2);
  for (const bool tumbling : {false, true}) {
    const auto windows =
        tumbling ? *MakeTumblingWindows(8, 3, true) : *MakeSlidingWindows(20, 8, 3, true);
    std::vector<int64_t> times;
    for (int i = 0; i < 100; ++i) times.push_back(static_cast<int64_t>(random() % 100) - 50);
    WindowRun run;
    for (size_t done = 0; done < times.size();) {
      run.Clear();
      ASSERT_TRUE(windows->AssignRun(std::span<const int64_t>(times).subspan(done), 10, run).ok());
      ASSERT_GT(run.elements(), 0u);
      ASSERT_LE(run.windows.size(), 12u);
      for (size_t e = 0; e < run.elements(); ++e) {
        EXPECT_EQ(std::vector<Window>(run.windows.begin() + static_cast<int64_t>(run.begin(e)),
                                      run.windows.begin() + run.ends[e]),
                  Assign(*windows, times[done + e]));
      }
      done += run.elements();
    }
  }
}

TEST(WindowAssignerTest, ARunStopsInFrontOfAnElementWithoutTimestamp) {
  const auto windows = *MakeTumblingWindows(10, 0, true);
  const std::vector<int64_t> times = {1, 2, kMinTimestamp, 3};
  WindowRun run;
  EXPECT_TRUE(windows->AssignRun(times, 64, run).ok());
  EXPECT_EQ(run.elements(), 2u);
  run.Clear();
  const absl::Status status =
      windows->AssignRun(std::span<const int64_t>(times).subspan(2), 64, run);
  EXPECT_EQ(FailureOf(status).kind, idl::FaultKind::USER);
}

TEST(WindowAssignerTest, ProcessingTimeIsTheClocks) {
  FakeAssignerContext context;
  context.now = 1234;
  EXPECT_THAT(Assign(**MakeTumblingWindows(1000, 0, false), kMinTimestamp, context),
              ElementsAre(Window{1000, 2000}));
  EXPECT_THAT(Assign(**MakeSessionWindows(10, false), 77, context),
              ElementsAre(Window{1234, 1244}));
}

TEST(WindowAssignerTest, Sessions) {
  const auto windows = *MakeSessionWindows(20, true);
  EXPECT_TRUE(windows->merging());
  EXPECT_THAT(Assign(*windows, -5), ElementsAre(Window{-5, 15}));
  EXPECT_THAT(Assign(*windows, kMaxTimestamp - 3),
              ElementsAre(Window{kMaxTimestamp - 3, kMaxTimestamp}));
}

TEST(WindowAssignerTest, TheGapOfAnElement) {
  class OwnGap final : public SessionGap {
    absl::StatusOr<int64_t> Of(const RecordBatch& batch, size_t i) override {
      return batch.rows<int64_t>()[i];
    }
  };
  const auto windows = MakeSessionWindows(std::make_unique<OwnGap>(), true);
  FakeAssignerContext context;
  std::vector<Window> assigned;
  const auto batch = harness::Longs({5, 7, 0});
  ASSERT_TRUE(windows->Assign(*batch, 0, 100, context, assigned).ok());
  ASSERT_TRUE(windows->Assign(*batch, 1, 100, context, assigned).ok());
  EXPECT_THAT(assigned, ElementsAre(Window{100, 105}, Window{100, 107}));
  EXPECT_EQ(FailureOf(windows->Assign(*batch, 2, 100, context, assigned)).kind,
            idl::FaultKind::USER);
}

TEST(WindowAssignerTest, GlobalAndCount) {
  EXPECT_THAT(Assign(*MakeGlobalWindows(), 5), ElementsAre(GlobalWindow()));
  FakeAssignerContext context;
  const auto tumbling = *MakeCountWindows(2, 2);
  EXPECT_THAT(Assign(*tumbling, 0, context), ElementsAre(CountWindow(0)));
  EXPECT_FALSE(tumbling->IsLastElementOf(CountWindow(0)));
  EXPECT_THAT(Assign(*tumbling, 0, context), ElementsAre(CountWindow(0)));
  EXPECT_TRUE(tumbling->IsLastElementOf(CountWindow(0)));
  EXPECT_THAT(Assign(*tumbling, 0, context), ElementsAre(CountWindow(1)));
  context.current_key = "j";
  EXPECT_THAT(Assign(*tumbling, 0, context), ElementsAre(CountWindow(0)));

  FakeAssignerContext sliding_context;
  const auto sliding = *MakeCountWindows(4, 2);
  for (const auto& expected : std::vector<std::vector<Window>>{{CountWindow(0)},
                                                               {CountWindow(0)},
                                                               {CountWindow(1), CountWindow(0)},
                                                               {CountWindow(1), CountWindow(0)},
                                                               {CountWindow(2), CountWindow(1)}}) {
    EXPECT_EQ(Assign(*sliding, 0, sliding_context), expected);
  }
}

TEST(WindowAssignerTest, ImpossibleWindowsAreTheUsersError) {
  for (const absl::Status& status :
       {MakeTumblingWindows(0, 0, true).status(), MakeTumblingWindows(10, 10, true).status(),
        MakeTumblingWindows(10, -10, true).status(), MakeSlidingWindows(10, 0, 0, true).status(),
        MakeSlidingWindows(0, 5, 0, true).status(), MakeSlidingWindows(10, 5, 5, true).status(),
        MakeSessionWindows(0, true).status(), MakeCountWindows(0, 1).status(),
        MakeCountWindows(1, 0).status()}) {
    EXPECT_EQ(FailureOf(status).kind, idl::FaultKind::USER) << status;
  }
}

TEST(WindowAssignerTest, MergesWhatIntersects) {
  class Merging final : public WindowAssigner {
   public:
    bool event_time() const override { return true; }
    absl::Status Assign(const RecordBatch&, size_t, int64_t, AssignerContext&,
                        std::vector<Window>&) override {
      return absl::OkStatus();
    }
  } assigner;
  WindowMerges merges;
  const std::vector<Window> windows = {{30, 40}, {0, 10},  {100, 110}, {10, 15},
                                       {35, 36}, {50, 60}, {0, 10},    {14, 20}};
  ASSERT_TRUE(assigner.MergeWindows(windows, merges).ok());
  ASSERT_EQ(merges.groups(), 2u);
  EXPECT_EQ(merges.results[0], (Window{0, 20}));
  EXPECT_THAT(merges.group(0), ElementsAre(Window{0, 10}, Window{10, 15}, Window{14, 20}));
  EXPECT_EQ(merges.results[1], (Window{30, 40}));
  EXPECT_THAT(merges.group(1), ElementsAre(Window{30, 40}, Window{35, 36}));
  ASSERT_TRUE(assigner.MergeWindows(std::vector<Window>{{0, 10}, {0, 10}, {20, 30}}, merges).ok());
  EXPECT_EQ(merges.groups(), 0u);
}

TEST(WindowAssignerTest, FromThePlan) {
  idl::WindowAssigner plan;
  plan.size = 4;
  plan.slide = 2;
  plan.event_time = true;
  const auto first = [&](idl::WindowAssignerKind::type kind) {
    plan.kind = kind;
    return Assign(**MakeWindowAssigner(plan), 5).front();
  };
  EXPECT_EQ(first(idl::WindowAssignerKind::TUMBLING), (Window{4, 8}));
  EXPECT_EQ(first(idl::WindowAssignerKind::SLIDING), (Window{4, 8}));
  EXPECT_EQ(first(idl::WindowAssignerKind::SESSION), (Window{5, 9}));
  EXPECT_EQ(first(idl::WindowAssignerKind::GLOBAL), GlobalWindow());
  EXPECT_EQ(first(idl::WindowAssignerKind::COUNT_TUMBLING), CountWindow(0));
  EXPECT_EQ(first(idl::WindowAssignerKind::COUNT_SLIDING), CountWindow(0));
  plan.kind = idl::WindowAssignerKind::PYTHON;
  EXPECT_TRUE(absl::IsUnimplemented(MakeWindowAssigner(plan).status()));
  plan.kind = idl::WindowAssignerKind::SESSION;
  plan.pickle = "extractor";
  EXPECT_TRUE(absl::IsUnimplemented(MakeWindowAssigner(plan).status()));
}

}  // namespace
}  // namespace pyflinkpp
