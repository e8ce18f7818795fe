// Which of a node's tactics a plan gets: the tactic file's where it has one, else the best
// predicted.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "host_builder/lowering/candidates.h"
#include "host_builder/tune/tactic_file.h"

namespace stint::builder {

/// Where candidates come from: candidates_for, or what a test offers.
using CandidateSource = std::function<std::vector<Candidate>(const Graph& graph, const Node& node,
                                                             const Target& target)>;

struct TacticCounts {
  size_t measured = 0;   // layers that the tactic file decided by measurement
  size_t pinned = 0;     // by the user
  size_t predicted = 0;  // layers without a record
  size_t outdated = 0;   // of these: a record's tactic is none of the layer's any more
};

struct TacticChoice {
  Candidate candidate;
  double measured_us = 0;  // 0: not measured
  bool pinned = false;
};

/// One target's choices. The file is read at every choice, so that a tuner may go on writing it.
class TacticChooser {
 public:
  TacticChooser(const Target& target, const TacticFile& file,
                CandidateSource source = candidates_for);

  /// `counts`, if given, grows by the node. Throws BuildError if nothing implements it.
  TacticChoice choose(const Graph& graph, const Node& node, TacticCounts* counts = nullptr) const;
  /// The chosen candidate's step, provenance filled in.
  StepSpec lower(Graph& graph, const Node& node, TacticCounts* counts = nullptr) const;

  const Target& target() const { return target_; }
  const CandidateSource& source() const { return source_; }
  const std::string& environment() const { return environment_; }

 private:
  const Target& target_;
  const TacticFile& file_;
  CandidateSource source_;
  std::string environment_;
};

/// The candidate of that id, or null.
const Candidate* find_candidate(const std::vector<Candidate>& candidates,
                                const std::string& tactic);

}  // namespace stint::builder
