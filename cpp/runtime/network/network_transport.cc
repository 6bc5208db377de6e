#include "runtime/network/network_transport.h"

#include <map>
#include <set>
#include <unordered_map>
#include <utility>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "core/base/check.h"
#include "core/base/mutex.h"
#include "core/base/status.h"
#include "runtime/network/data_message.h"
#include "runtime/network/network_channel.h"

namespace pyflinkpp {
namespace {

constexpr size_t kChannelsMax = 1 << 20;  // that the other side may open on a connection

std::string TextOf(const NetworkAddress& address) {
  const bool colons = address.host.find(':') != std::string::npos;
  return colons ? absl::StrCat("[", address.host, "]:", address.port)
                : absl::StrCat(address.host, ":", address.port);
}

absl::StatusOr<NetworkAddress> AddressOf(absl::string_view text) {
  const size_t colon = text.rfind(':');
  int port;
  if (colon == absl::string_view::npos || !absl::SimpleAtoi(text.substr(colon + 1), &port))
    return absl::InvalidArgumentError(absl::StrCat("'", text, "' is not host:port"));
  absl::string_view host = text.substr(0, colon);
  if (absl::ConsumePrefix(&host, "[")) absl::ConsumeSuffix(&host, "]");
  return NetworkAddress{std::string(host), port};
}

// A connection to one process, and what is on it.
struct Link {
  explicit Link(std::string address) : peer(std::move(address)) {}

  const std::string peer;
  std::shared_ptr<Connection> connection;  // null: the other side has not connected yet
  std::vector<std::string> waiting;        // frames for that
  bool lost = false;
  bool only_reads = false;     // see links_to_read_
  uint32_t inputs_opened = 0;  // the last number that was given
  std::unordered_map<uint32_t, std::shared_ptr<NetworkInput>> inputs;
  uint32_t outputs_opened = 0;  // the same, by the other side
  std::unordered_map<uint32_t, std::shared_ptr<NetworkOutput>> outputs;
  std::unordered_map<uint32_t, ChannelId> unmatched;  // of these, those without an output

  void Send(std::string frame) {
    if (connection != nullptr) {
      connection->Send(std::move(frame));
    } else {
      waiting.push_back(std::move(frame));
    }
  }
};

}  // namespace

// All that ends and connections share. Its mutex comes before those of channels and connections, which
// know nothing of it.
class NetworkTransport::Links : public std::enable_shared_from_this<Links> {
 public:
  Links(Network& network, Transport& local, int floating_credits)
      : network_(network), local_(local), floating_(floating_credits) {}

  Transport& local() { return local_; }
  const std::string& address() const { return address_; }
  void set_address(std::string address) {
    MutexLock lock(mutex_);
    address_ = std::move(address);
  }
  bool IsLocal(const ChannelPeer& peer) const {
    return peer.address.empty() || peer.address == address_;
  }

  void set_asked(Asked asked) {
    MutexLock lock(mutex_);
    asked_ = std::move(asked);
  }

  // ---- ends ----

  struct OpenedOutput {
    std::shared_ptr<NetworkOutput> output;
    std::shared_ptr<Link> link;
  };
  OpenedOutput OpenOutput(const ChannelId& id, Mailbox& producer, const std::string& peer) {
    auto output = std::make_shared<NetworkOutput>(peer, producer);
    MutexLock lock(mutex_);
    const auto consumer = half_open_inputs_.find(id);
    if (id.blocking && consumer == half_open_inputs_.end()) {
      output->CloseConsumer();  // it has asked, and has gone since
      return {output, std::make_shared<Link>(peer)};
    }
    const std::shared_ptr<Link> link = id.blocking ? consumer->second.link : LinkTo(peer);
    if (consumer == half_open_inputs_.end() || consumer->second.link != link) {
      PFPP_CHECK(half_open_outputs_.emplace(id, HalfOpenOutput{output, link}).second);
      return {output, link};
    }
    const HalfOpenInput opened = consumer->second;
    half_open_inputs_.erase(consumer);
    opened.link->unmatched.erase(opened.number);
    if (opened.closed) {
      output->CloseConsumer();
    } else {
      opened.link->outputs.emplace(opened.number, output);
      output->Attach(opened.link->connection, opened.number, opened.credit);
    }
    return {output, opened.link};
  }

  void CloseOutput(const OpenedOutput& opened) {
    const std::optional<uint32_t> number = opened.output->CloseProducer();
    MutexLock lock(mutex_);
    if (number) opened.link->outputs.erase(*number);
  }

