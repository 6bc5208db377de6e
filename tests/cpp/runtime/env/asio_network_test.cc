#include "runtime/env/asio_network.h"

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <random>
#include <vector>

#include "absl/strings/str_cat.h"
#include "harness/certificates.h"
#include "harness/recording_handler.h"

namespace pyflinkpp {
namespace {

using harness::RecordingHandler;
using testing::ElementsAre;
using testing::HasSubstr;

// Reasons for which connections were closed.
class Rejects {
 public:
  void Add(std::string reason) {
    MutexLock lock(mutex_);
    reasons_.push_back(std::move(reason));
    changed_.NotifyAll();
  }
  // The first `count` of them, within ten seconds.
  std::vector<std::string> Wait(size_t count) {
    MutexLock lock(mutex_);
    for (int i = 0; i < 1'000 && reasons_.size() < count; ++i) changed_.WaitFor(mutex_, 10'000'000);
    return reasons_;
  }

 private:
  Mutex mutex_;
  CondVar changed_;
  std::vector<std::string> reasons_ ABSL_GUARDED_BY(mutex_);
};

// A socket without manners.
class RawSocket {
 public:
  explicit RawSocket(int port) : socket_(::socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<uint16_t>(port));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    connected_ = ::connect(socket_, reinterpret_cast<sockaddr*>(&address), sizeof(address)) == 0;
  }
  ~RawSocket() { ::close(socket_); }
  bool connected() const { return connected_; }
  void Send(const std::string& bytes) {
    EXPECT_EQ(::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL),
              static_cast<ssize_t>(bytes.size()));
  }
  // Until the other side ends the connection.
  std::string ReadAll() {
    std::string all;
    char bytes[1024];
    for (ssize_t got; (got = ::recv(socket_, bytes, sizeof(bytes), 0)) > 0;)
      all.append(bytes, static_cast<size_t>(got));
    return all;
  }

 private:
  int socket_;
  bool connected_;
};

// The handlers of the connections that come, in order.
class Accepted {
 public:
  std::shared_ptr<ConnectionHandler> Add() {
    auto handler = std::make_shared<RecordingHandler>();
    MutexLock lock(mutex_);
    handlers_.push_back(handler);
    changed_.NotifyAll();
    return handler;
  }
  std::shared_ptr<RecordingHandler> Wait(size_t number = 0) {
    MutexLock lock(mutex_);
    for (int i = 0; i < 1'000 && handlers_.size() <= number; ++i)
      changed_.WaitFor(mutex_, 10'000'000);
    return handlers_.at(number);
  }
  size_t size() {
    MutexLock lock(mutex_);
    return handlers_.size();
  }

 private:
  Mutex mutex_;
  CondVar changed_;
  std::vector<std::shared_ptr<RecordingHandler>> handlers_ ABSL_GUARDED_BY(mutex_);
};

std::string FrameOf(const std::string& body) {
  const auto header = FrameHeader(body);
  return std::string(header.data(), header.size()) + body;
}

class AsioNetworkTest : public testing::Test {
 protected:
  std::unique_ptr<Network> Make(AsioNetworkOptions options = {}) {
    options.on_reject = [this](std::string reason) { rejects_.Add(std::move(reason)); };
    auto network = MakeAsioNetwork(std::move(options));
    EXPECT_TRUE(network.ok()) << network.status();
    return *std::move(network);
  }
  std::unique_ptr<Network> MakeWith(NetworkSecurity security) {
    AsioNetworkOptions options;
    options.security = std::move(security);
    return Make(std::move(options));
  }
  void Listen(Network& network) {
    auto listener = network.Listen({}, [this] { return accepted_.Add(); });
    ASSERT_TRUE(listener.ok()) << listener.status();
    listener_ = *std::move(listener);
  }
  int port() const { return listener_->address().port; }
  std::shared_ptr<Connection> Connect(Network& network) {
    return network.Connect(listener_->address(), handler_);
  }

