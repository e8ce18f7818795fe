// Runs a graph on the host through the very kernels a CPU plan uses: constant folding, reference
// for `stint verify`, calibration. Not fast to set up, free to allocate.
#pragma once

#include <map>

#include "host_builder/graph/graph.h"

namespace stint::builder {

/// Dense, row-major tensor on the host.
struct HostTensor {
  DType dtype = DType::kF32;
  Shape shape;
  std::vector<std::byte> data;

  template <typename T>
  T* as() {
    return reinterpret_cast<T*>(data.data());
  }
  template <typename T>
  const T* as() const {
    return reinterpret_cast<const T*>(data.data());
  }
};

/// Evaluates one node on constant operands; returns one tensor per output. Throws BuildError.
std::vector<HostTensor> evaluate_node(Graph& graph, const Node& node,
                                      const std::vector<const HostTensor*>& inputs);

}  // namespace stint::builder
