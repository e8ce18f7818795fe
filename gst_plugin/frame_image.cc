#include "gst_plugin/frame_image.h"

#include <gst/video/gstvideometa.h>

#include <algorithm>

namespace stint::gst {
namespace {

uint32_t format_of(GstVideoFormat format) {
  switch (format) {
    case GST_VIDEO_FORMAT_NV12:
      return STINT_FORMAT_NV12;
    case GST_VIDEO_FORMAT_I420:
      return STINT_FORMAT_I420;
    case GST_VIDEO_FORMAT_RGB:
      return STINT_FORMAT_RGB;
    case GST_VIDEO_FORMAT_BGR:
      return STINT_FORMAT_BGR;
    case GST_VIDEO_FORMAT_RGBx:
      return STINT_FORMAT_RGBX;
    case GST_VIDEO_FORMAT_BGRx:
      return STINT_FORMAT_BGRX;
    case GST_VIDEO_FORMAT_RGBA:
      return STINT_FORMAT_RGBA;
    case GST_VIDEO_FORMAT_BGRA:
      return STINT_FORMAT_BGRA;
    case GST_VIDEO_FORMAT_GRAY8:
      return STINT_FORMAT_GRAY8;
    default:
      return 0xFFFFFFFFu;  // the runtime refuses it; the caps do not let it come here
  }
}

/// BT.2020's luma weights are nearer to BT.709's than to BT.601's.
uint32_t matrix_of(GstVideoColorMatrix matrix) {
  const bool is_709 =
      matrix == GST_VIDEO_COLOR_MATRIX_BT709 || matrix == GST_VIDEO_COLOR_MATRIX_BT2020;
  return is_709 ? STINT_MATRIX_BT709 : STINT_MATRIX_BT601;
}

uint32_t range_of(const GstVideoInfo& info) {
  switch (GST_VIDEO_INFO_COLORIMETRY(&info).range) {
    case GST_VIDEO_COLOR_RANGE_0_255:
      return STINT_RANGE_FULL;
    case GST_VIDEO_COLOR_RANGE_16_235:
      return STINT_RANGE_LIMITED;
    default:
      return GST_VIDEO_INFO_IS_YUV(&info) ? STINT_RANGE_LIMITED : STINT_RANGE_FULL;
  }
}

}  // namespace

VisiblePart visible_part(GstBuffer* buffer, guint width, guint height) {
  const GstVideoCropMeta* crop = gst_buffer_get_video_crop_meta(buffer);
  if (!crop) return {0, 0, width, height};
  if (crop->x >= width || crop->y >= height) return {};
  return {crop->x, crop->y, std::min(crop->width, width - crop->x),
          std::min(crop->height, height - crop->y)};
}

std::unique_ptr<MappedFrame> MappedFrame::map(const GstVideoInfo& info, GstBuffer* buffer) {
  std::unique_ptr<MappedFrame> mapped(new MappedFrame());
  GstVideoInfo copy = info;  // 1.20 takes it without const
  if (!gst_video_frame_map(&mapped->frame_, &copy, buffer, GST_MAP_READ)) {
    mapped->frame_.buffer = nullptr;
    return nullptr;
  }
  mapped->visible_ =
      visible_part(buffer, static_cast<guint>(GST_VIDEO_FRAME_WIDTH(&mapped->frame_)),
                   static_cast<guint>(GST_VIDEO_FRAME_HEIGHT(&mapped->frame_)));
  if (mapped->visible_.width == 0 || mapped->visible_.height == 0) return nullptr;
  return mapped;
}

MappedFrame::~MappedFrame() {
  if (frame_.buffer) gst_video_frame_unmap(&frame_);
}

stint_image MappedFrame::image() const {
  stint_image image = STINT_IMAGE_INIT;
  for (guint i = 0; i < GST_VIDEO_FRAME_N_PLANES(&frame_) && i < 3; ++i) {
    image.planes[i] = GST_VIDEO_FRAME_PLANE_DATA(&frame_, i);
    image.strides[i] = GST_VIDEO_FRAME_PLANE_STRIDE(&frame_, i);
  }
  image.width = static_cast<uint32_t>(GST_VIDEO_FRAME_WIDTH(&frame_));
  image.height = static_cast<uint32_t>(GST_VIDEO_FRAME_HEIGHT(&frame_));
  image.format = format_of(GST_VIDEO_FRAME_FORMAT(&frame_));
  image.matrix = matrix_of(GST_VIDEO_INFO_COLORIMETRY(&frame_.info).matrix);
  image.range = range_of(frame_.info);
  if (visible_.width != image.width || visible_.height != image.height) {
    image.crop_x = visible_.x;
    image.crop_y = visible_.y;
    image.crop_width = visible_.width;
    image.crop_height = visible_.height;
  }
  return image;
}

}  // namespace stint::gst
