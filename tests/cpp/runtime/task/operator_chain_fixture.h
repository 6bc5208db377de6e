// A chain of operators between hand-made input and partitions whose far ends the test sees.
#pragma once

#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "harness/fake_channel.h"
#include "harness/fake_operator.h"
#include "harness/test_env.h"
#include "runtime/task/operator_chain.h"

namespace pyflinkpp {

class OperatorChainTest : public testing::Test {
 protected:
  // Operators come in topological order.
  void Add(const harness::Behavior& behavior, std::vector<size_t> successors,
           std::vector<size_t> partitions = {}) {
    AddOperator(std::make_unique<harness::FakeOperator>(behavior, log_, serializer_),
                std::move(successors), std::move(partitions));
  }
  void AddOperator(std::unique_ptr<Operator> op, std::vector<size_t> successors,
                   std::vector<size_t> partitions, int takes = Output::kMain) {
    auto node = std::make_unique<OperatorChain::Node>(
        OperatorChain::Node{.op = std::move(op),
                            .context = {.env = env_.env,
                                        .task_name = {},
                                        .configuration = configuration_,
                                        .wake = {},
                                        .report_accumulator = {},
                                        .counters = {}},
                            .counters = std::vector<OperatorCounters>(1),
                            .operator_ids = {0},
                            .successors = std::move(successors),
                            .partitions = std::move(partitions),
                            .takes = takes,
                            .output = {},
                            .pending = {}});
    node->context.counters = node->counters;
    nodes_.push_back(std::move(node));
  }
  // Makes the chain with so many partitions of one channel each; `sides`: which outputs they take.
  void Make(size_t partitions, const std::vector<int>& sides = {}) {
    ends_ = std::vector<harness::FarEnd>(partitions);
    std::vector<std::unique_ptr<ResultPartition>> made;
    for (harness::FarEnd& end : ends_) {
      idl::OutputDescriptor descriptor;
      descriptor.partitioner = idl::Partitioner::FORWARD;
      if (blocking_) descriptor.__set_blocking(true);
      if (!sides.empty()) descriptor.side_output = sides[made.size()];
      std::vector<std::unique_ptr<OutputChannel>> channels;
      channels.push_back(std::make_unique<harness::FakeChannel>(end));
      made.push_back(
          std::make_unique<ResultPartition>(descriptor, std::move(channels), env_.random));
    }
    chain_ = std::make_unique<OperatorChain>(std::move(nodes_), std::move(made), barriers_);
  }
  void MakeAndOpen(size_t partitions, const std::vector<int>& sides = {}) {
    Make(partitions, sides);
    ASSERT_TRUE(chain_->Open().ok());
    log_.clear();
  }
  void Push(const std::vector<std::string>& texts) {
    chain_->PushBatch(harness::TrackedSerializer::Batch(serializer_, texts), 0);
  }
  Progress Run() {
    const absl::StatusOr<Progress> progress = chain_->Run();
    EXPECT_TRUE(progress.ok()) << progress.status();
    return progress.value_or(Progress::kDone);
  }
  // Until it is drained or has to wait.
  Progress RunOn() {
    for (;;) {
      if (const Progress progress = Run(); progress != Progress::kMore) return progress;
    }
  }

  bool blocking_ = false;  // the partitions that Make makes
  harness::TestEnv env_;
  std::map<std::string, std::string> configuration_;
  harness::TrackedValues values_;
  std::shared_ptr<const harness::TrackedSerializer> serializer_ =
      std::make_shared<const harness::TrackedSerializer>(values_);
  harness::CallLog log_;
  std::vector<std::unique_ptr<OperatorChain::Node>> nodes_;
  std::vector<harness::FarEnd> ends_;
  struct NoBarriers final : BarrierListener {
    absl::Status OnBarrierAt(size_t, const CheckpointBarrier&) override { return absl::OkStatus(); }
    void OnBarrierPassed(const CheckpointBarrier&) override {}
  } barriers_;
  std::unique_ptr<OperatorChain> chain_;
};

}  // namespace pyflinkpp
