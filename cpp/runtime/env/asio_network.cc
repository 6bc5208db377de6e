#include "runtime/env/asio_network.h"

#include <pthread.h>

#include <asio/connect.hpp>
#include <asio/io_context.hpp>
#include <asio/ip/tcp.hpp>
#include <asio/post.hpp>
#include <asio/ssl.hpp>
#include <asio/steady_timer.hpp>
#include <chrono>
#include <deque>
#include <optional>
#include <set>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "core/base/mutex.h"
#include "core/base/status.h"

namespace pyflinkpp {
namespace {

using asio::ip::tcp;
using Error = asio::error_code;

constexpr size_t kBuffersMax = 64;      // of one write: what Asio gives to the system
constexpr size_t kGreetingsMax = 1000;  // connections that have come and not greeted yet
constexpr int64_t kAcceptAgainMs = 100;

std::string TextOf(const tcp::endpoint& endpoint) {
  const std::string host = endpoint.address().to_string();
  return endpoint.address().is_v6() ? absl::StrCat("[", host, "]:", endpoint.port())
                                    : absl::StrCat(host, ":", endpoint.port());
}

std::string TextOf(const NetworkAddress& address) {
  const bool colons = address.host.find(':') != std::string::npos;
  return colons ? absl::StrCat("[", address.host, "]:", address.port)
                : absl::StrCat(address.host, ":", address.port);
}

class Session;

// What all sessions and listeners of a network share. Lives as long as the last of them, so that
// sockets never outlive their io_context.
struct Core {
  explicit Core(AsioNetworkOptions all) : options(std::move(all)) {}

  void Reject(const std::string& peer, const absl::Status& why) {
    if (options.on_reject)
      options.on_reject(absl::StrCat("connection with ", peer, " closed: ", why.message()));
  }

  // Runs on the network's thread, unless that has ended: then nothing must hold on to this.
  template <class Work>
  void Post(Work work) {
    MutexLock lock(mutex);
    if (!stopped) asio::post(io, std::move(work));
  }

  const AsioNetworkOptions options;
  asio::io_context io{1};
  std::optional<asio::ssl::context> tls;
  // The network's thread only.
  std::set<std::shared_ptr<Session>> sessions;
  std::set<tcp::acceptor*> acceptors;
  size_t ungreeted = 0;
  bool stopping = false;  // as `stopped`

  Mutex mutex;
  bool stopped ABSL_GUARDED_BY(mutex) = false;
};

// One connection. Its own thread is the network's; Send and Close come from any. It lives while
// something of it is under way, or somebody holds its Connection.
//
//   resolving, connecting \                                   / Close: what was sent goes out, then the
//   accepted ------------- TLS -> greetings -> open: frames ->  sending side is shut, until the other
//                                                             \ side does the same -> ended
//   whatever goes wrong: ended at once
class Session : public std::enable_shared_from_this<Session>, private FrameSink {
 public:
  using Accept = std::function<std::shared_ptr<ConnectionHandler>()>;

  // One that connects has a handler; one that has come gets it when it has greeted.
  Session(std::shared_ptr<Core> core, tcp::socket socket,
          std::shared_ptr<ConnectionHandler> handler, Accept accept, std::string peer)
      : core_(std::move(core)),
        accept_(std::move(accept)),
        peer_(std::move(peer)),
        socket_(std::move(socket)),
        resolver_(core_->io),
        timer_(core_->io),
        reader_(core_->options.security.token, core_->options.frame_bytes_max),
        handler_(std::move(handler)) {
    if (core_->tls) tls_.emplace(socket_, *core_->tls);
  }

  const std::string& peer() const { return peer_; }
  // Whom OnOpen is told, while it is held.
  void SetConnection(const std::shared_ptr<Connection>& connection) { connection_ = connection; }

  // ---- any thread ----

  void Send(std::string frame) {
    MutexLock lock(mutex_);
    if (ended_ || close_) return;
    if (frame.size() > core_->options.frame_bytes_max) {
      asio::post(core_->io, [self = shared_from_this(), size = frame.size()] {
        self->End(absl::ResourceExhaustedError(
            absl::StrCat("a frame to ", self->peer_, " would have ", size, " bytes; ",
                         self->core_->options.frame_bytes_max, " are the most")));
      });
      return;
    }
    const auto header = FrameHeader(frame);
    outgoing_.push_back({header, std::move(frame)});
    PostFlush();
  }

  void Close() {
    MutexLock lock(mutex_);
    if (ended_ || std::exchange(close_, true)) return;
    PostFlush();
  }

