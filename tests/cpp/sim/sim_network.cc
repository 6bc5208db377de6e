#include "sim/sim_network.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "core/base/check.h"

namespace pyflinkpp::sim {
namespace {

std::string TextOf(const NetworkAddress& address) {
  return absl::StrCat(address.host, ":", address.port);
}

}  // namespace

class SimNetwork::End final : public Connection {
 public:
  End(SimNetwork& network, std::shared_ptr<Pair> pair, size_t side)
      : network_(network), alive_(network.alive_), pair_(std::move(pair)), side_(side) {}
  ~End() override { Close(); }
  void Send(std::string frame) override {
    Side& other = pair_->sides[1 - side_];
    if (!*alive_ || pair_->sides[side_].closed || other.closed || other.handler == nullptr) return;
    network_.Add(other, {.kind = Event::Kind::kFrame, .at = 0, .frame = std::move(frame)});
  }
  void Close() override {
    if (*alive_) network_.Close(*pair_, side_);
  }
  const std::string& peer() const override { return pair_->sides[side_].peer; }

 private:
  SimNetwork& network_;
  const std::shared_ptr<bool> alive_;
  const std::shared_ptr<Pair> pair_;
  const size_t side_;
};

class SimNetwork::SimListener final : public Listener {
 public:
  SimListener(SimNetwork& network, NetworkAddress address)
      : network_(network), alive_(network.alive_), address_(std::move(address)) {}
  ~SimListener() override {
    if (*alive_) network_.listening_.erase(TextOf(address_));
  }
  NetworkAddress address() const override { return address_; }

 private:
  SimNetwork& network_;
  const std::shared_ptr<bool> alive_;
  const NetworkAddress address_;
};

SimNetwork::SimNetwork(uint64_t seed) : random_(seed, /*part=*/9) {}

SimNetwork::~SimNetwork() {
  *alive_ = false;
  for (const auto& pair : pairs_) {
    for (Side& side : pair->sides) side.handler = nullptr;  // which holds its connection
  }
}

absl::StatusOr<std::unique_ptr<Listener>> SimNetwork::Listen(
    const NetworkAddress& address, std::function<std::shared_ptr<ConnectionHandler>()> accept) {
  NetworkAddress at = address;
  if (at.host.empty()) at.host = "sim";
  if (at.port == 0) at.port = next_port_++;
  if (!listening_.emplace(TextOf(at), std::move(accept)).second)
    return absl::AlreadyExistsError(absl::StrCat("somebody listens at ", TextOf(at)));
  return std::make_unique<SimListener>(*this, at);
}

std::shared_ptr<Connection> SimNetwork::Connect(const NetworkAddress& address,
                                                std::shared_ptr<ConnectionHandler> handler) {
  auto pair = std::make_shared<Pair>();
  auto connection = std::make_shared<End>(*this, pair, 0);
  Side& connects = pair->sides[0];
  connects.handler = std::move(handler);
  connects.connection = connection;
  connects.peer = TextOf(address);
  pairs_.push_back(pair);
  const auto accept = listening_.find(connects.peer);
  if (accept == listening_.end()) {
    Add(connects, {.kind = Event::Kind::kClosed,
                   .at = 0,
                   .why = absl::UnavailableError(
                       absl::StrCat("connecting to ", connects.peer, ": Connection refused"))});
    return connection;
  }
  Side& listens = pair->sides[1];
  listens.handler = accept->second();
  listens.peer = absl::StrCat("sim client ", pairs_.size());
  for (Side& side : pair->sides) Add(side, {.kind = Event::Kind::kOpen, .at = 0});
  return connection;
}

// In order, whatever the delays.
void SimNetwork::Add(Side& side, Event event) {
  event.at = now_ + static_cast<int64_t>(random_.Next() % 1'000);
  if (!side.arriving.empty()) event.at = std::max(event.at, side.arriving.back().at);
  side.arriving.push_back(std::move(event));
}

void SimNetwork::Close(Pair& pair, size_t side) {
  Side& own = pair.sides[side];
  Side& other = pair.sides[1 - side];
  if (std::exchange(own.closed, true) || own.handler == nullptr) return;
  own.arriving.clear();
  Add(own, {.kind = Event::Kind::kClosed, .at = 0});
  if (other.handler != nullptr && !other.closed)
    Add(other, {.kind = Event::Kind::kClosed, .at = 0});
}

void SimNetwork::Cut(size_t connection) {
  for (Side& side : pairs_.at(connection)->sides) {
    if (side.handler == nullptr) continue;
    side.arriving.clear();
    Add(side, {.kind = Event::Kind::kClosed, .at = 0, .why = absl::UnavailableError("it was cut")});
  }
}

void SimNetwork::Clog(size_t connection, bool clogged) { pairs_.at(connection)->clogged = clogged; }

bool SimNetwork::DeliverOne() {
  std::shared_ptr<Pair> next;
  size_t next_side = 0;
  for (const std::shared_ptr<Pair>& pair : pairs_) {
    for (size_t side = 0; side < 2 && !pair->clogged; ++side) {
      const auto& arriving = pair->sides[side].arriving;
      if (arriving.empty()) continue;
      if (next == nullptr || arriving.front().at < next->sides[next_side].arriving.front().at) {
        next = pair;
        next_side = side;
      }
    }
  }
  if (next == nullptr) return false;
  Deliver(next, next_side);
  return true;
}

void SimNetwork::Deliver(const std::shared_ptr<Pair>& pair, size_t number) {
  Side& side = pair->sides[number];
  Event event = std::move(side.arriving.front());
  side.arriving.pop_front();
  now_ = std::max(now_, event.at);
  const std::shared_ptr<ConnectionHandler> handler = side.handler;
  PFPP_CHECK(handler != nullptr);
  switch (event.kind) {
    case Event::Kind::kOpen: {
      std::shared_ptr<Connection> connection = side.connection.lock();
      if (connection == nullptr) connection = std::make_shared<End>(*this, pair, number);
      side.connection = connection;
      return handler->OnOpen(connection);
    }
    case Event::Kind::kFrame:
      ++frames_;
      return handler->OnFrame(std::move(event.frame));
    case Event::Kind::kClosed:
      side.handler = nullptr;
      side.arriving.clear();
      return handler->OnClosed(event.why);
  }
}

void SimNetwork::Settle() {
  for (int events = 0; DeliverOne(); ++events) PFPP_CHECK(events < 1'000'000);
}

}  // namespace pyflinkpp::sim
