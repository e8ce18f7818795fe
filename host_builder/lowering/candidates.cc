#include "host_builder/lowering/candidates.h"

#include <algorithm>

#include "host_builder/lowering/cpu/families.h"
#include "host_builder/lowering/cuda/families.h"
#include "host_builder/lowering/describe_node.h"
#include "host_builder/support/internal_error.h"
#include "host_builder/support/refusal.h"

namespace stint::builder {

std::vector<Candidate> candidates_for(const Graph& graph, const Node& node, const Target& target) {
  std::vector<Candidate> candidates;
  for (const Family* family : target.is_gpu ? cuda_families() : cpu_families()) {
    for (Tactic& tactic : family->tactics(graph, node, target))
      candidates.push_back({family, std::move(tactic)});
  }
  if (candidates.empty())
    throw Refusal(describe_node(graph, node) + ": no " + target.name +
                      " kernel implements it for these types",
                  "cast its operands to float32 in the model, and its result back");
  std::stable_sort(candidates.begin(), candidates.end(),
                   [](const Candidate& a, const Candidate& b) {
                     return a.tactic.predicted_us < b.tactic.predicted_us;
                   });
  return candidates;
}

StepSpec lower_candidate(Graph& graph, const Node& node, const Target& target,
                         const Candidate& candidate) {
  StepSpec step = candidate.family->lower(graph, node, target, candidate.tactic);
  if (step.launch.has_value() != target.is_gpu || step.kernel.has_value() == target.is_gpu)
    throw InternalError(std::string("family ") + candidate.family->name + " gave " +
                        (step.launch ? "a" : "no") + " launch for " + describe_node(graph, node));
  if (step.name.empty()) step.name = node.name;
  if (step.tactic.empty()) step.tactic = candidate.tactic.id;
  step.predicted_us = candidate.tactic.predicted_us;
  return step;
}

StepSpec lower_for_cpu(Graph& graph, const Node& node) {
  static const Target& cpu = find_target("cpu");
  return lower_candidate(graph, node, cpu, candidates_for(graph, node, cpu).front());
}

}  // namespace stint::builder
