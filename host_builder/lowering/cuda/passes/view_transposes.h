// Transposes that the kernels behind them do themselves, by their operands' strides: the image as
// the network's input has it, planes apart, before the first convolution; keys of attention.
#pragma once

#include "host_builder/passes/pass.h"

namespace stint::builder {

/// GPUs. A transpose becomes a view, no step, if all that read its result take any strides on the
/// target: convolutions of few channels (first_layer.cc), products of two activations
/// (batch_gemm.cc, generic_matmul.cc). Requires a physical graph with its final types.
extern const Pass kViewTransposesPass;

}  // namespace stint::builder
