// The entropy calibrator. Its divergence for one threshold is a sum over all bins below it, but the
// quantised distribution is constant over a level's bins that are not empty, so that running sums
// reduce it to one over 128 levels:
//   KL(P || Q) = sum p log p  -  sum over levels of (p of the level) log q(level)
#include <array>
#include <cmath>
#include <limits>
#include <vector>

#include "host_builder/quantize/calibrator.h"

namespace stint::builder {
namespace {

constexpr size_t kBins = kHistogramBins;

double x_log_x(double x) { return x > 0 ? x * std::log(x) : 0.0; }

/// Sums over the bins before i, for i from 0 to 2048. Bin 0 counts nothing.
struct RunningSums {
  std::array<double, kBins + 1> counts{}, filled{}, logarithms{};

  explicit RunningSums(const Histogram& histogram) {
    for (size_t i = 0; i < kBins; ++i) {
      const auto n = static_cast<double>(i == 0 ? 0 : histogram.counts[i]);
      counts[i + 1] = counts[i] + n;
      filled[i + 1] = filled[i] + (n > 0 ? 1.0 : 0.0);
      logarithms[i + 1] = logarithms[i] + x_log_x(n);
    }
  }
};

/// Of the first `kept` bins from their levels; infinite where a bin is empty in one alone.
double divergence(const RunningSums& sums, size_t kept) {
  const double inside = sums.counts[kept], beyond = sums.counts[kBins] - inside;
  const double total = inside + beyond;
  const double last = sums.counts[kept] - sums.counts[kept - 1];
  const bool last_is_empty = last <= 0;
  if (inside <= 0 || (last_is_empty && beyond > 0)) return std::numeric_limits<double>::infinity();
  // sum p log p = (sum n log n) / total - log total, the last bin having what lies beyond.
  const double own = sums.logarithms[kept] - x_log_x(last) + x_log_x(last + beyond);
  double cross = 0.0;
  size_t begin = 0;
  for (size_t level = 0; level < kQuantisationLevels; ++level) {
    // Bin k belongs to level k * 128 / kept, rounded down.
    const size_t end = ((level + 1) * kept + kQuantisationLevels - 1) / kQuantisationLevels;
    const double count = sums.counts[end] - sums.counts[begin];
    const double filled = sums.filled[end] - sums.filled[begin];
    const double seen = count + (end == kept ? beyond : 0.0);
    if (count > 0) cross += seen * std::log(count / (filled * inside));
    begin = end;
  }
  return own / total - std::log(total) - cross / total;
}

}  // namespace

float entropy_threshold(const Histogram& histogram) {
  const RunningSums sums(histogram);
  size_t best = kBins;
  double least = std::numeric_limits<double>::infinity();
  for (size_t kept = kQuantisationLevels; kept <= kBins; ++kept) {
    const double d = divergence(sums, kept);
    if (d < least) {
      least = d;
      best = kept;
    }
  }
  return static_cast<float>((static_cast<double>(best) + 0.5) * histogram.bin_width());
}

}  // namespace stint::builder
