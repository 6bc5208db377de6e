// A keyed exchange between two TaskManagers' transports over loopback TCP: what a ResultPartition writes,
// an InputGate reads, each on a loop of its own. Goals: 3 M records/s of 100 bytes, 1 GB/s with 4 KB.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "core/base/check.h"
#include "core/base/hash.h"
#include "core/types/native_serializers.h"
#include "runtime/env/asio_network.h"
#include "runtime/env/real_env.h"
#include "runtime/network/input_gate.h"
#include "runtime/network/local_transport.h"
#include "runtime/network/network_transport.h"
#include "runtime/network/result_partition.h"

namespace pyflinkpp::benchmarks {
namespace {

constexpr int kChannels = 2;

// A run of keyed strings, as a source or an operator hands it on: at most about 64 KB.
std::unique_ptr<RecordBatch> RecordsOf(size_t bytes) {
  auto batch = std::make_unique<RecordBatch>(StringSerializer());
  const size_t count = std::min(kBatchRecordsMax, std::max<size_t>(1, kBatchBytesMax / bytes));
  for (size_t i = 0; i < count; ++i) {
    const std::string value(bytes, static_cast<char>('a' + i % 26));
    const absl::string_view copy = batch->arena().Copy(value);
    batch->AppendRow(StringRow{copy.data(), copy.size()});
    const std::string key = std::to_string(i);
    const absl::string_view kept = batch->arena().Copy(key);
    batch->keys().push_back({kept.data(), static_cast<uint32_t>(kept.size()), MurmurHash(kept)});
  }
  return batch;
}

class Producer final : public Loop {
 public:
  Producer(const Clock& clock, Random& random, Transport& transport, const std::string& peer,
           const std::string& job, const RecordBatch& records, int64_t count)
      : Loop("producer", clock), records_(records), left_(count) {
    idl::OutputDescriptor descriptor;
    descriptor.partitioner = idl::Partitioner::HASH;
    descriptor.max_parallelism = 128;
    descriptor.target_parallelism = kChannels;
    std::vector<std::unique_ptr<OutputChannel>> outputs;
    for (int target = 0; target < kChannels; ++target) {
      descriptor.targets.push_back(target);
      outputs.push_back(transport.OpenOutput({job, 0, 0, target}, mailbox(), {peer, {}}));
    }
    partition_ = std::make_unique<ResultPartition>(descriptor, std::move(outputs), random);
  }

 protected:
  StepResult Work() override {
    if (partition_->Pump()) return {StepResult::State::kWait, "wait"};
    if (std::exchange(ended_, left_ <= 0)) {
      EndLoop();
      return {StepResult::State::kDone, "done"};
    }
    if (left_ > 0) {
      PFPP_CHECK(partition_->Write(*records_.Copy()).ok());
      left_ -= static_cast<int64_t>(records_.size());
    } else {
      partition_->Broadcast(EndOfInput{});
    }
    return {StepResult::State::kMore, "write"};
  }

 private:
  const RecordBatch& records_;
  int64_t left_;
  bool ended_ = false;
  std::unique_ptr<ResultPartition> partition_;
};

class Consumer final : public Loop {
 public:
  Consumer(const Clock& clock, Transport& transport, const std::string& peer,
           const std::string& job)
      : Loop("consumer", clock), gate_(mailbox()) {
    for (int channel = 0; channel < kChannels; ++channel)
      gate_.Open(transport, {job, 0, 0, channel}, 0, {peer, {}});
  }
  int64_t records() const { return records_; }

 protected:
  StepResult Work() override {
    auto next = gate_.Poll();
    if (!next) {
      PFPP_CHECK(gate_.status().ok());
      return {StepResult::State::kWait, "wait"};
    }
    if (const auto* batch = std::get_if<std::unique_ptr<RecordBatch>>(&next->element)) {
      records_ += static_cast<int64_t>((*batch)->size());
    } else if (std::holds_alternative<EndOfInput>(next->element) && ++ends_ == kChannels) {
      gate_.Close();
      EndLoop();
    }
    return {StepResult::State::kMore, "read"};
  }

 private:
  InputGate gate_;
  int64_t records_ = 0;
  int ends_ = 0;
};

void BM_NetworkExchange(benchmark::State& state) {
  const auto bytes = static_cast<size_t>(state.range(0));
  const int64_t count = int64_t{2'000'000'000} / static_cast<int64_t>(bytes + 100);
  RealClock clock;
  RealRandom random;
  ThreadLoopRunner loops;
  LocalTransport locals[2];
  std::unique_ptr<Network> networks[2];
  std::unique_ptr<NetworkTransport> transports[2];
  for (int i = 0; i < 2; ++i) {
    networks[i] = *MakeAsioNetwork({});
    transports[i] = *NetworkTransport::Listen(*networks[i], locals[i], {});
  }
  const auto records = RecordsOf(bytes);
  int jobs = 0;
  int64_t all = 0;
  for (auto _ : state) {
    const std::string job = std::to_string(jobs++);
    auto consumer =
        std::make_shared<Consumer>(clock, *transports[1], transports[0]->address(), job);
    loops.Start(consumer);
    loops.Start(std::make_shared<Producer>(clock, random, *transports[0], transports[1]->address(),
                                           job, *records, count));
    loops.JoinAll();
    PFPP_CHECK(consumer->records() >= count);
    all += consumer->records();
  }
  state.SetItemsProcessed(all);
  state.SetBytesProcessed(all * static_cast<int64_t>(bytes));
}
BENCHMARK(BM_NetworkExchange)
    ->ArgName("bytes")
    ->Arg(100)
    ->Arg(4096)
    ->Unit(benchmark::kMillisecond)
    ->UseRealTime()
    ->MeasureProcessCPUTime();

}  // namespace
}  // namespace pyflinkpp::benchmarks
