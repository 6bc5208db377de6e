// A Network without sockets: frames arrive at once, until the test cuts a wire or makes it deaf.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "core/env/network.h"

namespace pyflinkpp::harness {

class TestNetwork final : public Network {
 public:
  // A connection: end 0 has connected, end 1 has accepted.
  struct Wire {
    std::shared_ptr<ConnectionHandler> handlers[2];
    std::vector<std::string> frames[2];  // that each end has sent
    bool open = true;
    bool deaf = false;  // frames are lost, and nobody hears of it

    void End(const absl::Status& why) {
      if (!std::exchange(open, false)) return;
      for (auto& handler : handlers) {
        handler->OnClosed(why);
        handler.reset();  // nobody calls it any more
      }
    }
  };

  absl::StatusOr<std::unique_ptr<Listener>> Listen(
      const NetworkAddress& address,
      std::function<std::shared_ptr<ConnectionHandler>()> accept) override {
    NetworkAddress at = address;
    if (at.port == 0) at.port = next_port_++;
    listeners_[at.port] = std::move(accept);
    return std::make_unique<Listening>(*this, at);
  }

  std::shared_ptr<Connection> Connect(const NetworkAddress& address,
                                      std::shared_ptr<ConnectionHandler> handler) override {
    auto wire = std::make_shared<Wire>();
    auto near = std::make_shared<End>(wire, 0);
    wire->handlers[0] = handler;
    const auto listener = listeners_.find(address.port);
    if (listener == listeners_.end()) {
      wire->open = false;
      handler->OnClosed(absl::UnavailableError(
          absl::StrCat(address.host, ":", address.port, ": connection refused")));
      return near;
    }
    wires.push_back(wire);
    wire->handlers[1] = listener->second();
    ends_.push_back(std::make_shared<End>(wire, 1));
    wire->handlers[1]->OnOpen(ends_.back());
    handler->OnOpen(near);
    return near;
  }

  std::vector<std::shared_ptr<Wire>> wires;  // in the order in which they came about

 private:
  class End final : public Connection {
   public:
    End(std::shared_ptr<Wire> wire, int side)
        : wire_(std::move(wire)), side_(side), peer_(absl::StrCat("wire end ", 1 - side)) {}
    void Send(std::string frame) override {
      if (!wire_->open) return;
      wire_->frames[side_].push_back(frame);
      if (!wire_->deaf) wire_->handlers[1 - side_]->OnFrame(std::move(frame));
    }
    void Close() override { wire_->End(absl::OkStatus()); }
    const std::string& peer() const override { return peer_; }

   private:
    const std::shared_ptr<Wire> wire_;
    const int side_;
    const std::string peer_;
  };
  class Listening final : public Listener {
   public:
    Listening(TestNetwork& network, NetworkAddress address)
        : network_(network), address_(std::move(address)) {}
    ~Listening() override { network_.listeners_.erase(address_.port); }
    NetworkAddress address() const override { return address_; }

   private:
    TestNetwork& network_;
    const NetworkAddress address_;
  };

  int next_port_ = 6123;
  std::map<int, std::function<std::shared_ptr<ConnectionHandler>()>> listeners_;
  std::vector<std::shared_ptr<Connection>> ends_;
};

}  // namespace pyflinkpp::harness
