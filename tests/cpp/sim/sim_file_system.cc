#include "sim/sim_file_system.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <system_error>
#include <utility>

#include "absl/strings/str_cat.h"
#include "core/base/check.h"
#include "core/base/status.h"

namespace pyflinkpp::sim {
namespace {

absl::Status Failed(absl::string_view what, absl::string_view path, int error) {
  return ExternalError(
      absl::StrCat("cannot ", what, " ", path, ": ", std::generic_category().message(error)));
}

// Without "/" at the end and without "//".
std::string Normal(const std::string& path) {
  PFPP_CHECK(!path.empty() && path[0] == '/');
  std::string result;
  for (const char c : path) {
    if (c != '/' || result.empty() || result.back() != '/') result += c;
  }
  if (result.size() > 1 && result.back() == '/') result.pop_back();
  return result;
}

std::string Parent(const std::string& normal) {
  return normal.substr(0, std::max<size_t>(normal.find_last_of('/'), 1));
}

}  // namespace

// An open file keeps its contents when its name goes away.
class SimFileSystem::Reader final : public ReadableFile {
 public:
  Reader(SimFileSystem& owner, std::shared_ptr<const Contents> contents)
      : owner_(owner), contents_(std::move(contents)) {
    ++owner_.open_files_;
  }
  ~Reader() override { --owner_.open_files_; }

  absl::StatusOr<size_t> Read(int64_t offset, char* to, size_t size) override {
    owner_.CheckCaller();
    const std::string& bytes = contents_->bytes;
    if (offset >= static_cast<int64_t>(bytes.size())) return 0;
    const size_t count = std::min(size, bytes.size() - static_cast<size_t>(offset));
    std::memcpy(to, bytes.data() + offset, count);
    return count;
  }

 private:
  SimFileSystem& owner_;
  const std::shared_ptr<const Contents> contents_;
};

class SimFileSystem::Writer final : public WritableFile {
 public:
  Writer(SimFileSystem& owner, std::string path, std::shared_ptr<Contents> contents)
      : owner_(owner), path_(std::move(path)), contents_(std::move(contents)) {
    ++owner_.open_files_;
  }
  ~Writer() override {
    if (contents_ != nullptr) --owner_.open_files_;
  }

  absl::Status Append(absl::string_view bytes) override {
    owner_.CheckCaller();
    PFPP_CHECK(contents_ != nullptr);
    if (const int error = owner_.Trouble(/*grows=*/true); error != 0) {
      contents_->bytes.append(bytes.data(), bytes.size() / 2);  // as far as it got
      return Failed("write", path_, error);
    }
    contents_->bytes.append(bytes.data(), bytes.size());
    return absl::OkStatus();
  }
  absl::Status Sync() override {
    owner_.CheckCaller();
    PFPP_CHECK(contents_ != nullptr);
    if (const int error = owner_.Trouble(/*grows=*/false); error != 0)
      return Failed("sync", path_, error);
    contents_->synced = contents_->bytes.size();
    return absl::OkStatus();
  }
  absl::Status Close() override {
    owner_.CheckCaller();
    if (std::exchange(contents_, nullptr) != nullptr) --owner_.open_files_;
    return absl::OkStatus();
  }

