// What the tests of StreamTask share.
#pragma once

#include <gmock/gmock.h>

#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "harness/fake_channel.h"
#include "harness/fake_operator.h"
#include "harness/test_env.h"
#include "runtime/connectors/collection/collection_source.h"
#include "runtime/network/local_transport.h"
#include "runtime/task/stream_task.h"

namespace pyflinkpp {

// Steps one task by hand. Around it: a transport whose other ends the test holds, and what the task
// says.
class StreamTaskTest : public testing::Test, public TaskListener {
 protected:
  StreamTaskTest() {
    deployment_.task.job_id = "job";
    deployment_.task.vertex = 4;
    deployment_.task.subtask = 1;
    deployment_.name = "task (2/3)";
    deployment_.parallelism = 3;
    deployment_.max_parallelism = 128;
    registry_.serializers = [this](const idl::TypeInformation&) { return serializer_; };
    registry_.entries["collection_source"] = {
        .make =
            [this](auto nodes, const auto&) {
              return MakeCollectionSource(nodes[0].spec.collection_source, serializer_);
            },
        .make_enumerator = {}};
  }
  ~StreamTaskTest() override {
    task_.reset();
    inputs_.clear();
    outputs_.clear();
  }

  // ---- the deployment ----

  // Appends a chain member; each feeds the one after it.
  idl::OperatorNode& AddMember(idl::OperatorSpec spec) {
    if (!deployment_.chain.empty()) {
      deployment_.chain.back().successors.push_back(static_cast<int>(deployment_.chain.size()));
    }
    idl::OperatorNode& op = deployment_.chain.emplace_back().op;
    op.id = 100 + static_cast<int>(deployment_.chain.size());
    op.max_parallelism = 128;
    op.spec = std::move(spec);
    return op;
  }
  void AddFake(const harness::Behavior& behavior) {
    idl::OperatorSpec spec;
    idl::NativeFunction function;
    function.name = behavior.name;
    spec.__set_native_function(function);
    AddMember(std::move(spec));
    registry_.entries["native:" + behavior.name] = {
        .make =
            [this, behavior](auto, const auto&) {
              return std::make_unique<harness::FakeOperator>(behavior, log_, serializer_);
            },
        .make_enumerator = {}};
  }
  void AddSource(const std::vector<std::string>& texts) {
    idl::CollectionSource source;
    for (const std::string& text : texts)
      BinaryWriter(source.elements.emplace_back()).PutBytes(text);
    idl::OperatorSpec spec;
    spec.__set_collection_source(source);
    AddMember(std::move(spec));
  }
  // The last member's result goes to these targets.
  void AddOutput(std::vector<int> targets,
                 idl::Partitioner::type partitioner = idl::Partitioner::FORWARD) {
    idl::OutputDescriptor output;
    output.edge = 7;
    output.partitioner = partitioner;
    output.targets = targets;
    output.max_parallelism = 128;
    output.target_parallelism = static_cast<int>(targets.size());
    deployment_.chain.back().outputs.push_back(static_cast<int>(deployment_.outputs.size()));
    deployment_.outputs.push_back(output);
    for (const int target : targets) {
      inputs_.push_back(
          transport_.OpenInput({"job", 7, 1, target}, ready_, static_cast<size_t>(target)));
    }
  }
  void AddInput(int sources) {
    idl::InputDescriptor input;
    input.edge = 3;
    for (int source = 0; source < sources; ++source) {
      input.sources.push_back(source);
      outputs_.push_back(transport_.OpenOutput({"job", 3, source, 1}, peer_));
    }
    deployment_.inputs.push_back(input);
  }

  // ---- the run ----

  void Start() {
    task_ = std::make_shared<StreamTask>(deployment_, env_.env, transport_, registry_, *this);
  }
  // Steps until the task waits or is done. Returns what it did last.
  std::string RunOn() {
    for (int steps = 0; steps < 10'000; ++steps) {
      const StepResult step = task_->Step();
      done_ = step.state == StepResult::State::kDone;
      if (step.state != StepResult::State::kMore) return step.did;
    }
    ADD_FAILURE() << "the task does not come to rest";
    return "?";
  }
  // As far as it can get without anybody's help: a task that is signalled takes another look.
  std::string RunUntilIdle() {
    int64_t timer;
    for (;;) {
      const std::string did = RunOn();
      if (done_ || !task_->mailbox().Ready(&timer)) return did;
    }
  }
  void AssignAll() {
    idl::SplitAssignment assignment;
    assignment.splits.emplace_back().__set_collection_from(0);
    assignment.no_more_splits = true;
    task_->AddSplits(assignment);
  }
  void Send(size_t channel, const std::vector<std::string>& texts) {
    outputs_[channel]->Send(harness::TrackedSerializer::Batch(serializer_, texts));
  }
  void SendEnd(size_t channel) {
    outputs_[channel]->Send(Watermark{kMaxTimestamp, false});
    outputs_[channel]->Send(EndOfInput{});
  }
  // What has arrived at an output since the last call.
  std::vector<std::string> Received(size_t output = 0) {
    std::vector<std::string> texts;
    bool more;
    while (auto element = inputs_[output]->Poll(&more)) harness::AppendTexts(*element, texts);
    return texts;
  }
  std::vector<idl::TaskState::type> States() const {
    std::vector<idl::TaskState::type> states;
    for (const idl::TaskReport& report : reports_) states.push_back(report.state);
    return states;
  }
  // The log without what happened to elements.
  std::vector<std::string> Life() const {
    std::vector<std::string> life;
    for (const std::string& each : log_) {
      if (each.ends_with("open") || each.ends_with("close") || each.ends_with("commit"))
        life.push_back(each);
    }
    return life;
  }

  void OnReport(idl::TaskReport report) override {
    log_.push_back("report " + std::to_string(report.state));
    reports_.push_back(std::move(report));
  }
  void OnCheckpoint(idl::CheckpointAnswer answer) override {
    answers_.push_back(std::move(answer));
  }
  void OnWatermark(idl::WatermarkProgress progress) override {
    progress_.push_back(std::move(progress));
  }
  void OnSourceWatermark(idl::ReportedWatermark report) override {
    source_watermarks_.push_back(std::move(report));
  }
  void OnSplitRequest(idl::SplitRequest request) override {
    split_requests_.push_back(std::move(request));
  }

  harness::TrackedValues values_;
  std::shared_ptr<const harness::TrackedSerializer> serializer_ =
      std::make_shared<const harness::TrackedSerializer>(values_);
  harness::TestEnv env_;
  Mailbox peer_{env_.clock};
  ReadyChannels ready_{peer_};
  LocalTransport transport_;
  OperatorRegistry registry_;
  std::vector<idl::CheckpointAnswer> answers_;
  idl::TaskDeployment deployment_;
  std::vector<std::unique_ptr<OutputChannel>> outputs_;
  std::vector<std::unique_ptr<InputChannel>> inputs_;
  std::shared_ptr<StreamTask> task_;
  bool done_ = false;
  harness::CallLog log_;
  std::vector<idl::TaskReport> reports_;
  std::vector<idl::SplitRequest> split_requests_;
  std::vector<idl::WatermarkProgress> progress_;
  std::vector<idl::ReportedWatermark> source_watermarks_;
};

}  // namespace pyflinkpp
