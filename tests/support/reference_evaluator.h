// A graph's meaning, computed naively in double precision: what passes must preserve. Shares no
// code with the kernels.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "host_builder/graph/graph.h"

namespace stint::builder::test {

struct Tensor {
  Shape shape;
  std::vector<double> data;
};

using Tensors = std::map<std::string, Tensor>;

/// Runs a graph in either layout, with or without views. Inputs and outputs by name.
Tensors evaluate_reference(const Graph& graph, const Tensors& inputs);

/// Uniform in [-1, 1), seeded by the input's name, for every input of the graph.
Tensors random_inputs(const Graph& graph, uint64_t seed);

/// Largest difference over all outputs, relative to the range of each; infinite if names or shapes
/// differ or a result is not finite where the other is.
double difference(const Tensors& a, const Tensors& b);

}  // namespace stint::builder::test
