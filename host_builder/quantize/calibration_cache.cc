#include "host_builder/quantize/calibration_cache.h"

#include <algorithm>
#include <bit>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <set>

#include "host_builder/support/atomic_file.h"
#include "host_builder/support/error.h"
#include "host_builder/support/read_file.h"
#include "host_builder/support/utf8.h"

namespace stint::builder {
namespace {

/// The release whose caches these are read like; TensorRT takes caches of its own release alone.
constexpr const char* kVersion = "8600";
/// Far over any network's: 100,000 tensors with long names.
constexpr uintmax_t kMaxFileBytes = 64u << 20;
constexpr size_t kMaxNameBytes = 4096;
constexpr size_t kScaleDigits = 8;

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_letter(char c) { return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z'); }

bool has_control(std::string_view text) {
  for (const char c : text)
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F) return true;
  return false;
}

/// For messages: short, and without what a terminal would obey.
std::string shown(std::string_view text) {
  constexpr size_t kMost = 60;
  std::string result = "'";
  for (size_t i = 0; i < std::min(text.size(), kMost);) {
    const size_t length = utf8_length(text, i);
    const bool is_plain = length > 0 && !is_utf8_control(text, i, length);
    result += is_plain ? text.substr(i, length) : "?";
    i += std::max<size_t>(length, 1);
  }
  return result + (text.size() > kMost ? "...'" : "'");
}

class Parser {
 public:
  Parser(std::string_view text, const std::string& name) : rest_(text), name_(name) {}

  CalibrationCache parse() {
    CalibrationCache cache;
    if (rest_.empty())
      throw BuildError(name_ + ": the file is empty; a calibration cache begins with a line like " +
                       calibration_tag(Calibrator::kEntropy) + "; remove it, or calibrate again");
    const std::string_view first = next_line();
    if (!is_tag(first))
      fail("found " + shown(first) + ", a calibration cache begins with a line like " +
           calibration_tag(Calibrator::kEntropy));
    cache.tag = first;
    std::set<std::string_view> seen;
    while (!rest_.empty()) {
      const std::string_view line = next_line();
      const auto [tensor, scale] = read_entry(line);
      if (!seen.insert(tensor).second) fail("the tensor " + shown(tensor) + " is listed twice");
      cache.scales.emplace_back(tensor, scale);
    }
    return cache;
  }

 private:
  [[noreturn]] void fail(const std::string& found) const {
    throw BuildError(name_ + ": line " + std::to_string(line_) + ": " + found +
                     "; give a cache as TensorRT or this builder writes it, or calibrate again");
  }

  std::string_view next_line() {
    ++line_;
    const size_t end = rest_.find('\n');
    const std::string_view line = rest_.substr(0, end);
    rest_ = end == std::string_view::npos ? std::string_view() : rest_.substr(end + 1);
    return line;
  }

  static bool is_tag(std::string_view line) {
    constexpr std::string_view kBegin = "TRT-";
    if (line.substr(0, kBegin.size()) != kBegin) return false;
    line.remove_prefix(kBegin.size());
    const size_t dash = line.find('-');
    if (dash == 0 || dash > 9 || dash == std::string_view::npos) return false;
    for (const char c : line.substr(0, dash))
      if (!is_digit(c)) return false;
    const std::string_view how = line.substr(dash + 1);
    if (how.empty() || how.size() > 64) return false;
    for (const char c : how)
      if (!is_digit(c) && !is_letter(c)) return false;
    return how.find("Calibration") != std::string_view::npos;
  }

  std::pair<std::string_view, float> read_entry(std::string_view line) const {
    constexpr std::string_view kBetween = ": ";
    const size_t at = line.rfind(kBetween);
    if (at == std::string_view::npos || at == 0)
      fail("found " + shown(line) + ", needed is TENSOR: SCALE");
    const std::string_view tensor = line.substr(0, at), digits = line.substr(at + kBetween.size());
    if (tensor.size() > kMaxNameBytes || has_control(tensor))
      fail("the tensor's name " + shown(tensor) + " is longer than " +
           std::to_string(kMaxNameBytes) + " bytes or holds control characters");
    uint32_t bits = 0;
    const auto [end, error] =
        std::from_chars(digits.data(), digits.data() + digits.size(), bits, 16);
    if (digits.size() != kScaleDigits || error != std::errc() ||
        end != digits.data() + digits.size())
      fail("the scale of " + shown(tensor) + " is " + shown(digits) +
           ", needed are the 8 hexadecimal digits of a 32-bit float");
    const auto scale = std::bit_cast<float>(bits);
    if (!std::isfinite(scale) || std::signbit(scale))
      fail("the scale of " + shown(tensor) + " is " + std::to_string(scale) +
           ", needed is a finite number that is not negative");
    return {tensor, scale};
  }

  std::string_view rest_;
  const std::string& name_;
  size_t line_ = 0;
};

}  // namespace

std::string calibration_tag(Calibrator calibrator) {
  const std::string begin = std::string("TRT-") + kVersion + "-";
  switch (calibrator) {
    case Calibrator::kEntropy:
      return begin + "EntropyCalibration2";
    case Calibrator::kMinMax:
      return begin + "MinMaxCalibration";
    case Calibrator::kPercentile:
      return begin + "PercentileCalibration";
    case Calibrator::kMse:
      return begin + "MseCalibration";
    case Calibrator::kAuto:
      return begin + "AutoCalibration";
  }
  return begin;
}

CalibrationCache parse_calibration_cache(std::string_view text, const std::string& name) {
  return Parser(text, name).parse();
}

CalibrationCache read_calibration_cache(const std::filesystem::path& path) {
  std::error_code error;
  if (std::filesystem::is_regular_file(path, error) &&
      std::filesystem::file_size(path, error) > kMaxFileBytes)
    throw BuildError(path.string() + ": a calibration cache has at most " +
                     std::to_string(kMaxFileBytes) + " bytes, this file " +
                     std::to_string(std::filesystem::file_size(path, error)) +
                     "; give a cache, a folder of pictures or a .npy file");
  const std::vector<std::byte> bytes = read_file(path);
  return parse_calibration_cache({reinterpret_cast<const char*>(bytes.data()), bytes.size()},
                                 path.string());
}

std::string calibration_cache_text(const CalibrationCache& cache) {
  std::string text = cache.tag + "\n";
  for (const auto& [tensor, scale] : cache.scales) {
    if (tensor.empty() || tensor.size() > kMaxNameBytes || has_control(tensor)) continue;
    char digits[kScaleDigits + 1];
    std::snprintf(digits, sizeof digits, "%08x", std::bit_cast<uint32_t>(scale));
    text += tensor + ": " + digits + "\n";
  }
  return text;
}

void write_calibration_cache(const std::filesystem::path& path, const CalibrationCache& cache) {
  write_file_atomically(path, calibration_cache_text(cache));
}

TensorRanges ranges_of(const CalibrationCache& cache) {
  TensorRanges ranges;
  for (const auto& [tensor, scale] : cache.scales) {
    const float threshold = scale > 0 ? scale * 127.0f : kZeroThreshold;
    if (std::isfinite(threshold)) ranges[tensor] = {-threshold, threshold, threshold};
  }
  return ranges;
}

}  // namespace stint::builder
