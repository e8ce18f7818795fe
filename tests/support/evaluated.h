// Results of small models in f32, for tests that build them with ModelBuilder.
#pragma once

#include <cstring>
#include <string>
#include <utility>
#include <vector>

#include "host_builder/evaluate/evaluate_graph.h"

namespace stint::builder {

inline HostTensor f32_tensor(Shape shape, const std::vector<float>& values) {
  HostTensor tensor{DType::kF32, std::move(shape), {}};
  tensor.data.resize(values.size() * sizeof(float));
  std::memcpy(tensor.data.data(), values.data(), tensor.data.size());
  return tensor;
}

/// The values of the graph's output for its only input "x".
inline std::vector<float> evaluated(const Graph& graph, const std::vector<float>& x,
                                    const std::string& output = "y") {
  HostTensors inputs;
  for (ValueId id : graph.inputs)
    inputs[graph.value(id).name] = f32_tensor(graph.value(id).shape, x);
  const HostTensor result = evaluate_graph(graph, inputs).at(output);
  std::vector<float> values(result.data.size() / sizeof(float));
  std::memcpy(values.data(), result.data.data(), result.data.size());
  return values;
}

}  // namespace stint::builder
