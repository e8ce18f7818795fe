// How a source frame (or the crop of it) lies in the network's input. One place for the numbers
// that preprocessing uses forward and decoding uses backward, so that boxes return to exactly where
// the pixels came from.
//
// Positions are continuous: pixel i covers [i, i + 1), its centre is i + 0.5 (the half-pixel
// convention, as OpenCV's INTER_LINEAR). The content of a letterbox has whole-pixel size, so its
// two scales differ by the rounding; both are kept.
#pragma once

#include "plan_schema/image.h"
#include "plan_schema/types.h"

namespace stint::cpu {

struct FitGeometry {
  // source = network * scale + offset, in pixels of the whole source frame
  double scale_x = 1.0, offset_x = 0.0;
  double scale_y = 1.0, offset_y = 0.0;
  // network pixels the frame covers: [x0, x1) x [y0, y1); the rest is padding
  int32_t x0 = 0, y0 = 0, x1 = 0, y1 = 0;
  // source pixels that may be read (the crop, or the whole frame), and the frame results are
  // clipped to
  int32_t source_x = 0, source_y = 0, source_width = 0, source_height = 0;
  int32_t frame_width = 0, frame_height = 0;

  double to_source_x(double x) const { return x * scale_x + offset_x; }
  double to_source_y(double y) const { return y * scale_y + offset_y; }
};

/// Frame absent (width or height 0): an identity over the network's input.
inline FitGeometry fit_geometry(FitMode fit, int32_t width, int32_t height,
                                const ImageView& image) {
  FitGeometry g;
  g.x1 = width;
  g.y1 = height;
  if (image.width == 0 || image.height == 0) {
    g.source_width = g.frame_width = width;
    g.source_height = g.frame_height = height;
    return g;
  }
  const bool cropped = image.crop_width != 0 && image.crop_height != 0;
  g.frame_width = static_cast<int32_t>(image.width);
  g.frame_height = static_cast<int32_t>(image.height);
  g.source_x = cropped ? static_cast<int32_t>(image.crop_x) : 0;
  g.source_y = cropped ? static_cast<int32_t>(image.crop_y) : 0;
  g.source_width = cropped ? static_cast<int32_t>(image.crop_width) : g.frame_width;
  g.source_height = cropped ? static_cast<int32_t>(image.crop_height) : g.frame_height;
  const int64_t sw = g.source_width, sh = g.source_height;

  if (fit == FitMode::kCrop) {
    // The largest centred part of the source that has the network's aspect.
    const bool wide = sw * height > sh * width;
    const double scale = wide ? static_cast<double>(sh) / height : static_cast<double>(sw) / width;
    g.scale_x = g.scale_y = scale;
    g.offset_x = g.source_x + (static_cast<double>(sw) - scale * width) / 2;
    g.offset_y = g.source_y + (static_cast<double>(sh) - scale * height) / 2;
    return g;
  }
  int64_t cw = width, ch = height;
  if (fit != FitMode::kStretch) {
    // Rounded to the nearest pixel in integers: a product of floats would lose a row to 233.999.
    if (sw * height >= sh * width) {
      ch = (2 * sh * width + sw) / (2 * sw);
    } else {
      cw = (2 * sw * height + sh) / (2 * sh);
    }
    cw = cw < 1 ? 1 : (cw > width ? width : cw);
    ch = ch < 1 ? 1 : (ch > height ? height : ch);
    if (fit == FitMode::kLetterbox) {
      g.x0 = static_cast<int32_t>((width - cw) / 2);
      g.y0 = static_cast<int32_t>((height - ch) / 2);
    }
    g.x1 = g.x0 + static_cast<int32_t>(cw);
    g.y1 = g.y0 + static_cast<int32_t>(ch);
  }
  g.scale_x = static_cast<double>(sw) / static_cast<double>(cw);
  g.scale_y = static_cast<double>(sh) / static_cast<double>(ch);
  g.offset_x = g.source_x - g.x0 * g.scale_x;
  g.offset_y = g.source_y - g.y0 * g.scale_y;
  return g;
}

}  // namespace stint::cpu
