// The sending end of a channel without a transport: what is sent is kept, credit is given by hand.
#pragma once

#include <deque>
#include <string>
#include <utility>
#include <vector>

#include "core/base/check.h"
#include "harness/barriers.h"
#include "harness/batches.h"
#include "runtime/network/channel.h"

namespace pyflinkpp::harness {

// Elements as texts: each record as a sink would print it, control elements as "W5" (a watermark;
// "W5 idle"), "B1" (a barrier) and "E".
inline void AppendTexts(const StreamElement& element, std::vector<std::string>& texts) {
  std::visit(Overloaded{
                 [&](const std::unique_ptr<RecordBatch>& batch) {
                   for (std::string& text : TextsOf(*batch)) texts.push_back(std::move(text));
                 },
                 [&](const Watermark& watermark) {
                   const bool end = watermark.timestamp == kMaxTimestamp;
                   texts.push_back("W" + (end ? "max" : std::to_string(watermark.timestamp)) +
                                   (watermark.idle ? " idle" : ""));
                 },
                 [&](const CheckpointBarrier& barrier) {
                   texts.push_back("B" + std::to_string(barrier.checkpoint()));
                 },
                 [&](const EndOfInput&) { texts.push_back("E"); },
             },
             element);
}

// The far end of a FakeChannel; outlives it.
struct FarEnd {
  int credit = 1 << 20;
  bool settled = true;
  absl::Status status;
  std::deque<StreamElement> elements;

  std::vector<std::string> Texts() const {
    std::vector<std::string> texts;
    for (const StreamElement& element : elements) AppendTexts(element, texts);
    return texts;
  }
};

class FakeChannel final : public OutputChannel {
 public:
  explicit FakeChannel(FarEnd& far_end) : far_end_(far_end) {}
  int credit() const override { return far_end_.credit; }
  void Send(StreamElement element) override {
    if (!std::holds_alternative<CheckpointBarrier>(element)) PFPP_CHECK(far_end_.credit-- > 0);
    far_end_.elements.push_back(std::move(element));
  }
  bool settled() const override { return far_end_.settled; }
  absl::Status status() const override { return far_end_.status; }

 private:
  FarEnd& far_end_;
};

}  // namespace pyflinkpp::harness
