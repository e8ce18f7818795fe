// The CUDA source of a product's kernel: struct Layer, which kernels/cuda/epilogue.cuh and the
// kernels read, the parameter block, and the call.
#pragma once

#include <string>

#include "host_builder/lowering/cuda/gemm/conv_problem.h"
#include "host_builder/lowering/cuda/source/cuda_source.h"

namespace stint::builder {

/// A class template of a layer and a tile, and how it is launched.
struct ConvKernel {
  std::string header, name;
  std::string tile;  // its type
  KernelShape shape;
  uint64_t workspace_bytes = 0, state_bytes = 0;  // both or none
};

/// Weights in the order in which a kernel reads them.
struct PackedWeights {
  ValueId value = kNoValue;
  std::string type;    // in which the kernel reads them
  std::string layout;  // members of Layer, e.g. "kBlocksK = 4, kBlocksN = 8"
  // Of integers: what stands in the place of the bias (add_channel_factors).
  ValueId factors = kNoValue;

  bool are_integers() const { return factors != kNoValue; }
};

GpuLaunch conv_launch(const ConvProblem& p, const PackedWeights& weights, const ConvKernel& kernel);

/// "4, 8, 15".
std::string list_text(std::initializer_list<int64_t> values);

}  // namespace stint::builder
