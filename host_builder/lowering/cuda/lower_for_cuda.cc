#include "host_builder/lowering/cuda/lower_for_cuda.h"

#include <algorithm>

#include "host_builder/lowering/describe_node.h"
#include "host_builder/support/error.h"
#include "host_builder/support/internal_error.h"

namespace stint::builder {

std::vector<CudaCandidate> cuda_candidates(const Graph& graph, const Node& node,
                                           const Target& target) {
  std::vector<CudaCandidate> candidates;
  for (const CudaFamily* family : cuda_families()) {
    for (CudaTactic& tactic : family->tactics(graph, node, target))
      candidates.push_back({family, std::move(tactic)});
  }
  if (candidates.empty())
    throw BuildError(describe_node(graph, node) + ": no kernel for " + target.name +
                     " implements it");
  std::stable_sort(candidates.begin(), candidates.end(),
                   [](const CudaCandidate& a, const CudaCandidate& b) {
                     return a.tactic.predicted_us < b.tactic.predicted_us;
                   });
  return candidates;
}

StepSpec lower_candidate(Graph& graph, const Node& node, const Target& target,
                         const CudaCandidate& candidate) {
  StepSpec step = candidate.family->lower(graph, node, target, candidate.tactic);
  if (!step.launch)
    throw InternalError(std::string("family ") + candidate.family->name + " gave no launch for " +
                        describe_node(graph, node));
  if (step.name.empty()) step.name = node.name;
  step.tactic = candidate.tactic.id;
  step.predicted_us = candidate.tactic.predicted_us;
  return step;
}

}  // namespace stint::builder
