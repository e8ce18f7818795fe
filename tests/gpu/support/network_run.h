// A whole network on the GPU, or its kernels on the host: every node of a physical graph by the
// candidate that is predicted best, one step after the other.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "host_builder/targets/target.h"
#include "tests/support/reference_evaluator.h"

namespace stint::test {

struct NetworkRun {
  builder::test::Tensors outputs;
  std::map<std::string, std::string> tactics;  // by node
};

/// Inputs and outputs are f32.
NetworkRun run_network(builder::Graph graph, const builder::Target& target,
                       const builder::test::Tensors& inputs);

}  // namespace stint::test
