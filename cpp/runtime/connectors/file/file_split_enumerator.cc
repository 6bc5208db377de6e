#include "runtime/connectors/file/file_split_enumerator.h"

#include <algorithm>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "core/base/check.h"
#include "core/base/status.h"
#include "runtime/connectors/file/compression.h"
#include "runtime/connectors/file/local_path.h"
#include "runtime/io/loop_gate.h"

namespace pyflinkpp {
namespace {

// Small enough that readers end at about the same time, large enough that asking for one costs
// nothing.
constexpr int64_t kSplitsPerReader = 4;
constexpr int64_t kSplitBytesMin = int64_t{1} << 20;

bool Hidden(const std::string& path) {
  const char first = path[path.find_last_of('/') + 1];
  return first == '.' || first == '_';
}

// All files at or below the paths, by depth first in the order of names.
absl::StatusOr<std::vector<FileInfo>> FindFiles(FileSystem& files,
                                                const std::vector<std::string>& paths) {
  std::vector<FileInfo> found;
  for (const std::string& given : paths) {
    ASSIGN_OR_RETURN(const std::string path, LocalPath("FileSource", given));
    absl::StatusOr<FileInfo> info = files.Stat(path);
    if (!info.ok()) {
      return UserError(
          absl::StrCat(FailureOf(info.status()).message,
                       "; FileSource needs files or directories that exist and may be read"
                       " (relative paths start at the process's working directory)"));
    }
    std::vector<FileInfo> left = {*std::move(info)};  // the next one is at the back
    while (!left.empty()) {
      FileInfo next = std::move(left.back());
      left.pop_back();
      if (!next.directory) {
        found.push_back(std::move(next));
        continue;
      }
      ASSIGN_OR_RETURN(std::vector<FileInfo> entries, files.List(next.path));
      std::erase_if(entries, [](const FileInfo& entry) { return Hidden(entry.path); });
      left.insert(left.end(), std::make_move_iterator(entries.rbegin()),
                  std::make_move_iterator(entries.rend()));
    }
  }
  return found;
}

// Plain files in about equal ranges, compressed ones whole, empty ones not at all.
std::deque<idl::SourceSplit> Split(const std::vector<FileInfo>& files, int parallelism) {
  int64_t total = 0;
  for (const FileInfo& file : files) total += file.size;
  const int64_t pieces = parallelism > 1 ? parallelism * kSplitsPerReader : 1;
  const int64_t wanted = std::max(total / pieces, kSplitBytesMin);
  std::deque<idl::SourceSplit> splits;
  for (const FileInfo& file : files) {
    if (file.size == 0) continue;
    const int64_t ranges = IsCompressed(file.path) || parallelism == 1
                               ? 1
                               : std::max<int64_t>((file.size + wanted / 2) / wanted, 1);
    for (int64_t i = 0; i < ranges; ++i) {
      idl::FileSplit split;
      split.path = file.path;
      // Not size * i / ranges: that could overflow.
      split.first = file.size / ranges * i + std::min(i, file.size % ranges);
      split.limit = file.size / ranges * (i + 1) + std::min(i + 1, file.size % ranges);
      split.file_size = file.size;
      idl::SourceSplit source_split;
      source_split.__set_file(split);
      splits.push_back(std::move(source_split));
    }
  }
  return splits;
}

// Owned by the JobMaster, on its loop; the listing runs on the executor and comes back by `post`.
// Invariant: each split is handed out once. The work on the executor refers to nothing of ours:
// what it posts looks first, on the loop, whether we are still there.
class FileSplitEnumerator final : public SplitEnumerator {
 public:
  explicit FileSplitEnumerator(const idl::FileSource& source) : paths_(source.paths) {}
  ~FileSplitEnumerator() override { gate_->Shut(); }

  void Start(SplitEnumeratorContext& context, std::function<void(absl::Status)> started) override {
    PFPP_CHECK(context_ == nullptr);
    context_ = &context;
    started_ = std::move(started);
    if (restored_) return std::exchange(started_, nullptr)(absl::OkStatus());
    context.env.io.Run([this, alive = std::weak_ptr<const bool>(alive_), gate = gate_,
                        post = context.post, &files = context.env.files, paths = paths_,
                        parallelism = context.parallelism] {
      absl::StatusOr<std::deque<idl::SourceSplit>> splits;
      if (absl::StatusOr<std::vector<FileInfo>> found = FindFiles(files, paths); found.ok()) {
        splits = Split(*found, parallelism);
      } else {
        splits = found.status();
      }
      gate->Enter([&] {
        post([this, alive, splits = std::move(splits)]() mutable {
          if (!alive.expired()) OnListed(std::move(splits));
        });
      });
    });
  }

  absl::StatusOr<idl::EnumeratorState> Snapshot() const override {
    idl::EnumeratorState state;
    state.splits.assign(splits_.begin(), splits_.end());
    return state;
  }
  void Restore(idl::EnumeratorState state) override {
    restored_ = true;
    splits_.assign(std::make_move_iterator(state.splits.begin()),
                   std::make_move_iterator(state.splits.end()));
  }

  void AddSplitsBack(std::vector<idl::SourceSplit> splits) override {
    splits_.insert(splits_.begin(), std::make_move_iterator(splits.begin()),
                   std::make_move_iterator(splits.end()));
  }

  void HandleSplitRequest(int subtask) override {
    std::vector<idl::SourceSplit> next;
    if (!splits_.empty()) {
      next.push_back(std::move(splits_.front()));
      splits_.pop_front();
    }
    context_->assign(subtask, std::move(next), splits_.empty());
  }

 private:
  void OnListed(absl::StatusOr<std::deque<idl::SourceSplit>> splits) {
    const absl::Status status = splits.status();
    if (status.ok()) splits_ = *std::move(splits);
    const std::function<void(absl::Status)> started = std::move(started_);
    started(status);
  }

  const std::vector<std::string> paths_;
  const std::shared_ptr<LoopGate> gate_ = std::make_shared<LoopGate>();
  const std::shared_ptr<const bool> alive_ =
      std::make_shared<const bool>(true);  // referred to by nobody else
  SplitEnumeratorContext* context_ = nullptr;
  std::function<void(absl::Status)> started_;
  std::deque<idl::SourceSplit> splits_;
  bool restored_ = false;
};

}  // namespace

std::unique_ptr<SplitEnumerator> MakeFileSplitEnumerator(const idl::FileSource& source) {
  return std::make_unique<FileSplitEnumerator>(source);
}

}  // namespace pyflinkpp
