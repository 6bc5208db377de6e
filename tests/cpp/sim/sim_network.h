// Connections without sockets: what is sent arrives in order, after delays that a seed picks, or the
// connection is cut.
#pragma once

#include <array>
#include <deque>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "core/env/network.h"
#include "sim/sim_random.h"

namespace pyflinkpp::sim {

// One thread. Handlers are called by DeliverOne and nowhere else, so that a test decides when. Time is
// the network's own: it goes on to what is delivered next.
class SimNetwork final : public Network {
 public:
  explicit SimNetwork(uint64_t seed);
  ~SimNetwork() override;

  absl::StatusOr<std::unique_ptr<Listener>> Listen(
      const NetworkAddress& address,
      std::function<std::shared_ptr<ConnectionHandler>()> accept) override;
  std::shared_ptr<Connection> Connect(const NetworkAddress& address,
                                      std::shared_ptr<ConnectionHandler> handler) override;

  // Of all that can arrive, what arrives first. False: nothing is on its way.
  bool DeliverOne();
  // Until nothing is. A bound, so that two that answer each other for ever are found.
  void Settle();

  // Connections that both sides know: 0 ... connections() - 1, in the order in which they were made.
  size_t connections() const { return pairs_.size(); }
  // What is on its way is lost; both sides learn it.
  void Cut(size_t connection);
  // Nothing arrives until it is unclogged.
  void Clog(size_t connection, bool clogged);
  int64_t frames() const { return frames_; }  // delivered

 private:
  struct Pair;
  class End;
  class SimListener;
  struct Event {
    enum class Kind { kOpen, kFrame, kClosed } kind;
    int64_t at;
    std::string frame = {};
    absl::Status why = {};
  };
  // What arrives at one side.
  struct Side {
    std::shared_ptr<ConnectionHandler> handler;  // null: it was told of the end
    std::weak_ptr<Connection> connection;
    std::string peer;
    std::deque<Event> arriving;
    bool closed = false;  // by itself
  };
  struct Pair {
    std::array<Side, 2> sides;  // the one that connects, the one that listens
    bool clogged = false;
  };

  void Add(Side& side, Event event);
  void Close(Pair& pair, size_t side);
  void Deliver(const std::shared_ptr<Pair>& pair, size_t side);

  SimRandom random_;
  int64_t now_ = 0;
  int64_t frames_ = 0;
  int next_port_ = 1;
  std::vector<std::shared_ptr<Pair>> pairs_;
  std::map<std::string, std::function<std::shared_ptr<ConnectionHandler>()>> listening_;
  // Whether the network is there: connections may be let go after it.
  const std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace pyflinkpp::sim
