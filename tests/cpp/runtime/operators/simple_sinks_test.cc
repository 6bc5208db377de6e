#include "runtime/operators/simple_sinks.h"

#include <gmock/gmock.h>

#include <string>

#include "harness/operator_harness.h"
#include "harness/tracked_serializer.h"

namespace pyflinkpp {
namespace {

using harness::Longs;
using harness::OperatorHarness;
using harness::Strings;
using harness::TrackedSerializer;
using harness::TrackedValues;
using testing::ElementsAre;
using testing::IsEmpty;

// ---- print ----

std::string Printed(const std::string& identifier, int subtask, int parallelism,
                    bool standard_error = false) {
  idl::PrintSink spec;
  spec.identifier = identifier;
  spec.standard_error = standard_error;
  OperatorHarness harness(MakePrintSink(spec), {.subtask = subtask, .parallelism = parallelism});
  EXPECT_TRUE(harness.Open().ok());
  EXPECT_TRUE(harness.Push(Strings({"a", "b c"})).ok());
  EXPECT_TRUE(harness.Finish().ok());
  EXPECT_EQ(standard_error ? harness.env().console.out : harness.env().console.err, "");
  return standard_error ? harness.env().console.err : harness.env().console.out;
}

TEST(PrintSinkTest, ThePrefixIsFlinks) {
  EXPECT_EQ(Printed("", 0, 1), "a\nb c\n");
  EXPECT_EQ(Printed("", 0, 2), "1> a\n1> b c\n");
  EXPECT_EQ(Printed("", 1, 2), "2> a\n2> b c\n");
  EXPECT_EQ(Printed("id", 0, 1), "id> a\nid> b c\n");
  EXPECT_EQ(Printed("id", 9, 10), "id:10> a\nid:10> b c\n");
}

TEST(PrintSinkTest, StandardErrorIsChosenBySpec) {
  EXPECT_EQ(Printed("e", 0, 1, true), "e> a\ne> b c\n");
}

TEST(PrintSinkTest, PrintsBatchAfterBatchAndCounts) {
  OperatorHarness harness(MakePrintSink({}));
  ASSERT_TRUE(harness.Open().ok());
  ASSERT_TRUE(harness.Push(Longs({1, -2})).ok());
  ASSERT_TRUE(harness.Push(harness::Counted({{"w", 3}})).ok());
  EXPECT_EQ(harness.env().console.out, "1\n-2\n(w,3)\n");
  EXPECT_EQ(harness.counters().records_in, 3);
  EXPECT_EQ(harness.counters().records_out, 0);
  EXPECT_THAT(harness.Texts(), IsEmpty());
}

TEST(PrintSinkTest, PrintsTheRestOfABatchThatWasConsumedInPart) {
  harness::TestEnv env;
  std::map<std::string, std::string> configuration;
  std::vector<OperatorCounters> counters(1);
  OperatorContext context{.env = env.env,
                          .task_name = {},
                          .configuration = configuration,
                          .wake = {},
                          .report_accumulator = {},
                          .counters = counters};
  const auto sink = MakePrintSink({});
  ASSERT_TRUE(sink->Open(context).ok());
  const auto batch = Longs({1, 2, 3});
  RecordBatchView view{batch.get(), 1};
  Output output;
  ASSERT_TRUE(sink->ProcessBatch(0, view, output).ok());
  EXPECT_TRUE(view.done());
  EXPECT_EQ(env.console.out, "2\n3\n");
  EXPECT_EQ(counters[0].records_in, 2);
}

// ---- discard ----

TEST(DiscardingSinkTest, CountsAndDrops) {
  TrackedValues values;
  const auto serializer = std::make_shared<const TrackedSerializer>(values);
  OperatorHarness harness(MakeDiscardingSink());
  ASSERT_TRUE(harness.Open().ok());
  ASSERT_TRUE(harness.Push(TrackedSerializer::Batch(serializer, {"a", "b"})).ok());
  ASSERT_TRUE(harness.Push(TrackedSerializer::Batch(serializer, {"c"})).ok());
  EXPECT_EQ(harness.counters().records_in, 3);
  EXPECT_THAT(harness.outputs, IsEmpty());
  EXPECT_EQ(values.live(), 0u);
  EXPECT_EQ(harness.calls, 2);
}

// ---- collect ----

TEST(CollectSinkTest, PassesValuesOnWithoutCopies) {
  TrackedValues values;
  const auto serializer = std::make_shared<const TrackedSerializer>(values);
  OperatorHarness harness(MakeCollectSink([] { return StringSerializer(); }));
  ASSERT_TRUE(harness.Open().ok());
  ASSERT_TRUE(harness.Push(TrackedSerializer::Batch(serializer, {"a", "b"})).ok());
  ASSERT_TRUE(harness.Push(TrackedSerializer::Batch(serializer, {"c"})).ok());
  EXPECT_THAT(harness.Texts(), ElementsAre("a", "b", "c"));
  EXPECT_EQ(values.made(), 3u);
  EXPECT_EQ(harness.counters().records_in, 3);
  harness.outputs.clear();
}

TEST(CollectSinkTest, WhatItPassesOnOwnsItsBytes) {
  OperatorHarness harness(MakeCollectSink([] { return StringSerializer(); }));
  ASSERT_TRUE(harness.Open().ok());
  ASSERT_TRUE(harness.Push(Strings({"text of a batch that is gone"})).ok());
  EXPECT_THAT(harness.Texts(), ElementsAre("text of a batch that is gone"));
}

}  // namespace
}  // namespace pyflinkpp
