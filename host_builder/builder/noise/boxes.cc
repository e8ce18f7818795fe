#include "host_builder/builder/noise/noise_check.h"

#include <algorithm>
#include <cmath>

namespace stint::builder {

void NoiseCheck::cell_boxes(const Table& t) const {
  const float stride = *std::min_element(a_.strides.begin(), a_.strides.end());
  const float size[2] = {static_cast<float>(a_.input_width) / stride,
                         static_cast<float>(a_.input_height) / stride};
  int64_t rows = 0, beyond = 0;
  Range all;
  for (int64_t row = 0; row < t.rows(); ++row) {
    bool far = false;
    for (int64_t k = 0; k < 4; ++k) {
      const float v = t.at(row, k);
      all.add(v);
      far = far || (k < 2 ? std::abs(v) > size[k] : std::exp(v) > 4.0f * size[k - 2]);
    }
    ++rows;
    beyond += far ? 1 : 0;
  }
  if (rows >= kEnoughRows && 2 * beyond > rows)
    refuse("boxes of " + all.text() + " where offsets in cells and logarithms of sizes are " +
               "possible: pixels rather",
           other_decoder("choose another output"));
}

void NoiseCheck::boxes(const Table& t) const {
  const auto width = static_cast<float>(a_.input_width);
  const auto height = static_cast<float>(a_.input_height);
  const bool centres = a_.center_boxes || a_.kind == DecoderKind::kYoloxGrid;
  const float unit_x = a_.normalized_boxes ? 1.0f : width;
  const float unit_y = a_.normalized_boxes ? 1.0f : height;
  int64_t rows = 0, reversed = 0, ordered = 0, right = 0, outside = 0, large = 0, negative = 0;
  float most = 0.0f, least = 0.0f;
  for (int64_t row = 0; row < t.rows(); ++row) {
    if (!counts(row, t.rows_of_image())) continue;
    float v[4];
    bool usable = true, zero = true;
    for (int64_t k = 0; k < 4; ++k) {
      const float x = t.at(row, k);
      v[a_.y_first ? k ^ 1 : k] = x;
      usable = usable && std::isfinite(x);
      zero = zero && x == 0.0f;
    }
    if (!usable || zero) continue;  // rows of padding
    ++rows;
    const float far = std::max({std::abs(v[0]), std::abs(v[1]), std::abs(v[2]), std::abs(v[3])});
    most = std::max(most, far);
    least = std::min({least, v[0], v[1], v[2], v[3]});
    large += far > (head() ? 1.5f : 4.0f) ? 1 : 0;
    negative += v[2] < 0.0f || v[3] < 0.0f ? 1 : 0;
    reversed += v[2] < v[0] || v[3] < v[1] ? 1 : 0;
    ordered += v[2] >= v[0] && v[3] >= v[1] ? 1 : 0;
    right += v[0] > 0.6f * unit_x ? 1 : 0;
    const float x = centres ? v[0] : (v[0] + v[2]) / 2;
    const float y = centres ? v[1] : (v[1] + v[3]) / 2;
    outside += x < -unit_x || x > 2 * unit_x || y < -unit_y || y > 2 * unit_y ? 1 : 0;
  }
  if (rows < kEnoughRows) return;
  // A head's rows cover the picture, whatever it shows.
  const bool corner = head() && rows >= kEnoughValues && (most > 2.0f || least < -0.1f) &&
                      most <= std::max(2.0f, std::min(width, height) / 16.0f);
  if (corner && (!a_.normalized_boxes || 2 * large > rows))
    refuse("boxes of " + number(least) + " to " + number(most) +
               (a_.normalized_boxes ? " times the input" : " pixels") +
               ", all in one corner: relative to the cells of a grid rather",
           use_yolox(t));
  if (centres && 4 * negative > rows)
    refuse("boxes of negative width or height in " + std::to_string(negative) + " of " +
               std::to_string(rows) + " rows",
           head() ? use_yolox(t) : other_decoder("choose another output"));
  if (!a_.normalized_boxes && most <= 2.0f && std::min(width, height) >= 16.0f)
    refuse("boxes of at most " + number(most) + " pixels: parts of the input rather",
           head() ? "add normalized, or use --postprocess yolox if boxes are relative to a grid"
                  : "add normalized");
  if (a_.normalized_boxes && 2 * large > rows)
    refuse("boxes of up to " + number(most) + " times the input: pixels rather", "add pixels");
  if (!centres && 2 * reversed > rows)
    refuse("boxes whose right or lower edge lies before the other: centres and sizes rather",
           other_decoder("add center"));
  if (centres && ordered == rows && right > 0 && rows >= kEnoughValues)
    refuse("boxes that are all wider than their centre is away from the edge: corners rather",
           other_decoder("add corners"));
  if (2 * outside > rows)
    refuse("boxes far outside the picture", other_decoder("choose another output"));
}

}  // namespace stint::builder
