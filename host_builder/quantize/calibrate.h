// Calibration: how far a network's tensors go on samples, and where 8 bits cut them off.
//
// Two passes over the samples: exact ranges, then histograms of fixed width. The results are maxima
// and whole counts, so that they depend on the samples alone: not on their order, nor on how many
// threads share them, nor on where an earlier calibration was interrupted.
#pragma once

#include <chrono>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "host_builder/graph/tensor_range.h"
#include "host_builder/quantize/calibrator.h"
#include "host_builder/quantize/observed_network.h"
#include "host_builder/quantize/samples.h"

namespace stint::builder {

struct CalibrateOptions {
  Calibrator calibrator = Calibrator::kAuto;
  double percentile = kDefaultPercentile;  // percent; of kPercentile and kAuto
  unsigned threads = 0;                    // samples at a time; 0: one for each processor
  /// The model holds infinite constants (masks): tensors may then be infinite and get no range.
  bool infinite_is_meant = false;
  std::filesystem::path state_file;  // empty: an interrupted calibration begins again
  std::chrono::seconds between_states{10};
  Sha256Digest identity{};  // of model and options: a state of others is not gone on with
  /// `fraction` of the pass, 0..1.
  std::function<void(const std::string& pass, double fraction)> progress;
};

struct CalibrateResult {
  TensorRanges ranges;
  std::vector<std::string> order;  // the ranges' names as the networks compute them
  size_t resumed_runs = 0;         // of the pass that was interrupted
  size_t infinite_tensors = 0;     // without a range
};

/// Runs every network on every sample; their inputs are those that the samples were fitted to.
/// Memory does not grow with the number of samples. Throws BuildError for a sample that cannot be
/// read, and for numbers that are no numbers, naming the tensor and the sample.
CalibrateResult calibrate(const std::vector<std::unique_ptr<ObservedNetwork>>& networks,
                          const Samples& samples, const CalibrateOptions& options);

}  // namespace stint::builder
