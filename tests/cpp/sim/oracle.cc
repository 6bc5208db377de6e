#include "sim/oracle.h"

#include "absl/strings/str_cat.h"
#include "core/base/check.h"
#include "core/graph/job_graph.h"
#include "sim/ringing_operator.h"
#include "sim/timed_longs.h"

namespace pyflinkpp::sim {
namespace {

enum class Rows { kNumbers, kText, kCounts };

// A row of any type: of numbers the number counts, of text the text, of counts both.
using Value = std::pair<std::string, int64_t>;
using Values = std::map<Value, int64_t>;

struct Stream {
  Rows rows = Rows::kText;
  Values values;
};

std::string Show(Rows rows, const Value& value) {
  switch (rows) {
    case Rows::kNumbers:
      return absl::StrCat(value.second);
    case Rows::kText:
      return value.first;
    case Rows::kCounts:
      return absl::StrCat("(", value.first, ",", value.second, ")");
  }
  return "?";
}

std::vector<std::string> SplitWords(const std::string& line) {
  std::vector<std::string> words(1);
  for (const char c : line) {
    if (c != ' ') {
      words.back() += c;
    } else if (!words.back().empty()) {
      words.emplace_back();
    }
  }
  if (words.back().empty()) words.pop_back();
  return words;
}

Stream Native(const std::string& name, const Stream& in) {
  Stream out{in.rows, {}};
  for (const auto& [value, times] : in.values) {
    const auto& [text, number] = value;
    if (name == "affine_long") {
      out.values[{"", number * 3 + 1}] += times;
    } else if (name == "odd_longs") {
      if (number % 2 != 0) out.values[value] += times;
    } else if (name == "long_to_word") {
      out.values[{absl::StrCat("n", static_cast<uint64_t>(number) % 13), 0}] += times;
    } else if (name == "split_words") {
      for (const std::string& word : SplitWords(text)) out.values[{word, 0}] += times;
    } else if (name == "twice") {
      out.values[value] += 2 * times;
    } else if (name == "short_words") {
      if (text.size() <= 4) out.values[value] += times;
    } else if (name == "pair") {
      out.values[{text, 1}] += times;
    } else if (name == "first_byte") {
      out.values[{text.substr(0, 1), number}] += times;
    } else {
      PFPP_CHECK(name == "pause" || name == "key_by_word" || name == "route_words" ||
                 name == "timed_longs");
      out.values[value] += times;
    }
  }
  if (name == "long_to_word") out.rows = Rows::kText;
  if (name == "pair") out.rows = Rows::kCounts;
  return out;
}

// Of updates it knows only those of ones.
Stream Reduce(bool final_only, const Stream& in) {
  std::map<std::string, int64_t> sums;
  for (const auto& [value, times] : in.values) {
    PFPP_CHECK(final_only || value.second == 1);
    sums[value.first] += value.second * times;
  }
  Stream out{Rows::kCounts, {}};
  for (const auto& [word, sum] : sums) {
    for (int64_t n = final_only ? sum : 1; n <= sum; ++n) out.values[{word, n}] = 1;
  }
  return out;
}

// The starts of the windows on a grid that have `time`.
std::vector<int64_t> StartsOf(const idl::WindowAssigner& plan, int64_t time) {
  const int64_t slide = plan.kind == idl::WindowAssignerKind::TUMBLING ? plan.size : plan.slide;
  std::vector<int64_t> starts;
  for (int64_t start = time - plan.size + 1; start <= time; ++start) {
    if ((start - plan.offset_ms) % slide == 0) starts.push_back(start);
  }
  return starts;
}

// The sums of the windows of one key, whose numbers come by time.
std::vector<int64_t> SumsOf(const idl::WindowAssigner& plan,
                            const std::multimap<int64_t, int64_t>& numbers) {
  std::vector<int64_t> sums;
  if (plan.kind == idl::WindowAssignerKind::SESSION) {
    int64_t end = kMinTimestamp;  // of the last session
    for (const auto& [time, number] : numbers) {
      if (sums.empty() || time > end) sums.push_back(0);
      sums.back() += number;
      end = time + plan.size;
    }
    return sums;
  }
  std::map<int64_t, int64_t> by_start;
  for (const auto& [time, number] : numbers) {
    for (const int64_t start : StartsOf(plan, time)) by_start[start] += number;
  }
  for (const auto& [start, sum] : by_start) sums.push_back(sum);
  return sums;
}

Stream SumWindows(const idl::WindowAssigner& plan, const Stream& in) {
  std::map<int64_t, std::multimap<int64_t, int64_t>> numbers;  // by key, by time
  for (const auto& [value, times] : in.values) {
    PFPP_CHECK(times == 1);
    numbers[KeyOfLong(value.second)].emplace(TimeOfLong(value.second), value.second);
  }
  Stream out{Rows::kNumbers, {}};
  for (const auto& [key, of_key] : numbers) {
    for (const int64_t sum : SumsOf(plan, of_key)) ++out.values[{"", sum}];
  }
  return out;
}

Stream Ring(const Stream& numbers) {
  std::map<std::pair<int64_t, int64_t>, int64_t> rings;  // by time and key
  for (const auto& [value, times] : numbers.values)
    rings[{RingOf(TimeOfLong(value.second)), KeyOfLong(value.second)}] += times;
  Stream out{Rows::kNumbers, {}};
  for (const auto& [ring, count] : rings)
    ++out.values[{"", SaidAt(ring.first, ring.second, count)}];
  return out;
}

int64_t Count(const Stream& stream) {
  int64_t count = 0;
  for (const auto& [value, times] : stream.values) count += times;
  return count;
}

}  // namespace

std::vector<ExpectedOperator> Evaluate(const GeneratedJob& job) {
  std::vector<Stream> given(job.graph.operators.size());
  std::vector<ExpectedOperator> expected(job.graph.operators.size());
  for (const idl::OperatorNode& node : job.graph.operators) {
    Stream in;
    Stream told;  // by a second input
    for (const idl::Edge& edge : job.graph.edges) {
      if (edge.target != node.id) continue;
      Stream& to = edge.input == 0 ? in : told;
      to.rows = given[edge.source].rows;
      const int64_t copies = edge.partitioner == idl::Partitioner::BROADCAST ? node.parallelism : 1;
      for (const auto& [value, times] : given[edge.source].values)
        to.values[value] += times * copies;
    }
    Stream& out = given[node.id];
    if (node.spec.__isset.number_sequence_source) {
      const idl::NumberSequenceSource& range = node.spec.number_sequence_source;
      out.rows = Rows::kNumbers;
      for (int64_t number = range.first; number <= range.last; ++number) ++out.values[{"", number}];
    } else if (IsSource(node.spec)) {
      for (const std::string& text : job.texts.at(node.id)) ++out.values[{text, 0}];
    } else if (node.spec.__isset.native_function) {
      out = Native(node.spec.native_function.name, in);
    } else if (node.spec.__isset.reduce) {
      out = Reduce(node.spec.reduce.final_only, in);
    } else if (node.spec.__isset.window) {
      out = SumWindows(node.spec.window.assigner, in);
    } else if (node.spec.__isset.process) {
      out = Ring(in);
    }
    ExpectedOperator& result = expected[node.id];
    result.records_in = Count(in) + Count(told);
    result.records_out = Count(out);
    const Stream& shown = IsSink(node.spec) ? in : out;
    for (const auto& [value, times] : shown.values) result.rows[Show(shown.rows, value)] += times;
  }
  return expected;
}

}  // namespace pyflinkpp::sim
