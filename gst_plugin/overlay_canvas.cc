#include "gst_plugin/overlay_canvas.h"

#include <algorithm>
#include <cmath>

#include "gst_plugin/overlay_font.h"

namespace stint::gst {
namespace {

uint8_t to_byte(double value) {
  return static_cast<uint8_t>(std::lround(std::clamp(value, 0.0, 255.0)));
}

}  // namespace

Canvas::Canvas(GstVideoFrame* frame, const VisiblePart& visible)
    : frame_(frame),
      left_(static_cast<int>(visible.x)),
      top_(static_cast<int>(visible.y)),
      width_(static_cast<int>(visible.width)),
      height_(static_cast<int>(visible.height)) {}

Canvas::Samples Canvas::samples_of(Rgb color) const {
  const GstVideoInfo& info = frame_->info;
  if (GST_VIDEO_INFO_IS_RGB(&info)) return {color.r, color.g, color.b, 255};
  gdouble kr = 0.299, kb = 0.114;
  gst_video_color_matrix_get_Kr_Kb(GST_VIDEO_INFO_COLORIMETRY(&info).matrix, &kr, &kb);
  const double y = kr * color.r + (1 - kr - kb) * color.g + kb * color.b;
  const GstVideoColorRange range = GST_VIDEO_INFO_COLORIMETRY(&info).range;
  const bool full = range == GST_VIDEO_COLOR_RANGE_0_255 ||
                    (range == GST_VIDEO_COLOR_RANGE_UNKNOWN && GST_VIDEO_INFO_IS_GRAY(&info));
  const double luma_gain = full ? 1 : 219.0 / 255, luma_zero = full ? 0 : 16;
  const double chroma_gain = full ? 1 : 224.0 / 255;
  return {to_byte(luma_zero + luma_gain * y),
          to_byte(128 + chroma_gain * (color.b - y) / (2 * (1 - kb))),
          to_byte(128 + chroma_gain * (color.r - y) / (2 * (1 - kr))), 255};
}

void Canvas::fill_component(guint component, int x, int y, int width, int height, uint8_t value) {
  x += left_;
  y += top_;
  const GstVideoFormatInfo* format = frame_->info.finfo;
  const int x_shift = static_cast<int>(GST_VIDEO_FORMAT_INFO_W_SUB(format, component));
  const int y_shift = static_cast<int>(GST_VIDEO_FORMAT_INFO_H_SUB(format, component));
  const int left = x >> x_shift, right = ((x + width - 1) >> x_shift) + 1;
  const int top = y >> y_shift, bottom = ((y + height - 1) >> y_shift) + 1;
  const int step = GST_VIDEO_FRAME_COMP_PSTRIDE(frame_, component);
  const int stride = GST_VIDEO_FRAME_COMP_STRIDE(frame_, component);
  auto* data = GST_VIDEO_FRAME_COMP_DATA(frame_, component);
  for (int row = top; row < bottom; ++row) {
    uint8_t* sample = data + static_cast<ptrdiff_t>(row) * stride + left * step;
    for (int column = left; column < right; ++column, sample += step) *sample = value;
  }
}

void Canvas::fill(int x, int y, int width, int height, Rgb color) {
  const int left = std::max(x, 0), right = std::min(x + width, width_);
  const int top = std::max(y, 0), bottom = std::min(y + height, height_);
  if (left >= right || top >= bottom) return;
  const Samples samples = samples_of(color);
  for (guint c = 0; c < GST_VIDEO_FRAME_N_COMPONENTS(frame_); ++c) {
    fill_component(c, left, top, right - left, bottom - top, samples[c]);
  }
}

void Canvas::outline(int x, int y, int width, int height, int line, Rgb color) {
  const int across = std::min(line, height), down = std::min(line, width);
  fill(x, y, width, across, color);
  fill(x, y + height - across, width, across, color);
  fill(x, y, down, height, color);
  fill(x + width - down, y, down, height, color);
}

void Canvas::text(int x, int y, std::string_view text, int scale, bool white) {
  const uint8_t level = white ? 255 : 0;
  const Samples samples = samples_of({level, level, level});
  const guint components = GST_VIDEO_INFO_IS_RGB(&frame_->info) ? 3 : 1;
  for (const char character : text) {
    for (int row = 0; row < kGlyphHeight; ++row) {
      const uint8_t bits = glyph_row(character, row);
      for (int column = 0; column < kGlyphWidth; ++column) {
        if (!(bits & (1 << (kGlyphWidth - 1 - column)))) continue;
        const int left = std::max(x + column * scale, 0);
        const int right = std::min(x + (column + 1) * scale, width_);
        const int top = std::max(y + row * scale, 0);
        const int bottom = std::min(y + (row + 1) * scale, height_);
        if (left >= right || top >= bottom) continue;
        for (guint c = 0; c < components; ++c) {
          fill_component(c, left, top, right - left, bottom - top, samples[c]);
        }
      }
    }
    x += kGlyphAdvance * scale;
    if (x >= width_) return;
  }
}

}  // namespace stint::gst
