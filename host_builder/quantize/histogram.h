// How often which magnitudes occur in a tensor: the second pass of calibration. The bins' width
// comes from the exact range of the first pass, so that counts of any samples, in any order and
// from any number of threads, add up to the same.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace stint::builder {

inline constexpr size_t kHistogramBins = 2048;

/// Below this a tensor counts as zero: 2048 bins of it would have no width in f32.
inline constexpr float kLeastAmax = 1e-30f;

struct Histogram {
  float amax = 1.0f;  // at least kLeastAmax
  /// Bin i counts |x| from i to i + 1 times amax / 2048; the last one amax, too.
  std::array<uint64_t, kHistogramBins> counts{};

  /// No NaN among them; infinite magnitudes and those beyond amax count as amax.
  void add(const float* x, size_t count);
  void merge(const Histogram& other);
  uint64_t total() const;
  double bin_width() const { return static_cast<double>(amax) / kHistogramBins; }
};

}  // namespace stint::builder