  struct OpenedInput {
    std::shared_ptr<NetworkInput> input;
    std::shared_ptr<Link> link;
  };
  OpenedInput OpenInput(const ChannelId& id, ReadyChannels& ready, size_t channel,
                        const ChannelPeer& peer) {
    MutexLock lock(mutex_);
    const std::shared_ptr<Link> link =
        id.blocking ? LinkToRead(peer.address) : LinkTo(peer.address);
    const uint32_t number = ++link->inputs_opened;
    auto input = std::make_shared<NetworkInput>(peer, number, floating_, ready, channel);
    link->inputs.emplace(number, input);
    link->Send(OpenMessage(number, id, kChannelCredit));
    return {input, link};
  }

  void CloseInput(const OpenedInput& opened) {
    const bool tell = opened.input->CloseConsumer();
    MutexLock lock(mutex_);
    Link& link = *opened.link;
    link.inputs.erase(opened.input->channel());
    if (tell && !link.lost) link.Send(CloseMessage(DataKind::kCloseInput, opened.input->channel()));
  }

  void Release(const std::string& job) {
    MutexLock lock(mutex_);
    std::erase_if(half_open_outputs_, [&](const auto& entry) { return entry.first.job == job; });
    std::erase_if(half_open_inputs_, [&](const auto& entry) {
      if (entry.first.job != job) return false;
      entry.second.link->unmatched.erase(entry.second.number);
      return true;
    });
  }

  // ---- connections: the network's thread ----

  absl::StatusOr<std::shared_ptr<Link>> OnHello(const std::string& peer,
                                                const std::shared_ptr<Connection>& connection) {
    Lost before;
    std::shared_ptr<Link> link;
    {
      MutexLock lock(mutex_);
      if (stopped_) return absl::CancelledError("it is shut down");
      if (peer >= address_) {
        link = std::make_shared<Link>(peer);
        link->only_reads = true;
        link->connection = connection;
        readers_.insert(link);
        return link;
      }
      const auto known = links_.find(peer);
      // It would not connect again if it still had the other connection.
      if (known != links_.end() && known->second->connection != nullptr)
        before = Take(known->second);
      std::shared_ptr<Link>& entry = links_[peer];
      if (entry == nullptr) entry = std::make_shared<Link>(peer);
      link = entry;
      link->connection = connection;
      for (std::string& frame : link->waiting) connection->Send(std::move(frame));
      link->waiting.clear();
    }
    before.Tell(ExternalError(absl::StrCat("the TaskManager at ", peer, " has connected anew")));
    return link;
  }

  absl::Status OnMessage(const std::shared_ptr<Link>& link,
                         const std::shared_ptr<Connection>& connection, std::string frame) {
    ASSIGN_OR_RETURN(const DataMessage message, ParseDataMessage(frame));
    switch (message.kind) {
      case DataKind::kOpen:
        return OnOpen(link, message);
      case DataKind::kCredit: {
        const auto output = Find(link, link->outputs, message.channel, link->outputs_opened);
        RETURN_IF_ERROR(output.status());
        return *output == nullptr ? absl::OkStatus() : (*output)->AddCredit(message.count);
      }
      case DataKind::kCloseInput:
        return OnCloseInput(link, message.channel);
      case DataKind::kCloseOutput: {
        const auto input = Find(link, link->inputs, message.channel, link->inputs_opened);
        RETURN_IF_ERROR(input.status());
        MutexLock lock(mutex_);
        link->inputs.erase(message.channel);
        return absl::OkStatus();
      }
      case DataKind::kHello:
        return absl::InvalidArgumentError("a second greeting");
      case DataKind::kError:
        return absl::AbortedError(absl::StrCat("it says: ", message.bytes));
      default:
        break;
    }
    const auto input = Find(link, link->inputs, message.channel, link->inputs_opened);
    RETURN_IF_ERROR(input.status());
    if (*input == nullptr) return absl::OkStatus();  // it was closed meanwhile
    if (message.kind == DataKind::kFail) {
      (*input)->Lose(ExternalError(
          absl::StrCat("the TaskManager at ", link->peer, " can't read on: ", message.bytes)));
      return absl::OkStatus();
    }
    return (*input)->Receive(message, std::move(frame), connection);
  }

  void OnLost(const std::shared_ptr<Link>& link, const absl::Status& why) {
    Lost lost;
    {
      MutexLock lock(mutex_);
      lost = Take(link);
    }
    lost.Tell(why.ok() ? ExternalError(absl::StrCat("the connection with the TaskManager at ",
                                                    link->peer, " has been closed"))
                       : ExternalError(absl::StrCat("the connection with the TaskManager at ",
                                                    link->peer, " was lost: ", why.message())));
  }