 private:
  SimFileSystem& owner_;
  const std::string path_;
  std::shared_ptr<Contents> contents_;  // null once closed
};

// Why there is nothing at a path: its parent is a file, or it is just not there.
int SimFileSystem::WhyMissing(const std::string& path) const {
  for (std::string at = Parent(Normal(path)); at != "/"; at = Parent(at)) {
    if (const auto found = nodes_.find(at); found != nodes_.end())
      return found->second.contents == nullptr ? ENOENT : ENOTDIR;
  }
  return ENOENT;
}

void SimFileSystem::CheckCaller() const { PFPP_CHECK(test_depth_ > 0 || on_executor_()); }

int SimFileSystem::Trouble(bool grows) {
  if (test_depth_ > 0) return 0;
  if (dead_) return EIO;
  const bool fails =
      fail_permille_ > 0 && failed_ < fail_most_ && random_->Below(1000) < fail_permille_;
  if (!fails && !(full_ && grows)) return 0;
  ++failed_;
  return fails ? EIO : ENOSPC;
}

void SimFileSystem::LoseUnsynced() {
  for (auto& [path, node] : nodes_) {
    if (node.contents != nullptr) node.contents->bytes.resize(node.contents->synced);
  }
}

void SimFileSystem::Flip(const std::string& path, size_t position) {
  std::string& bytes = Find(path)->contents->bytes;
  bytes[position % bytes.size()] ^= 1;
}

SimFileSystem::Node* SimFileSystem::Find(const std::string& path) {
  const auto found = nodes_.find(Normal(path));
  return found == nodes_.end() ? nullptr : &found->second;
}

absl::StatusOr<FileInfo> SimFileSystem::Stat(const std::string& path) {
  CheckCaller();
  if (dead_) return Failed("reach", path, EIO);
  const Node* node = Find(path);
  if (node == nullptr) return Failed("read", path, WhyMissing(path));
  return FileInfo{
      .path = path,
      .size = node->contents == nullptr ? 0 : static_cast<int64_t>(node->contents->bytes.size()),
      .directory = node->contents == nullptr};
}

absl::StatusOr<std::vector<FileInfo>> SimFileSystem::List(const std::string& directory) {
  CheckCaller();
  if (dead_) return Failed("reach", directory, EIO);
  const Node* node = Find(directory);
  if (node == nullptr) return Failed("list", directory, WhyMissing(directory));
  if (node->contents != nullptr) return Failed("list", directory, ENOTDIR);
  const std::string parent = Normal(directory);
  std::vector<FileInfo> result;
  for (const auto& [path, child] : nodes_) {
    if (path != "/" && Parent(path) == parent) {
      const int64_t size =
          child.contents == nullptr ? 0 : static_cast<int64_t>(child.contents->bytes.size());
      result.push_back({.path = path, .size = size, .directory = child.contents == nullptr});
    }
  }
  return result;
}

absl::StatusOr<std::unique_ptr<ReadableFile>> SimFileSystem::Open(const std::string& path) {
  CheckCaller();
  if (dead_) return Failed("reach", path, EIO);
  const Node* node = Find(path);
  if (node == nullptr) return Failed("read", path, WhyMissing(path));
  if (node->contents == nullptr) return Failed("read", path, EISDIR);
  return std::make_unique<Reader>(*this, node->contents);
}

absl::StatusOr<std::unique_ptr<WritableFile>> SimFileSystem::Create(const std::string& path) {
  CheckCaller();
  const Node* parent = Find(Parent(Normal(path)));
  if (parent == nullptr) return Failed("write", path, WhyMissing(path));
  if (parent->contents != nullptr) return Failed("write", path, ENOTDIR);
  if (const int error = Trouble(/*grows=*/true); error != 0) return Failed("write", path, error);
  const auto [entry, made] = nodes_.try_emplace(Normal(path));
  if (!made && entry->second.contents == nullptr) return Failed("write", path, EISDIR);
  if (made) entry->second.contents = std::make_shared<Contents>();
  *entry->second.contents = {};
  return std::make_unique<Writer>(*this, path, entry->second.contents);
}

absl::Status SimFileSystem::MakeDirectories(const std::string& path) {
  const std::string normal = Normal(path);
  if (const Node* node = Find(normal); node != nullptr) {
    if (node->contents == nullptr) return absl::OkStatus();
    return ExternalError(absl::StrCat("cannot create the directory ", path, ": it is a file"));
  }
  if (WhyMissing(path) == ENOTDIR) return Failed("create the directory", path, ENOTDIR);
  RETURN_IF_ERROR(MakeDirectories(Parent(normal)));
  nodes_[normal] = {};
  return absl::OkStatus();
}

absl::Status SimFileSystem::CreateDirectories(const std::string& path) {
  CheckCaller();
  if (dead_) return Failed("reach", path, EIO);
  return MakeDirectories(path);
}

absl::Status SimFileSystem::Rename(const std::string& from, const std::string& to) {
  CheckCaller();
  const Node* node = Find(from);
  const Node* parent = Find(Parent(Normal(to)));
  const absl::string_view missing = node == nullptr ? from : to;
  if (node == nullptr || parent == nullptr || parent->contents != nullptr) {
    const int error = parent != nullptr && parent->contents != nullptr
                          ? ENOTDIR
                          : WhyMissing(std::string(missing));
    return Failed("rename", absl::StrCat(from, " to ", to), error);
  }
  if (Normal(from) == Normal(to)) return absl::OkStatus();
  if (const int error = Trouble(/*grows=*/false); error != 0)
    return Failed("rename", absl::StrCat(from, " to ", to), error);
  PFPP_CHECK(node->contents != nullptr);  // no one renames directories yet
  if (node->contents->synced < node->contents->bytes.size()) ++renamed_unsynced_;
  nodes_[Normal(to)] = *node;
  nodes_.erase(Normal(from));
  return absl::OkStatus();
}

absl::Status SimFileSystem::Link(const std::string& from, const std::string& to) {
  CheckCaller();
  const std::string both = absl::StrCat(from, " to ", to);
  const Node* node = Find(from);
  if (node == nullptr) return Failed("link", both, WhyMissing(from));
  const Node* parent = Find(Parent(Normal(to)));
  if (parent == nullptr) return Failed("link", both, WhyMissing(to));
  if (parent->contents != nullptr) return Failed("link", both, ENOTDIR);
  if (node->contents == nullptr || !links_) return Failed("link", both, EPERM);
  if (Find(to) != nullptr) return Failed("link", both, EEXIST);
  if (const int error = Trouble(/*grows=*/false); error != 0) return Failed("link", both, error);
  node->contents->synced = node->contents->bytes.size();
  nodes_[Normal(to)] = {node->contents};
  return absl::OkStatus();
}

absl::Status SimFileSystem::Delete(const std::string& path) {
  CheckCaller();
  if (dead_) return Failed("reach", path, EIO);
  const Node* node = Find(path);
  if (node == nullptr) return Failed("delete", path, WhyMissing(path));
  if (node->contents == nullptr) return Failed("delete", path, EISDIR);
  nodes_.erase(Normal(path));
  return absl::OkStatus();
}

absl::Status SimFileSystem::DeleteDirectory(const std::string& path) {
  CheckCaller();
  if (dead_) return Failed("reach", path, EIO);
  const Node* node = Find(path);
  if (node == nullptr) return Failed("delete the directory", path, WhyMissing(path));
  if (node->contents != nullptr) return Failed("delete the directory", path, ENOTDIR);
  const std::string inside = Normal(path) + "/";
  const auto next = nodes_.lower_bound(inside);
  if (next != nodes_.end() && next->first.rfind(inside, 0) == 0)
    return Failed("delete the directory", path, ENOTEMPTY);
  nodes_.erase(Normal(path));
  return absl::OkStatus();
}

void SimFileSystem::Put(const std::string& path, std::string bytes) {
  PFPP_CHECK(MakeDirectories(Parent(Normal(path))).ok());
  const size_t size = bytes.size();
  nodes_[Normal(path)].contents = std::make_shared<Contents>(Contents{std::move(bytes), size});
}

std::map<std::string, std::string> SimFileSystem::FilesBelow(const std::string& directory) const {
  std::map<std::string, std::string> files;
  for (const auto& [path, node] : nodes_) {
    if (node.contents != nullptr && path.starts_with(directory + "/"))
      files[path] = node.contents->bytes;
  }
  return files;
}

}  // namespace pyflinkpp::sim
