// What a network gives for a picture of noise, before its decoder.
#pragma once

#include <optional>
#include <vector>

#include "host_builder/frames/insert_decoder.h"
#include "host_builder/graph/host_tensor.h"

namespace stint::builder {

/// Multiplications and additions of the network's convolutions and matrix products, the bulk of the
/// work.
double network_flops(const Graph& graph);

/// Evaluates the decoder's operands on the CPU, in their order. Frames are noise of all bytes,
/// other float inputs noise in 0..1, whole-number inputs the width of the network's input (what
/// networks ask for that scale boxes themselves). The same graph gives the same numbers. Throws
/// BuildError if something cannot be computed.
std::vector<HostTensor> run_on_noise(const Graph& graph, const InsertedDecoder& decoder);

}  // namespace stint::builder
