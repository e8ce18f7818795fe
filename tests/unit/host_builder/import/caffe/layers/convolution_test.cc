#include <algorithm>

#include "tests/support/caffe_net.h"

using namespace stint::builder;

namespace {

struct Conv {
  int channels, outputs, kernel_h, kernel_w, stride_h, stride_w, pad_h, pad_w, dilation, groups;
};

/// The definition, for one picture.
std::vector<double> convolved(const Conv& c, int height, int width, const std::vector<float>& x,
                              const std::vector<float>& w, const std::vector<float>& bias) {
  const int out_h = (height + 2 * c.pad_h - c.dilation * (c.kernel_h - 1) - 1) / c.stride_h + 1;
  const int out_w = (width + 2 * c.pad_w - c.dilation * (c.kernel_w - 1) - 1) / c.stride_w + 1;
  const int in_group = c.channels / c.groups, out_group = c.outputs / c.groups;
  std::vector<double> y;
  for (int o = 0; o < c.outputs; ++o)
    for (int oy = 0; oy < out_h; ++oy)
      for (int ox = 0; ox < out_w; ++ox) {
        double sum = bias[static_cast<size_t>(o)];
        for (int i = 0; i < in_group; ++i)
          for (int ky = 0; ky < c.kernel_h; ++ky)
            for (int kx = 0; kx < c.kernel_w; ++kx) {
              const int iy = oy * c.stride_h - c.pad_h + ky * c.dilation;
              const int ix = ox * c.stride_w - c.pad_w + kx * c.dilation;
              if (iy < 0 || ix < 0 || iy >= height || ix >= width) continue;
              const int channel = o / out_group * in_group + i;
              sum +=
                  static_cast<double>(
                      x[static_cast<size_t>((channel * height + iy) * width + ix)]) *
                  w[static_cast<size_t>(((o * in_group + i) * c.kernel_h + ky) * c.kernel_w + kx)];
            }
        y.push_back(sum);
      }
  return y;
}

}  // namespace

TEST_CASE("a convolution with groups, dilation and sides of its own") {
  const auto x = counting(4 * 6 * 5, -1.0f, 0.1f);
  const auto w = counting(6 * 2 * 3 * 2, 0.5f, -0.05f);
  const auto bias = counting(6);
  CaffeNet net = CaffeNet::of_layer(
      {1, 4, 6, 5},
      "type: 'Convolution' convolution_param { num_output: 6 kernel_h: 3 kernel_w: 2 stride_h: 2 "
      "stride_w: 1 pad_h: 2 pad_w: 1 dilation: 2 group: 2 }");
  net.blob("l", {6, 2, 3, 2}, w).blob("l", {6}, bias);
  close_to(net.result(x), convolved({4, 6, 3, 2, 2, 1, 2, 1, 2, 2}, 6, 5, x, w, bias));
}

TEST_CASE("lists of extents, one for all axes or one for each") {
  const auto x = counting(4 * 4), w = counting(3 * 2);
  CaffeNet net = CaffeNet::of_layer(
      {1, 1, 4, 4},
      "type: 'Convolution' convolution_param { num_output: 1 kernel_size: 3 kernel_size: 2 "
      "stride: 2 pad: 1 bias_term: false }");
  net.blob("l", {1, 1, 3, 2}, w);
  close_to(net.result(x), convolved({1, 1, 3, 2, 2, 2, 1, 1, 1, 1}, 4, 4, x, w, {0}));
}