  // ---- the network's thread ----

  void Connect(const NetworkAddress& address) {
    if (!Begin()) return;
    resolver_.async_resolve(
        address.host.empty() ? "127.0.0.1" : address.host, std::to_string(address.port),
        [self = shared_from_this()](const Error& error, const tcp::resolver::results_type& found) {
          if (error) return self->EndConnecting(error);
          asio::async_connect(self->socket_, found,
                              [self](const Error& failed, const tcp::endpoint&) {
                                if (failed) return self->EndConnecting(failed);
                                self->BeginTls();
                              });
        });
  }

  void Serve() {
    if (!Begin()) return;
    ++core_->ungreeted;
    counted_ = true;
    if (core_->ungreeted > kGreetingsMax)
      return Reject(absl::ResourceExhaustedError("too many others have come and not greeted"));
    BeginTls();
  }

  void End(const absl::Status& why) {
    {
      MutexLock lock(mutex_);
      if (std::exchange(ended_, true)) return;
      outgoing_.clear();
    }
    Error ignored;
    timer_.cancel();
    resolver_.cancel();
    socket_.close(ignored);
    if (std::exchange(counted_, false)) --core_->ungreeted;
    core_->sessions.erase(shared_from_this());
    if (const auto handler = std::exchange(handler_, nullptr)) handler->OnClosed(why);
  }

 private:
  struct Outgoing {
    std::array<char, kFrameHeaderBytes> header;
    std::string body;
    size_t size() const { return header.size() + body.size(); }
  };

  bool connects() const { return accept_ == nullptr; }

  bool Begin() {
    core_->sessions.insert(shared_from_this());
    if (core_->stopping) {
      End(absl::CancelledError("the network is shut down"));
      return false;
    }
    EndAfter(core_->options.greeting_timeout_ms,
             connects() ? absl::StrCat("connecting to ", peer_, " took too long")
                        : "it has not greeted in time");
    return true;
  }

  void EndAfter(int64_t millis, const std::string& why) {
    timer_.expires_after(std::chrono::milliseconds(millis));
    timer_.async_wait([self = shared_from_this(), why](const Error& error) {
      // It may have been on its way when it was cancelled.
      if (!error && !self->open_) self->Reject(absl::DeadlineExceededError(why));
    });
  }

  void EndConnecting(const Error& error) {
    if (error == asio::error::operation_aborted) return;  // its end was told when it was ended
    End(absl::UnavailableError(absl::StrCat("connecting to ", peer_, ": ", error.message())));
  }

  // Who has connected tells its own handler why that failed.
  void Reject(const absl::Status& why) {
    if (ended()) return;
    if (open_ || !connects()) core_->Reject(peer_, why);
    End(why);
  }

  bool ended() {
    MutexLock lock(mutex_);
    return ended_;
  }

  void BeginTls() {
    Error ignored;
    // A frame is what is at hand: it leaves at once.
    socket_.set_option(tcp::no_delay(true), ignored);
    if (!tls_) return BeginGreeting();
    tls_->async_handshake(
        connects() ? asio::ssl::stream_base::client : asio::ssl::stream_base::server,
        [self = shared_from_this()](const Error& error) {
          if (self->ended()) return;
          if (error)
            return self->Reject(absl::UnauthenticatedError(absl::StrCat("TLS: ", error.message())));
          self->BeginGreeting();
        });
  }

  void BeginGreeting() {
    if (connects()) SendGreeting();
    Read();
  }

  void SendGreeting() {
    greeting_ = EncodeGreeting(core_->options.security.token);
    WriteGreeting();
  }

  // ---- reading ----

  void Read() {
    std::array<asio::mutable_buffer, 2> room;
    const auto spans = reader_.Room();
    for (size_t i = 0; i < room.size(); ++i) room[i] = {spans[i].data(), spans[i].size()};
    const auto done = [self = shared_from_this()](const Error& error, size_t bytes) {
      self->OnRead(error, bytes);
    };
    if (tls_) {
      tls_->async_read_some(room, done);
    } else {
      socket_.async_read_some(room, done);
    }
  }

  void OnRead(const Error& error, size_t bytes) {
    if (ended()) return;
    if (error == asio::error::eof || error == asio::ssl::error::stream_truncated)
      return OnEndOfStream();
    if (error) return End(absl::UnavailableError(absl::StrCat(peer_, ": ", error.message())));
    if (const absl::Status taken = reader_.Take(bytes, *this); !taken.ok()) return Reject(taken);
    if (!ended()) Read();
  }

