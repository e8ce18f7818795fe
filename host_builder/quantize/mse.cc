// The calibrator of least squared error. All elements that one step stands for lie in adjacent
// bins, so that running sums of n, n x and n x^2 give a step's error at once:
//   sum n (x - q)^2 = sum n x^2 - 2 q sum n x + q^2 sum n
#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "host_builder/quantize/calibrator.h"

namespace stint::builder {
namespace {

constexpr size_t kBins = kHistogramBins;

/// Sums over the bins before i, in bin widths.
struct RunningSums {
  std::array<double, kBins + 1> n{}, nx{}, nxx{};

  explicit RunningSums(const Histogram& histogram) {
    for (size_t i = 0; i < kBins; ++i) {
      const auto count = static_cast<double>(histogram.counts[i]);
      const double x = static_cast<double>(i) + 0.5;
      n[i + 1] = n[i] + count;
      nx[i + 1] = nx[i] + count * x;
      nxx[i + 1] = nxx[i] + count * x * x;
    }
  }
};

/// Squared error, in squared bin widths, with the threshold at `kept` bins.
double squared_error(const RunningSums& sums, size_t kept) {
  const double step = static_cast<double>(kept) / (kQuantisationLevels - 1);
  double error = 0.0;
  size_t begin = 0;
  for (size_t level = 0; level < kQuantisationLevels; ++level) {
    // The middle i + 0.5 of a bin is nearest to this level while it is below level + 0.5 steps.
    const double limit = (static_cast<double>(level) + 0.5) * step - 0.5;
    const size_t end = level + 1 == kQuantisationLevels
                           ? kBins
                           : std::min(kBins, static_cast<size_t>(std::ceil(std::max(0.0, limit))));
    if (end > begin) {
      const double q = static_cast<double>(level) * step;
      error += (sums.nxx[end] - sums.nxx[begin]) - 2 * q * (sums.nx[end] - sums.nx[begin]) +
               q * q * (sums.n[end] - sums.n[begin]);
      begin = end;
    }
  }
  return error;
}

}  // namespace

float mse_threshold(const Histogram& histogram) {
  const RunningSums sums(histogram);
  size_t best = kBins;
  double least = std::numeric_limits<double>::infinity();
  for (size_t kept = kQuantisationLevels; kept <= kBins; ++kept) {
    const double error = squared_error(sums, kept);
    if (error <= least) {  // of equals the one that cuts off least
      least = error;
      best = kept;
    }
  }
  return static_cast<float>(static_cast<double>(best) * histogram.bin_width());
}

}  // namespace stint::builder
