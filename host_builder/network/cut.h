// Ends a network at values inside of it, before it is translated: what a decoder of the plan
// replaces need not be computed, nor be supported.
#pragma once

#include <optional>
#include <string>
#include <vector>

namespace stint::builder {

/// A node of the source, by the names of what it reads and makes.
struct CutNode {
  std::vector<std::string> operands, results;
};

struct Cut {
  std::vector<std::string> kept;   // outputs that stay
  std::vector<std::string> added;  // values that become outputs, in the order asked for
  std::vector<bool> needed;        // the nodes that are still read
};

/// Each of `names` that a node makes becomes an output. Outputs that were computed from such a
/// value go, and with them the nodes that nobody reads any more. Names of inputs, of outputs and of
/// nothing change nothing; without a new output there is no cut.
std::optional<Cut> cut_at(const std::vector<CutNode>& nodes,
                          const std::vector<std::string>& outputs,
                          const std::vector<std::string>& names);

}  // namespace stint::builder
