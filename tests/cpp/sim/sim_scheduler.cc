#include "sim/sim_scheduler.h"

#include <algorithm>
#include <cstring>
#include <limits>
#include <utility>

#include "absl/strings/str_cat.h"
#include "core/base/check.h"

namespace pyflinkpp::sim {
namespace {

// What goes on in a cluster where nothing happens: its timers, and looks at empty mailboxes and
// gates.
bool IsUpkeep(const StepResult& result) {
  return result.state == StepResult::State::kWait || std::strcmp(result.did, "tick") == 0 ||
         std::strcmp(result.did, "job timer") == 0;
}

}  // namespace

Temper Temper::Draw(SimRandom& random) {
  return {.step_nanos_max = random.OneOf<int64_t>({1'000, 50'000, 50'000, 400'000, 3'000'000}),
          .stay_percent = random.OneOf<int64_t>({0, 0, 50, 90, 99}),
          .weight_max = random.OneOf<int64_t>({1, 1, 10, 200}),
          .spurious_permille = random.OneOf<int64_t>({0, 20}),
          .pause_permille = random.OneOf<int64_t>({0, 0, 5, 50}),
          .pause_nanos_max = random.OneOf<int64_t>({100'000, 5'000'000}),
          .io_threads = random.Between(1, 4)};
}

SimScheduler::SimScheduler(uint64_t seed)
    : random_(seed, /*part=*/1),
      temper_(Temper::Draw(random_)),
      seed_(seed),
      clock_name_(trace_.AddName("clock")),
      io_name_(trace_.AddName("io")) {}

SimScheduler::~SimScheduler() = default;

void SimScheduler::Start(std::shared_ptr<Loop> loop) {
  const size_t name = trace_.AddName(loop->name());
  std::string owner = owner_.empty() ? loop->name() : owner_;
  loops_.push_back({.loop = std::move(loop),
                    .name = name,
                    .weight = random_.Between(1, temper_.weight_max),
                    .owner = std::move(owner)});
}

absl::Status SimScheduler::RunUntil(const std::function<bool()>& done) {
  while (!done()) {
    if (!Step()) return absl::InternalError(Report("nothing can go on"));
    if (quiet_jumps_ > kQuietJumpsMax) {
      quiet_jumps_ = 0;  // the caller may do something about it
      return absl::InternalError(Report("nothing but upkeep happens"));
    }
    if (trace_.size() > kStepsMax) return absl::InternalError(Report("no end in sight"));
  }
  return absl::OkStatus();
}

bool SimScheduler::Step() {
  LookForReady();
  if (ready_.empty()) {
    if (next_timer_ == std::numeric_limits<int64_t>::max()) return false;
    PFPP_CHECK(next_timer_ > clock_.NowNanos());
    clock_.Advance(next_timer_ - clock_.NowNanos());
    ++quiet_jumps_;
    trace_.Add(clock_.NowNanos(), clock_name_, "jump to timer");
    return true;
  }
  const size_t chosen = Choose();
  if (chosen < loops_.size()) {
    StepLoop(chosen);
  } else {
    RunWork(chosen - loops_.size());
  }
  clock_.Advance(random_.Between(1, temper_.step_nanos_max));
  return true;
}

void SimScheduler::LookForReady() {
  ready_.clear();
  next_timer_ = std::numeric_limits<int64_t>::max();
  const int64_t now = clock_.NowNanos();
  for (size_t i = 0; i < loops_.size(); ++i) {
    Entry& entry = loops_[i];
    int64_t timer;
    if (!entry.loop->mailbox().Ready(&timer) && !entry.more) {
      next_timer_ = std::min(next_timer_, timer);
    } else if (entry.paused_until > now) {
      next_timer_ = std::min(next_timer_, entry.paused_until);
    } else {
      ready_.push_back(i);
    }
  }
  const size_t works = std::min(works_.size(), static_cast<size_t>(temper_.io_threads));
  for (size_t i = 0; i < works; ++i) ready_.push_back(loops_.size() + i);
}

size_t SimScheduler::Choose() {
  if (temper_.spurious_permille > 0 && !loops_.empty() &&
      random_.Below(1000) < temper_.spurious_permille) {
    return static_cast<size_t>(random_.Below(static_cast<int64_t>(loops_.size())));
  }
  int64_t total = 0;
  for (const size_t each : ready_) {
    if (each < loops_.size() && loops_[each].loop.get() == last_ &&
        random_.Percent(temper_.stay_percent))
      return each;
    total += each < loops_.size() ? loops_[each].weight : 1;
  }
  int64_t left = random_.Below(total);
  for (const size_t each : ready_) {
    left -= each < loops_.size() ? loops_[each].weight : 1;
    if (left < 0) return each;
  }
  PFPP_CHECK(false);
  return 0;
}

void SimScheduler::StepLoop(size_t position) {
  const std::shared_ptr<Loop> loop =
      loops_[position].loop;  // starting another one moves the entries
  last_ = loop.get();
  running_ = loop->name();
  owner_ = loops_[position].owner;
  const StepResult result = loop->Step();
  running_.clear();
  owner_.clear();
  Entry& entry = loops_[position];
  trace_.Add(clock_.NowNanos(), entry.name, result.did);
  if (!IsUpkeep(result)) quiet_jumps_ = 0;
  entry.more = result.state == StepResult::State::kMore;
  if (random_.Below(1000) < temper_.pause_permille) {
    entry.paused_until = clock_.NowNanos() + random_.Between(1, temper_.pause_nanos_max);
  }
  if (result.state == StepResult::State::kDone) {
    loops_.erase(loops_.begin() + static_cast<int64_t>(position));
    last_ = nullptr;
  }
}

void SimScheduler::RunWork(size_t position) {
  Work work = std::move(works_[position]);
  works_.erase(works_.begin() + static_cast<int64_t>(position));
  in_work_ = true;
  owner_ = work.owner;
  work.run();
  work.run = nullptr;
  owner_.clear();
  in_work_ = false;
  trace_.Add(clock_.NowNanos(), io_name_, "work");
  quiet_jumps_ = 0;
}

void SimScheduler::Crash() {
  while (!loops_.empty() || !works_.empty()) {
    std::exchange(loops_, {}).clear();
    last_ = nullptr;
    if (!works_.empty()) RunWork(0);
  }
}

void SimScheduler::Crash(const std::string& owner) {
  std::vector<std::shared_ptr<Loop>> dead;
  for (size_t i = 0; i < loops_.size();) {
    if (loops_[i].owner != owner) {
      ++i;
      continue;
    }
    dead.push_back(std::move(loops_[i].loop));
    loops_.erase(loops_.begin() + static_cast<int64_t>(i));
  }
  last_ = nullptr;
  owner_ = owner;  // of what the end of one starts
  dead.clear();
  owner_.clear();
  for (size_t i = 0; i < works_.size();) {
    if (works_[i].owner != owner) {
      ++i;
      continue;
    }
    RunWork(i);
    i = 0;  // it may have started others
  }
}

void SimScheduler::Clear() {
  while (!loops_.empty() || !works_.empty()) {  // the end of one may post another
    std::exchange(loops_, {}).clear();
    std::exchange(works_, {}).clear();
  }
}

std::string SimScheduler::Report(const char* what) const {
  std::string left;
  for (const Entry& entry : loops_)
    absl::StrAppend(&left, left.empty() ? "" : ", ", entry.loop->name());
  return absl::StrCat("seed ", seed_, ": ", what, "; loops that have not ended: ", left,
                      "; works: ", works_.size(), "; the last steps:\n", trace_.Text(60));
}

}  // namespace pyflinkpp::sim