  void OnEndOfStream() {
    if (!reader_.greeted()) {
      return Reject(absl::UnavailableError(
          connects() ? absl::StrCat(peer_,
                                    " has closed the connection instead of greeting: it may want "
                                    "another token, TLS, or another version")
                     : "it ended before it had greeted"));
    }
    if (!reader_.between_frames())
      return End(absl::DataLossError(absl::StrCat(peer_, " went away within a frame")));
    End(absl::OkStatus());
  }

  void OnGreeting() override {
    if (!connects()) SendGreeting();
    if (std::exchange(counted_, false)) --core_->ungreeted;
    timer_.cancel();
    if (!connects()) handler_ = accept_();
    open_ = true;
    if (handler_ != nullptr) Open();
    Flush();
  }

  void Open();

  void OnFrame(std::string body) override {
    if (handler_ != nullptr && !shut_) handler_->OnFrame(std::move(body));
  }

  // ---- writing ----

  bool writing_greeting() const { return !greeting_.empty(); }

  void PostFlush() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    if (std::exchange(flushing_, true)) return;
    asio::post(core_->io, [self = shared_from_this()] { self->Flush(); });
  }

  void WriteGreeting() {
    buffers_.assign(1, asio::buffer(greeting_));
    WriteSome();
  }

  // Writes what there is, until there is nothing more.
  void Flush() {
    if (!open_ || write_under_way_) return;  // comes again then
    if (writing_.empty()) {
      MutexLock lock(mutex_);
      if (ended_) return;
      writing_.swap(outgoing_);
      flushing_ = !writing_.empty();
    }
    if (writing_.empty()) return ShutWhenClosed();
    buffers_.clear();
    size_t skip = written_;  // of the first frame
    for (const Outgoing& frame : writing_) {
      if (buffers_.size() + 2 > kBuffersMax) break;
      if (skip < frame.header.size())
        buffers_.emplace_back(frame.header.data() + skip, frame.header.size() - skip);
      const size_t of_body = skip < frame.header.size() ? 0 : skip - frame.header.size();
      if (of_body < frame.body.size())
        buffers_.emplace_back(frame.body.data() + of_body, frame.body.size() - of_body);
      skip = 0;
    }
    WriteSome();
  }

  void WriteSome() {
    write_under_way_ = true;
    const absl::Span<const asio::const_buffer> buffers =
        buffers_;  // a sequence that is cheap to copy
    const auto done = [self = shared_from_this()](const Error& error, size_t bytes) {
      self->OnWritten(error, bytes);
    };
    if (tls_) {
      tls_->async_write_some(buffers, done);
    } else {
      socket_.async_write_some(buffers, done);
    }
  }

  void OnWritten(const Error& error, size_t bytes) {
    if (ended()) return;
    // What the other side said before may tell more than that it is gone: reading finds its end.
    if (error) return EndLater(absl::UnavailableError(absl::StrCat(peer_, ": ", error.message())));
    write_under_way_ = false;
    if (writing_greeting()) {
      greeting_.erase(0, bytes);
      return writing_greeting() ? WriteGreeting() : Flush();
    }
    written_ += bytes;
    while (!writing_.empty() && written_ >= writing_.front().size()) {
      written_ -= writing_.front().size();
      writing_.pop_front();
    }
    Flush();
  }

  // The other side reads on until this end, then closes; so nothing that was sent gets lost.
  void ShutWhenClosed() {
    {
      MutexLock lock(mutex_);
      if (!close_ || std::exchange(shut_, true)) return;
    }
    Error ignored;
    socket_.shutdown(tcp::socket::shutdown_send, ignored);
    EndLater(absl::OkStatus());
  }

  void EndLater(const absl::Status& why) {
    timer_.expires_after(std::chrono::milliseconds(core_->options.linger_ms));
    timer_.async_wait([self = shared_from_this(), why](const Error& error) {
      if (!error) self->End(why);
    });
  }

  const std::shared_ptr<Core> core_;
  const Accept accept_;
  const std::string peer_;
  tcp::socket socket_;
  std::optional<asio::ssl::stream<tcp::socket&>> tls_;
  tcp::resolver resolver_;
  asio::steady_timer timer_;
  FrameReader reader_;
  std::shared_ptr<ConnectionHandler> handler_;  // null: not yet, or not any more
  std::weak_ptr<Connection> connection_;
  bool counted_ = false;  // in Core::ungreeted
  bool open_ = false;
  bool shut_ = false;     // its sending side
  std::string greeting_;  // what has not been written of it
  std::deque<Outgoing> writing_;
  size_t written_ = 0;  // bytes of its first frame
  std::vector<asio::const_buffer> buffers_;
  bool write_under_way_ = false;

