// Watermark alignment: how far the sources of a job that wait for each other may read.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "core/graph/job_graph.h"

namespace pyflinkpp {

// The sources of a job by alignment group, and what their subtasks have reported. Pure bookkeeping:
// owned by the JobMaster, used on its loop, which sends reports in and limits out.
//
// A group's watermark is the least that its subtasks have reported. Those that are idle, have ended
// or have no watermark yet are left out. A source may read up to that and its own drift.
class WatermarkAlignment {
 public:
  struct Source {
    int vertex = 0;
    std::string group;
    int64_t max_drift_ms = 0;
    int64_t update_interval_ms = 1000;
  };

  explicit WatermarkAlignment(const ChainedGraph& graph);

  const std::vector<Source>& sources() const { return sources_; }

  // Returns the group whose subtasks have all told something by now, if this was the last one; else
  // empty.
  std::string Report(const idl::ReportedWatermark& report);

  // The subtask starts anew: it has told nothing yet.
  void Forget(int vertex, int subtask);

  // How far the source may read: kMaxTimestamp: as far as it likes; kMinTimestamp: nothing is known
  // of the group yet.
  int64_t LimitOf(const Source& source) const;

 private:
  struct Member {
    int64_t watermark;
    bool counts;  // in the minimum
    bool told;
  };
  using Subtask = std::pair<int, int>;  // vertex and subtask

  std::vector<Source> sources_;
  std::map<std::string, std::map<Subtask, Member>> groups_;
};

}  // namespace pyflinkpp
