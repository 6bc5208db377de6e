#include "runtime/task/state_files.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "core/base/checksum.h"
#include "core/base/status.h"

namespace pyflinkpp {
namespace {

constexpr size_t kReadBytes = size_t{1} << 20;

struct Sum {
  int64_t size = 0;
  int64_t crc32 = 0;
};

// Reads a file to its end; `take` gets each part.
template <class Take>
absl::StatusOr<Sum> ReadAll(FileSystem& files, const std::string& path, Take take) {
  ASSIGN_OR_RETURN(const auto file, files.Open(path));
  Sum sum;
  std::string buffer(kReadBytes, '\0');
  for (;;) {
    ASSIGN_OR_RETURN(const size_t read, file->Read(sum.size, buffer.data(), buffer.size()));
    if (read == 0) return sum;
    const absl::string_view part(buffer.data(), read);
    sum.size += static_cast<int64_t>(read);
    sum.crc32 = Crc32(part, sum.crc32);
    RETURN_IF_ERROR(take(part));
  }
}

absl::StatusOr<Sum> SumOf(FileSystem& files, const std::string& path) {
  return ReadAll(files, path, [](absl::string_view) { return absl::OkStatus(); });
}

// `durable`: before it returns.
absl::StatusOr<Sum> Copy(FileSystem& files, const std::string& from, const std::string& to,
                         bool durable) {
  ASSIGN_OR_RETURN(const auto file, files.Create(to));
  ASSIGN_OR_RETURN(const Sum sum, ReadAll(files, from, [&](absl::string_view part) {
                     return file->Append(part);
                   }));
  if (durable) RETURN_IF_ERROR(file->Sync());
  RETURN_IF_ERROR(file->Close());
  return sum;
}

absl::StatusOr<Sum> LinkOrCopy(FileSystem& files, const std::string& from, const std::string& to,
                               bool durable) {
  if (files.Link(from, to).ok()) return SumOf(files, to);
  return Copy(files, from, to, durable);
}

absl::Status CheckSum(const idl::NativeFile& file, const Sum& sum) {
  if (sum.size == file.file.size && sum.crc32 == file.crc32) return absl::OkStatus();
  return DamagedCheckpointError(absl::StrCat("the checkpoint's file ",
                                             file.file.path.empty() ? "_metadata" : file.file.path,
                                             " is damaged: it is not what was written"));
}

// A file that is gone is damage, too.
absl::Status CheckIsThere(FileSystem& files, const std::string& path) {
  const absl::StatusOr<FileInfo> info = files.Stat(path);
  if (info.ok()) return absl::OkStatus();
  return DamagedCheckpointError(
      absl::StrCat("a file of the checkpoint can't be read: ", FailureOf(info.status()).message));
}

Sum InlineSum(const idl::NativeFile& file) {
  return {static_cast<int64_t>(file.file.inline_bytes.size()), Crc32(file.file.inline_bytes)};
}

}  // namespace

absl::StatusOr<idl::NativeKeyedState> StateFileUpload::Write(const NativeFiles& from) {
  idl::NativeKeyedState state;
  state.format = from.format;
  state.first_key_group = from.key_groups.first;
  state.last_key_group = from.key_groups.last;
  state.states = from.states;
  for (const NativeFiles::File& file : from.files) {
    if (*abandoned_) return absl::CancelledError("the checkpoint was given up");
    RETURN_IF_ERROR(WriteFile(file, state.files.emplace_back()));
  }
  return state;
}

absl::Status StateFileUpload::WriteFile(const NativeFiles::File& from, idl::NativeFile& to) {
  ASSIGN_OR_RETURN(const FileInfo info, files_.Stat(from.path));
  if (from.shared && target_.base != nullptr) {
    const auto& known = target_.base->files;
    const auto same = std::find_if(known.begin(), known.end(), [&](const idl::NativeFile& each) {
      return each.shared && each.name == from.name && each.file.size == info.size;
    });
    if (same != known.end()) {
      to = *same;
      return absl::OkStatus();
    }
  }
  to.name = from.name;
  to.shared = from.shared;
  to.file.size = info.size;
  new_bytes_ += info.size;
  if (!from.shared && info.size <= static_cast<int64_t>(target_.inline_bytes)) {
    ASSIGN_OR_RETURN(const Sum sum, ReadAll(files_, from.path, [&](absl::string_view part) {
                       to.file.inline_bytes.append(part.data(), part.size());
                       return absl::OkStatus();
                     }));
    to.file.size = sum.size;
    to.crc32 = sum.crc32;
    return absl::OkStatus();
  }
  const std::string& directory = from.shared ? target_.shared_directory : target_.directory;
  RETURN_IF_ERROR(files_.CreateDirectories(directory));
  const std::string path = absl::StrCat(directory, "/", target_.name, "-", from.name);
  const std::string temporary = absl::StrCat(path, ".inprogress");
  written_.push_back(temporary);
  ASSIGN_OR_RETURN(const Sum sum, LinkOrCopy(files_, from.path, temporary, /*durable=*/true));
  RETURN_IF_ERROR(files_.Rename(temporary, path));
  written_.back() = path;
  to.file.path = path;
  to.file.size = sum.size;
  to.crc32 = sum.crc32;
  return absl::OkStatus();
}

void StateFileUpload::Discard() {
  for (const std::string& path : std::exchange(written_, {})) files_.Delete(path).IgnoreError();
}

bool GoesOnWithFiles(const std::vector<idl::KeyedStateHandle>& handles, KeyGroupRange key_groups) {
  const idl::NativeKeyedState* only = nullptr;
  for (const idl::KeyedStateHandle& handle : handles) {
    if (!handle.__isset.backend) continue;
    if (only != nullptr) return false;
    only = &handle.backend;
  }
  return only != nullptr &&
         KeyGroupRange{only->first_key_group, only->last_key_group} == key_groups;
}

absl::StatusOr<RestoredFiles> RestoreStateFiles(FileSystem& files,
                                                const idl::NativeKeyedState& state,
                                                const std::string& directory) {
  DeleteWithFiles(files, directory);  // of a process that has died
  RETURN_IF_ERROR(files.CreateDirectories(directory));
  for (const idl::NativeFile& file : state.files) {
    const std::string path = absl::StrCat(directory, "/", file.name);
    if (!file.file.path.empty()) {
      RETURN_IF_ERROR(CheckIsThere(files, file.file.path));
      ASSIGN_OR_RETURN(const Sum sum, LinkOrCopy(files, file.file.path, path, /*durable=*/false));
      RETURN_IF_ERROR(CheckSum(file, sum));
      continue;
    }
    RETURN_IF_ERROR(CheckSum(file, InlineSum(file)));
    ASSIGN_OR_RETURN(const auto copy, files.Create(path));
    RETURN_IF_ERROR(copy->Append(file.file.inline_bytes));
    RETURN_IF_ERROR(copy->Close());
  }
  return RestoredFiles{.format = state.format,
                       .key_groups = {state.first_key_group, state.last_key_group},
                       .directory = directory,
                       .states = state.states};
}

absl::Status CheckStateFiles(FileSystem& files, const idl::NativeKeyedState& state) {
  for (const idl::NativeFile& file : state.files) {
    Sum sum = InlineSum(file);
    if (!file.file.path.empty()) {
      RETURN_IF_ERROR(CheckIsThere(files, file.file.path));
      ASSIGN_OR_RETURN(sum, SumOf(files, file.file.path));
    }
    RETURN_IF_ERROR(CheckSum(file, sum));
  }
  return absl::OkStatus();
}

int64_t SizeOf(const idl::NativeKeyedState& state) {
  int64_t size = 0;
  for (const idl::NativeFile& file : state.files) size += file.file.size;
  return size;
}

void DeleteWithFiles(FileSystem& files, const std::string& directory) {
  const absl::StatusOr<std::vector<FileInfo>> entries = files.List(directory);
  if (!entries.ok()) return;
  for (const FileInfo& entry : *entries) {
    if (!entry.directory) files.Delete(entry.path).IgnoreError();
  }
  files.DeleteDirectory(directory).IgnoreError();
}

}  // namespace pyflinkpp
