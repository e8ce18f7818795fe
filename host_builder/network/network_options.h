// What a network is built for, and the words in which its source is spoken of.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "host_builder/graph/graph.h"
#include "host_builder/support/refusal.h"

namespace stint::builder {

struct NetworkOptions {
  /// Replaces the first axis of every input whose first axis is 1 (rank 2 or more) or open (named,
  /// absent or negative), and follows it through the graph (batch_axis.h): constants and shapes
  /// that a model exported for one sample holds are repeated for every sample, and a node that
  /// would mix or drop samples of such a model is an error. An open first axis is 1 without it.
  std::optional<int64_t> batch;
  /// Shapes for inputs with open axes (--shape name=1x3x224x224).
  std::map<std::string, Shape> shapes;
  /// Bytes that all constants of the model together may have, those made by folding included.
  uint64_t constant_bytes_limit = uint64_t{8} << 30;
  /// Multiply-adds that folding of constants may cost; nodes beyond it stay in the graph.
  double folding_work_limit = 4e9;
  /// Remarks that the user should read are added here, if anywhere.
  std::vector<std::string>* notes = nullptr;
};

/// What only the source of a network knows of itself, for messages.
struct SourceWords {
  std::string headline = "the network cannot be built:";  // of all findings
  Action check = "check the network where it is made";    // where nothing better is known
  std::string set_extents;  // ", or ...": how extents of an input are set without an export
};

}  // namespace stint::builder