  Mutex mutex_;
  std::deque<Outgoing> outgoing_ ABSL_GUARDED_BY(mutex_);
  bool flushing_ ABSL_GUARDED_BY(mutex_) = false;  // Flush is on its way, or a write
  bool close_ ABSL_GUARDED_BY(mutex_) = false;
  bool ended_ ABSL_GUARDED_BY(mutex_) = false;
};

class AsioConnection final : public Connection {
 public:
  explicit AsioConnection(std::shared_ptr<Session> session) : session_(std::move(session)) {}
  ~AsioConnection() override { session_->Close(); }
  void Send(std::string frame) override { session_->Send(std::move(frame)); }
  void Close() override { session_->Close(); }
  const std::string& peer() const override { return session_->peer(); }

 private:
  const std::shared_ptr<Session> session_;
};

void Session::Open() {
  std::shared_ptr<Connection> connection = connection_.lock();
  if (connection == nullptr) {
    if (connects()) return;  // nobody wants it any more
    connection = std::make_shared<AsioConnection>(shared_from_this());
    connection_ = connection;
  }
  handler_->OnOpen(connection);
}

// Accepts until it is closed.
class Acceptor : public std::enable_shared_from_this<Acceptor> {
 public:
  Acceptor(std::shared_ptr<Core> core, tcp::acceptor acceptor, Session::Accept accept)
      : core_(std::move(core)),
        acceptor_(std::move(acceptor)),
        again_(core_->io),
        accept_(std::move(accept)) {}

  void Begin() {
    if (core_->stopping || !acceptor_.is_open()) return;
    core_->acceptors.insert(&acceptor_);
    Next();
  }
  void Close() {
    core_->acceptors.erase(&acceptor_);
    Error ignored;
    acceptor_.close(ignored);
    again_.cancel();
  }

 private:
  void Next() {
    acceptor_.async_accept([self = shared_from_this()](const Error& error, tcp::socket socket) {
      if (!self->acceptor_.is_open()) return;
      if (!error) {
        Error gone;
        const std::string peer = TextOf(socket.remote_endpoint(gone));
        std::make_shared<Session>(self->core_, std::move(socket), nullptr, self->accept_, peer)
            ->Serve();
        return self->Next();
      }
      // No file descriptor is left, perhaps: one may be free a little later.
      self->core_->Reject("nobody", absl::UnavailableError(error.message()));
      self->again_.expires_after(std::chrono::milliseconds(kAcceptAgainMs));
      self->again_.async_wait([self](const Error& stopped) {
        if (!stopped && self->acceptor_.is_open()) self->Next();
      });
    });
  }

  const std::shared_ptr<Core> core_;
  tcp::acceptor acceptor_;
  asio::steady_timer again_;
  const Session::Accept accept_;
};

class AsioListener final : public Listener {
 public:
  AsioListener(std::shared_ptr<Core> core, std::shared_ptr<Acceptor> acceptor,
               NetworkAddress address)
      : core_(std::move(core)), acceptor_(std::move(acceptor)), address_(std::move(address)) {}
  ~AsioListener() override {
    core_->Post([acceptor = acceptor_] { acceptor->Close(); });
  }
  NetworkAddress address() const override { return address_; }

 private:
  const std::shared_ptr<Core> core_;
  const std::shared_ptr<Acceptor> acceptor_;
  const NetworkAddress address_;
};

class AsioNetwork final : public Network {
 public:
  explicit AsioNetwork(std::shared_ptr<Core> core)
      : core_(std::move(core)), work_(core_->io.get_executor()), thread_([core = core_] {
          pthread_setname_np(pthread_self(), "network");
          core->io.run();
        }) {}

  ~AsioNetwork() override {
    core_->Post([core = core_] {
      {
        MutexLock lock(core->mutex);
        core->stopped = true;
      }
      core->stopping = true;
      Error ignored;
      for (tcp::acceptor* acceptor : core->acceptors) acceptor->close(ignored);
      core->acceptors.clear();
      while (!core->sessions.empty())
        (*core->sessions.begin())->End(absl::CancelledError("the network is shut down"));
    });
    work_.reset();
    thread_.join();
  }

