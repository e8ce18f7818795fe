// How a model file is imported.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "host_builder/network/network_options.h"

namespace stint::builder {

struct ImportOptions : NetworkOptions {
  /// Values inside the model at which it ends, instead of the outputs computed from them.
  std::vector<std::string> cut_at;
  /// The SPEC (--postprocess) of the decoder that the model itself ends with is stored here, if
  /// anywhere. What it reads are outputs of the graph.
  std::string* own_decoder = nullptr;
  /// Nodes that branches, loops and functions may unfold into. Beyond it the model is refused: the
  /// passes behind the importer take seconds for this many.
  size_t unfolded_nodes_limit = 100'000;
};

}  // namespace stint::builder
