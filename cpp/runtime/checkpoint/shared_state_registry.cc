#include "runtime/checkpoint/shared_state_registry.h"

#include <utility>

namespace pyflinkpp {
namespace {

template <class Visit>
void ForEachShared(const idl::OperatorState& state, Visit visit) {
  for (const idl::KeyedStateHandle& handle : state.keyed) {
    if (!handle.__isset.backend) continue;
    for (const idl::NativeFile& file : handle.backend.files) {
      if (file.shared) visit(file.file.path);
    }
  }
}

template <class Visit>
void ForEachShared(const idl::TaskSnapshot& snapshot, Visit visit) {
  for (const auto& [op, state] : snapshot.operators) ForEachShared(state, visit);
}

template <class Visit>
void ForEachShared(const idl::Checkpoint& checkpoint, Visit visit) {
  for (const idl::OperatorCheckpoint& op : checkpoint.operators) {
    for (const auto& [subtask, state] : op.subtasks) ForEachShared(state, visit);
  }
}

}  // namespace

void SharedStateRegistry::Refer(int64_t checkpoint, const std::string& path) {
  if (files_[checkpoint].insert(path).second) ++users_[path];
}

void SharedStateRegistry::Begin(int64_t checkpoint, int64_t base) {
  files_[checkpoint];
  const auto found = files_.find(base);
  if (found == files_.end()) return;
  for (const std::string& path : found->second) Refer(checkpoint, path);
}

void SharedStateRegistry::Add(int64_t checkpoint, const idl::TaskSnapshot& snapshot) {
  ForEachShared(snapshot, [&](const std::string& path) { Refer(checkpoint, path); });
}

std::vector<std::string> SharedStateRegistry::Complete(const idl::Checkpoint& checkpoint) {
  const std::set<std::string> before = std::exchange(files_[checkpoint.id], {});
  ForEachShared(checkpoint, [&](const std::string& path) { Refer(checkpoint.id, path); });
  return Release(before);
}

std::vector<std::string> SharedStateRegistry::Drop(int64_t checkpoint) {
  const auto found = files_.find(checkpoint);
  if (found == files_.end()) return {};
  const std::set<std::string> files = std::move(found->second);
  files_.erase(found);
  return Release(files);
}

std::vector<std::string> SharedStateRegistry::Release(const std::set<std::string>& files) {
  std::vector<std::string> unused;
  for (const std::string& path : files) {
    if (--users_[path] > 0) continue;
    users_.erase(path);
    if (!IsUsed(path)) unused.push_back(path);
  }
  return unused;
}

std::vector<std::string> SharedStateRegistry::Unused(const idl::TaskSnapshot& snapshot) const {
  std::vector<std::string> unused;
  ForEachShared(snapshot, [&](const std::string& path) {
    if (!IsUsed(path)) unused.push_back(path);
  });
  return unused;
}

void SharedStateRegistry::Protect(const idl::Checkpoint& checkpoint) {
  ForEachShared(checkpoint, [&](const std::string& path) { protected_.insert(path); });
}

std::vector<std::string> SharedStateRegistry::All() const {
  std::vector<std::string> all;
  for (const auto& [path, users] : users_) {
    if (!protected_.contains(path)) all.push_back(path);
  }
  return all;
}

}  // namespace pyflinkpp