  void Stop() {
    std::vector<std::shared_ptr<Connection>> connections;
    MutexLock lock(mutex_);
    stopped_ = true;
    const auto stop = [&](Link& link) {
      link.lost = true;
      if (link.connection != nullptr) connections.push_back(std::move(link.connection));
    };
    for (auto& [peer, link] : links_) stop(*link);
    for (auto& [peer, link] : links_to_read_) stop(*link);
    for (const auto& link : readers_) stop(*link);
    links_.clear();
    links_to_read_.clear();
    readers_.clear();
    half_open_outputs_.clear();
    half_open_inputs_.clear();
    for (const auto& connection : connections) connection->Close();
  }

  size_t half_open() {
    MutexLock lock(mutex_);
    return half_open_outputs_.size() + half_open_inputs_.size();
  }
  size_t channels() {
    MutexLock lock(mutex_);
    size_t channels = 0;
    for (const auto& [peer, link] : links_) channels += link->inputs.size() + link->outputs.size();
    for (const auto& [peer, link] : links_to_read_) channels += link->inputs.size();
    for (const auto& link : readers_) channels += link->outputs.size();
    return channels;
  }
  int floating_credits() const { return floating_.left(); }

 private:
  struct HalfOpenOutput {
    std::shared_ptr<NetworkOutput> output;
    std::shared_ptr<Link> link;
  };
  struct HalfOpenInput {
    std::shared_ptr<Link> link;
    uint32_t number = 0;
    uint32_t credit = 0;
    bool closed = false;
  };
  // What a lost connection had.
  struct Lost {
    std::vector<std::shared_ptr<NetworkInput>> inputs;
    std::vector<std::shared_ptr<NetworkOutput>> outputs;
    void Tell(const absl::Status& why) const {
      for (const auto& input : inputs) input->Lose(why);
      for (const auto& output : outputs) output->Lose(why);
    }
  };

  std::shared_ptr<Link> LinkTo(const std::string& peer) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  std::shared_ptr<Link> LinkToRead(const std::string& peer) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Connect(const std::shared_ptr<Link>& link) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  // Null: it was closed.
  template <class Channel>
  absl::StatusOr<std::shared_ptr<Channel>> Find(
      const std::shared_ptr<Link>& link,
      const std::unordered_map<uint32_t, std::shared_ptr<Channel>>& channels, uint32_t number,
      const uint32_t& opened) {
    MutexLock lock(mutex_);
    if (number == 0 || number > opened) {
      return absl::InvalidArgumentError(
          absl::StrCat("a message for the channel ", number, " of ", opened, " with ", link->peer));
    }
    const auto found = channels.find(number);
    return found == channels.end() ? nullptr : found->second;
  }

  absl::Status OnOpen(const std::shared_ptr<Link>& link, const DataMessage& message) {
    MutexLock lock(mutex_);
    if (message.channel != link->outputs_opened + 1)
      return absl::InvalidArgumentError(
          absl::StrCat("the channel ", message.channel, " behind ", link->outputs_opened));
    if (link->outputs.size() + link->unmatched.size() >= kChannelsMax)
      return absl::ResourceExhaustedError("too many channels");
    if (message.count > kChannelsMax) return absl::InvalidArgumentError("too much credit");
    if (link->only_reads && !message.id.blocking) {
      return absl::InvalidArgumentError(
          absl::StrCat("'", link->peer, "' waits for '", address_, "' to connect"));
    }
    if (link->lost) return absl::OkStatus();
    link->outputs_opened = message.channel;
    const auto producer = half_open_outputs_.find(message.id);
    if (producer != half_open_outputs_.end() && producer->second.link == link) {
      const std::shared_ptr<NetworkOutput> output = std::move(producer->second.output);
      half_open_outputs_.erase(producer);
      if (output->Attach(link->connection, message.channel, message.count))
        link->outputs.emplace(message.channel, output);
      return absl::OkStatus();
    }
    const bool first = half_open_inputs_
                           .emplace(message.id, HalfOpenInput{.link = link,
                                                              .number = message.channel,
                                                              .credit = message.count})
                           .second;
    if (!first) return absl::InvalidArgumentError("a channel that is open");
    link->unmatched.emplace(message.channel, message.id);
    // Under the lock, so that who has set it knows when it is called no more.
    if (message.id.blocking && asked_) asked_(message.id, link->peer);
    return absl::OkStatus();
  }

