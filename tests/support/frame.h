// A camera frame with its own memory: random pixels, strides wider than the rows, nothing behind
// the last row.
#pragma once

#include <cstdint>
#include <random>
#include <vector>

#include "kernels/cpu/image_check.h"

namespace stint::test {

class Frame {
 public:
  Frame(PixelFormat format, uint32_t width, uint32_t height, uint32_t extra_stride,
        std::mt19937& random) {
    view_ = {};
    view_.format = static_cast<uint32_t>(format);
    view_.width = width;
    view_.height = height;
    for (uint32_t p = 0; p < cpu::plane_count(format); ++p) {
      const uint32_t row = cpu::plane_row_bytes(format, p, width);
      const uint32_t rows = p == 0 ? height : (height + 1) / 2;
      const uint32_t stride = row + extra_stride;
      // The last row ends with its last pixel, so that the address sanitizer sees a read behind it.
      planes_[p].resize(static_cast<size_t>(stride) * (rows - 1) + row);
      for (uint8_t& byte : planes_[p]) byte = static_cast<uint8_t>(random());
      view_.planes[p] = planes_[p].data();
      view_.strides[p] = static_cast<int32_t>(stride);
    }
  }
  Frame(const Frame&) = delete;
  Frame& operator=(const Frame&) = delete;

  ImageView& view() { return view_; }
  uint8_t byte(int plane, int64_t x, int64_t y) const {
    return planes_[plane][static_cast<size_t>(y * view_.strides[plane] + x)];
  }

 private:
  ImageView view_;
  std::vector<uint8_t> planes_[3];
};

}  // namespace stint::test
