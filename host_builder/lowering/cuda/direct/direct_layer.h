// What the host halves of the direct kernel families share: which vectors an operand allows, and
// the cost of a kernel that is bound by launch, latency and moved bytes.
#pragma once

#include <vector>

#include "host_builder/lowering/cpu/conv_lowering.h"
#include "host_builder/lowering/cuda/source/cuda_source.h"
#include "host_builder/lowering/family.h"

namespace stint::builder {

/// True if `count` neighbouring channels of every pixel can be read by accesses of 16 bytes (or of
/// all their bytes if they are fewer): channels adjacent, aligned, a multiple of `count`.
bool allows_vector(const Value& value, int64_t count);

bool is_f16_or_f32(const Graph& graph, ValueId id);
/// The same, or 8-bit integers with one scale: kernels read and write numbers, whatever memory
/// holds.
bool stores_reals(const Graph& graph, ValueId id);

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
