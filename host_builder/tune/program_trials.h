// The last word on close tactics: the time of the whole program. What wins by itself may lose where
// its neighbours' weights and launches overlap with it.
#pragma once

#include <chrono>
#include <functional>
#include <set>
#include <string>

#include "host_builder/tune/agent_link.h"
#include "host_builder/tune/code_store.h"
#include "host_builder/tune/tactic_choice.h"

namespace stint::builder {

struct TrialOptions {
  bool concurrent = false;     // how the program is scheduled (BuildOptions::concurrent)
  uint32_t runs = 120;         // of the program per trial
  double close_enough = 0.15;  // slower by at most this part of the best: worth a trial
  double least_gain = 0.003;   // of the program's time; less is noise
  size_t others = 3;           // of a layer's tactics, beside the best
  size_t most_trials = 64;
  std::chrono::seconds time_limit{15};  // no further trial after it
};

struct TrialReport {
  size_t trials = 0;
  size_t swaps = 0;  // choices that the program's time overruled
  double before_us = 0, after_us = 0;
};

/// Compares the best tactics of every layer in `fresh` (keys; those tried are erased) that are
/// close, the next best of the most expensive layers first, and leaves the choices in `file`, which
/// is what `chooser` reads. Throws BuildError if the agent fails or cannot run the program.
TrialReport try_in_program(const Graph& graph, const TacticChooser& chooser, TacticFile& file,
                           std::set<std::string>& fresh, AgentLink& agent, CodeStore& code,
                           const TrialOptions& options,
                           const std::function<void(size_t done, size_t total)>& progress);

}  // namespace stint::builder
