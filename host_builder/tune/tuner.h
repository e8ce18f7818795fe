// Fills a tactic file by timing on the target: every layer's best predicted tactics by themselves,
// then the best two of the close ones inside the whole program.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "host_builder/tune/agent_link.h"
#include "host_builder/tune/code_store.h"
#include "host_builder/tune/program_trials.h"
#include "host_builder/tune/tactic_choice.h"
#include "host_builder/tune/tactic_key.h"

namespace stint::builder {

struct TuneOptions {
  size_t candidates = 11;    // per layer, the best predicted
  uint32_t probe_runs = 60;  // of kProbeCopies launches each
  unsigned threads = 0;      // of the compiler; 0: all
  TrialOptions trials;
  std::function<void(const std::string& what, double fraction)> progress;
};

struct TuneReport {
  std::string device;
  size_t layers = 0;    // different ones that have a choice and can be timed by themselves
  size_t measured = 0;  // of these now; the file had the others
  size_t timings = 0;   // of single layers
  size_t refused = 0;   // candidates that the device would not run
  std::string refusal;  // the first of them, in words
  TrialReport trials;   // of whole programs, summed
};

class Tuner {
 public:
  /// Throws BuildError if the agent's device cannot run what is made for the chooser's target.
  /// `file` is what the chooser reads.
  Tuner(AgentLink& agent, const TacticChooser& chooser, TacticFile& file, TuneOptions options);

  /// Measures every layer of the programs that the file does not decide yet. The graphs are those
  /// to be scheduled afterwards. Throws BuildError if the agent fails, if it refuses every
  /// candidate of a layer, or if the file was measured on another device.
  TuneReport tune(const std::vector<const Graph*>& programs);

 private:
  struct Layer {
    TacticKey key;
    const Graph* graph = nullptr;
    NodeId node = 0;
    std::vector<Candidate> candidates;
  };
  struct Timing;

  std::vector<Layer> unknown_layers(const std::vector<const Graph*>& programs);
  bool is_known(const TacticKey& key, const std::vector<Candidate>& candidates) const;
  void time_layers(const std::vector<Layer>& layers);
  void time_batch(std::vector<Timing>& batch, size_t done, size_t total);
  void record(const Layer& layer, const std::vector<TacticTime>& times);
  void progress(const std::string& what, double fraction) const;

  AgentLink& agent_;
  const TacticChooser& chooser_;
  TacticFile& file_;
  TuneOptions options_;
  CodeStore code_;
  TuneReport report_;
};

/// Why plans for the target cannot be timed on the device; empty if they can.
std::string why_not_on(const TacticDevice& device, const Target& target);

}  // namespace stint::builder
