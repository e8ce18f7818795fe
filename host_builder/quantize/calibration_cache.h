// TensorRT's calibration caches: one scale a tensor, as text.
//
//   TRT-8600-EntropyCalibration2        TRT-<version>-<how the scales were found>
//   images: 40008102                    <tensor>: <scale, f32, its big-endian bytes in hexadecimal>
//
// The scale is threshold / 127; what lies beyond the threshold is cut off.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "host_builder/graph/tensor_range.h"
#include "host_builder/quantize/calibrator.h"

namespace stint::builder {

struct CalibrationCache {
  std::string tag;                                    // the first line
  std::vector<std::pair<std::string, float>> scales;  // by tensor, in the file's order
};

/// What the first line of this builder's caches says: TensorRT's own words for the calibrators that
/// it has, words of the same form for the others.
std::string calibration_tag(Calibrator calibrator);

/// Strict: throws BuildError that names `name` and the line, what was found and what is needed.
CalibrationCache parse_calibration_cache(std::string_view text, const std::string& name);
/// Throws BuildError also for a file that is missing, no regular file, or too large to be one.
CalibrationCache read_calibration_cache(const std::filesystem::path& path);

/// Parsed again it gives the same cache. Tensors whose names hold control characters, which no line
/// can hold, are left out.
std::string calibration_cache_text(const CalibrationCache& cache);
/// Atomically. Throws BuildError.
void write_calibration_cache(const std::filesystem::path& path, const CalibrationCache& cache);

/// A scale of 0, of a tensor that was zero on all samples, becomes the threshold kZeroThreshold.
TensorRanges ranges_of(const CalibrationCache& cache);

/// Of a tensor in which nothing but zeros was seen: any step holds zero exactly.
inline constexpr float kZeroThreshold = 1.0f;

}  // namespace stint::builder