  absl::Status OnCloseInput(const std::shared_ptr<Link>& link, uint32_t number) {
    const auto output = Find(link, link->outputs, number, link->outputs_opened);
    RETURN_IF_ERROR(output.status());
    {
      MutexLock lock(mutex_);
      link->outputs.erase(number);
      if (const auto unmatched = link->unmatched.find(number); unmatched != link->unmatched.end())
        half_open_inputs_.at(unmatched->second).closed = true;
    }
    if (*output != nullptr) (*output)->CloseConsumer();
    return absl::OkStatus();
  }

  // A copy: it may be the entry that goes.
  // NOLINTNEXTLINE(performance-unnecessary-value-param)
  Lost Take(std::shared_ptr<Link> link) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    Lost lost;
    if (std::exchange(link->lost, true)) return lost;
    for (auto* links : {&links_, &links_to_read_}) {
      if (const auto entry = links->find(link->peer);
          entry != links->end() && entry->second == link)
        links->erase(entry);
    }
    readers_.erase(link);
    for (auto& [number, input] : link->inputs) lost.inputs.push_back(std::move(input));
    for (auto& [number, output] : link->outputs) lost.outputs.push_back(std::move(output));
    link->inputs.clear();
    link->outputs.clear();
    link->unmatched.clear();
    link->waiting.clear();
    if (link->connection != nullptr) link->connection->Close();
    link->connection = nullptr;
    std::erase_if(half_open_outputs_, [&](auto& entry) {
      if (entry.second.link != link) return false;
      lost.outputs.push_back(std::move(entry.second.output));
      return true;
    });
    std::erase_if(half_open_inputs_, [&](const auto& entry) { return entry.second.link == link; });
    return lost;
  }

  Network& network_;
  Transport& local_;
  std::string address_;  // written once, before others know it
  FloatingCredits floating_;
  Mutex mutex_;
  Asked asked_ ABSL_GUARDED_BY(mutex_);
  bool stopped_ ABSL_GUARDED_BY(mutex_) = false;
  std::map<std::string, std::shared_ptr<Link>> links_ ABSL_GUARDED_BY(mutex_);  // by peer
  // Those that only read what blocking exchanges have: from here, and by others.
  std::map<std::string, std::shared_ptr<Link>> links_to_read_ ABSL_GUARDED_BY(mutex_);
  std::set<std::shared_ptr<Link>> readers_ ABSL_GUARDED_BY(mutex_);
  std::map<ChannelId, HalfOpenOutput> half_open_outputs_ ABSL_GUARDED_BY(mutex_);
  std::map<ChannelId, HalfOpenInput> half_open_inputs_ ABSL_GUARDED_BY(mutex_);
};

// One connection, on the network's thread. A peer that sends what it must not is told so and left.
class NetworkTransport::Handler final : public ConnectionHandler {
 public:
  // `link`: null, where the other side has connected: it says who it is.
  Handler(std::shared_ptr<Links> links, std::shared_ptr<Link> link)
      : links_(std::move(links)), link_(std::move(link)) {}

  void OnOpen(const std::shared_ptr<Connection>& connection) override { connection_ = connection; }

  void OnFrame(std::string frame) override {
    if (connection_ == nullptr) return;  // it was left
    const absl::Status done =
        link_ == nullptr ? Greet(frame) : links_->OnMessage(link_, connection_, std::move(frame));
    if (done.ok()) return;
    if (done.code() != absl::StatusCode::kAborted) connection_->Send(ErrorMessage(done.message()));
    Leave(
        absl::Status(done.code(), absl::StrCat("it has sent what it must not: ", done.message())));
  }

  void OnClosed(const absl::Status& why) override {
    connection_ = nullptr;
    if (link_ != nullptr) links_->OnLost(link_, why);
  }

 private:
  absl::Status Greet(absl::string_view frame) {
    ASSIGN_OR_RETURN(const DataMessage hello, ParseDataMessage(frame));
    if (hello.kind != DataKind::kHello) return absl::InvalidArgumentError("it has not greeted");
    ASSIGN_OR_RETURN(link_, links_->OnHello(std::string(hello.bytes), connection_));
    return absl::OkStatus();
  }

  void Leave(const absl::Status& why) {
    const std::shared_ptr<Connection> connection = std::exchange(connection_, nullptr);
    connection->Close();
    if (link_ != nullptr) links_->OnLost(link_, why);
  }

  const std::shared_ptr<Links> links_;
  std::shared_ptr<Link> link_;
  std::shared_ptr<Connection> connection_;  // null: not open, or left
};

