// Draws filled rectangles and text into a mapped video frame of any 8-bit format. Everything is cut
// to the frame.
#pragma once

#include <gst/video/video.h>

#include <array>
#include <cstdint>
#include <string_view>

#include "gst_plugin/frame_image.h"

namespace stint::gst {

struct Rgb {
  uint8_t r, g, b;
};

class Canvas {
 public:
  /// Draws on the visible part of a frame only, and counts from its corner. The frame must be
  /// mapped for writing and outlive the canvas.
  Canvas(GstVideoFrame* frame, const VisiblePart& visible);

  int width() const { return width_; }
  int height() const { return height_; }

  /// Pixels x <= column < x + width, y <= row < y + height. In formats with less chroma, every
  /// chroma sample that the rectangle touches.
  void fill(int x, int y, int width, int height, Rgb color);

  /// The four sides, `line` pixels wide, inside the rectangle.
  void outline(int x, int y, int width, int height, int line, Rgb color);

  /// Text with its top left corner at x, y; each pixel of the font is `scale` pixels. Draws
  /// brightness only, so that in formats with less chroma it does not bleed; meant for a filled
  /// background.
  void text(int x, int y, std::string_view text, int scale, bool white);

 private:
  using Samples = std::array<uint8_t, 4>;  // of one pixel, by component

  Samples samples_of(Rgb color) const;
  void fill_component(guint component, int x, int y, int width, int height, uint8_t value);

  GstVideoFrame* frame_;
  int left_, top_, width_, height_;
};

}  // namespace stint::gst