TEST_CASE("a deconvolution spreads every pixel over its window") {
  const auto x = counting(2 * 2 * 3), w = counting(2 * 3 * 3, 0.5f, 0.25f);
  CaffeNet net = CaffeNet::of_layer(
      {1, 2, 2, 3},
      "type: 'Deconvolution' convolution_param { num_output: 2 kernel_size: 3 stride: 2 pad: 1 "
      "group: 2 }");
  net.blob("l", {2, 1, 3, 3}, w).blob("l", {2}, {10, 20});
  const int h = 3, w_out = 5;  // stride * (extent - 1) + kernel - 2 * pad
  std::vector<double> want;
  for (int c = 0; c < 2; ++c) {
    std::vector<double> plane(static_cast<size_t>(h * w_out), c == 0 ? 10 : 20);
    for (int y = 0; y < 2; ++y)
      for (int column = 0; column < 3; ++column)
        for (int ky = 0; ky < 3; ++ky)
          for (int kx = 0; kx < 3; ++kx) {
            const int oy = 2 * y + ky - 1, ox = 2 * column + kx - 1;
            if (oy < 0 || ox < 0 || oy >= h || ox >= w_out) continue;
            plane[static_cast<size_t>(oy * w_out + ox)] +=
                static_cast<double>(x[static_cast<size_t>((c * 2 + y) * 3 + column)]) *
                w[static_cast<size_t>((c * 3 + ky) * 3 + kx)];
          }
    want.insert(want.end(), plane.begin(), plane.end());
  }
  close_to(net.result(x), want);
}

TEST_CASE("several bottoms share the weights") {
  CaffeNet net(
      "input: 'a' input_dim: 1 input_dim: 1 input_dim: 1 input_dim: 2\n"
      "layer { name: 'l' type: 'Convolution' bottom: 'a' bottom: 'a' top: 'y' top: 'z'\n"
      "  convolution_param { num_output: 1 kernel_size: 1 } }");
  net.blob("l", {1, 1, 1, 1}, {3}).blob("l", {1, 1, 1, 1}, {1});
  CHECK(net.result({1, 2}, "y") == std::vector<float>{4, 7});
  CHECK(net.result({1, 2}, "z") == std::vector<float>{4, 7});
}

TEST_CASE("a depthwise layer of other Caffes needs no group") {
  CaffeNet net = CaffeNet::of_layer(
      {1, 2, 1, 1},
      "type: 'DepthwiseConvolution' convolution_param { num_output: 2 kernel_size: 1 bias_term: "
      "false }");
  net.blob("l", {2, 1, 1, 1}, {3, 5});
  CHECK(net.result({1, 1}) == std::vector<float>{3, 5});
}

TEST_CASE("windows and groups that cannot be say so") {
  const auto refusal = [](const std::string& parameters) {
    return CaffeNet::of_layer({1, 4, 4, 4},
                              "type: 'Convolution' convolution_param { " + parameters + " }")
        .refusal();
  };
  mentions(refusal("num_output: 1"), "has no kernel_size");
  mentions(refusal("kernel_size: 1"), "has no num_output");
  mentions(refusal("num_output: 2 kernel_size: 1 group: 3"), "into 3 groups");
  mentions(refusal("num_output: 2 kernel_size: 1 group: 0"), "into 0 groups");
  mentions(refusal("num_output: 2 kernel_h: 1"), "kernel_h or kernel_w");
  mentions(refusal("num_output: 2 kernel_size: 1 stride: 0"), "strides hold 0");
  mentions(refusal("num_output: 2 kernel_size: 1 kernel_size: 1 kernel_size: 1"), "lists 3 values");
  mentions(refusal("num_output: 2 kernel_size: 9"), "larger than the padded input");
  mentions(refusal("num_output: 4000000000 kernel_size: 60000 pad: 60000"), "limit for constants");
}

TEST_CASE("weights that do not belong to the layer say so") {
  CaffeNet net = CaffeNet::of_layer(
      {1, 4, 4, 4}, "type: 'Convolution' convolution_param { num_output: 2 kernel_size: 1 }");
  CaffeNet other = net, one = net, shape = net;
  mentions(other.blob("conv", {1}, {1}).refusal(),
           "layer 'l' (Convolution): the weights have no layer of this name; give the weights");
  mentions(one.blob("l", {2, 4, 1, 1}, counting(8)).refusal(), "have 1 blob(s) of it, needs 2");
  shape.blob("l", {2, 3, 1, 1}, counting(6)).blob("l", {2}, {0, 0});
  mentions(shape.refusal(), "blob 0 of its weights is [2,3,1,1], needs [2,4,1,1]");
}
