// Weights of a topology that comes without: the same for every build.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace stint::builder {

/// What a weight is made up of without a file. Numbers stay within bounds through any number of
/// layers, so that timings are those of trained weights.
struct MadeUp {
  int64_t summands = 0;  // products that a result sums up: seeded noise of a matching size
  float constant = 0;    // without summands: this in every place
};

/// Noise that is seeded with the layer's name and the blob's number, or a constant.
std::vector<float> random_weights(const std::string& layer, size_t index, size_t count,
                                  const MadeUp& made_up);

}  // namespace stint::builder
