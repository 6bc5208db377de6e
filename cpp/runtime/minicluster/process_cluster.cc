#include "runtime/minicluster/process_cluster.h"

#include <utility>

#include "core/base/status.h"
#include "runtime/checkpoint/in_flight_assignment.h"

namespace pyflinkpp {
namespace {
constexpr int kIoThreads = 2;
}

ProcessCluster::ProcessCluster(OperatorRegistry registry, std::unique_ptr<Console> console,
                               std::unique_ptr<Network> network, RpcOptions rpc)
    : registry_(std::move(registry)),
      console_(std::move(console)),
      channels_(std::make_shared<Channels>()),
      io_(kIoThreads),
      env_{channels_->clock, random_, files_, io_, *console_, loops_},
      job_manager_(std::make_shared<JobManager>(env_, registry_)),
      resources_(std::make_shared<ResourceManager>(env_, *network, job_manager_, std::move(rpc))) {
  channels_->network = std::move(network);
  // Each process has an interpreter of its own: tasks are to run side by side.
  job_manager_->SpreadOutSlots();
}

absl::Status ProcessCluster::Start(const NetworkAddress& address) {
  ASSIGN_OR_RETURN(channels_->transport,
                   NetworkTransport::Listen(
                       *channels_->network, channels_->local,
                       {.listen = {.host = address.host, .port = 0}, .advertised_host = {}}));
  RETURN_IF_ERROR(resources_->Listen(address));
  started_ = true;
  loops_.Start(job_manager_);
  loops_.Start(resources_);
  return absl::OkStatus();
}

ProcessCluster::~ProcessCluster() {
  if (!started_) return;
  job_manager_->Shutdown([resources = resources_] { resources->Shutdown(); });
  loops_.JoinAll();
}

std::shared_ptr<JobHandle> ProcessCluster::Submit(idl::JobGraph graph) {
  auto handle = std::make_shared<JobHandle>(graph.job_id, channels_->clock, *channels_->transport,
                                            job_manager_);
  handle->KeepAlive(channels_);
  if (HasCollectSink(graph)) {
    std::vector<std::shared_ptr<const TypeSerializer>> serializers;
    for (const idl::Edge& edge : graph.edges) {
      if (!graph.operators[edge.target].spec.__isset.collect_sink) continue;
      // One that can't be made here is missed when rows of it come.
      for (const idl::TypeInformation& type : TypesOf(graph, edge)) {
        if (auto serializer = registry_.serializers(type); serializer.ok())
          serializers.push_back(*std::move(serializer));
      }
    }
    handle->OpenRemoteResults({graph.job_id, kClientEdge, 0, 0}, channels_->transport->address(),
                              std::move(serializers));
  }
  job_manager_->SubmitJob(std::move(graph), handle);
  return handle;
}

}  // namespace pyflinkpp
