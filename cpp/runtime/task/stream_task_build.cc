// The part of StreamTask that makes its chain, with the state that it was restored with.
#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "core/base/status.h"
#include "core/graph/job_graph.h"
#include "core/graph/key_groups.h"
#include "runtime/operators/sorted_input_operator.h"
#include "runtime/task/state_backends.h"
#include "runtime/task/stream_task.h"

namespace pyflinkpp {
namespace {

std::string PeerAt(const std::vector<std::string>& peers, size_t i) {
  return i < peers.size() ? peers[i] : std::string();
}

// A type that this process can't make a serializer for is missed when records of it come.
std::vector<std::shared_ptr<const TypeSerializer>> SerializersOf(
    const std::vector<idl::TypeInformation>& types, const SerializerFactory& make) {
  std::vector<std::shared_ptr<const TypeSerializer>> serializers;
  for (const idl::TypeInformation& type : types) {
    if (auto serializer = make(type); serializer.ok())
      serializers.push_back(*std::move(serializer));
  }
  return serializers;
}

}  // namespace

KeyedStateBackendPlan StreamTask::PlanOf(
    const idl::OperatorNode& op, const std::map<std::string, std::string>& configuration) const {
  const idl::TaskId& task = deployment_.task;
  // No other task ever has this directory: files of one that a JobManager before this one deployed may
  // still be there, and have names in checkpoints.
  return PlanKeyedState(
      env_, configuration,
      KeyGroupsOfSubtask(task.subtask, deployment_.parallelism, op.max_parallelism),
      op.max_parallelism,
      absl::StrCat(task.job_id, "-", op.id, "-", task.subtask, "-", task.attempt, "-",
                   absl::Hex(env_.random.Next(), absl::kZeroPad16)));
}

struct StreamTask::ReadParts {
  std::map<int, RestoredKeyedState> keyed;
  std::map<int, std::unique_ptr<KeyedStateBackend>> backends;
};

// Reads what the checkpoint has of keyed state, on the executor.
void StreamTask::ReadState() {
  reading_state_ = true;
  // The task may be gone before the work has begun.
  auto configuration =
      std::make_shared<const std::map<std::string, std::string>>(deployment_.configuration);
  std::map<int, KeyedStateBackendPlan> plans;
  for (const idl::ChainNode& member : deployment_.chain) {
    if (NeedsKeys(member.op.spec)) plans.emplace(member.op.id, PlanOf(member.op, *configuration));
  }
  env_.io.Run([task = weak_from_this(), state = deployment_.state, &files = env_.files,
               &registry = registry_, configuration, in_flight = deployment_.in_flight,
               plans = std::move(plans)] {
    auto read = std::make_shared<ReadParts>();
    auto runs = std::make_shared<std::deque<ReadRun>>();
    absl::Status status;
    for (const idl::RestoredInFlight& part : in_flight)
      status.Update(ReadInFlight(files, part, *runs));
    for (const auto& [op, of_operator] : state) {
      bool has_files = false;
      for (const idl::KeyedStateHandle& handle : of_operator.keyed) {
        status.Update(ReadKeyedState(files, handle, read->keyed[op]));
        has_files |= handle.__isset.backend;
      }
      const auto plan = plans.find(op);
      if (!has_files || !status.ok() || plan == plans.end()) continue;
      absl::StatusOr<std::unique_ptr<KeyedStateBackend>> backend =
          RestoreKeyedStateBackend(registry, plan->second, of_operator.keyed);
      status.Update(backend.status());
      if (backend.ok()) read->backends[op] = *std::move(backend);
    }
    auto alive = task.lock();
    if (alive == nullptr) return;
    alive->mailbox().Post("state was read", [self = alive.get(), read, runs, status] {
      if (self->phase_ != Phase::kRestoring) return;
      self->restored_keyed_ = std::move(read->keyed);
      self->restored_backends_ = std::move(read->backends);
      self->restored_runs_ = std::move(*runs);
      self->phase_ = Phase::kOpening;
      if (!status.ok()) self->Fail(status);
    });
  });
}

// Makes the chain of the deployment: fused members become one node.
absl::Status StreamTask::Build() {
  if (registry_.prepare) RETURN_IF_ERROR(registry_.prepare(deployment_.configuration));
  const std::vector<idl::ChainNode>& members = deployment_.chain;
  std::vector<std::unique_ptr<OperatorChain::Node>> nodes;
  constexpr size_t kNone = ~size_t{0};
  std::vector<size_t> node_of(members.size(), kNone);
  // An exchange that the job does not have any more: what was in flight there comes to its target.
  const auto restored_into = [this](const idl::ChainNode& member) {
    return std::any_of(restored_runs_.begin(), restored_runs_.end(),
                       [&](const ReadRun& run) { return run.part.op == member.op.id; });
  };

  for (size_t i = 0; i < members.size(); ++i) {
    const std::string kind = KindOf(members[i].op.spec);
    const auto entry = registry_.entries.find(kind);
    if (entry == registry_.entries.end())
      return absl::UnimplementedError(absl::StrCat("no operator of kind '", kind, "'"));
    // A member that continues its predecessor's stage was taken along with it.
    if (node_of[i] != kNone) continue;

    std::vector<size_t> run = {i};
    while (entry->second.fuses) {
      const idl::ChainNode& last = members[run.back()];
      if (last.successors.size() != 1 || !last.outputs.empty()) break;
      const size_t successor = last.successors[0];
      const auto next = registry_.entries.find(KindOf(members[successor].op.spec));
      if (next == registry_.entries.end() || !next->second.fuses ||
          members[successor].side_output != Output::kMain || restored_into(members[successor]))
        break;
      run.push_back(successor);
    }
    auto node = std::make_unique<OperatorChain::Node>(
        OperatorChain::Node{.op = nullptr,
                            .context = {.env = env_,
                                        .task_name = {},
                                        .configuration = deployment_.configuration,
                                        .wake = {},
                                        .report_accumulator = {},
                                        .counters = {}},
                            .counters = {},
                            .restored = {},
                            .operator_ids = {},
                            .successors = {},
                            .partitions = {},
                            .takes = members[i].side_output,
                            .output = {},
                            .pending = {}});
    std::vector<idl::OperatorNode> specs;
    for (const size_t position : run) {
      specs.push_back(members[position].op);
      node->operator_ids.push_back(members[position].op.id);
      node_of[position] = nodes.size();
    }
    for (const int output : members[run.back()].outputs) node->partitions.push_back(output);
    ASSIGN_OR_RETURN(node->op, entry->second.make(specs, registry_.serializers));
    const idl::OperatorSpec& spec = specs.front().spec;
    const bool sorted = batch_mode_ && NeedsKeys(spec) && !spec.__isset.reduce;
    if (sorted) {
      node->op =
          MakeSortedInputOperator(std::move(node->op), spec.__isset.window ? UnkeyedInput::kIsOneKey
                                                                           : UnkeyedInput::kPasses);
    }

    node->counters.resize(run.size());
    OperatorContext& context = node->context;
    context.counters = node->counters;
    context.checkpoints = deployment_.checkpoints;
    context.restored_checkpoint = deployment_.restored_checkpoint;
    if (deployment_.restored) {
      for (const int op : node->operator_ids) {
        const auto found = deployment_.state.find(op);
        node->restored.push_back(found == deployment_.state.end() ? idl::OperatorState()
                                                                  : found->second);
      }
      context.restored = node->restored;
    }
    context.task_name = deployment_.name;
    context.job_id = deployment_.task.job_id;
    context.subtask = deployment_.task.subtask;
    context.parallelism = deployment_.parallelism;
    context.max_parallelism = specs.front().max_parallelism;
    context.attempt = deployment_.task.attempt;
    context.ticked = &ticked_;
    context.has_mail = &mailbox().has_mail_flag();
    context.wake = [task = weak_from_this()] {
      if (auto alive = task.lock()) {
        alive->mailbox().Post("wake", [self = alive.get()] { self->source_waits_ = false; });
      }
    };
    context.report_accumulator = [this](std::string name, std::string bytes) {
      accumulators_[std::move(name)].push_back(std::move(bytes));
    };
    if (NeedsKeys(spec)) {
      auto& state = keyed_state_[static_cast<int>(i)];
      // The state of sorted input is that of one key: it needs no disk.
      static const std::map<std::string, std::string> kInMemory;
      const auto restored = restored_backends_.find(specs.front().id);
      if (restored != restored_backends_.end()) {
        state = std::move(restored->second);
      } else {
        ASSIGN_OR_RETURN(
            state,
            MakeKeyedStateBackend(
                registry_, PlanOf(specs.front(), sorted ? kInMemory : deployment_.configuration)));
      }
      context.keyed_state = state.get();
      node->keyed_state = state.get();
      if (const auto found = restored_keyed_.find(node->operator_ids[0]);
          found != restored_keyed_.end())
        state->Restore(std::move(found->second));
    }
    nodes.push_back(std::move(node));
  }
  for (size_t i = 0; i < members.size(); ++i) {
    for (const int successor : members[i].successors) {
      if (node_of[successor] != node_of[i])
        nodes[node_of[i]]->successors.push_back(node_of[successor]);
    }
  }

  std::vector<std::unique_ptr<ResultPartition>> partitions;
  for (const idl::OutputDescriptor& output : deployment_.outputs) {
    std::vector<std::unique_ptr<OutputChannel>> channels;
    for (size_t i = 0; i < output.targets.size(); ++i) {
      channels.push_back(transport_.OpenOutput(
          {deployment_.task.job_id, output.edge, deployment_.task.subtask, output.targets[i],
           deployment_.restart, output.blocking},
          mailbox(), {.address = PeerAt(output.peers, i), .serializers = {}}));
    }
    partitions.push_back(
        std::make_unique<ResultPartition>(output, std::move(channels), env_.random));
  }
  for (const idl::InputDescriptor& input : deployment_.inputs) {
    std::vector<std::shared_ptr<const TypeSerializer>> serializers;
    for (size_t i = 0; i < input.sources.size(); ++i) {
      const int source = input.sources[i];
      ChannelPeer peer{.address = PeerAt(input.peers, i), .serializers = {}};
      if (!peer.address.empty()) {
        if (serializers.empty()) serializers = SerializersOf(input.types, registry_.serializers);
        peer.serializers = serializers;
      }
      gate_.Open(transport_,
                 {deployment_.task.job_id, input.edge, source, deployment_.task.subtask,
                  deployment_.restart, input.blocking},
                 input.input, peer);
      channel_sources_.emplace_back(input.edge, source);
    }
  }
  open_channels_ = gate_.size();
  overtakes_ = std::all_of(deployment_.inputs.begin(), deployment_.inputs.end(),
                           [](const idl::InputDescriptor& input) { return input.overtakes; });
  if (!restored_runs_.empty()) {
    restored_batches_.emplace(std::move(restored_runs_), registry_.serializers,
                              KeyGroupsOfSubtask(deployment_.task.subtask, deployment_.parallelism,
                                                 members[0].op.max_parallelism),
                              members[0].op.max_parallelism);
  }
  valve_.emplace(gate_.size());
  barriers_.emplace(gate_, env_.clock, deployment_.at_least_once);
  chain_ = std::make_unique<OperatorChain>(std::move(nodes), std::move(partitions), *this);
  checkpoints_.emplace(
      env_, deployment_.task,
      [task = weak_from_this()](std::function<void()> run) {
        if (auto alive = task.lock()) {
          alive->mailbox().Post("checkpoint", [self = alive.get(), run = std::move(run)] {
            if (self->phase_ != Phase::kDone) run();
          });
        }
      },
      [this](idl::CheckpointAnswer answer) {
        if (answer.__isset.failure) answer.failure = Named(std::move(answer.failure));
        listener_.OnCheckpoint(std::move(answer));
      },
      InlineStateBytes(deployment_.configuration));
  for (const auto& node : chain_->nodes()) {
    const auto found = deployment_.state.find(node->operator_ids[0]);
    if (node->keyed_state == nullptr || found == deployment_.state.end() ||
        !GoesOnWithFiles(found->second.keyed, node->keyed_state->key_groups()))
      continue;
    for (const idl::KeyedStateHandle& handle : found->second.keyed) {
      if (handle.__isset.backend)
        checkpoints_->SetFiles(deployment_.restored_checkpoint, found->first, handle.backend);
    }
  }
  source_ = chain_->source();
  if (source_ != nullptr) {
    for (const auto& node : chain_->nodes()) node->context.splits = &source_->splits();
    source_->request_split = [this] {
      if (std::exchange(split_requested_, true)) return;  // the answer is on its way
      idl::SplitRequest request;
      request.task = deployment_.task;
      request.op = deployment_.chain[0].op.id;
      listener_.OnSplitRequest(std::move(request));
    };
  }
  return absl::OkStatus();
}

}  // namespace pyflinkpp
