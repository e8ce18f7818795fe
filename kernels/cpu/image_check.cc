#include "kernels/cpu/image_check.h"

#include "plan_schema/params/preprocess.h"

namespace stint::cpu {

uint32_t plane_count(PixelFormat format) {
  switch (format) {
    case PixelFormat::kNv12:
      return 2;
    case PixelFormat::kI420:
      return 3;
    default:
      return 1;
  }
}

uint32_t plane_row_bytes(PixelFormat format, uint32_t plane, uint32_t width) {
  if (plane >= plane_count(format)) return 0;
  const uint32_t half = (width + 1) / 2;
  switch (format) {
    case PixelFormat::kNv12:
      return plane == 0 ? width : 2 * half;
    case PixelFormat::kI420:
      return plane == 0 ? width : half;
    case PixelFormat::kRgb:
    case PixelFormat::kBgr:
      return 3 * width;
    case PixelFormat::kRgbx:
    case PixelFormat::kBgrx:
    case PixelFormat::kRgba:
    case PixelFormat::kBgra:
      return 4 * width;
    case PixelFormat::kGray8:
      return width;
  }
  return 0;
}

Status check_image(const ImageView& image) {
  constexpr int64_t kFormats = static_cast<int64_t>(PixelFormat::kBgra) + 1;
  if (image.format >= kFormats) {
    return {Code::kUnsupportedFormat, kNoDetail, "pixel format is not a known one", image.format,
            kFormats - 1};
  }
  if (image.matrix > static_cast<uint32_t>(ColorMatrix::kBt709)) {
    return {Code::kUnsupportedFormat, kNoDetail,
            "colour matrix is neither BT.601 (0) nor BT.709 (1)", image.matrix, 1};
  }
  if (image.range > static_cast<uint32_t>(ColorRange::kFull)) {
    return {Code::kUnsupportedFormat, kNoDetail, "colour range is neither limited (0) nor full (1)",
            image.range, 1};
  }
  if (image.width < 1 || image.width > static_cast<uint32_t>(kMaxFrameSide)) {
    return {Code::kShapeMismatch, kNoDetail, "frame width is not in 1..32768", image.width,
            kMaxFrameSide};
  }
  if (image.height < 1 || image.height > static_cast<uint32_t>(kMaxFrameSide)) {
    return {Code::kShapeMismatch, kNoDetail, "frame height is not in 1..32768", image.height,
            kMaxFrameSide};
  }
  const auto format = static_cast<PixelFormat>(image.format);
  for (uint32_t plane = 0; plane < plane_count(format); ++plane) {
    if (image.planes[plane] == nullptr) {
      return {Code::kInvalidArgument, at_plane(plane), "frame plane is not set", plane,
              plane_count(format)};
    }
    const int64_t row = plane_row_bytes(format, plane, image.width);
    if (image.strides[plane] < row) {
      return {Code::kInvalidArgument, at_plane(plane), "plane stride is smaller than a row",
              image.strides[plane], row};
    }
  }
  if (image.crop_width == 0 && image.crop_height == 0) return ok_status();
  if (image.crop_width == 0 || image.crop_height == 0) {
    return {Code::kInvalidArgument, kNoDetail, "crop is empty in one direction", 0, 1};
  }
  if (uint64_t{image.crop_x} + image.crop_width > image.width) {
    return {Code::kInvalidArgument, kNoDetail, "crop reaches beyond the frame's width",
            int64_t{image.crop_x} + image.crop_width, image.width};
  }
  if (uint64_t{image.crop_y} + image.crop_height > image.height) {
    return {Code::kInvalidArgument, kNoDetail, "crop reaches beyond the frame's height",
            int64_t{image.crop_y} + image.crop_height, image.height};
  }
  return ok_status();
}

}  // namespace stint::cpu
