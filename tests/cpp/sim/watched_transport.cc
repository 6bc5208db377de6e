#include "sim/watched_transport.h"

#include <utility>

#include "absl/strings/str_cat.h"

namespace pyflinkpp::sim {
namespace {

int64_t RecordsOf(const StreamElement& element) {
  const auto* batch = std::get_if<std::unique_ptr<RecordBatch>>(&element);
  return batch == nullptr ? 0 : static_cast<int64_t>((*batch)->size());
}

}  // namespace

class WatchedTransport::Output final : public OutputChannel {
 public:
  Output(WatchedTransport& owner, const ChannelId& id, Mailbox& producer,
         std::unique_ptr<OutputChannel> channel)
      : owner_(owner),
        id_(id),
        account_(owner.accounts_[id]),
        producer_(producer),
        channel_(std::move(channel)) {
    if (account_.output_opened) owner_.Violate(id_, "its output is opened twice");
    account_.output_opened = true;
    ++account_.outputs_open;
  }
  ~Output() override { --account_.outputs_open; }

  int credit() const override {
    const int credit = channel_->credit();
    if (!id_.blocking && !account_.input_closed &&
        credit != kChannelCredit - account_.under_way()) {
      owner_.Violate(
          id_, absl::StrCat("credit is ", credit, " with ", account_.under_way(), " under way"));
    }
    // Any of it that came since the last look may come only now.
    if (credit > seen_ && owner_.random_.Percent(50)) {
      seen_ = static_cast<int>(owner_.random_.Between(seen_, credit - 1));
      if (seen_ == 0) producer_.Notify();
    } else {
      seen_ = credit;
    }
    return seen_;
  }

  void Send(StreamElement element) override {
    const bool barrier = std::holds_alternative<CheckpointBarrier>(element);
    if (!barrier && channel_->credit() <= 0)
      owner_.Violate(id_, "an element is sent without credit");
    if (account_.end_sent) owner_.Violate(id_, "something is sent behind the end of input");
    if (std::holds_alternative<std::unique_ptr<RecordBatch>>(element) && RecordsOf(element) == 0) {
      owner_.Violate(id_, "an empty batch is sent");
    }
    if (const auto* watermark = std::get_if<Watermark>(&element)) {
      if (watermark->timestamp < account_.watermark_sent)
        owner_.Violate(id_, "a watermark goes back");
      account_.watermark_sent = watermark->timestamp;
    }
    account_.end_sent |= std::holds_alternative<EndOfInput>(element);
    account_.records_sent += RecordsOf(element);
    ++account_.sent;
    if (barrier) {
      ++account_.barriers_sent;
    } else {
      --seen_;
    }
    ++owner_.elements_;
    channel_->Send(std::move(element));
  }

  bool settled() const override {
    if (!account_.end_sent) owner_.Violate(id_, "settled is asked before the end of input");
    return account_.settled = channel_->settled();
  }
  absl::Status status() const override { return channel_->status(); }

 private:
  WatchedTransport& owner_;
  const ChannelId id_;
  Account& account_;
  Mailbox& producer_;
  mutable int seen_ = kChannelCredit;  // credit that the producer may rely on
  const std::unique_ptr<OutputChannel> channel_;
};

class WatchedTransport::Input final : public InputChannel {
 public:
  Input(WatchedTransport& owner, const ChannelId& id, ReadyChannels& ready, size_t channel_number,
        std::unique_ptr<InputChannel> channel)
      : owner_(owner),
        id_(id),
        account_(owner.accounts_[id]),
        ready_(ready),
        channel_number_(channel_number),
        channel_(std::move(channel)) {
    if (account_.input_opened) owner_.Violate(id_, "its input is opened twice");
    if (id.blocking && !account_.settled)
      owner_.Violate(id_, "its consumer comes before its producer has ended");
    account_.input_opened = true;
    ++account_.inputs_open;
  }
  ~Input() override {
    --account_.inputs_open;
    account_.input_closed = true;
  }

  std::optional<StreamElement> Poll(bool* more) override {
    std::optional<StreamElement> element = channel_->Poll(more);
    if (!element) return element;
    ++account_.polled;
    account_.barriers_polled += std::holds_alternative<CheckpointBarrier>(*element) ? 1 : 0;
    account_.records_polled += RecordsOf(*element);
    if (account_.polled > account_.sent) owner_.Violate(id_, "more arrives than was sent");
    if (account_.end_polled) owner_.Violate(id_, "something arrives behind the end of input");
    account_.end_polled |= std::holds_alternative<EndOfInput>(*element);
    // What a file has may come later.
    if (*more != (account_.polled < account_.sent) && (*more || !id_.blocking))
      owner_.Violate(id_, "Poll is wrong about more");
    if (*more && owner_.random_.Percent(30)) {  // it comes only now
      *more = false;
      ready_.Push(channel_number_);
    }
    return element;
  }
  bool Ahead(int64_t checkpoint, std::vector<const RecordBatch*>& batches) override {
    return channel_->Ahead(checkpoint, batches);
  }
  absl::Status status() const override { return channel_->status(); }

 private:
  WatchedTransport& owner_;
  const ChannelId id_;
  Account& account_;
  ReadyChannels& ready_;
  const size_t channel_number_;
  const std::unique_ptr<InputChannel> channel_;
};

WatchedTransport::WatchedTransport(uint64_t seed, Env& env, std::vector<std::string>& violations)
    : random_(seed, /*part=*/5),
      violations_(violations),
      // None, some or all batches of blocking exchanges go to files.
      transport_(local_, env, random_.OneOf<size_t>({0, 5'000, 100'000, kBlockingMemoryBytes})) {}

std::unique_ptr<OutputChannel> WatchedTransport::OpenOutput(const ChannelId& id, Mailbox& producer,
                                                            const ChannelPeer& peer) {
  return std::make_unique<Output>(*this, id, producer, transport_.OpenOutput(id, producer, peer));
}

std::unique_ptr<InputChannel> WatchedTransport::OpenInput(const ChannelId& id, ReadyChannels& ready,
                                                          size_t channel, const ChannelPeer& peer) {
  return std::make_unique<Input>(*this, id, ready, channel,
                                 transport_.OpenInput(id, ready, channel, peer));
}

void WatchedTransport::Crash(const std::string& job) {
  transport_.Release(job);
  std::erase_if(accounts_, [&](const auto& entry) { return entry.first.job == job; });
}

void WatchedTransport::CheckClosed(const std::string& job, bool finished, int restarts) {
  for (const auto& [id, account] : accounts_) {
    if (id.job != job) continue;
    if (account.outputs_open != 0 || account.inputs_open != 0)
      Violate(id, "an end of it is still open");
    if (!finished || id.restart != restarts) continue;
    if (!account.output_opened || !account.input_opened)
      Violate(id, "an end of it was never opened");
    if (!account.end_sent) Violate(id, "no end of input was sent");
    // The client need not read all; a task that had finished before a checkpoint does not either,
    // and those that feed it had finished, too.
    const bool given_up =
        account.input_closed && (id.edge < 0 || (account.records_sent == 0 && account.polled == 0));
    if (!given_up &&
        (account.sent != account.polled || account.records_sent != account.records_polled)) {
      Violate(id, absl::StrCat(account.sent, " elements with ", account.records_sent,
                               " records were sent, ", account.polled, " with ",
                               account.records_polled, " arrived"));
    }
  }
}

void WatchedTransport::Violate(const ChannelId& id, const std::string& what) {
  violations_.push_back(
      absl::StrCat("channel ", id.edge, " from ", id.source, " to ", id.target, ": ", what));
}

}  // namespace pyflinkpp::sim
