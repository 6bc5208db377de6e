#include "runtime/checkpoint/checkpoint_storage.h"

#include <functional>
#include <map>
#include <set>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
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
        if (!handle.__isset.backend) continue;
        for (idl::NativeFile& file : handle.backend.files) {
          if (!file.file.path.empty()) change(file.file.path);
        }
      }
    }
  }
  for (idl::InFlightExchange& exchange : checkpoint.in_flight) {
    for (idl::InFlightHandle& handle : exchange.handles) {
      if (!handle.file.path.empty()) change(handle.file.path);
    }
  }
}

constexpr absl::string_view kUp = "../";

// With the "/" at its end.
absl::string_view ParentOf(absl::string_view directory) {
  return directory.substr(0, directory.rfind('/') + 1);
}

// A path seen from a directory: what lies in it or beside it moves along with it.
std::string Relative(const std::string& path, const std::string& directory) {
  absl::string_view rest = path;
  if (absl::ConsumePrefix(&rest, directory + "/")) return std::string(rest);
  if (absl::ConsumePrefix(&rest, ParentOf(directory))) return absl::StrCat(kUp, rest);
  return path;
}

std::string Absolute(const std::string& path, const std::string& directory) {
  absl::string_view rest = path;
  if (absl::StartsWith(path, "/")) return path;
  if (absl::ConsumePrefix(&rest, kUp)) return absl::StrCat(ParentOf(directory), rest);
  return absl::StrCat(directory, "/", path);
}

bool IsCheckpoint(const FileInfo& entry) {
  const absl::string_view path = entry.path;
  return entry.directory && absl::StartsWith(path.substr(path.rfind('/') + 1), "chk-");
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
  ForEachPath(relative, [&](std::string& path) { path = Relative(path, directory); });
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
    return DamagedCheckpointError(absl::StrCat("the checkpoint ", metadata, " is damaged: ", how));
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
  ForEachPath(*checkpoint,
              [&](std::string& of_state) { of_state = Absolute(of_state, directory); });
  return checkpoint;
}

std::optional<int64_t> CheckpointNumber(const std::string& directory) {
  const std::string name = CheckpointDirectory(directory);
  int64_t number;
  if (!absl::SimpleAtoi(absl::StripPrefix(name.substr(name.rfind('/') + 1), "chk-"), &number))
    return std::nullopt;
  return number;
}

absl::StatusOr<FoundCheckpoint> ReadCheckpointBefore(FileSystem& files, const std::string& path) {
  const std::string directory = CheckpointDirectory(path);
  const std::optional<int64_t> number = CheckpointNumber(directory);
  if (number) {
    ASSIGN_OR_RETURN(const std::vector<FileInfo> siblings,
                     files.List(directory.substr(0, directory.rfind('/'))));
    std::map<int64_t, std::string, std::greater<>> before;
    for (const FileInfo& sibling : siblings) {
      const std::optional<int64_t> other = CheckpointNumber(sibling.path);
      if (sibling.directory && other && *other < *number) before[*other] = sibling.path;
    }
    for (const auto& [other, where] : before) {
      if (absl::StatusOr<idl::Checkpoint> checkpoint = ReadCheckpoint(files, where);
          checkpoint.ok())
        return FoundCheckpoint{.checkpoint = *std::move(checkpoint), .directory = where};
    }
  }
  return absl::NotFoundError("there is no checkpoint before it");
}

