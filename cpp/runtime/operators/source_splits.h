// The splits of a source subtask: which of them live, and how far the event time of each is.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/base/check.h"
#include "core/stream/stream_element.h"

namespace pyflinkpp {

// Where a source and the operator behind it that makes its watermarks meet. The source adds and
// finishes splits and marks its batches; that operator tells how far each split is; their task asks
// what follows for the subtask. Owned by the source, used on its task's loop.
//
//   Add -> batches of the split, Reach, Advance -> Finish -> Settle: it is gone
//
// Watermark alignment limits how far splits are read: those beyond the limit are paused until it
// rises. A source that can choose reads others meanwhile; when all are paused, its task does not
// ask it.
//
// The subtask's watermark is the least of its live splits'. Idle ones are left out; when all are
// idle, so is the subtask. It never goes back, also when a split begins with less.
// A split lives from when it was assigned, so that one that was not begun yet holds the others, and
// until the task knows that what it gave has been processed.
class SourceSplits {
 public:
  static constexpr int kNone = -1;

  struct Split {
    int id;
    std::string name;  // as the user reads it: "/data/a.txt, bytes 0 to 999"
    Watermark watermark;
    int64_t reached = kMinTimestamp;  // how far its elements are; what waits to be sent included
    bool finished = false;
  };

  // The source was given a split. Returns its number.
  int Add(std::string name) {
    splits_.push_back({.id = next_id_, .name = std::move(name), .watermark = {}});
    return next_id_++;
  }
  // The source has emitted all of a split.
  void Finish(int id) { Find(id).finished = true; }
  // All that was emitted has been processed: finished splits are gone. Returns whether any were.
  bool Settle() {
    const size_t gone = std::erase_if(splits_, [](const Split& split) { return split.finished; });
    stale_ |= gone > 0;
    return gone > 0;
  }

  // Splits have gone since the subtask's watermark was made: Combine may give another one.
  bool stale() const { return stale_; }
  // What the subtask now says, if that is new.
  std::optional<Watermark> Combine() {
    stale_ = false;
    if (splits_.empty()) return std::nullopt;
    Watermark next{kMaxTimestamp, true};
    for (const Split& split : splits_) {
      if (split.watermark.idle) continue;
      next.idle = false;
      next.timestamp = std::min(next.timestamp, split.watermark.timestamp);
    }
    next.timestamp =
        next.idle ? watermark_.timestamp : std::max(watermark_.timestamp, next.timestamp);
    if (next.timestamp == watermark_.timestamp && next.idle == watermark_.idle) return std::nullopt;
    watermark_ = next;
    return watermark_;
  }
  // Takes a split's watermark; returns what the subtask now says, if that is new.
  std::optional<Watermark> Advance(int id, const Watermark& watermark) {
    Split& split = Find(id);
    split.watermark.idle = watermark.idle;
    if (!watermark.idle) {
      split.watermark.timestamp = std::max(split.watermark.timestamp, watermark.timestamp);
      Reach(id, watermark.timestamp);
    }
    return Combine();
  }
  // A watermark of the split would stand here if it were sent now.
  void Reach(int id, int64_t timestamp) {
    Split& split = Find(id);
    split.reached = std::max(split.reached, timestamp);
  }

  const std::vector<Split>& live() const { return splits_; }
  bool lives(int id) const {
    return std::any_of(splits_.begin(), splits_.end(),
                       [id](const Split& split) { return split.id == id; });
  }
  // No split may be read beyond this.
  void Limit(int64_t max_watermark) { limit_ = max_watermark; }
  bool paused(int id) const {
    return std::any_of(splits_.begin(), splits_.end(), [&](const Split& split) {
      return split.id == id && split.reached > limit_;
    });
  }
  bool all_paused() const {
    return !splits_.empty() &&
           std::all_of(splits_.begin(), splits_.end(),
                       [this](const Split& split) { return split.reached > limit_; });
  }
  // How far the subtask is, as its alignment group sees it.
  Watermark reached() const {
    Watermark least{kMaxTimestamp, !splits_.empty()};
    for (const Split& split : splits_) {
      if (split.watermark.idle) continue;
      least.idle = false;
      least.timestamp = std::min(least.timestamp, split.reached);
    }
    if (splits_.empty()) least.timestamp = kMinTimestamp;
    return least;
  }

  // The live split that is behind the others; null when all are idle.
  const Split* holder() const {
    const Split* least = nullptr;
    for (const Split& split : splits_) {
      if (split.watermark.idle) continue;
      if (least == nullptr || split.watermark.timestamp < least->watermark.timestamp)
        least = &split;
    }
    return least;
  }

 private:
  Split& Find(int id) {
    const auto found = std::find_if(splits_.begin(), splits_.end(),
                                    [id](const Split& split) { return split.id == id; });
    PFPP_CHECK(found != splits_.end());
    return *found;
  }

  std::vector<Split> splits_;  // a few, in the order in which they came
  int next_id_ = 0;
  Watermark watermark_;
  bool stale_ = false;
  int64_t limit_ = kMaxTimestamp;
};

}  // namespace pyflinkpp
