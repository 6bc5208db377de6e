// A backend's files on their way into a checkpoint, and back.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "core/env/env.h"
#include "core/idl/pyflinkpp_types.h"
#include "state/keyed/native_state.h"

namespace pyflinkpp {

// Where a snapshot's files go.
struct StateFileTarget {
  std::string directory;         // of the checkpoint: for files that are its own
  std::string shared_directory;  // for those that later checkpoints share
  std::string name;              // all names begin with it: no other file of any checkpoint has it
  size_t inline_bytes = 0;       // own files up to this size need none
  // What the checkpoint that may be built upon has: these shared files are there already.
  std::shared_ptr<const idl::NativeKeyedState> base;
};

// Brings a snapshot's files into a checkpoint: by links where the file system can, else by copies.
// Each gets its name when it is durable. On the executor, by one thread at a time.
class StateFileUpload {
 public:
  // `abandoned`: set by any thread when nobody wants the files any more.
  StateFileUpload(FileSystem& files, StateFileTarget target,
                  std::shared_ptr<const std::atomic<bool>> abandoned)
      : files_(files), target_(std::move(target)), abandoned_(std::move(abandoned)) {}

  absl::StatusOr<idl::NativeKeyedState> Write(const NativeFiles& from);
  // Deletes what was written.
  void Discard();
  int64_t new_bytes() const { return new_bytes_; }  // that the checkpoint before didn't have

 private:
  absl::Status WriteFile(const NativeFiles::File& from, idl::NativeFile& to);

  FileSystem& files_;
  const StateFileTarget target_;
  const std::shared_ptr<const std::atomic<bool>> abandoned_;
  std::vector<std::string> written_;
  int64_t new_bytes_ = 0;
};

// Whether a backend that is restored from these goes on with their files, under their names: then
// its next checkpoint may refer to them.
bool GoesOnWithFiles(const std::vector<idl::KeyedStateHandle>& handles, KeyGroupRange key_groups);

// Puts the files into `directory`, under their names, by links or copies; each is checked against
// its checksum, also a linked one: what a disk has done to it must not be found later, or never. On
// the executor.
absl::StatusOr<RestoredFiles> RestoreStateFiles(FileSystem& files,
                                                const idl::NativeKeyedState& state,
                                                const std::string& directory);
// Reads and checks them, where they are.
absl::Status CheckStateFiles(FileSystem& files, const idl::NativeKeyedState& state);

// Bytes of all files.
int64_t SizeOf(const idl::NativeKeyedState& state);

// Deletes a directory and the files in it, as far as that goes.
void DeleteWithFiles(FileSystem& files, const std::string& directory);

}  // namespace pyflinkpp
