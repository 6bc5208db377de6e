#include "runtime/env/posix_file_system.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <memory>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "core/base/status.h"

namespace pyflinkpp {
namespace {

absl::Status Failed(absl::string_view what, absl::string_view path, int error) {
  return ExternalError(
      absl::StrCat("cannot ", what, " ", path, ": ", std::generic_category().message(error)));
}

// Repeats a call that a signal interrupted.
template <class Call>
auto Retry(Call call) {
  auto result = call();
  while (result < 0 && errno == EINTR) result = call();
  return result;
}

// Owns a file descriptor.
class Descriptor {
 public:
  explicit Descriptor(int number) : number_(number) {}
  ~Descriptor() {
    if (number_ >= 0) ::close(number_);
  }
  Descriptor(Descriptor&& other) noexcept : number_(std::exchange(other.number_, -1)) {}
  Descriptor& operator=(Descriptor&&) = delete;

  bool open() const { return number_ >= 0; }
  int number() const { return number_; }
  int Release() { return std::exchange(number_, -1); }

 private:
  int number_;
};

class PosixReadableFile final : public ReadableFile {
 public:
  PosixReadableFile(std::string path, Descriptor file)
      : path_(std::move(path)), file_(std::move(file)) {}

  absl::StatusOr<size_t> Read(int64_t offset, char* to, size_t size) override {
    size_t filled = 0;
    while (filled < size) {
      const ssize_t count = Retry([&] {
        return ::pread(file_.number(), to + filled, size - filled,
                       static_cast<off_t>(offset + static_cast<int64_t>(filled)));
      });
      if (count < 0) return Failed("read", path_, errno);
      if (count == 0) break;
      filled += static_cast<size_t>(count);
    }
    return filled;
  }

 private:
  const std::string path_;
  const Descriptor file_;
};

class PosixWritableFile final : public WritableFile {
 public:
  PosixWritableFile(std::string path, Descriptor file)
      : path_(std::move(path)), file_(std::move(file)) {}

  absl::Status Append(absl::string_view bytes) override {
    while (!bytes.empty()) {
      const ssize_t count =
          Retry([&] { return ::write(file_.number(), bytes.data(), bytes.size()); });
      if (count < 0) return Failed("write", path_, errno);
      bytes.remove_prefix(static_cast<size_t>(count));
    }
    return absl::OkStatus();
  }

  absl::Status Sync() override {
    if (Retry([&] { return ::fdatasync(file_.number()); }) < 0) {
      return Failed("write", path_, errno);
    }
    return absl::OkStatus();
  }

  absl::Status Close() override {
    if (!file_.open()) return absl::OkStatus();
    // Not repeated after EINTR: Linux has released the descriptor by then.
    if (::close(file_.Release()) < 0 && errno != EINTR) return Failed("write", path_, errno);
    return absl::OkStatus();
  }

