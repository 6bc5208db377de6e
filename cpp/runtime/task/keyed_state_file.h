// Keyed state of one operator on its way into a checkpoint's file, and back.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "core/env/env.h"
#include "runtime/io/io_strand.h"
#include "runtime/task/state_files.h"
#include "state/keyed/keyed_snapshot.h"

namespace pyflinkpp {

// What is shorter goes into the checkpoint's metadata: a file for it costs more.
inline constexpr size_t kInlineStateBytes = size_t{20} * 1024;
// The same, as the job wants it: execution.checkpointing.data-inline-threshold.
size_t InlineStateBytes(const std::map<std::string, std::string>& configuration);

// What is durable.
struct WrittenState {
  idl::KeyedStateHandle handle;
  int64_t bytes = 0;         // that were written
  int64_t reused_bytes = 0;  // of files that an earlier checkpoint has written
};

// Writes blocks one behind the other, on the executor, under a temporary name that becomes the
// file's when all is durable. Blocks may be added on the loop or on the executor, by one thread at a
// time.
class KeyedStateFile final : public KeyedStateWriter {
 public:
  // `target.directory`: empty: there are no files, all goes into the metadata. `target.name`: of the
  // file in it.
  KeyedStateFile(FileSystem& files, Executor& io, StateFileTarget target);
  // Deletes the file unless it was finished.
  ~KeyedStateFile() override;
  // Nobody wants it any more: the file is deleted, also if it is being finished. Any thread.
  void Abandon();

  int AddState(const idl::KeyedStateDescription& description) override;
  void AddBlock(int state, int key_group, int64_t entries, std::string bytes) override;
  void SetFiles(NativeFiles files) override;
  // Calls `done`, on the executor, with what is durable now, or what went wrong. Nothing may be
  // added afterwards.
  void Finish(std::function<void(absl::StatusOr<WrittenState>)> done);

 private:
  struct Writing;
  void PostGathered();

  std::shared_ptr<Writing> writing_;  // shared with the work on the executor
  const std::shared_ptr<IoStrand> strand_;
  std::vector<std::pair<idl::KeyGroupBlock, std::string>> gathered_;
  size_t gathered_bytes_ = 0;
  int states_ = 0;
  bool finished_ = false;
};

// Reads what was written, checking every block. Its path is absolute. On the executor.
absl::Status ReadKeyedState(FileSystem& files, const idl::KeyedStateHandle& handle,
                            RestoredKeyedState& to);

}  // namespace pyflinkpp
