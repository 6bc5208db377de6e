// Native window functions by name, as job graphs of tests and benchmarks call them.
#pragma once

#include <memory>
#include <string>
#include <utility>

#include "core/base/status.h"
#include "core/types/native_serializers.h"
#include "core/windowing/window_plan.h"
#include "runtime/operators/registry.h"
#include "runtime/operators/window_operator.h"

namespace pyflinkpp::native {

// The sum of LONG rows, as LONG rows.
class SumWindow final : public WindowFunction {
 public:
  // `merges_panes`: whether sliding windows share panes.
  explicit SumWindow(bool merges_panes = true) : merges_panes_(merges_panes) {}

  bool merges_panes() const override { return merges_panes_; }
  std::shared_ptr<const TypeSerializer> ContentsSerializer() override { return LongSerializer(); }
  absl::Status Add(RecordBatch& batch, size_t i, bool, std::byte* contents) override {
    return Sum(batch.rows<int64_t>()[i], contents);
  }
  absl::Status Merge(const RecordKey&, std::byte* from, std::byte* into) override {
    return Sum(*reinterpret_cast<int64_t*>(from), into);
  }
  absl::Status Emit(const RecordKey&, const Window&, const std::byte* contents,
                    WindowOutput& output) override {
    output.batch(LongSerializer()).AppendRow(*reinterpret_cast<const int64_t*>(contents));
    return absl::OkStatus();
  }

 private:
  static absl::Status Sum(int64_t value, std::byte* contents) {
    auto& sum = *reinterpret_cast<int64_t*>(contents);
    sum = static_cast<int64_t>(static_cast<uint64_t>(sum) + static_cast<uint64_t>(value));
    return absl::OkStatus();
  }

  const bool merges_panes_;
};

template <class Function>
void AddWindow(OperatorRegistry& registry, const std::string& name) {
  registry.entries["window:" + name] = {
      .make = [](std::span<const idl::OperatorNode> nodes,
                 const SerializerFactory&) -> absl::StatusOr<std::unique_ptr<Operator>> {
        const idl::Window& plan = nodes[0].spec.window;
        WindowParts parts;
        ASSIGN_OR_RETURN(parts.assigner, MakeWindowAssigner(plan.assigner));
        ASSIGN_OR_RETURN(parts.trigger, MakeTrigger(plan.trigger));
        parts.function = std::make_unique<Function>();
        parts.allowed_lateness_ms = plan.allowed_lateness_ms;
        if (plan.__isset.late_output)
          parts.late_output = static_cast<int>(plan.side_outputs.size());
        return MakeWindowOperator(std::move(parts));
      },
      .make_enumerator = {}};
}

inline void AddWindows(OperatorRegistry& registry) { AddWindow<SumWindow>(registry, "sum"); }

}  // namespace pyflinkpp::native
