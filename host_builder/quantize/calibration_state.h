// How far a calibration has come, kept in a file so that one that was interrupted goes on.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "host_builder/quantize/histogram.h"
#include "host_builder/quantize/value_extent.h"
#include "host_builder/support/sha256.h"

namespace stint::builder {

/// What was seen of the first `runs` runs of a pass.
struct CalibrationState {
  Sha256Digest identity{};  // of model, options and samples: of anything else it says nothing
  uint32_t pass = 0;        // 0: extents, 1: histograms
  uint64_t runs = 0;
  std::vector<uint64_t> sample_sums;  // of each run, in their order (Samples::bind)
  std::vector<ValueExtent> extents;   // of each observed value
  std::vector<Histogram> histograms;  // pass 1: the same
};

std::vector<std::byte> state_bytes(const CalibrationState& state);
/// Nothing unless the bytes are a whole, undamaged state of this format whose parts fit together.
std::optional<CalibrationState> parse_state(const std::vector<std::byte>& bytes);

/// Nothing where there is no such file, or it is of another calibration, `values` its observed
/// values.
std::optional<CalibrationState> read_state(const std::filesystem::path& path,
                                           const Sha256Digest& identity, size_t values);

}  // namespace stint::builder
