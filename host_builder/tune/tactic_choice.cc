#include "host_builder/tune/tactic_choice.h"

#include <algorithm>

#include "host_builder/tune/tactic_key.h"

namespace stint::builder {

const Candidate* find_candidate(const std::vector<Candidate>& candidates,
                                const std::string& tactic) {
  const auto found = std::find_if(candidates.begin(), candidates.end(),
                                  [&](const Candidate& c) { return c.tactic.id == tactic; });
  return found == candidates.end() ? nullptr : &*found;
}

TacticChooser::TacticChooser(const Target& target, const TacticFile& file, CandidateSource source)
    : target_(target),
      file_(file),
      source_(std::move(source)),
      environment_(tactic_environment(target)) {}

TacticChoice TacticChooser::choose(const Graph& graph, const Node& node,
                                   TacticCounts* counts) const {
  TacticCounts ignored;
  if (counts == nullptr) counts = &ignored;
  const std::vector<Candidate> candidates = source_(graph, node, target_);
  const auto record = file_.records.find(tactic_key(graph, node, environment_).hash);
  if (record != file_.records.end()) {
    const TacticRecord& known = record->second;
    if (const Candidate* chosen = find_candidate(candidates, known.chosen)) {
      ++(known.pinned ? counts->pinned : counts->measured);
      return {*chosen, known.chosen_us(), known.pinned};
    }
    ++counts->outdated;
  }
  ++counts->predicted;
  return {candidates.front(), 0, false};
}

StepSpec TacticChooser::lower(Graph& graph, const Node& node, TacticCounts* counts) const {
  const TacticChoice choice = choose(graph, node, counts);
  StepSpec step = lower_candidate(graph, node, target_, choice.candidate);
  step.measured_us = choice.measured_us;
  step.pinned = choice.pinned;
  return step;
}

}  // namespace stint::builder
