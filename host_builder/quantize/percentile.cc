#include "host_builder/quantize/calibrator.h"

namespace stint::builder {

float percentile_threshold(const Histogram& histogram, double percent) {
  const double wanted = static_cast<double>(histogram.total()) * percent / 100.0;
  uint64_t seen = 0;
  size_t i = 0;
  for (; i + 1 < kHistogramBins; ++i) {
    seen += histogram.counts[i];
    if (static_cast<double>(seen) >= wanted) break;
  }
  return static_cast<float>(static_cast<double>(i + 1) * histogram.bin_width());
}

}  // namespace stint::builder
