// Data in flight in a checkpoint: whose it is, and who gets it when a job is restored.
#pragma once

#include <span>
#include <vector>

#include "absl/status/status.h"
#include "core/graph/job_graph.h"

namespace pyflinkpp {

// Whether both are the same exchange of a job: by what is at its ends.
bool SameEnds(const idl::InFlightExchange& a, const idl::InFlightExchange& b);

// The exchange that an edge is, without data.
idl::InFlightExchange ExchangeOf(const idl::JobGraph& graph, const idl::Edge& edge);

// The types that records of an edge may have: that of the output, or those of the inputs, which some
// operators pass on as they are.
std::vector<idl::TypeInformation> TypesOf(const idl::JobGraph& graph, const idl::Edge& edge);

// Fills in what each deployment gets: all of it goes to the receiving side, in the order of each old
// channel. At the same parallelism to the same subtask; else records go by their keys, and where
// there are none whole batches are spread. Refuses what would lose data: of an exchange that is not
// in the job any more (unless `ignore_unclaimed`).
absl::Status AssignInFlight(const idl::Checkpoint& checkpoint, const idl::JobGraph& graph,
                            bool ignore_unclaimed,
                            std::span<idl::TaskDeployment* const> deployments);

}  // namespace pyflinkpp
