// A loop: private state, a mailbox and Step(). Everything in the engine that acts is one.
#pragma once

#include <memory>
#include <string>

#include "runtime/mailbox/mailbox.h"

namespace pyflinkpp {

// What a loop needs next, and what it just did (for traces).
struct StepResult {
  enum class State { kMore, kWait, kDone } state;
  const char* did;
};

class Loop {
 public:
  explicit Loop(std::string name, const Clock& clock) : name_(std::move(name)), mailbox_(clock) {}
  virtual ~Loop() = default;
  Loop(const Loop&) = delete;
  Loop& operator=(const Loop&) = delete;

  const std::string& name() const { return name_; }
  // Whether the loop needs what only one can have at a time; see turns.h.
  virtual bool takes_turns() const { return false; }
  Mailbox& mailbox() { return mailbox_; }

  // Runs one letter, or else a bounded piece of the loop's own work; never blocks. Not called again
  // after kDone.
  StepResult Step() {
    mailbox_.BeginStep();
    if (auto mail = mailbox_.TakeMail()) {
      mail->run();
      return {finished_ ? StepResult::State::kDone : StepResult::State::kMore, mail->name};
    }
    StepResult result = Work();
    if (finished_) result.state = StepResult::State::kDone;
    return result;
  }

 protected:
  // The loop's own work when there is no mail.
  virtual StepResult Work() { return {StepResult::State::kWait, "idle"}; }
  // The step that runs is the last one.
  void EndLoop() { finished_ = true; }

 private:
  const std::string name_;
  Mailbox mailbox_;
  bool finished_ = false;
};

// Who calls Step(): a thread for each loop in production, one seeded scheduler for all in
// simulation.
class LoopRunner {
 public:
  virtual ~LoopRunner() = default;
  // Steps the loop until it is done; keeps it alive until then.
  virtual void Start(std::shared_ptr<Loop> loop) = 0;
  // A millisecond has passed.
  virtual void Tick() {}
};

}  // namespace pyflinkpp
