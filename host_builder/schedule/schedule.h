// From the final graph to a program: lowered steps in execution order, storages with their places
// in memory, bindings and data dependences. Everything emit writes about one batch size is here.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "host_builder/graph/graph.h"
#include "host_builder/lowering/step_spec.h"
#include "host_builder/schedule/memory_planner.h"
#include "plan_schema/file_format.h"

namespace stint::builder {

enum class StorageKind : uint8_t {
  kArena,
  kConstant,
  kBinding,
  kState,  // GPU: a step's own counters, zero between runs
};

/// Memory that an alias class shares: a value, its views, and the values that are computed in its
/// place.
struct Storage {
  StorageKind kind = StorageKind::kArena;
  uint64_t bytes = 0;
  int64_t first = -1;           // step that touches it first; -1: no step does
  int64_t last = -1;            // and last
  uint64_t offset = 0;          // kArena, kState: place in that arena, bytes
  uint32_t binding = kNone;     // kBinding
  ValueId constant = kNoValue;  // kConstant: the value whose bytes these are
  bool pinned = false;          // must keep its contents until the end of the run
};

/// What a step reads or writes.
struct ScheduledTensor {
  std::string name;
  DType dtype = DType::kU8;
  Shape shape;
  std::vector<int64_t> strides;  // elements
  uint32_t storage = 0;
  uint64_t offset = 0;  // bytes from the storage's first
  std::optional<Quantisation> quant;
};

struct ScheduledStep {
  StepSpec spec;  // its operands are graph values; the tensors below say where they lie
  std::vector<uint32_t> inputs;  // tensors
  std::vector<uint32_t> outputs;
  uint32_t workspace = kNone;  // tensor
  uint32_t state = kNone;      // tensor
  uint32_t image_binding = kNone;
};

enum class ScheduledBindingKind : uint8_t { kTensor, kImage, kDetections };

struct ScheduledBinding {
  std::string name;
  bool is_input = true;
  ScheduledBindingKind kind = ScheduledBindingKind::kTensor;
  uint32_t tensor = kNone;        // kTensor, kDetections
  uint32_t count_tensor = kNone;  // kDetections
  PreprocessAttributes image;     // kImage
  uint64_t io_bytes = 0;
  uint64_t io_offset = 0;
};

/// Step `to` needs what step `from` did.
struct Dependence {
  uint32_t from = 0;
  uint32_t to = 0;
  bool operator==(const Dependence&) const = default;
  auto operator<=>(const Dependence&) const = default;
};

/// Order that the executor keeps. Programmatic: the later step itself waits for the earlier one
/// (griddepcontrol.wait), having prepared what does not depend on it.
struct ScheduledEdge {
  uint32_t from = 0;
  uint32_t to = 0;
  bool programmatic = false;
};

struct Schedule {
  int64_t batch = 1;
  std::vector<Storage> storages;
  std::vector<ScheduledTensor> tensors;
  std::vector<ScheduledStep> steps;
  std::vector<ScheduledBinding>
      bindings;  // inputs, then outputs, in the model's order; images come first
  std::vector<Dependence> dependences;  // of data alone; sorted
  std::vector<ScheduledEdge> edges;     // what the plan says: the dependences, or more on a GPU
  uint64_t arena_bytes = 0;
  uint64_t state_bytes = 0;
  uint64_t lower_bound = 0;
  uint64_t io_bytes = 0;
  uint64_t worker_scratch_bytes = 0;
  std::string heuristic;  // of the memory plan, and the step order if it is not the graph's own
};

/// Node to step on some target. May add constants to the graph. Throws BuildError.
using Lowering = std::function<StepSpec(Graph& graph, const Node& node)>;

struct ScheduleOptions {
  Lowering lowering;        // null: for the cpu target
  bool concurrent = false;  // memory is planned so that independent steps may run at the same time
};

/// Lowers every node and plans memory. `graph` grows by packed constants
/// and by copies for outputs that cannot be bound where they are computed. Throws BuildError.
Schedule make_schedule(Graph& graph, const ScheduleOptions& options = {});

/// Independent check of a schedule: no two arena storages alive at one step overlap, every tensor
/// lies inside its storage, every step reads only what an earlier step, the caller or the model
/// wrote. Throws BuildError.
void verify_schedule(const Schedule& schedule);

}  // namespace stint::builder
