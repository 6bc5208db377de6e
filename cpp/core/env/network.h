// Connections to other processes: whole frames, in order, until one side or the network ends them.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "absl/status/statusor.h"

namespace pyflinkpp {

struct NetworkAddress {
  std::string host;  // a name or an address
  int port = 0;      // 0, to listen: any that is free
};

// One end of a connection. Any thread. No handler is called from within these calls, nor from within
// Network's.
class Connection {
 public:
  // Closes it.
  virtual ~Connection() = default;
  // Frames arrive whole and in their order, or the connection ends. Never waits: who sends is bounded
  // by credit or by answers. What is sent on a connection that has ended is dropped.
  virtual void Send(std::string frame) = 0;
  // What was sent before still goes out, if the other side takes it. OnClosed follows.
  virtual void Close() = 0;
  // Where the other side is, for messages.
  virtual const std::string& peer() const = 0;
};

// What happens on a connection: calls from the network's threads, one at a time, which must not wait.
// None comes behind OnClosed.
class ConnectionHandler {
 public:
  virtual ~ConnectionHandler() = default;
  // Both sides are who they should be, and frames can be sent.
  virtual void OnOpen(const std::shared_ptr<Connection>& connection) = 0;
  virtual void OnFrame(std::string frame) = 0;
  // It has ended, or has never come about. Ok: the other side or this one closed it.
  virtual void OnClosed(const absl::Status& why) = 0;
};

// Listens until it is destroyed; connections stay.
class Listener {
 public:
  virtual ~Listener() = default;
  virtual NetworkAddress address() const = 0;
};

class Network {
 public:
  virtual ~Network() = default;
  // `accept` makes the handler of each connection that comes.
  virtual absl::StatusOr<std::unique_ptr<Listener>> Listen(
      const NetworkAddress& address,
      std::function<std::shared_ptr<ConnectionHandler>()> accept) = 0;
  // Frames that are sent before it is open wait for that.
  virtual std::shared_ptr<Connection> Connect(const NetworkAddress& address,
                                              std::shared_ptr<ConnectionHandler> handler) = 0;
};

}  // namespace pyflinkpp
