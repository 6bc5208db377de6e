#include "runtime/scheduler/watermark_alignment.h"

#include <algorithm>
#include <limits>

namespace pyflinkpp {
namespace {
constexpr int64_t kNone = std::numeric_limits<int64_t>::min();
constexpr int64_t kEnded = std::numeric_limits<int64_t>::max();
}  // namespace

WatermarkAlignment::WatermarkAlignment(const ChainedGraph& graph) {
  for (size_t vertex = 0; vertex < graph.vertices.size(); ++vertex) {
    const idl::WatermarkStrategy* strategy = AlignedStrategyOf(graph.vertices[vertex].chain);
    if (strategy == nullptr) continue;
    sources_.push_back({static_cast<int>(vertex), strategy->alignment_group, strategy->max_drift_ms,
                        strategy->alignment_interval_ms});
    for (int subtask = 0; subtask < graph.vertices[vertex].parallelism; ++subtask) {
      groups_[strategy->alignment_group][{static_cast<int>(vertex), subtask}] = {kNone, false,
                                                                                 false};
    }
  }
}

void WatermarkAlignment::Forget(int vertex, int subtask) {
  for (auto& [group, members] : groups_) {
    if (const auto member = members.find({vertex, subtask}); member != members.end())
      member->second = {kNone, false, false};
  }
}

std::string WatermarkAlignment::Report(const idl::ReportedWatermark& report) {
  for (auto& [group, members] : groups_) {
    const auto member = members.find({report.task.vertex, report.task.subtask});
    if (member == members.end()) continue;
    const bool counts = !report.idle && report.watermark != kNone && report.watermark != kEnded;
    const bool told = report.idle || report.watermark != kNone || member->second.told;
    const bool first = told && !member->second.told;
    member->second = {report.watermark, counts, told};
    const bool all = std::all_of(members.begin(), members.end(),
                                 [](const auto& each) { return each.second.told; });
    return first && all ? group : "";
  }
  return "";
}

int64_t WatermarkAlignment::LimitOf(const Source& source) const {
  int64_t least = kEnded;
  bool told = false;
  for (const auto& [subtask, member] : groups_.at(source.group)) {
    told |= member.told;
    if (member.counts) least = std::min(least, member.watermark);
  }
  if (!told) return kNone;
  return least > kEnded - source.max_drift_ms ? kEnded : least + source.max_drift_ms;
}

}  // namespace pyflinkpp
