#include "host_builder/quantize/value_extent.h"

#include <algorithm>
#include <cmath>

namespace stint::builder {

void ValueExtent::add(const float* x, size_t count) {
  // Lanes of their own: one running minimum would wait for itself at every element.
  constexpr size_t kLanes = 16;
  float least[kLanes], most[kLanes];
  std::fill(least, least + kLanes, low);
  std::fill(most, most + kLanes, high);
  int nans = 0;
  size_t i = 0;
  for (; i + kLanes <= count; i += kLanes) {
    for (size_t k = 0; k < kLanes; ++k) {
      const float v = x[i + k];
      least[k] = v < least[k] ? v : least[k];
      most[k] = v > most[k] ? v : most[k];
      nans |= static_cast<int>(v != v);
    }
  }
  for (; i < count; ++i) {
    least[0] = x[i] < least[0] ? x[i] : least[0];
    most[0] = x[i] > most[0] ? x[i] : most[0];
    nans |= static_cast<int>(x[i] != x[i]);
  }
  // Adding 0 makes 0 of -0: which of the two was seen first must not matter.
  low = *std::min_element(least, least + kLanes) + 0.0f;
  high = *std::max_element(most, most + kLanes) + 0.0f;
  has_nan = has_nan || nans != 0;
}

void ValueExtent::merge(const ValueExtent& other) {
  low = std::min(low, other.low);
  high = std::max(high, other.high);
  has_nan = has_nan || other.has_nan;
}

float ValueExtent::amax() const {
  return is_empty() ? 0.0f : std::max(std::abs(low), std::abs(high));
}

}  // namespace stint::builder
