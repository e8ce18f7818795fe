// How far a tensor's numbers go on real data: what calibration finds out, and what a scale is made
// of.
#pragma once

#include <map>
#include <string>

namespace stint::builder {

struct TensorRange {
  float low = 0.0f, high = 0.0f;  // the least and the largest number that was seen
  float threshold = 0.0f;  // |x| beyond it is cut off; positive. Its scale is threshold / 127
};

/// By the value's name. A range that comes from a cache has seen -threshold to threshold.
using TensorRanges = std::map<std::string, TensorRange>;

}  // namespace stint::builder
