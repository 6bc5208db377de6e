// Breaks the splits of a FileSource into small ranges at random borders, so that lines lie across
// readers.
#pragma once

#include <algorithm>
#include <deque>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "runtime/connectors/split_enumerator.h"

namespace pyflinkpp::sim {

// Deals out the splits of another enumerator, piece by piece. (The production one makes ranges of a
// megabyte or more.)
class ShatteringEnumerator final : public SplitEnumerator {
 public:
  explicit ShatteringEnumerator(std::unique_ptr<SplitEnumerator> inner)
      : inner_(std::move(inner)) {}

  absl::StatusOr<idl::EnumeratorState> Snapshot() const override {
    ASSIGN_OR_RETURN(idl::EnumeratorState state, inner_->Snapshot());
    for (const idl::FileSplit& piece : pieces_) state.splits.emplace_back().__set_file(piece);
    return state;
  }
  void Restore(idl::EnumeratorState state) override { inner_->Restore(std::move(state)); }
  void AddSplitsBack(std::vector<idl::SourceSplit> splits) override {
    for (idl::SourceSplit& split : splits) pieces_.push_back(std::move(split.file));
  }
  void Start(SplitEnumeratorContext& context, std::function<void(absl::Status)> started) override {
    context_ = &context;
    inner_context_.emplace(context);
    inner_context_->assign = [this](int, std::vector<idl::SourceSplit> splits, bool no_more) {
      for (const idl::SourceSplit& split : splits) Shatter(split.file);
      no_more_ |= no_more;
    };
    inner_->Start(*inner_context_, std::move(started));
  }

  void HandleSplitRequest(int subtask) override {
    if (pieces_.empty() && !no_more_) inner_->HandleSplitRequest(subtask);
    std::vector<idl::SourceSplit> next;
    if (!pieces_.empty()) {
      next.emplace_back().__set_file(std::move(pieces_.front()));
      pieces_.pop_front();
    }
    context_->assign(subtask, std::move(next), pieces_.empty() && no_more_);
  }

 private:
  void Shatter(const idl::FileSplit& split) {
    idl::FileSplit piece = split;
    while (piece.first < split.limit) {
      piece.limit = std::min<int64_t>(
          piece.first + 1 + static_cast<int64_t>(context_->env.random.Next() % 200), split.limit);
      pieces_.push_back(piece);
      piece.first = piece.limit;
    }
  }

  SplitEnumeratorContext* context_ = nullptr;
  std::optional<SplitEnumeratorContext> inner_context_;  // outlives inner_, which refers to it
  const std::unique_ptr<SplitEnumerator> inner_;
  std::deque<idl::FileSplit> pieces_;
  bool no_more_ = false;
};

}  // namespace pyflinkpp::sim
