// Frames and how they lie in the network's input, as plan_schema/image.h and
// kernels/cpu/fit_geometry.h have them.
#pragma once

struct ImageView {
  const void* planes[3];
  int32_t strides[3];  // bytes
  uint32_t width;      // pixels
  uint32_t height;
  uint32_t format;                                   // PixelFormat
  uint32_t matrix;                                   // ColorMatrix
  uint32_t range;                                    // ColorRange
  uint32_t crop_x, crop_y, crop_width, crop_height;  // 0 x 0: the whole frame
};
static_assert(sizeof(ImageView) == 72, "the layout of plan_schema/image.h");

struct DetectionLimits {
  float score_threshold;
  float iou_threshold;
  uint32_t max_detections;
};

struct FitGeometry {
  // source = network * scale + offset, in pixels of the whole source frame
  double scale_x, offset_x, scale_y, offset_y;
  // network pixels the frame covers
  int32_t x0, y0, x1, y1;
  // source pixels that may be read, and the frame results are clipped to
  int32_t source_x, source_y, source_width, source_height;
  int32_t frame_width, frame_height;
};

/// `image` null or of size 0: an identity over the network's input. kFit is a FitMode.
template <int kFit>
__device__ inline FitGeometry fit_geometry(int32_t width, int32_t height, const ImageView* image) {
  FitGeometry g = {1.0, 0.0, 1.0, 0.0, 0, 0, width, height, 0, 0, width, height, width, height};
  if (image == nullptr || image->width == 0 || image->height == 0) return g;
  const bool cropped = image->crop_width != 0 && image->crop_height != 0;
  g.frame_width = static_cast<int32_t>(image->width);
  g.frame_height = static_cast<int32_t>(image->height);
  g.source_x = cropped ? static_cast<int32_t>(image->crop_x) : 0;
  g.source_y = cropped ? static_cast<int32_t>(image->crop_y) : 0;
  g.source_width = cropped ? static_cast<int32_t>(image->crop_width) : g.frame_width;
  g.source_height = cropped ? static_cast<int32_t>(image->crop_height) : g.frame_height;
  const int64_t sw = g.source_width, sh = g.source_height;
  if (kFit == 3) {  // crop: the largest centred part of the source that has the network's aspect
    const bool wide = sw * height > sh * width;
    const double scale = wide ? static_cast<double>(sh) / height : static_cast<double>(sw) / width;
    g.scale_x = g.scale_y = scale;
    g.offset_x = g.source_x + (static_cast<double>(sw) - scale * width) / 2;
    g.offset_y = g.source_y + (static_cast<double>(sh) - scale * height) / 2;
    return g;
  }
  int64_t cw = width, ch = height;
  if (kFit != 0) {
    if (sw * height >= sh * width) {
      ch = (2 * sh * width + sw) / (2 * sw);
    } else {
      cw = (2 * sw * height + sh) / (2 * sh);
    }
    cw = cw < 1 ? 1 : (cw > width ? width : cw);
    ch = ch < 1 ? 1 : (ch > height ? height : ch);
    if (kFit == 1) {
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
