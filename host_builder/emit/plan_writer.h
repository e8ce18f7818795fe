// Writes a plan file. Same contents, same bytes.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "host_builder/codegen/compiler.h"
#include "host_builder/graph/graph.h"
#include "host_builder/schedule/schedule.h"
#include "host_builder/targets/target.h"

namespace stint::builder {

/// The network at one batch size. The graph owns the constants that the schedule refers to.
struct PlanProgram {
  const Graph* graph = nullptr;
  const Schedule* schedule = nullptr;
  std::vector<Cubin> code = {};  // GPU: one per step
};

/// The network for one device.
struct PlanVariant {
  Target target;
  std::vector<PlanProgram> programs;  // batches ascending
  std::string codegen = {};           // GPU targets: how the kernels were compiled
};

struct PlanContents {
  std::string name;
  std::array<uint8_t, 32> source_hash{};  // of the model and its external data (source_hash.h)
  std::vector<std::string> labels;
  std::vector<PlanVariant> variants;
};

/// Throws BuildError for what the format cannot hold.
std::vector<std::byte> write_plan(const PlanContents& contents);

}  // namespace stint::builder
