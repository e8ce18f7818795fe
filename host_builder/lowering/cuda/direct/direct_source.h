// What the host halves of the direct kernel families share: the text of a translation unit (the
// layer's constants, operand types, parameter block), which vectors an operand allows, and the cost
// of a kernel that is bound by launch, latency and moved bytes.
#pragma once

#include <array>
#include <string>
#include <vector>

#include "host_builder/lowering/family.h"

namespace stint::builder {

/// Writes `#include "stint.cuh"`, constants, and the parameter block, in this order of calls.
class CudaSource {
 public:
  CudaSource& constant(const char* name, int64_t value);
  CudaSource& flag(const char* name, bool value);
  CudaSource& number(const char* name, float value);
  /// "typedef half_t X;"
  CudaSource& type(const char* name, DType dtype);
  /// Strides of a channels-last operand: kXN, kXH, kXW, kXC for prefix "X", and its type.
  CudaSource& nhwc(const char* prefix, const Value& value);
  /// kHasBias, kHasResidual, kResidualAfterAct, kAct, kAlpha, kBeta, and the pointers "bias" and
  /// "residual" of those that are there.
  CudaSource& epilogue_constants(const Node& node, const Epilogue& epilogue);
  /// The same, and the residual's and output's types and channels-last strides.
  CudaSource& epilogue(const Graph& graph, const Node& node, const Epilogue& epilogue);
  /// A pointer of the parameter block: "const X*" "x".
  CudaSource& pointer(const char* type, const char* name);

  /// The header defines the kernel as STINT_KERNEL.
  std::string finish(const char* header, const char* symbol) const;

 private:
  std::string constants_;
  std::string pointers_;
};

/// N, H, W, C strides of a rank-4 value, elements.
std::array<int64_t, 4> nhwc_strides(const Value& value);

/// True if `count` neighbouring channels of every pixel can be read by accesses of 16 bytes (or of
/// all their bytes if they are fewer): channels adjacent, aligned, a multiple of `count`.
bool allows_vector(const Value& value, int64_t count);

bool is_f16_or_f32(const Graph& graph, ValueId id);

/// BuildError naming the node: a tactic (from a tactic file) that the family does not offer.
[[noreturn]] void throw_unknown_tactic(const Node& node, const Tactic& tactic);

/// Bytes of operands that steps exchange, and of weights.
struct Traffic {
  double activations = 0;
  double weights = 0;
};
Traffic traffic_of(const Graph& graph, const Node& node);

/// What a direct kernel's time is made of.
struct DirectCost {
  double blocks = 1;
  double threads_per_block = 128;
  double blocks_per_multiprocessor = 4;  // resident
  double l1_bytes = 0;                   // read through L1 by all threads, re-reads included
  double flops = 0;                      // f32 FMA pipe
  double rounds = 1;                     // dependent memory round trips of a thread
};
double direct_us(const Target& target, const Traffic& traffic, const DirectCost& cost);

/// The output may overwrite the residual: a thread reads its elements before it writes them.
void allow_residual_in_place(const Graph& graph, const Node& node, StepSpec& step);

/// Sorts best first and keeps at most `limit`. Ties keep their order.
void rank_tactics(std::vector<Tactic>& tactics, size_t limit);

}  // namespace stint::builder
