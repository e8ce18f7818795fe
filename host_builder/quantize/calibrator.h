// Where a tensor's range is cut off so that 8 bits hold it best.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "host_builder/quantize/histogram.h"

namespace stint::builder {

enum class Calibrator : uint8_t {
  kAuto,        // per tensor, whichever of the others disturbs its readers least (output_error.h)
  kEntropy,     // TensorRT's: least KL divergence
  kMinMax,      // nothing is cut off
  kPercentile,  // the share of elements that is kept is given
  kMse,         // least squared error
};

inline constexpr Calibrator kCalibrators[] = {Calibrator::kAuto, Calibrator::kEntropy,
                                              Calibrator::kMinMax, Calibrator::kPercentile,
                                              Calibrator::kMse};
/// "auto", "entropy", "minmax", "percentile", "mse": as --calibrator says it.
const char* calibrator_name(Calibrator calibrator);
/// Throws UsageError that lists the names.
Calibrator find_calibrator(const std::string& name);

/// Percent of the elements that `percentile` keeps.
inline constexpr double kDefaultPercentile = 99.99;

/// Steps on each side of zero that the divergence and the squared error are computed for.
inline constexpr size_t kQuantisationLevels = 128;

// Thresholds: |x| beyond is cut off. All of a histogram that counts something; positive.

/// (i + 0.5) * amax / 2048 for the i in 128..2048 at which the KL divergence between the first i
/// bins (what lies beyond added to the last) and their 128 levels (bins that are empty stay so) is
/// least; bin 0 is left out. TensorRT's EntropyCalibration2, as observed: at i = 2048 it lies half
/// a bin beyond amax.
float entropy_threshold(const Histogram& histogram);

/// The end of the first bin at which `percent` (over 0, up to 100) of all elements are reached.
float percentile_threshold(const Histogram& histogram, double percent);

/// i * amax / 2048 for the i in 128..2048 at which elements in the middle of their bins, rounded to
/// the nearest of 0..127 steps of threshold / 127, have the least squared error.
float mse_threshold(const Histogram& histogram);

/// One of the above, or amax. Not for kAuto, which needs more than a histogram.
float threshold_of(Calibrator calibrator, const Histogram& histogram, double percent);

}  // namespace stint::builder
