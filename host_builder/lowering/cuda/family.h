// What a CUDA kernel family offers: the host half of the kernel contract on GPUs.
//
// A family writes a CUDA source for one node, all of its constants baked in, and says how to launch
// it. It never compiles: the builder does, for all steps at once (host_builder/codegen/).
//
// Activations are NHWC, f16 or f32 per value; arithmetic is f32 (tensor cores: f16 products, f32
// accumulation). Every operand may be a strided view (Value::strides, elements): concatenations and
// slices are addressing, not steps. Every thread of every kernel passes STINT_WAIT()
// (kernels/cuda/stint.cuh) before it touches anything but weights.
#pragma once

#include <string>
#include <vector>

#include "host_builder/lowering/step_spec.h"
#include "host_builder/targets/target.h"

namespace stint::builder {

/// One way to run a node: what is tuned. `id` is canonical text, e.g. "conv_gemm 64x64x32 s4 k2".
struct CudaTactic {
  std::string id;
  double predicted_us = 0;
};

struct CudaFamily {
  const char* name;
  /// Legal tactics for the node on the target, best predicted first; empty: cannot implement it.
  std::vector<CudaTactic> (*tactics)(const Graph& graph, const Node& node, const Target& target);
  /// `graph` is modified only by adding constants.
  StepSpec (*lower)(Graph& graph, const Node& node, const Target& target, const CudaTactic& tactic);
};

/// Best first for equal predictions.
const std::vector<const CudaFamily*>& cuda_families();

}  // namespace stint::builder