// Connects, if that is this side's part.
std::shared_ptr<Link> NetworkTransport::Links::LinkTo(const std::string& peer) {
  std::shared_ptr<Link>& link = links_[peer];
  if (link != nullptr) return link;
  link = std::make_shared<Link>(peer);
  if (address_ < peer) Connect(link);
  return link;
}

// Who reads connects, if there is no connection yet: the producer knows nothing of its consumers.
std::shared_ptr<Link> NetworkTransport::Links::LinkToRead(const std::string& peer) {
  if (address_ < peer) return LinkTo(peer);
  if (const auto known = links_.find(peer);
      known != links_.end() && known->second->connection != nullptr)
    return known->second;
  std::shared_ptr<Link>& link = links_to_read_[peer];
  if (link != nullptr) return link;
  link = std::make_shared<Link>(peer);
  Connect(link);
  return link;
}

void NetworkTransport::Links::Connect(const std::shared_ptr<Link>& link) {
  if (stopped_) return;
  const absl::StatusOr<NetworkAddress> address = AddressOf(link->peer);
  // Nobody listens at what is no address: the error is one of connecting.
  link->connection = network_.Connect(address.ok() ? *address : NetworkAddress{link->peer, 0},
                                      std::make_shared<Handler>(shared_from_this(), link));
  link->connection->Send(HelloMessage(address_));
}

class NetworkTransport::Output final : public OutputChannel {
 public:
  Output(Links& links, Links::OpenedOutput opened) : links_(links), opened_(std::move(opened)) {}
  ~Output() override { links_.CloseOutput(opened_); }
  int credit() const override { return opened_.output->credit(); }
  void Send(StreamElement element) override { opened_.output->Send(std::move(element)); }
  bool settled() const override { return opened_.output->settled(); }
  absl::Status status() const override { return opened_.output->status(); }
  void Fail(const absl::Status& why) override { opened_.output->Fail(why); }

 private:
  Links& links_;
  const Links::OpenedOutput opened_;
};

class NetworkTransport::Input final : public InputChannel {
 public:
  Input(Links& links, Links::OpenedInput opened) : links_(links), opened_(std::move(opened)) {}
  ~Input() override { links_.CloseInput(opened_); }
  std::optional<StreamElement> Poll(bool* more) override { return opened_.input->Poll(more); }
  bool Ahead(int64_t checkpoint, std::vector<const RecordBatch*>& batches) override {
    return opened_.input->Ahead(checkpoint, batches);
  }
  absl::Status status() const override { return opened_.input->status(); }

 private:
  Links& links_;
  const Links::OpenedInput opened_;
};

absl::StatusOr<std::unique_ptr<NetworkTransport>> NetworkTransport::Listen(
    Network& network, Transport& local, NetworkTransportOptions options) {
  auto links = std::make_shared<Links>(network, local, options.floating_credits);
  std::unique_ptr<NetworkTransport> transport(new NetworkTransport(links));
  ASSIGN_OR_RETURN(transport->listener_, network.Listen(options.listen, [links] {
    return std::make_shared<Handler>(links, nullptr);
  }));
  NetworkAddress address = transport->listener_->address();
  if (!options.advertised_host.empty()) address.host = options.advertised_host;
  links->set_address(TextOf(address));
  return transport;
}

NetworkTransport::NetworkTransport(std::shared_ptr<Links> links) : links_(std::move(links)) {}

NetworkTransport::~NetworkTransport() {
  listener_.reset();
  links_->Stop();
}

const std::string& NetworkTransport::address() const { return links_->address(); }

std::unique_ptr<OutputChannel> NetworkTransport::OpenOutput(const ChannelId& id, Mailbox& producer,
                                                            const ChannelPeer& peer) {
  if (links_->IsLocal(peer)) return links_->local().OpenOutput(id, producer);
  return std::make_unique<Output>(*links_, links_->OpenOutput(id, producer, peer.address));
}

std::unique_ptr<InputChannel> NetworkTransport::OpenInput(const ChannelId& id, ReadyChannels& ready,
                                                          size_t channel, const ChannelPeer& peer) {
  if (links_->IsLocal(peer)) return links_->local().OpenInput(id, ready, channel);
  return std::make_unique<Input>(*links_, links_->OpenInput(id, ready, channel, peer));
}

void NetworkTransport::Release(const std::string& job) {
  links_->local().Release(job);
  links_->Release(job);
}

void NetworkTransport::SetAsked(Asked asked) { links_->set_asked(std::move(asked)); }

size_t NetworkTransport::half_open() const { return links_->half_open(); }
size_t NetworkTransport::channels() const { return links_->channels(); }
int NetworkTransport::floating_credits() const { return links_->floating_credits(); }

}  // namespace pyflinkpp
