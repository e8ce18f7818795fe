#include "tests/support/caffe_net.h"

using namespace stint::builder;

namespace {

std::vector<float> pooled(const Shape& x, const std::string& parameters) {
  return CaffeNet::of_layer(x, "type: 'Pooling' pooling_param { " + parameters + " }")
      .result(counting(static_cast<size_t>(x[2] * x[3])));
}

std::string refusal(const Shape& x, const std::string& parameters) {
  return CaffeNet::of_layer(x, "type: 'Pooling' pooling_param { " + parameters + " }").refusal();
}

}  // namespace

// The picture is 1, 2, 3... row by row.
TEST_CASE("a last window may hang over the end") {
  CHECK(pooled({1, 1, 4, 4}, "pool: MAX kernel_size: 3 stride: 2") ==
        std::vector<float>{11, 12, 15, 16});
  CHECK(pooled({1, 1, 4, 4}, "pool: MAX kernel_size: 3 stride: 2 round_mode: FLOOR") ==
        std::vector<float>{11});
  CHECK(pooled({1, 1, 4, 4}, "kernel_size: 3 stride: 2 ceil_mode: false") ==
        std::vector<float>{11});
}

TEST_CASE("an average divides by the window in the padded picture, not beyond it") {
  // Of one row 1, 2, 3, 4 with a pad of 1: places -1..1, 1..3, 3..4 (5 is outside).
  CHECK(
      pooled({1, 1, 1, 4}, "pool: AVE kernel_h: 1 kernel_w: 3 stride_h: 1 stride_w: 2 pad_w: 1") ==
      std::vector<float>{(0 + 1 + 2) / 3.0f, (2 + 3 + 4) / 3.0f, (4 + 0) / 2.0f});
  // Without padding the hanging window counts what is there: 3, 4.
  CHECK(pooled({1, 1, 1, 4}, "pool: AVE kernel_h: 1 kernel_w: 3 stride_h: 1 stride_w: 2") ==
        std::vector<float>{2, 3.5f});
}

TEST_CASE("a window that starts in the padding behind the picture is dropped") {
  // ceil((3 + 2 - 2) / 2) + 1 = 3 windows, the last from place 3 on, which is padding.
  CHECK(
      pooled({1, 1, 1, 3}, "pool: MAX kernel_h: 1 kernel_w: 2 stride_h: 1 stride_w: 2 pad_w: 1") ==
      std::vector<float>{1, 3});
}

TEST_CASE("global pooling takes the whole picture") {
  CHECK(pooled({1, 1, 2, 3}, "pool: AVE global_pooling: true") == std::vector<float>{3.5f});
  CHECK(pooled({1, 1, 2, 3}, "global_pooling: true") == std::vector<float>{6});
}

TEST_CASE("pools that cannot be say so") {
  mentions(refusal({1, 1, 4, 4}, "kernel_size: 2 pad: 2"), "not less than its kernel");
  mentions(refusal({1, 1, 4, 4}, ""), "has no kernel_size");
  mentions(refusal({1, 1, 4, 4}, "global_pooling: true kernel_size: 2"), "pools globally and has");
  mentions(refusal({1, 1, 4, 4}, "kernel_size: 2 pool: STOCHASTIC"), "for training");
  mentions(refusal({1, 1, 5, 5}, "kernel_size: 1 stride: 3"), "starts beyond the bottom");
  mentions(refusal({1, 1, 4, 4}, "kernel_size: 2 stride: 0"), "strides hold 0");
  mentions(refusal({1, 1, 4, 4}, "kernel_size: 2 kernel_h: 2 kernel_w: 2"), "needs either");
  mentions(refusal({4, 4}, "kernel_size: 2"), "needs a bottom with 4 axes");
}
