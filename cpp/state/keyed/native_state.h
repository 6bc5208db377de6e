// State in a backend's own format: files that never change.
//
// A file's name is the backend's; a backend never gives the name of one file to another one with
// other contents. So a checkpoint takes over by their names what an earlier one has, and writes the
// rest.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "core/graph/key_groups.h"
#include "core/idl/pyflinkpp_types.h"

namespace pyflinkpp {

// What a snapshot consists of.
struct NativeFiles {
  struct File {
    std::string name;
    std::string path;
    bool shared = false;  // later snapshots have it, too; else it is this one's
  };
  std::string format;  // the backend's name
  KeyGroupRange key_groups;
  std::vector<File> files;
  std::vector<idl::NativeStateContents> states;  // that are in them
  std::shared_ptr<const void> held;              // the files stay while it lives
};

// The files of a snapshot, checked, in a local directory under their names.
struct RestoredFiles {
  std::string format;
  KeyGroupRange key_groups;
  std::string directory;
  std::vector<idl::NativeStateContents> states;
};

}  // namespace pyflinkpp
