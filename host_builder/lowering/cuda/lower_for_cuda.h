// Chooses among all CUDA families and their tactics.
#pragma once

#include "host_builder/lowering/cuda/family.h"

namespace stint::builder {

struct CudaCandidate {
  const CudaFamily* family = nullptr;
  CudaTactic tactic;
};

/// Everything that can implement the node on the target, best predicted first; stable. Throws
/// BuildError naming the node if nothing can.
std::vector<CudaCandidate> cuda_candidates(const Graph& graph, const Node& node,
                                           const Target& target);

/// The candidate's step, with its tactic and prediction filled in.
StepSpec lower_candidate(Graph& graph, const Node& node, const Target& target,
                         const CudaCandidate& candidate);

}  // namespace stint::builder
