// Which operator a spec becomes. The lists are explicit: registry.cc shows all that C++ has,
// native/ adds Python's.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string>

#include "absl/status/statusor.h"
#include "core/idl/pyflinkpp_types.h"
#include "runtime/connectors/split_enumerator.h"
#include "runtime/operators/operator.h"

namespace pyflinkpp {

// The serializer that values of a type have on this side of the bindings.
using SerializerFactory = std::function<absl::StatusOr<std::shared_ptr<const TypeSerializer>>(
    const idl::TypeInformation& type)>;

// Made once, then read by all threads.
struct OperatorRegistry {
  // Makes one Operator of consecutive chain members: of one, unless their kinds fuse.
  using OperatorFactory = std::function<absl::StatusOr<std::unique_ptr<Operator>>(
      std::span<const idl::OperatorNode> nodes, const SerializerFactory& serializers)>;
  using EnumeratorFactory = std::function<absl::StatusOr<std::unique_ptr<SplitEnumerator>>(
      const idl::OperatorNode& node)>;

  struct Entry {
    OperatorFactory make;
    bool fuses = false;                 // neighbours in a chain that fuse become one Operator
    EnumeratorFactory make_enumerator;  // sources only
    bool takes_turns =
        false;  // its task needs what only one can have at a time (Python: the interpreter's lock)
  };

  std::map<std::string, Entry> entries;  // by KindOf(spec)
  SerializerFactory serializers;
  // Beside those of task/state_backends.cc, by the value of "state.backend.type".
  std::map<std::string, KeyedStateBackendMaker> state_backends = {};
  // Called on a task's loop before its operators are made, with the job's configuration.
  std::function<absl::Status(const std::map<std::string, std::string>& configuration)> prepare = {};
};

// Everything that needs no Python.
OperatorRegistry BuiltinOperators();

}  // namespace pyflinkpp
