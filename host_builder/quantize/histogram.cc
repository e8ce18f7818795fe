#include "host_builder/quantize/histogram.h"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace stint::builder {

void Histogram::add(const float* x, size_t count) {
  const float per_bin = static_cast<float>(kHistogramBins) / amax;
  constexpr float kLastBin = kHistogramBins - 1;
  // Neighbours often fall into one bin: with two tables the second need not wait for the first.
  std::array<uint64_t, kHistogramBins> odd{};
  constexpr size_t kBlock = 512;
  uint32_t bins[kBlock];
  for (size_t begin = 0; begin < count; begin += kBlock) {
    const size_t size = std::min(kBlock, count - begin);
    for (size_t i = 0; i < size; ++i)
      bins[i] = static_cast<uint32_t>(
          static_cast<int32_t>(std::min(std::abs(x[begin + i]) * per_bin, kLastBin)));
    size_t i = 0;
    for (; i + 2 <= size; i += 2) {
      ++counts[bins[i]];
      ++odd[bins[i + 1]];
    }
    if (i < size) ++counts[bins[i]];
  }
  for (size_t i = 0; i < kHistogramBins; ++i) counts[i] += odd[i];
}

void Histogram::merge(const Histogram& other) {
  for (size_t i = 0; i < kHistogramBins; ++i) counts[i] += other.counts[i];
}

uint64_t Histogram::total() const {
  return std::accumulate(counts.begin(), counts.end(), uint64_t{0});
}

}  // namespace stint::builder