  Rejects rejects_;
  Accepted accepted_;
  const std::shared_ptr<RecordingHandler> handler_ = std::make_shared<RecordingHandler>();
  std::unique_ptr<Listener> listener_;
};

TEST_F(AsioNetworkTest, FramesGoBothWaysInOrder) {
  auto network = Make();
  Listen(*network);
  EXPECT_EQ(listener_->address().host, "127.0.0.1");
  auto connection = Connect(*network);
  connection->Send("before it is open");
  const auto other = accepted_.Wait();
  EXPECT_EQ(other->WaitFrame(), "before it is open");
  EXPECT_EQ(handler_->WaitOpen(), connection);
  EXPECT_EQ(connection->peer(), absl::StrCat("127.0.0.1:", port()));
  EXPECT_THAT(other->WaitOpen()->peer(), HasSubstr("127.0.0.1:"));
  for (int i = 0; i < 1'000; ++i) {
    connection->Send(absl::StrCat("to ", i));
    other->WaitOpen()->Send(absl::StrCat("back ", i));
  }
  for (int i = 0; i < 1'000; ++i) {
    ASSERT_EQ(other->WaitFrame(), absl::StrCat("to ", i));
    ASSERT_EQ(handler_->WaitFrame(), absl::StrCat("back ", i));
  }
}

TEST_F(AsioNetworkTest, FramesOfEverySizeArriveAsTheyWere) {
  auto network = Make();
  Listen(*network);
  auto connection = Connect(*network);
  std::mt19937 random(1);
  std::vector<std::string> sent;
  for (const size_t size : {0, 1, 15, 16, 70'000, 5'000'000, 3, 200'000, 65'528}) {
    std::string frame(size, '\0');
    for (char& byte : frame) byte = static_cast<char>(random());
    sent.push_back(frame);
    connection->Send(frame);
  }
  for (const std::string& frame : sent) ASSERT_EQ(accepted_.Wait()->WaitFrame(), frame);
}

TEST_F(AsioNetworkTest, WhatWasSentBeforeCloseArrives) {
  auto network = Make();
  Listen(*network);
  auto connection = Connect(*network);
  const std::string large(10'000'000, 'x');
  connection->Send(large);
  connection->Send("last");
  connection->Close();
  connection->Send("too late");
  const auto other = accepted_.Wait();
  EXPECT_EQ(other->WaitFrame(), large);
  EXPECT_EQ(other->WaitFrame(), "last");
  EXPECT_TRUE(other->WaitClosed().ok());
  EXPECT_TRUE(handler_->WaitClosed().ok());
  EXPECT_FALSE(other->after_end() || handler_->after_end());
}

TEST_F(AsioNetworkTest, LettingAConnectionGoClosesIt) {
  auto network = Make();
  Listen(*network);
  auto connection = Connect(*network);
  connection->Send("x");
  EXPECT_EQ(accepted_.Wait()->WaitFrame(), "x");
  accepted_.Wait()->Drop();
  EXPECT_TRUE(handler_->WaitClosed().ok());
  EXPECT_TRUE(accepted_.Wait()->WaitClosed().ok());
}

TEST_F(AsioNetworkTest, AFailureToConnectNamesAddressAndReason) {
  auto network = Make();
  Listen(*network);
  const int free_port = port();
  listener_.reset();
  auto connection = network->Connect({"127.0.0.1", free_port}, handler_);
  const std::string why(handler_->WaitClosed().message());
  EXPECT_THAT(why, HasSubstr(absl::StrCat("127.0.0.1:", free_port)));
  const auto unknown = std::make_shared<RecordingHandler>();
  auto nowhere = network->Connect({"no such host.invalid", 1}, unknown);
  EXPECT_THAT(std::string(unknown->WaitClosed().message()),
              HasSubstr("connecting to no such host.invalid:1: "));
}

TEST_F(AsioNetworkTest, ListeningWhereSomebodyListensFails) {
  auto network = Make();
  Listen(*network);
  const auto second = network->Listen(listener_->address(), [this] { return accepted_.Add(); });
  EXPECT_THAT(std::string(second.status().message()),
              HasSubstr(absl::StrCat("listening on 127.0.0.1:", port(), ": ")));
}

TEST_F(AsioNetworkTest, TheOtherProcessEndsWithinAFrame) {
  auto network = Make();
  Listen(*network);
  {
    RawSocket raw(port());
    raw.Send(EncodeGreeting("") + FrameOf("whole") + FrameOf("cut off").substr(0, 10));
    EXPECT_EQ(accepted_.Wait()->WaitFrame(), "whole");
  }
  EXPECT_FALSE(accepted_.Wait()->WaitClosed().ok());
}

TEST_F(AsioNetworkTest, WhoIsWrongIsClosedWithAReasonAndHarmsNobody) {
  AsioNetworkOptions options;
  options.security.token = "right";
  options.frame_bytes_max = 1'000;
  auto network = Make(options);
  Listen(*network);
  auto connection = Connect(*network);
  connection->Send("first");
  EXPECT_EQ(accepted_.Wait()->WaitFrame(), "first");

  std::string damaged = FrameOf("hello");
  damaged.back() ^= 1;
  const std::vector<std::pair<std::string, std::string>> wrongs = {
      {"GET / HTTP/1.1\r\n\r\n", "not those of pyflinkpp"},
      {EncodeGreeting("wrong"), "its token is not the one"},
      {EncodeGreeting("right") + damaged, "has not the checksum"},
      {EncodeGreeting("right") + FrameOf(std::string(1'001, 'x')), "1000 are the most"},
  };
  for (size_t i = 0; i < wrongs.size(); ++i) {
    RawSocket raw(port());
    ASSERT_TRUE(raw.connected());
    raw.Send(wrongs[i].first);
    const std::string answer = raw.ReadAll();
    EXPECT_EQ(answer.empty(), i < 2) << "a stranger is told nothing";
    const std::vector<std::string> reasons = rejects_.Wait(i + 1);
    ASSERT_EQ(reasons.size(), i + 1);
    EXPECT_THAT(reasons[i], HasSubstr(wrongs[i].second));
    EXPECT_THAT(reasons[i], HasSubstr("connection with 127.0.0.1:"));
  }
  EXPECT_EQ(accepted_.size(), 3u) << "who has not greeted rightly gets no handler";
  EXPECT_FALSE(accepted_.Wait(1)->WaitClosed().ok());
  connection->Send("last");
  EXPECT_EQ(accepted_.Wait()->WaitFrame(), "last");
}

TEST_F(AsioNetworkTest, AFrameThatIsTooLargeToSendEndsTheConnection) {
  AsioNetworkOptions options;
  options.frame_bytes_max = 1'000;
  auto network = Make(options);
  Listen(*network);
  auto connection = Connect(*network);
  connection->Send(std::string(1'001, 'x'));
  EXPECT_THAT(std::string(handler_->WaitClosed().message()),
              HasSubstr("would have 1001 bytes; 1000 are the most"));
}

TEST_F(AsioNetworkTest, BothSidesNeedTheToken) {
  auto listens = MakeWith({.token = "one"});
  auto connects = MakeWith({.token = "two"});
  Listen(*listens);
  auto connection = Connect(*connects);
  EXPECT_THAT(std::string(handler_->WaitClosed().message()), HasSubstr("another token"));
  EXPECT_THAT(rejects_.Wait(1)[0], HasSubstr("its token is not the one"));
}

TEST_F(AsioNetworkTest, WhoDoesNotGreetIsClosedInTime) {
  AsioNetworkOptions options;
  options.greeting_timeout_ms = 1;
  auto network = Make(options);
  Listen(*network);
  RawSocket raw(port());
  EXPECT_EQ(raw.ReadAll(), "");
  EXPECT_THAT(rejects_.Wait(1)[0], HasSubstr("not greeted in time"));
}

TEST_F(AsioNetworkTest, TheEndOfTheNetworkEndsItsConnections) {
  auto network = Make();
  auto other_network = Make();
  Listen(*network);
  auto connection = Connect(*other_network);
  connection->Send("x");
  EXPECT_EQ(accepted_.Wait()->WaitFrame(), "x");
  network.reset();
  EXPECT_TRUE(accepted_.Wait()->ended());
  EXPECT_FALSE(absl::IsDeadlineExceeded(handler_->WaitClosed()));
  accepted_.Wait()->WaitOpen()->Send("to nobody");
  other_network.reset();
  connection->Send("to nobody");
  connection->Close();
  listener_.reset();
}

// Bytes of a good conversation with something changed: nothing but that connection ends.
TEST_F(AsioNetworkTest, MutatedConversationsHarmNobody) {
  auto network = Make();
  Listen(*network);
  auto connection = Connect(*network);
  connection->Send("first");
  EXPECT_EQ(accepted_.Wait()->WaitFrame(), "first");
  std::mt19937 random(1);
  for (int round = 0; round < 200; ++round) {
    std::string bytes = EncodeGreeting("") + FrameOf("one") + FrameOf(std::string(300, 'x'));
    const size_t at = random() % bytes.size();
    if (round % 3 == 0) {
      bytes.resize(at);
    } else {
      bytes[at] = static_cast<char>(bytes[at] ^ (1 << (random() % 8)));
    }
    RawSocket raw(port());
    raw.Send(bytes);
  }
  connection->Send("still there");
  EXPECT_EQ(accepted_.Wait()->WaitFrame(), "still there");
}

TEST(ListenWarningTest, TellsWhoCanReachWhat) {
  const NetworkSecurity none;
  const NetworkSecurity token{.token = "secret"};
  const NetworkSecurity tls{.certificate_file = "a", .key_file = "b", .authority_file = "c"};
  for (const std::string host : {"", "localhost", "127.0.0.1", "127.8.8.8", "::1"})
    EXPECT_EQ(ListenWarning({host, 1}, none), "") << host;
  for (const std::string host : {"0.0.0.0", "::", "10.0.0.1", "worker-1"}) {
    EXPECT_THAT(ListenWarning({host, 1}, none), HasSubstr("can run code here")) << host;
    EXPECT_THAT(ListenWarning({host, 1}, token), HasSubstr("can read it, and the token")) << host;
    EXPECT_EQ(ListenWarning({host, 1}, tls), "") << host;
  }
}

class TlsTest : public AsioNetworkTest {
 protected:
  void SetUp() override {
    folder_ = std::filesystem::path(testing::TempDir()) /
              absl::StrCat("pyflinkpp-tls-", ::getpid(), "-",
                           testing::UnitTest::GetInstance()->current_test_info()->name());
    std::filesystem::create_directories(folder_);
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  std::string File(const std::string& name, const std::string& contents) {
    const std::string path = folder_ / name;
    std::ofstream(path) << contents;
    return path;
  }
  NetworkSecurity SignedBy(const harness::Authority& authority, const std::string& name,
                           const harness::Authority& trusted) {
    const auto made = authority.Sign(name);
    return {.certificate_file = File(name + ".pem", made.certificate_pem),
            .key_file = File(name + ".key", made.key_pem),
            .authority_file = File(name + ".ca", trusted.certificate_pem()),
            .token = ""};
  }

  std::filesystem::path folder_;
  const harness::Authority cluster_{"cluster"};
  const harness::Authority stranger_{"stranger"};
};

TEST_F(TlsTest, FramesGoBothWays) {
  auto listens = MakeWith(SignedBy(cluster_, "a", cluster_));
  auto connects = MakeWith(SignedBy(cluster_, "b", cluster_));
  Listen(*listens);
  auto connection = Connect(*connects);
  const std::string large(3'000'000, 'x');
  connection->Send(large);
  connection->Send("");
  connection->Send("small");
  const auto other = accepted_.Wait();
  EXPECT_EQ(other->WaitFrame(), large);
  EXPECT_EQ(other->WaitFrame(), "");
  EXPECT_EQ(other->WaitFrame(), "small");
  other->WaitOpen()->Send("back");
  EXPECT_EQ(handler_->WaitFrame(), "back");
  connection->Close();
  EXPECT_TRUE(other->WaitClosed().ok());
  EXPECT_TRUE(handler_->WaitClosed().ok());
}

TEST_F(TlsTest, BothSidesMustShowACertificateOfTheAuthority) {
  auto listens = MakeWith(SignedBy(cluster_, "a", cluster_));
  Listen(*listens);
  auto foreign = MakeWith(SignedBy(stranger_, "b", cluster_));
  auto connection = Connect(*foreign);
  EXPECT_FALSE(handler_->WaitClosed().ok());
  EXPECT_THAT(rejects_.Wait(1)[0], HasSubstr("TLS: "));

  const auto handler = std::make_shared<RecordingHandler>();
  auto distrusts = MakeWith(SignedBy(cluster_, "c", stranger_));
  auto second = distrusts->Connect(listener_->address(), handler);
  EXPECT_THAT(std::string(handler->WaitClosed().message()), HasSubstr("TLS: "));
  EXPECT_EQ(accepted_.size(), 0u);
}

TEST_F(TlsTest, PlainAndTlsDoNotMix) {
  auto secure = MakeWith(SignedBy(cluster_, "a", cluster_));
  auto plain = Make();
  Listen(*secure);
  auto connection = Connect(*plain);
  EXPECT_FALSE(handler_->WaitClosed().ok());
  EXPECT_THAT(rejects_.Wait(1)[0], HasSubstr("TLS: "));

  Listen(*plain);
  const auto handler = std::make_shared<RecordingHandler>();
  auto second = secure->Connect(listener_->address(), handler);
  EXPECT_FALSE(handler->WaitClosed().ok());
  EXPECT_THAT(rejects_.Wait(2)[1], HasSubstr("not those of pyflinkpp"));
  EXPECT_EQ(accepted_.size(), 0u);
}

TEST_F(TlsTest, FilesThatAreNotThereAreNamed) {
  NetworkSecurity security = SignedBy(cluster_, "a", cluster_);
  security.key_file = folder_ / "gone.key";
  const auto network = MakeAsioNetwork({.security = security});
  EXPECT_THAT(std::string(network.status().message()), HasSubstr("gone.key"));
  NetworkSecurity only_a_certificate;
  only_a_certificate.certificate_file = "a.pem";
  const auto half = MakeAsioNetwork({.security = only_a_certificate});
  EXPECT_THAT(std::string(half.status().message()), HasSubstr("TLS needs three files"));
}

}  // namespace
}  // namespace pyflinkpp
