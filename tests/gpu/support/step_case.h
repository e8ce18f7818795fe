// One node on the GPU against a reference in double precision: every tactic of a family, strided
// operands, poisoned outputs.
//
//   StepCase c;
//   const auto x = c.input("x", DType::kF16, {1, 9, 11, 24}, {.inner = 8});
//   const auto w = c.constant("w", {32, 24, 3, 3});
//   const auto y = c.output("y", DType::kF16, {1, 9, 11, 32});
//   c.node.op = Op::kConv; c.node.attributes = ...; c.node.inputs = {x, w}; c.node.outputs = {y};
//   check_family(c, kConvGemmFamily);
//
// Without a GPU, check_family executes a few of the tactics on the host, for several SMs
// (tests/support/cuda_on_host.h); STINT_HOST_TACTICS=10: that many.
// Or STINT_GPU_COMPILE=sm_90,orin,thor,xavier makes check_family lower and compile
// every tactic for these targets instead, so that code generation is checked where no kernel can
// run.
#pragma once

#include <array>
#include <map>
#include <optional>
#include <random>
#include <vector>

#include "host_builder/codegen/compiler.h"
#include "host_builder/lowering/family.h"
#include "tests/gpu/support/device.h"
#include "tests/support/reference_evaluator.h"

namespace stint::test {

using builder::test::Tensor;
using builder::test::Tensors;

/// Where an operand lies in wider storage, in elements.
struct Placement {
  int64_t inner = 0;   // unused after each innermost row: a part of a channel concatenation
  int64_t outer = 0;   // unused after each row of every other axis
  int64_t offset = 0;  // of the first element from the storage's start
  // Of four axes, as memory has them, outermost first: a transposed view. All zero: not transposed.
  std::array<size_t, 4> order = {};
  bool is_transposed() const { return order != std::array<size_t, 4>{}; }
};

struct StepCase {
  builder::Graph graph;
  builder::Node node;

  explicit StepCase(uint32_t seed = 1);

  /// A run-time operand: multiples of 1/1024 in [-1, 1), exact in f16; integers in [0, 8); bools.
  builder::ValueId input(const std::string& name, DType dtype, const builder::Shape& shape,
                         const Placement& placement = {});
  /// Numbers that memory holds as i8 or u8, every integer of the type.
  builder::ValueId quantised_input(const std::string& name, DType dtype,
                                   const builder::Shape& shape, float scale, int32_t zero_point = 0,
                                   const Placement& placement = {});
  builder::ValueId quantised_output(const std::string& name, DType dtype,
                                    const builder::Shape& shape, float scale,
                                    int32_t zero_point = 0, const Placement& placement = {});
  /// i8 weights, every place along the axis with a scale of its own, about `scale`.
  builder::ValueId quantised_constant(const std::string& name, const builder::Shape& shape,
                                      int axis, float scale);
  /// f32 weights: multiples of 1/1024 in [-scale, scale).
  builder::ValueId constant(const std::string& name, const builder::Shape& shape, double scale = 1);
  builder::ValueId output(const std::string& name, DType dtype, const builder::Shape& shape,
                          const Placement& placement = {});
  /// An output in an operand's own storage, as in-place plans have it.
  builder::ValueId output_over(const std::string& name, builder::ValueId operand);
  /// Replaces a run-time operand's values, row-major.
  void set(builder::ValueId operand, const std::vector<double>& values);
  const std::vector<double>& values(builder::ValueId operand) const;

  /// What the outputs must be; computed by evaluate_reference() unless given here.
  std::optional<Tensors> expected;
  /// Device addresses for steps with an image binding (lower.h).
  uint64_t frames = 0, limits = 0;

  /// The graph with the node in it: what families see.
  builder::Graph complete() const;
  const Tensors& inputs() const { return inputs_; }

 private:
  builder::ValueId place(const std::string& name, DType dtype, const builder::Shape& shape,
                         const Placement& placement);
  std::mt19937 random_;
  Tensors inputs_;
};

/// What is accepted. Zero: by the output's type (f16 1e-3, f32 1e-4; integers exactly).
struct Bounds {
  double relative_l2 = 0;
  double max_abs = 0;  // of the output's largest magnitude; zero: five times relative_l2
  // Of quantised outputs, how far beyond the half step that rounding takes. Zero: what f32
  // arithmetic may be off by, 1/50.
  double steps = 0;
};

/// A step with its code and operands on the device.
class DeviceStep {
 public:
  DeviceStep(const StepCase& c, const builder::Graph& graph, const builder::StepSpec& step,
             const std::vector<std::byte>& cubin);

  /// Bytes of one set of operands (all storages, workspace and state).
  size_t operand_bytes() const;
  /// Adds a second, third... set of operands for timing without a warm cache. Returns its number.
  size_t add_operands();
  void enqueue(size_t operands, bool programmatic) const;

  /// Runs once on poisoned outputs and compares. Text of what is wrong, empty if nothing.
  std::string run_and_compare(const Tensors& expected, const Bounds& bounds);
  /// The largest errors of the last comparison.
  double relative_l2 = 0, max_abs = 0;

 private:
  struct Operands {
    std::map<builder::ValueId, DeviceMemory> storages;
    DeviceMemory workspace, state;
    std::vector<uint64_t> parameters;
  };
  const StepCase& case_;
  const builder::Graph& graph_;
  const builder::StepSpec step_;
  Kernel kernel_;
  std::vector<Operands> operands_;
};

/// Checks every tactic the family offers for the node on the target (default: test_target()) with
/// doctest's CHECK, the best `most` of them. A family that offers none fails.
void check_family(const StepCase& c, const builder::Family& family, const Bounds& bounds = {},
                  const builder::Target* target = nullptr, size_t most = SIZE_MAX);

/// True where check_family can do nothing at all (no GPU, no compiler for the host and no
/// STINT_GPU_COMPILE): prints the line that CTest takes for a skip.
bool cannot_check();

}  // namespace stint::test
