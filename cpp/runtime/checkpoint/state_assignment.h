// Spreads a checkpoint's state over the subtasks of a job that is restored from it.
#pragma once

#include <span>

#include "absl/status/status.h"
#include "core/graph/job_graph.h"

namespace pyflinkpp {

// How a later job finds the operator's state: by its uid, else by its place in the graph.
std::string UidOf(const idl::OperatorNode& node);

// The checkpoint's part of an operator, null when it has none.
const idl::OperatorCheckpoint* FindOperator(const idl::Checkpoint& checkpoint,
                                            const idl::OperatorNode& node);

// Fills in what the checkpoint has for each deployment. Keyed state goes by key groups, lists by
// their redistribution. Refuses what would lose state: an operator's that is not in the job any more
// (unless `ignore_unclaimed`), another number of key groups. Data in flight: in_flight_assignment.h.
absl::Status AssignState(const idl::Checkpoint& checkpoint, const idl::JobGraph& graph,
                         bool ignore_unclaimed, std::span<idl::TaskDeployment* const> deployments);

}  // namespace pyflinkpp