 private:
  const std::string path_;
  Descriptor file_;
};

std::string Parent(const std::string& path) {
  const size_t slash = path.find_last_of('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

// Makes durable which names a directory holds.
absl::Status SyncDirectory(const std::string& path) {
  const Descriptor directory(
      Retry([&] { return ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC); }));
  // A directory that we may write to but not read cannot be opened; some file systems know no such
  // sync.
  if (!directory.open()) return errno == EACCES ? absl::OkStatus() : Failed("sync", path, errno);
  if (Retry([&] { return ::fsync(directory.number()); }) < 0 && errno != EINVAL) {
    return Failed("sync", path, errno);
  }
  return absl::OkStatus();
}

// Tells what lies at `path`; false if it is neither a file nor a directory.
bool Describe(const std::string& path, const struct stat& found, FileInfo& info) {
  info.path = path;
  info.size = found.st_size;
  info.directory = S_ISDIR(found.st_mode);
  return info.directory || S_ISREG(found.st_mode);
}

}  // namespace

absl::StatusOr<FileInfo> PosixFileSystem::Stat(const std::string& path) {
  struct stat found;
  if (::stat(path.c_str(), &found) < 0) return Failed("read", path, errno);
  FileInfo info;
  if (!Describe(path, found, info)) {
    return ExternalError(
        absl::StrCat("cannot read ", path, ": it is neither a file nor a directory"));
  }
  return info;
}

absl::StatusOr<std::vector<FileInfo>> PosixFileSystem::List(const std::string& directory) {
  const std::unique_ptr<DIR, int (*)(DIR*)> open(::opendir(directory.c_str()), ::closedir);
  if (open == nullptr) return Failed("list", directory, errno);
  const std::string prefix = directory.ends_with('/') ? directory : directory + "/";
  std::vector<FileInfo> result;
  for (;;) {
    errno = 0;
    const dirent* entry = ::readdir(open.get());
    if (entry == nullptr) {
      if (errno != 0) return Failed("list", directory, errno);
      break;
    }
    const absl::string_view name = entry->d_name;
    if (name == "." || name == "..") continue;
    const std::string path = absl::StrCat(prefix, name);
    struct stat found;
    if (::stat(path.c_str(), &found) < 0) {
      const int error = errno;
      // Deleted since it was listed, or a link to nothing? The latter is not passed over in
      // silence.
      if (error == ENOENT && ::lstat(path.c_str(), &found) < 0) continue;
      return Failed("read", path, error);
    }
    FileInfo info;
    if (Describe(path, found, info)) result.push_back(std::move(info));
  }
  std::sort(result.begin(), result.end(),
            [](const FileInfo& a, const FileInfo& b) { return a.path < b.path; });
  return result;
}

absl::StatusOr<std::unique_ptr<ReadableFile>> PosixFileSystem::Open(const std::string& path) {
  Descriptor file(Retry([&] { return ::open(path.c_str(), O_RDONLY | O_CLOEXEC); }));
  if (!file.open()) return Failed("read", path, errno);
  return std::make_unique<PosixReadableFile>(path, std::move(file));
}

absl::StatusOr<std::unique_ptr<WritableFile>> PosixFileSystem::Create(const std::string& path) {
  Descriptor file(
      Retry([&] { return ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666); }));
  if (!file.open()) return Failed("write", path, errno);
  return std::make_unique<PosixWritableFile>(path, std::move(file));
}

absl::Status PosixFileSystem::CreateDirectories(const std::string& path) {
  struct stat found;
  if (::stat(path.c_str(), &found) == 0) {
    if (S_ISDIR(found.st_mode)) return absl::OkStatus();
    return ExternalError(absl::StrCat("cannot create the directory ", path, ": it is a file"));
  }
  if (errno != ENOENT) return Failed("create the directory", path, errno);
  std::string trimmed = path;
  while (trimmed.size() > 1 && trimmed.back() == '/') trimmed.pop_back();
  const std::string parent = Parent(trimmed);
  if (parent != trimmed) RETURN_IF_ERROR(CreateDirectories(parent));
  if (::mkdir(trimmed.c_str(), 0777) < 0) {
    const int error = errno;  // EEXIST: another subtask was faster
    if (error != EEXIST || ::stat(trimmed.c_str(), &found) < 0 || !S_ISDIR(found.st_mode)) {
      return Failed("create the directory", trimmed, error);
    }
  }
  return SyncDirectory(parent);
}

absl::Status PosixFileSystem::Rename(const std::string& from, const std::string& to) {
  if (::rename(from.c_str(), to.c_str()) < 0) {
    return Failed("rename", absl::StrCat(from, " to ", to), errno);
  }
  RETURN_IF_ERROR(SyncDirectory(Parent(to)));
  return Parent(from) == Parent(to) ? absl::OkStatus() : SyncDirectory(Parent(from));
}

absl::Status PosixFileSystem::Link(const std::string& from, const std::string& to) {
  if (::link(from.c_str(), to.c_str()) < 0) {
    return Failed("link", absl::StrCat(from, " to ", to), errno);
  }
  const Descriptor file(Retry([&] { return ::open(to.c_str(), O_RDONLY | O_CLOEXEC); }));
  if (file.open() && Retry([&] { return ::fsync(file.number()); }) == 0) return absl::OkStatus();
  const int error = errno;
  ::unlink(to.c_str());
  return Failed("sync", to, error);
}

absl::Status PosixFileSystem::Delete(const std::string& path) {
  if (::unlink(path.c_str()) < 0) return Failed("delete", path, errno);
  return absl::OkStatus();
}

absl::Status PosixFileSystem::DeleteDirectory(const std::string& path) {
  if (::rmdir(path.c_str()) < 0) return Failed("delete the directory", path, errno);
  return absl::OkStatus();
}

std::string PosixFileSystem::temporary_directory() const {
  std::error_code error;
  std::string path = std::filesystem::temp_directory_path(error);
  return error ? "/tmp" : path;
}

}  // namespace pyflinkpp
