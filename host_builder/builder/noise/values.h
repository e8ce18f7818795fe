// What a network gave for a picture of noise, as numbers: tables of rows, and ranges of values.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <limits>
#include <string>

#include "host_builder/graph/host_tensor.h"

namespace stint::builder {

/// Probabilities leave 0..1 by rounding only, half precision included.
inline constexpr float kRounding = 0.01f;

/// Fewer values, or rows with a box, prove nothing.
inline constexpr int64_t kEnoughValues = 64;
inline constexpr int64_t kEnoughRows = 8;

inline std::string number(float v) {
  char text[32];
  std::snprintf(text, sizeof text, "%.3g", static_cast<double>(v));
  return text;
}

struct Range {
  float least = std::numeric_limits<float>::infinity();
  float most = -std::numeric_limits<float>::infinity();
  double sum = 0;
  int64_t count = 0;
  bool whole = true;

  void add(float v) {
    if (!std::isfinite(v)) return;
    least = std::min(least, v);
    most = std::max(most, v);
    whole = whole && v == std::floor(v);
    sum += static_cast<double>(v);
    ++count;
  }
  double mean() const { return count > 0 ? sum / static_cast<double>(count) : 0.0; }
  bool probabilities() const { return least >= -kRounding && most <= 1.0f + kRounding; }
  bool varied_probabilities() const {
    return count >= kEnoughValues && least >= 0.0f && most <= 1.0f && least < most;
  }
  std::string text() const { return number(least) + " to " + number(most); }
};

/// f32 [n, rows, channels] or, transposed, [n, channels, rows].
class Table {
 public:
  Table(const HostTensor& tensor, bool transposed)
      : data_(tensor.as<float>()),
        images_(tensor.shape.at(0)),
        rows_(tensor.shape.at(transposed ? 2 : 1)),
        channels_(tensor.shape.at(transposed ? 1 : 2)),
        transposed_(transposed) {}
  int64_t rows() const { return images_ * rows_; }
  int64_t rows_of_image() const { return rows_; }
  int64_t channels() const { return channels_; }
  float at(int64_t row, int64_t channel) const {
    const int64_t image = row / rows_, r = row % rows_;
    return data_[image * rows_ * channels_ +
                 (transposed_ ? channel * rows_ + r : r * channels_ + channel)];
  }

 private:
  const float* data_;
  int64_t images_, rows_, channels_;
  bool transposed_;
};

}  // namespace stint::builder
