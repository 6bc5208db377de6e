#include "runtime/network/partition_server.h"

#include <iterator>
#include <limits>
#include <utility>

namespace pyflinkpp {

PartitionServer::PartitionServer(const Clock& clock, Ends ends)
    : Loop("partitions", clock), ends_(std::move(ends)), ready_(mailbox()) {}

bool PartitionServer::Add(const ChannelId& id, const std::string& peer) {
  {
    MutexLock lock(mutex_);
    if (ended_) return false;
    asked_.push_back({id, peer});
  }
  mailbox().Notify();
  return true;
}

void PartitionServer::Release(const std::string& job) {
  MutexLock lock(mutex_);
  if (ended_) return;
  mailbox().Post("release job", [this, job] {
    TakeAsked();
    std::erase_if(readings_, [&](const auto& entry) { return entry.second.id.job == job; });
  });
}

void PartitionServer::TakeAsked() {
  std::vector<Asked> asked;
  {
    MutexLock lock(mutex_);
    asked.swap(asked_);
  }
  for (Asked& each : asked) {
    const size_t number = next_++;
    Reading& reading = readings_[number];
    reading.output = ends_.open_output(each.id, mailbox(), each.peer);
    reading.input = ends_.open_partition(each.id, ready_, number);
    reading.id = std::move(each.id);
  }
}

StepResult PartitionServer::Work() {
  TakeAsked();
  while (const std::optional<size_t> number = ready_.Pop()) {
    if (const auto found = readings_.find(*number); found != readings_.end())
      found->second.more = true;
  }
  bool passed = false;
  for (auto entry = readings_.begin(); entry != readings_.end();) {
    bool ended = false;
    passed |= Pass(entry->second, &ended);
    entry = ended ? readings_.erase(entry) : std::next(entry);
  }
  if (passed) return {StepResult::State::kMore, "send partitions"};
  if (!readings_.empty()) return {StepResult::State::kWait, "wait"};
  MutexLock lock(mutex_);
  if (!asked_.empty()) return {StepResult::State::kMore, "asked"};
  ended_ = true;
  EndLoop();
  return {StepResult::State::kDone, "done"};
}

// An element of each in turn, so that none waits long for another's.
bool PartitionServer::Pass(Reading& reading, bool* ended) {
  const int credit = reading.output->credit();
  // Nobody takes it any more.
  if (credit == std::numeric_limits<int>::max()) {
    *ended = true;
    return true;
  }
  if (credit == 0 || !reading.more) return false;
  std::optional<StreamElement> element = reading.input->Poll(&reading.more);
  if (!element) {
    const absl::Status status = reading.input->status();
    if (status.ok()) return false;
    reading.output->Fail(status);
    *ended = true;
    return true;
  }
  *ended = std::holds_alternative<EndOfInput>(*element);
  reading.output->Send(*std::move(element));
  return true;
}

}  // namespace pyflinkpp