absl::StatusOr<std::vector<idl::Checkpoint>> ReadCheckpointsBeside(FileSystem& files,
                                                                   const std::string& path,
                                                                   idl::Checkpoint checkpoint) {
  const std::string directory = CheckpointDirectory(path);
  std::set<std::string> jobs;  // directories
  ForEachPath(checkpoint, [&](const std::string& of_state) {
    if (absl::StartsWith(of_state, directory + "/")) return;
    const absl::string_view shared = absl::StripSuffix(ParentOf(of_state), "/");
    jobs.emplace(absl::StripSuffix(ParentOf(shared), "/"));
  });
  std::vector<idl::Checkpoint> beside;
  for (const std::string& job : jobs) {
    ASSIGN_OR_RETURN(const std::vector<FileInfo> entries, files.List(job));
    for (const FileInfo& entry : entries) {
      if (entry.path == directory || !IsCheckpoint(entry)) continue;
      absl::StatusOr<idl::Checkpoint> other = ReadCheckpoint(files, entry.path);
      if (other.ok()) beside.push_back(*std::move(other));
    }
  }
  return beside;
}

absl::Status DiscardCheckpoint(FileSystem& files, const std::string& directory) {
  const absl::StatusOr<std::vector<FileInfo>> entries = files.List(directory);
  if (!entries.ok()) return files.Stat(directory).ok() ? entries.status() : absl::OkStatus();
  // The metadata first, for a crash must not leave one whose files are gone. A new name is durable,
  // a deletion is not.
  const std::string metadata = absl::StrCat(directory, "/", kMetadata);
  for (const FileInfo& entry : *entries) {
    if (entry.path != metadata) continue;
    const std::string deleted = metadata + ".deleted";
    RETURN_IF_ERROR(files.Rename(metadata, deleted));
    files.Delete(deleted).IgnoreError();
  }
  for (const FileInfo& entry : *entries) {
    if (!entry.directory && entry.path != metadata) files.Delete(entry.path).IgnoreError();
  }
  files.DeleteDirectory(directory).IgnoreError();
  return absl::OkStatus();
}

absl::Status DisposeCheckpoint(FileSystem& files, const std::string& path) {
  const std::string directory = CheckpointDirectory(path);
  ASSIGN_OR_RETURN(idl::Checkpoint checkpoint, ReadCheckpoint(files, directory));
  std::set<std::string> own;
  // Not what it only refers to, unless it is the only one to do so.
  const std::string shared = absl::StrCat(ParentOf(directory), "shared/");
  ForEachPath(checkpoint, [&](const std::string& of_state) {
    if (absl::StartsWith(of_state, shared) || absl::StartsWith(of_state, directory + "/"))
      own.insert(of_state);
  });
  ASSIGN_OR_RETURN(std::vector<idl::Checkpoint> beside,
                   ReadCheckpointsBeside(files, directory, checkpoint));
  for (idl::Checkpoint& other : beside)
    ForEachPath(other, [&](const std::string& of_state) { own.erase(of_state); });
  const std::string metadata = absl::StrCat(directory, "/", kMetadata);
  RETURN_IF_ERROR(files.Rename(metadata, metadata + ".deleted"));
  RETURN_IF_ERROR(files.Delete(metadata + ".deleted"));
  for (const std::string& file : own) RETURN_IF_ERROR(files.Delete(file));
  ASSIGN_OR_RETURN(const std::vector<FileInfo> left, files.List(directory));
  return left.empty() ? files.DeleteDirectory(directory) : absl::OkStatus();
}

absl::Status DiscardCheckpoints(FileSystem& files, const std::string& directory) {
  const absl::StatusOr<std::vector<FileInfo>> entries = files.List(directory);
  if (!entries.ok()) return files.Stat(directory).ok() ? entries.status() : absl::OkStatus();
  absl::Status status;
  for (const FileInfo& entry : *entries) {
    if (IsCheckpoint(entry)) status.Update(DiscardCheckpoint(files, entry.path));
  }
  RETURN_IF_ERROR(status);  // what is left needs the shared files
  for (const FileInfo& entry : *entries) {
    if (entry.directory && !IsCheckpoint(entry)) DiscardCheckpoint(files, entry.path).IgnoreError();
  }
  files.DeleteDirectory(directory).IgnoreError();
  return absl::OkStatus();
}

}  // namespace pyflinkpp
