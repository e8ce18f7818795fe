#include "host_builder/quantize/calibrator.h"

#include "host_builder/support/error.h"
#include "host_builder/support/internal_error.h"

namespace stint::builder {

const char* calibrator_name(Calibrator calibrator) {
  switch (calibrator) {
    case Calibrator::kAuto:
      return "auto";
    case Calibrator::kEntropy:
      return "entropy";
    case Calibrator::kMinMax:
      return "minmax";
    case Calibrator::kPercentile:
      return "percentile";
    case Calibrator::kMse:
      return "mse";
  }
  return "";
}

Calibrator find_calibrator(const std::string& name) {
  std::string known;
  for (const Calibrator calibrator : kCalibrators) {
    if (name == calibrator_name(calibrator)) return calibrator;
    known += (known.empty() ? "" : ", ") + std::string(calibrator_name(calibrator));
  }
  throw UsageError("there is no calibrator '" + name + "'; use one of " + known);
}

float threshold_of(Calibrator calibrator, const Histogram& histogram, double percent) {
  switch (calibrator) {
    case Calibrator::kEntropy:
      return entropy_threshold(histogram);
    case Calibrator::kMinMax:
      return histogram.amax;
    case Calibrator::kPercentile:
      return percentile_threshold(histogram, percent);
    case Calibrator::kMse:
      return mse_threshold(histogram);
    case Calibrator::kAuto:
      break;
  }
  throw InternalError("'auto' has no threshold of its own");
}

}  // namespace stint::builder
