// Checkpoints on disk.
//
//   DIRECTORY/JOB/chk-N/_metadata   written last: without it there is no checkpoint
//                       op...       files of state
//             JOB/shared/op...        files that several incremental checkpoints refer to
//                 taskowned/          files that belong to tasks: none yet
//   SAVEPOINTS/savepoint-JOB-RANDOM/ the same as chk-N
//
// _metadata:  "PFPPCKPT" | version u32 | size u32 | crc32 u32 | idl::Checkpoint in Thrift's compact protocol
//
// Paths in it are relative to its directory, which may be moved; that of an incremental checkpoint
// together with shared/. A later version reads what an
// earlier one has written.
#pragma once

#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "core/env/env.h"
#include "core/idl/pyflinkpp_types.h"

namespace pyflinkpp {

inline constexpr int kCheckpointVersion = 1;

// The directory of a checkpoint that is given by it, or by the _metadata in it.
std::string CheckpointDirectory(const std::string& path);

// All block: on the executor. Atomic and durable: a temporary name first.
absl::Status WriteCheckpoint(FileSystem& files, const std::string& directory,
                             const idl::Checkpoint& checkpoint);
// `path`: the directory, or the _metadata in it. Checks version and checksum; paths are absolute
// then.
absl::StatusOr<idl::Checkpoint> ReadCheckpoint(FileSystem& files, const std::string& path);
// The N of a chk-N directory; none: it is no such one.
std::optional<int64_t> CheckpointNumber(const std::string& directory);
// The latest one before this, beside it, whose metadata can be read.
struct FoundCheckpoint {
  idl::Checkpoint checkpoint;
  std::string directory;
};
absl::StatusOr<FoundCheckpoint> ReadCheckpointBefore(FileSystem& files, const std::string& path);
// Those which may share files with this one, as far as they can be read: they lie beside it, or, if
// it was claimed from another job, beside that job's.
absl::StatusOr<std::vector<idl::Checkpoint>> ReadCheckpointsBeside(FileSystem& files,
                                                                   const std::string& path,
                                                                   idl::Checkpoint checkpoint);
// Deletes the directory, as far as that goes: what can't be deleted stays. OK: it is no checkpoint
// any more, not even after a crash, so what only this one referred to elsewhere can go.
absl::Status DiscardCheckpoint(FileSystem& files, const std::string& directory);
// Deletes a checkpoint or savepoint that its user names: _metadata and the files that it lists, also
// shared ones to which no other checkpoint of the job refers, and the directory when nothing else is
// in it. Refuses what is no checkpoint.
absl::Status DisposeCheckpoint(FileSystem& files, const std::string& path);
// The same as DiscardCheckpoint for all in a job's directory, and the directory.
absl::Status DiscardCheckpoints(FileSystem& files, const std::string& directory);

}  // namespace pyflinkpp
