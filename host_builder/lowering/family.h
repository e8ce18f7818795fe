// What a kernel family offers, on every target: the host half of the kernel contract.
//
// A family knows some nodes, says in which ways it could run one on a target (its tactics, with
// predicted times), and turns a node and one of them into a step. It never chooses among families
// (candidates.h does, and tune/ by timing) and never compiles (codegen/ does, for all steps at
// once).
#pragma once

#include <string>
#include <vector>

#include "host_builder/lowering/step_spec.h"
#include "host_builder/targets/target.h"

namespace stint::builder {

/// One way to run a node: what is tuned. `id` is canonical text, e.g. "conv_gemm 64x64x32 s4 k2".
struct Tactic {
  std::string id;
  double predicted_us = 0;
};

struct Family {
  const char* name;
  /// Legal tactics for the node on the target, best predicted first; empty: cannot implement it.
  std::vector<Tactic> (*tactics)(const Graph& graph, const Node& node, const Target& target);
  /// `graph` is modified only by adding constants. Throws BuildError for a tactic (of a tactic
  /// file) that it does not offer.
  StepSpec (*lower)(Graph& graph, const Node& node, const Target& target, const Tactic& tactic);
  /// Its steps read weights as the model has them, so that their KernelId and parameters say what
  /// the node computes, whoever computes it: the generic GPU family writes CUDA from them.
  bool specifies = false;
};

}  // namespace stint::builder
