// Chooses among all of a target's families and their tactics.
#pragma once

#include "host_builder/lowering/family.h"

namespace stint::builder {

struct Candidate {
  const Family* family = nullptr;
  Tactic tactic;
};

/// Everything that can implement the node on the target, best predicted first; for equal
/// predictions the family that is listed earlier. Throws Refusal naming the node if nothing can.
std::vector<Candidate> candidates_for(const Graph& graph, const Node& node, const Target& target);

/// The candidate's step, with its tactic and prediction filled in.
StepSpec lower_candidate(Graph& graph, const Node& node, const Target& target,
                         const Candidate& candidate);

/// The best predicted candidate's step for the cpu target, where nothing is timed.
StepSpec lower_for_cpu(Graph& graph, const Node& node);

}  // namespace stint::builder
