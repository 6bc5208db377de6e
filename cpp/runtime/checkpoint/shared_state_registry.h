// Which checkpoints refer to which files in shared/.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "core/idl/pyflinkpp_types.h"

namespace pyflinkpp {

// A shared file lives as long as a checkpoint refers to it: one that is retained, or one that is
// pending and may come to refer to it. From its trigger on a pending checkpoint refers to all that
// its base has, because tasks take over the base's files without asking; when it is complete it
// refers to what it has.
//
//   trigger N, base M    Begin(N, M)          all of M's files
//   an answer            Add(N, ...)          and those that are new
//   complete             Complete(N)          what its metadata lists
//   metadata is gone     Drop(N)              none
//
// The last two give the files that nobody refers to any more. Decides, and does nothing: who asks deletes the files. Owned by the coordinator, used on its loop.
class SharedStateRegistry {
 public:
  // `base`: 0: none.
  void Begin(int64_t checkpoint, int64_t base);
  void Add(int64_t checkpoint, const idl::TaskSnapshot& snapshot);
  // The files that can be deleted now: its base is gone meanwhile, and it has left them out.
  [[nodiscard]] std::vector<std::string> Complete(const idl::Checkpoint& checkpoint);
  // The same. To be called when its metadata is durably gone, not before.
  [[nodiscard]] std::vector<std::string> Drop(int64_t checkpoint);
  // Of an answer that came too late: those that nobody refers to.
  std::vector<std::string> Unused(const idl::TaskSnapshot& snapshot) const;
  // The files of a checkpoint that is not the job's: never deleted.
  void Protect(const idl::Checkpoint& checkpoint);
  // Of all checkpoints, those that may be deleted.
  std::vector<std::string> All() const;

 private:
  void Refer(int64_t checkpoint, const std::string& path);
  std::vector<std::string> Release(const std::set<std::string>& files);
  bool IsUsed(const std::string& path) const {
    return users_.contains(path) || protected_.contains(path);
  }

  std::map<int64_t, std::set<std::string>> files_;  // by checkpoint
  std::map<std::string, int> users_;                // by file: checkpoints that refer to it
  std::set<std::string> protected_;
};

}  // namespace pyflinkpp
