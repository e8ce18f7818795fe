// How a build learns the ranges that INT8 needs.
#pragma once

#include <chrono>
#include <filesystem>
#include <optional>
#include <string>

#include "host_builder/quantize/calibrator.h"

namespace stint::builder {

struct CalibrationOptions {
  /// A folder of pictures, a .npy file whose axis 0 counts samples (a folder of such files for
  /// several inputs), or a calibration cache. Empty: the cache below is all there is.
  std::filesystem::path samples;
  std::optional<Calibrator> calibrator;    // unset: auto, and a cache may be any calibrator's
  double percentile = kDefaultPercentile;  // percent of the elements, over 0 and up to 100
  /// Read if it is there and fits, else written. Empty: none.
  std::filesystem::path cache;
  /// SPEC by which pictures become the network's input where the plan has no frame conversion.
  std::string preprocess;
  /// How often the state of a calibration is kept beside the cache: at most this is lost.
  std::chrono::seconds between_states{10};
};

}  // namespace stint::builder
