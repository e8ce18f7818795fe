// How long a tactic takes on the device, as a step in a chain.
#pragma once

#include <string>
#include <vector>

#include "tests/gpu/support/step_case.h"

namespace stint::test {

struct TimingOptions {
  int chain = 20;                 // launches in one CUDA graph
  size_t operand_sets = 20;       // rotated over: no launch finds its operands in a near cache
  size_t max_bytes = 2ull << 30;  // of all sets together; fewer sets if they are larger
  int repetitions = 7;            // the median counts
  int launches = 20;              // of the graph per repetition
};

/// As in a network: small operands come from L2, those of large batches do not fit there.
inline TimingOptions network_timing() {
  TimingOptions options;
  options.operand_sets = 6;
  options.max_bytes = 160ull << 20;
  return options;
}

/// Microseconds per launch in a chain captured in one CUDA graph, with programmatic edges where the
/// target has them.
double time_tactic(const StepCase& c, const builder::Graph& graph, const builder::StepSpec& step,
                   const std::vector<std::byte>& cubin, const builder::Target& target,
                   const TimingOptions& options = {});

struct TimedTactic {
  std::string id;
  double predicted_us = 0;
  double us = 0;
};

/// True with STINT_GPU_TIME=1 and a GPU: timing tests run on request only.
bool timing_wanted();

/// Times every tactic of the family (at most `limit`, best predictions first), prints a table with
/// the node's floor, fastest first, and returns it.
std::vector<TimedTactic> time_family(const std::string& title, const StepCase& c,
                                     const builder::Family& family, size_t limit = 1000,
                                     const TimingOptions& options = {});

}  // namespace stint::test
