// A hostile calibration cache or state: must be read or refused with a BuildError; what is read
// must survive being written and read again. Its bytes, taken as counts, must give every calibrator
// a threshold that lies in the histogram.
#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <cstring>

#include "host_builder/quantize/calibration_cache.h"
#include "host_builder/quantize/calibration_state.h"
#include "host_builder/quantize/calibrator.h"
#include "host_builder/support/error.h"
#include "plan_schema/checksum.h"
#include "tests/fuzz/fuzz_target.h"

using namespace stint::builder;

namespace {

uint64_t caches = 0;
uint64_t refused = 0;
uint64_t states = 0;
uint64_t histograms = 0;

constexpr const char* kCache =
    "TRT-8600-EntropyCalibration2\nimages: 40008102\nx: 3d418306\ny: z: 00000000\n";

void read_as_cache(const std::string& text) {
  try {
    const CalibrationCache cache = parse_calibration_cache(text, "fuzz");
    ++caches;
    const std::string canonical = calibration_cache_text(cache);
    const CalibrationCache again = parse_calibration_cache(canonical, "again");
    if (again.tag != cache.tag || again.scales != cache.scales) std::abort();
    for (const auto& [tensor, range] : ranges_of(cache))
      if (!(range.threshold > 0) || std::isinf(range.threshold)) std::abort();
  } catch (const BuildError&) {
    ++refused;
  }
}

void read_as_state(const uint8_t* data, size_t size) {
  const auto* begin = reinterpret_cast<const std::byte*>(data);
  const std::vector<std::byte> bytes(begin, begin + size);
  const auto state = parse_state(bytes);
  if (!state) return;
  ++states;
  if (state_bytes(*state) != bytes) std::abort();
}

void read_as_counts(const uint8_t* data, size_t size) {
  Histogram histogram;
  if (size < sizeof(float)) return;
  std::memcpy(&histogram.amax, data, sizeof(float));
  histogram.amax = std::abs(histogram.amax);
  if (!(histogram.amax >= kLeastAmax) || std::isinf(histogram.amax)) histogram.amax = 1.0f;
  for (size_t i = sizeof(float); i + 2 < size; i += 3)
    histogram.counts[(data[i] * 256u + data[i + 1]) % kHistogramBins] += uint64_t{data[i + 2]}
                                                                         << (data[i] % 50);
  if (histogram.total() == 0) return;
  ++histograms;
  for (const Calibrator calibrator : kCalibrators) {
    if (calibrator == Calibrator::kAuto) continue;
    const float threshold = threshold_of(calibrator, histogram, 99.9);
    if (!(threshold > 0) || threshold > histogram.amax * 1.001f) std::abort();
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  read_as_cache(std::string(reinterpret_cast<const char*>(data), size));
  read_as_state(data, size);
  read_as_counts(data, std::min<size_t>(size, 600));
  return 0;
}

std::vector<FuzzBytes> fuzz_seeds() {
  const std::string text = kCache;
  CalibrationState state;
  state.pass = 1;
  state.sample_sums = {7};
  state.extents.resize(1);
  state.histograms.resize(1);
  const std::vector<std::byte> bytes = state_bytes(state);
  const auto* begin = reinterpret_cast<const uint8_t*>(bytes.data());
  return {{text.begin(), text.end()}, {begin, begin + bytes.size()}};
}

void fuzz_fix_up(FuzzBytes* input) {
  // A state's checksum.
  if (input->size() < 16 || std::memcmp(input->data(), "stintca1", 8) != 0) return;
  const uint64_t sum = stint::checksum64(input->data(), input->size() - sizeof(uint64_t));
  std::memcpy(input->data() + input->size() - sizeof sum, &sum, sizeof sum);
}

std::string fuzz_summary() {
  return std::to_string(caches) + " caches, " + std::to_string(refused) + " refused, " +
         std::to_string(states) + " states, " + std::to_string(histograms) + " histograms";
}
