#include "core/windowing/trigger.h"

#include <gmock/gmock.h>

#include <vector>

#include "core/windowing/fake_context.h"
#include "core/windowing/window_plan.h"

namespace pyflinkpp {
namespace {

using harness::FakeTriggerContext;
using testing::ElementsAre;
using testing::IsEmpty;

constexpr TriggerResult kContinue = TriggerResult::kContinue;
constexpr TriggerResult kFire = TriggerResult::kFire;

TriggerResult OnElement(Trigger& trigger, FakeTriggerContext& context, int64_t timestamp = 0) {
  const auto batch = harness::Longs({0});
  return *trigger.OnElement(*batch, 0, timestamp, context);
}

TEST(TriggerTest, ResultsAreBits) {
  EXPECT_FALSE(Fires(TriggerResult::kContinue) || Purges(TriggerResult::kContinue));
  EXPECT_TRUE(Fires(TriggerResult::kFire) && !Purges(TriggerResult::kFire));
  EXPECT_TRUE(!Fires(TriggerResult::kPurge) && Purges(TriggerResult::kPurge));
  EXPECT_TRUE(Fires(TriggerResult::kFireAndPurge) && Purges(TriggerResult::kFireAndPurge));
}

TEST(TriggerTest, EventTime) {
  FakeTriggerContext context;
  const auto trigger = MakeEventTimeTrigger();
  EXPECT_EQ(OnElement(*trigger, context), kContinue);
  EXPECT_THAT(context.EventTimers(), ElementsAre(99));
  EXPECT_EQ(*trigger->OnEventTime(50, context), kContinue) << "another one's timer";
  EXPECT_EQ(*trigger->OnEventTime(99, context), kFire);
  EXPECT_EQ(*trigger->OnProcessingTime(99, context), kContinue);
  ASSERT_TRUE(trigger->Clear(context).ok());
  EXPECT_THAT(context.EventTimers(), IsEmpty());
  context.watermark = 98;
  EXPECT_EQ(OnElement(*trigger, context), kContinue);
  context.watermark = 99;
  EXPECT_EQ(OnElement(*trigger, context), kFire);

  context = FakeTriggerContext();
  ASSERT_TRUE(trigger->OnMerge({}, context).ok());
  EXPECT_THAT(context.EventTimers(), ElementsAre(99));
  context = FakeTriggerContext();
  context.watermark = 99;
  ASSERT_TRUE(trigger->OnMerge({}, context).ok());
  EXPECT_THAT(context.EventTimers(), IsEmpty()) << "the element that merged them fires";
}

TEST(TriggerTest, ProcessingTime) {
  FakeTriggerContext context;
  const auto trigger = MakeProcessingTimeTrigger();
  EXPECT_EQ(OnElement(*trigger, context), kContinue);
  EXPECT_THAT(context.ProcessingTimers(), ElementsAre(99));
  EXPECT_EQ(*trigger->OnProcessingTime(99, context), kFire);
  EXPECT_EQ(*trigger->OnEventTime(99, context), kContinue);
  ASSERT_TRUE(trigger->Clear(context).ok());
  EXPECT_THAT(context.ProcessingTimers(), IsEmpty());
  context.now = 99;
  ASSERT_TRUE(trigger->OnMerge({}, context).ok());
  EXPECT_THAT(context.ProcessingTimers(), IsEmpty());
  context.now = 98;
  ASSERT_TRUE(trigger->OnMerge({}, context).ok());
  EXPECT_THAT(context.ProcessingTimers(), ElementsAre(99));
}

TEST(TriggerTest, Count) {
  FakeTriggerContext context;
  const auto trigger = MakeCountTrigger(3);
  for (int round = 0; round < 2; ++round) {
    EXPECT_EQ(OnElement(*trigger, context), kContinue);
    EXPECT_EQ(OnElement(*trigger, context), kContinue);
    EXPECT_EQ(OnElement(*trigger, context), kFire);
    EXPECT_THAT(context.slots, IsEmpty());
  }
  OnElement(*trigger, context);
  ASSERT_TRUE(trigger->Clear(context).ok());
  EXPECT_THAT(context.slots, IsEmpty());
  EXPECT_EQ(OnElement(*MakeCountTrigger(1), context), kFire);
}

TEST(TriggerTest, CountsOfMergedWindowsAddUp) {
  FakeTriggerContext context;
  const auto trigger = MakeCountTrigger(5);
  const Window a{0, 10}, b{20, 30};
  context.current = a;
  OnElement(*trigger, context);
  OnElement(*trigger, context);
  context.current = b;
  OnElement(*trigger, context);
  context.current = {5, 30};
  ASSERT_TRUE(trigger->OnMerge(std::vector<Window>{a, b}, context).ok());
  EXPECT_EQ(OnElement(*trigger, context), kContinue);
  EXPECT_EQ(OnElement(*trigger, context), kFire);
}

TEST(TriggerTest, ContinuousEventTime) {
  FakeTriggerContext context;
  const auto trigger = MakeContinuousEventTimeTrigger(30);
  EXPECT_EQ(OnElement(*trigger, context, 35), kContinue);
  EXPECT_THAT(context.EventTimers(), ElementsAre(60, 99));
  EXPECT_EQ(OnElement(*trigger, context, 5), kContinue) << "the next firing is planned already";
  EXPECT_THAT(context.EventTimers(), ElementsAre(60, 99));
  context.event_timers.erase({0, 60});
  EXPECT_EQ(*trigger->OnEventTime(60, context), kFire);
  EXPECT_THAT(context.EventTimers(), ElementsAre(90, 99));
  EXPECT_EQ(*trigger->OnEventTime(70, context), kContinue);
  context.event_timers.erase({0, 90});
  EXPECT_EQ(*trigger->OnEventTime(90, context), kFire);
  EXPECT_THAT(context.EventTimers(), ElementsAre(99)) << "not behind the window's end";
  EXPECT_EQ(*trigger->OnEventTime(99, context), kFire);
  ASSERT_TRUE(trigger->Clear(context).ok());
  EXPECT_THAT(context.EventTimers(), IsEmpty());
  EXPECT_THAT(context.slots, IsEmpty());
  context.watermark = 99;
  EXPECT_EQ(OnElement(*trigger, context, 5), kFire);
}

// As PyFlink's trigger, whose remainder is Python's: the next multiple is behind the element.
TEST(TriggerTest, ContinuousEventTimeBelowZero) {
  FakeTriggerContext context;
  context.current = {-100, 0};
  const auto trigger = MakeContinuousEventTimeTrigger(30);
  OnElement(*trigger, context, -65);
  EXPECT_THAT(context.EventTimers(), ElementsAre(-60, -1));
}

TEST(TriggerTest, ContinuousTriggersOfMergedWindowsFireAtTheEarliest) {
  FakeTriggerContext context;
  const auto trigger = MakeContinuousEventTimeTrigger(30);
  const Window a{31, 80}, b{62, 100};
  for (const Window& window : {b, a}) {
    context.current = window;
    OnElement(*trigger, context, window.start);
  }
  context.current = {40, 100};  // a start of its own, so that the fake can tell it from the others
  ASSERT_TRUE(trigger->OnMerge(std::vector<Window>{a, b}, context).ok());
  EXPECT_THAT(context.EventTimers(), ElementsAre(60));
  for (const Window& window : {a, b}) {
    context.current = window;
    ASSERT_TRUE(trigger->Clear(context).ok());
    EXPECT_THAT(context.EventTimers(), IsEmpty());
  }
}

TEST(TriggerTest, ContinuousProcessingTime) {
  FakeTriggerContext context;
  const auto trigger = MakeContinuousProcessingTimeTrigger(30);
  context.now = 35;
  EXPECT_EQ(OnElement(*trigger, context), kContinue);
  EXPECT_THAT(context.ProcessingTimers(), ElementsAre(60));
  context.processing_timers.clear();
  EXPECT_EQ(*trigger->OnProcessingTime(60, context), kFire);
  EXPECT_THAT(context.ProcessingTimers(), ElementsAre(90));
  context.processing_timers.clear();
  EXPECT_EQ(*trigger->OnProcessingTime(90, context), kFire);
  EXPECT_THAT(context.ProcessingTimers(), ElementsAre(99));
  context.processing_timers.clear();
  EXPECT_EQ(*trigger->OnProcessingTime(99, context), kFire);
  EXPECT_THAT(context.ProcessingTimers(), IsEmpty()) << "the last one";
  EXPECT_EQ(*trigger->OnProcessingTime(99, context), kContinue);
}

TEST(TriggerTest, Never) {
  FakeTriggerContext context;
  const auto trigger = MakeNeverTrigger();
  EXPECT_EQ(OnElement(*trigger, context), kContinue);
  EXPECT_EQ(*trigger->OnEventTime(99, context), kContinue);
  EXPECT_EQ(*trigger->OnProcessingTime(99, context), kContinue);
  EXPECT_TRUE(trigger->can_merge());
  EXPECT_TRUE(trigger->OnMerge({}, context).ok());
  EXPECT_TRUE(trigger->Clear(context).ok());
}

TEST(TriggerTest, Purging) {
  FakeTriggerContext context;
  const auto trigger = MakePurgingTrigger(MakeEventTimeTrigger());
  EXPECT_TRUE(trigger->can_merge());
  EXPECT_FALSE(trigger->is_plain_event_time());
  EXPECT_EQ(OnElement(*trigger, context), kContinue);
  EXPECT_THAT(context.EventTimers(), ElementsAre(99));
  EXPECT_EQ(*trigger->OnEventTime(99, context), TriggerResult::kFireAndPurge);
  context.watermark = 99;
  EXPECT_EQ(OnElement(*trigger, context), TriggerResult::kFireAndPurge);
  ASSERT_TRUE(trigger->Clear(context).ok());
  EXPECT_THAT(context.EventTimers(), IsEmpty());
  EXPECT_EQ(*MakePurgingTrigger(MakeProcessingTimeTrigger())->OnProcessingTime(99, context),
            TriggerResult::kFireAndPurge);
}

TEST(TriggerTest, FromThePlan) {
  FakeTriggerContext context;
  idl::WindowTrigger plan;
  plan.kind = idl::TriggerKind::COUNT;
  plan.limit = 1;
  EXPECT_EQ(OnElement(**MakeTrigger(plan), context), kFire);
  plan.purging = true;
  EXPECT_EQ(OnElement(**MakeTrigger(plan), context), TriggerResult::kFireAndPurge);
  plan.kind = idl::TriggerKind::CONTINUOUS_EVENT_TIME;
  EXPECT_TRUE(MakeTrigger(plan).ok());
  plan.limit = 0;
  EXPECT_FALSE(MakeTrigger(plan).ok());
  plan.kind = idl::TriggerKind::PYTHON;
  EXPECT_TRUE(absl::IsUnimplemented(MakeTrigger(plan).status()));
  plan = idl::WindowTrigger();
  plan.kind = idl::TriggerKind::EVENT_TIME;
  EXPECT_TRUE((*MakeTrigger(plan))->is_plain_event_time());
}

}  // namespace
}  // namespace pyflinkpp
