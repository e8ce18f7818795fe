// The least and the largest number of a tensor over all samples: the first pass of calibration.
#pragma once

#include <cstddef>
#include <limits>

namespace stint::builder {

struct ValueExtent {
  float low = std::numeric_limits<float>::infinity();  // of nothing seen
  float high = -std::numeric_limits<float>::infinity();
  bool has_nan = false;

  void add(const float* x, size_t count);
  void merge(const ValueExtent& other);
  bool is_empty() const { return low > high; }
  /// The largest magnitude; 0 of nothing.
  float amax() const;
  bool operator==(const ValueExtent&) const = default;
};

}  // namespace stint::builder
