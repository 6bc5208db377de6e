#include "runtime/checkpoint/checkpoint_storage.h"

#include <set>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "core/base/checksum.h"
#include "core/base/status.h"
#include "core/idl/codec.h"
#include "core/types/binary_io.h"

namespace pyflinkpp {
namespace {

constexpr absl::string_view kMagic = "PFPPCKPT";
constexpr char kMetadata[] = "_metadata";

// Calls `change` with each path of a state file.
template <class Change>
void ForEachPath(idl::Checkpoint& checkpoint, Change change) {
  for (idl::OperatorCheckpoint& op : checkpoint.operators) {
    for (auto& [subtask, state] : op.subtasks) {
      for (idl::KeyedStateHandle& handle : state.keyed) {
        if (!handle.file.path.empty()) change(handle.file.path);
      }
    }
  }
  for (idl::InFlightExchange& exchange : checkpoint.in_flight) {
    for (idl::InFlightHandle& handle : exchange.handles) {
      if (!handle.file.path.empty()) change(handle.file.path);
    }
  }
}

absl::StatusOr<std::string> ReadWhole(FileSystem& files, const std::string& path) {
  ASSIGN_OR_RETURN(const FileInfo info, files.Stat(path));
  ASSIGN_OR_RETURN(const auto file, files.Open(path));
  std::string bytes(static_cast<size_t>(info.size), '\0');
  ASSIGN_OR_RETURN(const size_t read, file->Read(0, bytes.data(), bytes.size()));
  bytes.resize(read);
  return bytes;
}

}  // namespace

std::string CheckpointDirectory(const std::string& path) {
  return std::string(absl::StripSuffix(absl::StripSuffix(path, absl::StrCat("/", kMetadata)), "/"));
}

absl::Status WriteCheckpoint(FileSystem& files, const std::string& directory,
                             const idl::Checkpoint& checkpoint) {
  idl::Checkpoint relative = checkpoint;
  relative.version = kCheckpointVersion;
  const std::string prefix = directory + "/";
  ForEachPath(relative,
              [&](std::string& path) { path = std::string(absl::StripPrefix(path, prefix)); });
  const std::string body = idl::Encode(relative);
  std::string bytes(kMagic);
  BinaryWriter out(bytes);
  out.Put(static_cast<uint32_t>(kCheckpointVersion));
  out.Put(static_cast<uint32_t>(body.size()));
  out.Put(static_cast<uint32_t>(Crc32(body)));
  out.PutRaw(body);

  const std::string path = prefix + kMetadata;
  const std::string temporary = path + ".inprogress";
  RETURN_IF_ERROR(files.CreateDirectories(directory));
  ASSIGN_OR_RETURN(const auto file, files.Create(temporary));
  RETURN_IF_ERROR(file->Append(bytes));
  RETURN_IF_ERROR(file->Sync());
  RETURN_IF_ERROR(file->Close());
  return files.Rename(temporary, path);
}

absl::StatusOr<idl::Checkpoint> ReadCheckpoint(FileSystem& files, const std::string& path) {
  const std::string directory = CheckpointDirectory(path);
  const std::string metadata = absl::StrCat(directory, "/", kMetadata);
  absl::StatusOr<std::string> bytes = ReadWhole(files, metadata);
  if (!bytes.ok()) {
    return UserError(absl::StrCat("there is no checkpoint in ", directory, ": ",
                                  FailureOf(bytes.status()).message,
                                  "; give the path of a savepoint or of a chk-N directory"));
  }
  const auto damaged = [&](absl::string_view how) {
    return ExternalError(absl::StrCat("the checkpoint ", metadata, " is damaged: ", how));
  };
  BinaryReader in(*bytes);
  absl::string_view magic;
  uint32_t version, size, crc;
  if (!in.GetRaw(kMagic.size(), &magic) || magic != kMagic)
    return damaged("it does not begin as one");
  if (!in.Get(&version) || !in.Get(&size) || !in.Get(&crc)) return damaged("it is too short");
  if (version > kCheckpointVersion) {
    return UserError(absl::StrCat("the checkpoint ", metadata, " has the format ", version,
                                  ", this version of pyflinkpp reads formats up to ",
                                  kCheckpointVersion, ": use a later one"));
  }
  if (in.remaining() != size || Crc32(in.rest()) != crc) return damaged("its checksum differs");
  absl::StatusOr<idl::Checkpoint> checkpoint = idl::Decode<idl::Checkpoint>(std::string(in.rest()));
  if (!checkpoint.ok()) return damaged(checkpoint.status().message());
  ForEachPath(*checkpoint, [&](std::string& of_state) {
    if (!absl::StartsWith(of_state, "/")) of_state = absl::StrCat(directory, "/", of_state);
  });
  return checkpoint;
}

void DiscardCheckpoint(FileSystem& files, const std::string& directory) {
  // The metadata first: what is half deleted is no checkpoint any more.
  files.Delete(absl::StrCat(directory, "/", kMetadata)).IgnoreError();
  const absl::StatusOr<std::vector<FileInfo>> entries = files.List(directory);
  if (!entries.ok()) return;
  for (const FileInfo& entry : *entries) {
    if (!entry.directory) files.Delete(entry.path).IgnoreError();
  }
  files.DeleteDirectory(directory).IgnoreError();
}

absl::Status DisposeCheckpoint(FileSystem& files, const std::string& path) {
  const std::string directory = CheckpointDirectory(path);
  ASSIGN_OR_RETURN(idl::Checkpoint checkpoint, ReadCheckpoint(files, directory));
  std::set<std::string> own;
  ForEachPath(checkpoint, [&](const std::string& of_state) {
    // Not what it only refers to.
    if (absl::StartsWith(of_state, directory + "/")) own.insert(of_state);
  });
  RETURN_IF_ERROR(files.Delete(absl::StrCat(directory, "/", kMetadata)));
  for (const std::string& file : own) RETURN_IF_ERROR(files.Delete(file));
  ASSIGN_OR_RETURN(const std::vector<FileInfo> left, files.List(directory));
  return left.empty() ? files.DeleteDirectory(directory) : absl::OkStatus();
}

void DiscardCheckpoints(FileSystem& files, const std::string& directory) {
  const absl::StatusOr<std::vector<FileInfo>> entries = files.List(directory);
  if (!entries.ok()) return;
  for (const FileInfo& entry : *entries) {
    if (entry.directory) DiscardCheckpoint(files, entry.path);
  }
  files.DeleteDirectory(directory).IgnoreError();
}

}  // namespace pyflinkpp
