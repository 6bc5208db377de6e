// Two processes' transports for tests, whose channels go from the first to the second and back: within
// one process, over a simulated network, over sockets.
#pragma once

#include <memory>
#include <string>

#include "core/base/check.h"
#include "harness/test_env.h"
#include "runtime/env/asio_network.h"
#include "runtime/env/real_env.h"
#include "runtime/network/local_transport.h"
#include "runtime/network/network_transport.h"
#include "sim/sim_network.h"

namespace pyflinkpp {

// Which of the two.
enum Process { kFirst = 0, kSecond = 1 };

class LocalPair {
 public:
  Transport& transport(Process) { return transport_; }
  std::string address(Process) const { return {}; }
  void Settle() {}  // what is sent is there

 private:
  LocalTransport transport_;
};

inline std::unique_ptr<NetworkTransport> ListenOn(Network& network, Transport& local,
                                                  int floating_credits) {
  auto transport = NetworkTransport::Listen(
      network, local, {.listen = {}, .advertised_host = {}, .floating_credits = floating_credits});
  PFPP_CHECK(transport.ok());
  return *std::move(transport);
}

class SimPair {
 public:
  explicit SimPair(uint64_t seed = 1, int floating_credits = 0) : network_(seed) {
    for (int i = 0; i < 2; ++i) transports_[i] = ListenOn(network_, locals_[i], floating_credits);
  }
  NetworkTransport& transport(Process process) { return *transports_[process]; }
  std::string address(Process process) const { return transports_[process]->address(); }
  void Settle() { network_.Settle(); }
  sim::SimNetwork& network() { return network_; }

 private:
  sim::SimNetwork network_;
  LocalTransport locals_[2];
  std::unique_ptr<NetworkTransport> transports_[2];
};

class AsioPair {
 public:
  AsioPair() {
    for (int i = 0; i < 2; ++i) {
      networks_[i] = *MakeAsioNetwork({});
      transports_[i] = ListenOn(*networks_[i], locals_[i], /*floating_credits=*/0);
    }
  }
  ~AsioPair() {
    for (int i = 0; i < 2; ++i) {
      echo_outputs_[i].reset();
      echo_inputs_[i].reset();
    }
  }
  NetworkTransport& transport(Process process) { return *transports_[process]; }
  std::string address(Process process) const { return transports_[process]->address(); }
  // Something that is sent behind all else goes there and back, twice: the second time behind the
  // answers.
  void Settle() {
    if (echo_outputs_[0] == nullptr) {
      for (int i = 0; i < 2; ++i) {
        const ChannelId id{"echo", i, 0, 0};
        const auto from = static_cast<Process>(i);
        const auto to = static_cast<Process>(1 - i);
        echo_outputs_[i] = transports_[from]->OpenOutput(id, mailbox_, {address(to), {}});
        echo_inputs_[i] = transports_[to]->OpenInput(id, ready_, 0, {address(from), {}});
      }
    }
    for (int round = 0; round < 2; ++round) {
      for (int i = 0; i < 2; ++i) Echo(i);
    }
  }

 private:
  void Echo(int i) {
    Await([&] { return echo_outputs_[i]->credit() > 0; });
    echo_outputs_[i]->Send(Watermark{0, false});
    bool more;
    Await([&] { return echo_inputs_[i]->Poll(&more).has_value(); });
  }
  template <class Condition>
  void Await(Condition condition) {
    const int64_t deadline = clock_.NowNanos() + 10'000'000'000;
    while (!condition()) {
      PFPP_CHECK(clock_.NowNanos() < deadline);
      mailbox_.BeginStep();
      if (condition()) return;
      mailbox_.Wait(clock_.NowNanos() + 10'000'000);
    }
  }

  RealClock clock_;
  Mailbox mailbox_{clock_};
  ReadyChannels ready_{mailbox_};
  LocalTransport locals_[2];
  std::unique_ptr<Network> networks_[2];
  std::unique_ptr<NetworkTransport> transports_[2];
  std::unique_ptr<OutputChannel> echo_outputs_[2];
  std::unique_ptr<InputChannel> echo_inputs_[2];
};

}  // namespace pyflinkpp