  absl::StatusOr<std::unique_ptr<Listener>> Listen(const NetworkAddress& address,
                                                   Session::Accept accept) override {
    NetworkAddress at = address;
    if (at.host.empty()) at.host = "127.0.0.1";
    tcp::resolver resolver(core_->io);
    Error error;
    const auto found =
        resolver.resolve(at.host, std::to_string(at.port), tcp::resolver::passive, error);
    if (error) return ListenError(at, error);
    tcp::acceptor acceptor(core_->io);
    const tcp::endpoint endpoint = *found.begin();
    if (!error) acceptor.open(endpoint.protocol(), error);
    if (!error) acceptor.set_option(tcp::acceptor::reuse_address(true), error);
    if (!error) acceptor.bind(endpoint, error);
    if (!error) acceptor.listen(asio::socket_base::max_listen_connections, error);
    if (!error) at.port = acceptor.local_endpoint(error).port();
    if (error) return ListenError(at, error);
    auto accepts = std::make_shared<Acceptor>(core_, std::move(acceptor), std::move(accept));
    core_->Post([accepts] { accepts->Begin(); });
    return std::make_unique<AsioListener>(core_, accepts, at);
  }

  std::shared_ptr<Connection> Connect(const NetworkAddress& address,
                                      std::shared_ptr<ConnectionHandler> handler) override {
    auto session = std::make_shared<Session>(core_, tcp::socket(core_->io), std::move(handler),
                                             nullptr, TextOf(address));
    auto connection = std::make_shared<AsioConnection>(session);
    session->SetConnection(connection);
    core_->Post([session, address] { session->Connect(address); });
    return connection;
  }

 private:
  static absl::Status ListenError(const NetworkAddress& at, const Error& error) {
    return ExternalError(absl::StrCat("listening on ", TextOf(at), ": ", error.message()));
  }

  const std::shared_ptr<Core> core_;
  asio::executor_work_guard<asio::io_context::executor_type> work_;
  std::thread thread_;
};

absl::Status UseFiles(const NetworkSecurity& security, asio::ssl::context& tls) {
  const auto failed = [](const std::string& file, const Error& error) {
    return UserError(absl::StrCat("TLS: ", file, ": ", error.message()));
  };
  Error error;
  tls.use_certificate_chain_file(security.certificate_file, error);
  if (error) return failed(security.certificate_file, error);
  tls.use_private_key_file(security.key_file, asio::ssl::context::pem, error);
  if (error) return failed(security.key_file, error);
  tls.load_verify_file(security.authority_file, error);
  if (error) return failed(security.authority_file, error);
  tls.set_verify_mode(asio::ssl::verify_peer | asio::ssl::verify_fail_if_no_peer_cert, error);
  return error ? failed(security.authority_file, error) : absl::OkStatus();
}

}  // namespace

std::string ListenWarning(const NetworkAddress& at, const NetworkSecurity& security) {
  Error error;
  const auto address = asio::ip::make_address(at.host, error);
  if (at.host.empty() || at.host == "localhost" || (!error && address.is_loopback())) return {};
  if (security.tls()) return {};
  if (security.token.empty()) {
    return absl::StrCat("listening on ", TextOf(at),
                        " without TLS and without a token: whoever reaches this port can run code "
                        "here; set security.ssl.*, or let it listen on the loopback only");
  }
  return absl::StrCat(
      "listening on ", TextOf(at),
      " without TLS: whoever sees the network's traffic can read it, and the token");
}

absl::StatusOr<std::unique_ptr<Network>> MakeAsioNetwork(AsioNetworkOptions options) {
  const NetworkSecurity& security = options.security;
  if (security.certificate_file.empty() != security.key_file.empty() ||
      security.key_file.empty() != security.authority_file.empty())
    return UserError(
        "TLS needs three files: a certificate, its key, and an authority's certificate");
  if (security.token.size() > kTokenBytesMax)
    return UserError(absl::StrCat("a token has at most ", kTokenBytesMax, " bytes"));
  try {
    auto core = std::make_shared<Core>(std::move(options));
    if (core->options.security.tls()) {
      core->tls.emplace(asio::ssl::context::tls);
      core->tls->set_options(asio::ssl::context::default_workarounds |
                             asio::ssl::context::no_tlsv1 | asio::ssl::context::no_tlsv1_1 |
                             asio::ssl::context::no_sslv3);
      RETURN_IF_ERROR(UseFiles(core->options.security, *core->tls));
    }
    return std::make_unique<AsioNetwork>(std::move(core));
  } catch (const std::exception& error) {
    return ExternalError(absl::StrCat("the network can't be set up: ", error.what()));
  }
}

}  // namespace pyflinkpp
