// Writes a plan file. Same contents, same bytes.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "host_builder/graph/graph.h"
#include "host_builder/schedule/schedule.h"

namespace stint::builder {

/// The network at one batch size. The graph owns the constants that the schedule refers to.
struct PlanProgram {
  const Graph* graph = nullptr;
  const Schedule* schedule = nullptr;
};

struct PlanContents {
  std::string name;
  std::array<uint8_t, 32> source_hash{};  // SHA-256 of the model file
  std::vector<std::string> labels;
  std::string target = "cpu";
  std::vector<PlanProgram> programs;  // batches ascending
};

/// Throws BuildError for what the format cannot hold.
std::vector<std::byte> write_plan(const PlanContents& contents);

}  // namespace stint::builder
