// Production's Network: TCP sockets by Asio, TLS by OpenSSL, one thread.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "core/env/network.h"
#include "runtime/network/frame.h"

namespace pyflinkpp {

// Who may take part.
struct NetworkSecurity {
  // PEM files; all three, or none. With them connections are TLS, and each side must show a
  // certificate that this authority has signed. For which host it was made does not matter:
  // whoever has one is of the cluster.
  std::string certificate_file = {};  // with those between it and the authority
  std::string key_file = {};
  std::string authority_file = {};
  // Each side must know it. Without TLS it can be read on the wire. Empty: none.
  std::string token = {};

  bool tls() const { return !certificate_file.empty(); }
};

struct AsioNetworkOptions {
  NetworkSecurity security;
  size_t frame_bytes_max = kFrameBytesMax;
  // How long connecting, or the greeting of who has connected, may take; and how long what was sent
  // before Close may take to go out.
  int64_t greeting_timeout_ms = 10'000;
  int64_t linger_ms = 5'000;
  // A connection was closed because of what came over it; on the network's thread.
  std::function<void(std::string reason)> on_reject = {};
};

// An address without a host is this machine's loopback. The destructor ends all connections, tells
// their handlers, and waits for its thread: it must not run on it. Connections that others still hold
// are dead then, but may be used.
absl::StatusOr<std::unique_ptr<Network>> MakeAsioNetwork(AsioNetworkOptions options);

// What whoever starts a process should read: it listens where other machines can reach it, and anybody
// may connect, or read along. Empty: nothing of that kind.
std::string ListenWarning(const NetworkAddress& at, const NetworkSecurity& security);

}  // namespace pyflinkpp
