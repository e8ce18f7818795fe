// What the calibrator `auto` decides by: how much the layers that read a tensor change when its
// numbers are rounded to 8 bits.
//
// For every candidate threshold T of a tensor, each step that reads it is run with the tensor
// rounded to the 255 steps of T / 127 (all other operands exact) and its result compared with the
// exact one: |got - want|^2 / |want|^2, over a few samples and all readers. The least sum wins; of
// equals the threshold that cuts off least. A tensor that no step in f32 reads, an output of the
// network, is compared with itself.
//
// The network's own output would say more and cost a run of it for every tensor and candidate; this
// costs about as much as one run of the network for every candidate.
#pragma once

#include <cstdint>
#include <vector>

#include "host_builder/quantize/observed_network.h"

namespace stint::builder {

/// Errors of each value's candidates, as whole multiples of 2^-40, so that sums do not depend on
/// the order of the samples.
using OutputErrors = std::vector<std::vector<uint64_t>>;

/// Errors that one sample adds. `candidates`: thresholds of each of the network's values; those
/// with fewer than two are not compared. The session's inputs are bound.
OutputErrors output_errors(const ObservedNetwork& network, ObservedRun& run,
                           const std::vector<std::vector<float>>& candidates);

/// Rounds to the nearest multiple of threshold / 127 from -127 to 127 of them.
void round_to_steps(const float* from, float* to, size_t count, float threshold);

}  // namespace stint::builder
