#include "core/idl/codec.h"

#include <gmock/gmock.h>

#include <random>
#include <string>

#include "core/idl/pyflinkpp_types.h"

namespace pyflinkpp::idl {
namespace {

JobGraph Graph() {
  JobGraph graph;
  graph.job_id = "0123456789abcdef0123456789abcdef";
  graph.name = "caf\xc3\xa9";
  OperatorNode source;
  source.id = 0;
  source.name = "Source";
  source.parallelism = 2;
  NumberSequenceSource numbers;
  numbers.first = INT64_MIN;
  numbers.last = INT64_MAX;
  source.spec.__set_number_sequence_source(numbers);
  source.output_type.kind = TypeKind::LONG;
  OperatorNode map;
  map.id = 1;
  map.name = "Map";
  map.parallelism = 2;
  map.__set_uid("u");
  PythonFunction function;
  function.kind = PythonFunctionKind::KEY_BY;
  function.pickle = std::string("\x80\x05\0\xff", 4);
  TypeInformation row;
  row.kind = TypeKind::ROW;
  row.field_names = {"a", "b"};
  row.children.resize(2);
  row.children[1].kind = TypeKind::LIST;
  row.children[1].children.resize(1);
  function.__set_key_type(row);
  map.spec.__set_python(function);
  graph.operators = {source, map};
  Edge edge;
  edge.source = 0;
  edge.target = 1;
  edge.partitioner = Partitioner::REBALANCE;
  graph.edges = {edge};
  graph.configuration = {{"parallelism.default", "2"}, {"", ""}};
  return graph;
}

TaskReport Report() {
  TaskReport report;
  report.task.job_id = "j";
  report.task.subtask = 7;
  report.state = TaskState::FAILED;
  Failure failure;
  failure.kind = FaultKind::USER;
  failure.message = "boom";
  report.__set_failure(failure);
  OperatorMetrics metrics;
  metrics.op = 1;
  metrics.records_in = INT64_MAX;
  report.metrics = {metrics};
  report.accumulators = {{"n", {"", std::string("\0", 1)}}};
  return report;
}

SplitAssignment Splits() {
  SplitAssignment assignment;
  assignment.op = 3;
  FileSplit file;
  file.path = "/a";
  file.limit = INT64_MAX;
  assignment.splits.emplace_back().__set_file(file);
  NumberSplit numbers;
  numbers.first = -1;
  assignment.splits.emplace_back().__set_numbers(numbers);
  assignment.splits.emplace_back().__set_collection_from(1LL << 40);
  assignment.no_more_splits = true;
  return assignment;
}

template <class Struct>
void ExpectRoundTrip(const Struct& value) {
  const std::string bytes = Encode(value);
  const auto back = Decode<Struct>(bytes);
  ASSERT_TRUE(back.ok()) << back.status();
  EXPECT_EQ(*back, value);
  EXPECT_EQ(Encode(*back), bytes);
}

TEST(CodecTest, MessagesComeBackEqual) {
  ExpectRoundTrip(Graph());
  ExpectRoundTrip(Report());
  ExpectRoundTrip(Splits());
  ExpectRoundTrip(JobGraph());
  ExpectRoundTrip(Failure());
}

TEST(CodecTest, FailuresBytesAreStable) {
  Failure failure;
  failure.kind = FaultKind::USER;
  failure.message = "m";
  failure.operator_name = "op";
  failure.subtask = 1;
  // field header (delta << 4 | type), value; zigzag integers; 0 ends the struct
  EXPECT_EQ(Encode(failure), std::string("\x15\x02\x18\x01m\x18\x02op\x15\x02\x18\x00\x00", 14));
}

// A reader of an older version passes over the fields it does not know.
TEST(CodecTest, UnknownFieldsAreSkipped) {
  const auto task = Decode<TaskId>(std::string("\x18\x01j\xd8\x03xyz\x00", 9));
  ASSERT_TRUE(task.ok()) << task.status();
  EXPECT_EQ(task->job_id, "j");
  EXPECT_EQ(task->subtask, 0);
}

TEST(CodecTest, TruncatedBytesAreErrors) {
  const std::string bytes = Encode(Graph());
  for (size_t size = 0; size < bytes.size(); ++size) {
    const auto decoded = Decode<JobGraph>(bytes.substr(0, size));
    EXPECT_EQ(decoded.status().code(), absl::StatusCode::kDataLoss) << size;
  }
}

TEST(CodecTest, ANegativeLengthIsAnError) {
  EXPECT_FALSE(Decode<TaskId>("\x18\xff\xff\xff\xff\x0f").ok());
  EXPECT_FALSE(Decode<TaskId>("\x18\xff\xff\xff\xff\x07j").ok());  // 2^31 - 1 bytes
}

// Whatever bytes come, decoding ends in a message or in an error.
template <class Struct>
void ExpectMutationsAreHarmless(const Struct& value, uint32_t seed) {
  std::mt19937 random(seed);
  const std::string bytes = Encode(value);
  int errors = 0;
  for (int round = 0; round < 2000; ++round) {
    std::string mutated = bytes;
    for (uint32_t flips = 1 + random() % 4; flips > 0; --flips) {
      mutated[random() % mutated.size()] ^= static_cast<char>(1u << random() % 8);
    }
    if (random() % 4 == 0) mutated.resize(random() % (mutated.size() + 1));
    const auto decoded = Decode<Struct>(mutated);
    if (decoded.ok()) continue;
    EXPECT_EQ(decoded.status().code(), absl::StatusCode::kDataLoss);
    ++errors;
  }
  EXPECT_GT(errors, 100);
}

// A later version may have added a kind: the number is kept, and is none of ours.
TEST(CodecTest, ANumberThatIsNoFaultKindIsKept) {
  const auto decoded = Decode<Failure>(std::string("\x15\x42\x00", 3));
  ASSERT_TRUE(decoded.ok()) << decoded.status();
  EXPECT_EQ(static_cast<int>(decoded->kind), 33);
}

TEST(CodecTest, ALengthBeyondTheMessageIsAnError) {
  const auto decoded = Decode<JobGraph>("\x39\xfc\x80\x80\x04");  // operators: 65536 structs
  EXPECT_EQ(decoded.status().code(), absl::StatusCode::kDataLoss);
}

TEST(CodecTest, RandomMutationsNeverCrash) { ExpectMutationsAreHarmless(Splits(), 3); }

TEST(CodecTest, RandomMutationsOfMessagesWithEnumsNeverCrash) {
  ExpectMutationsAreHarmless(Graph(), 1);
  ExpectMutationsAreHarmless(Report(), 2);
}

TEST(CodecTest, RandomBytesNeverCrash) {
  std::mt19937 random(4);
  int errors = 0;
  for (int round = 0; round < 2000; ++round) {
    std::string bytes(random() % 64, '\0');
    for (char& byte : bytes) byte = static_cast<char>(random());
    errors += Decode<SplitAssignment>(bytes).ok() ? 0 : 1;
  }
  EXPECT_GT(errors, 1000);
}

}  // namespace
}  // namespace pyflinkpp::idl
