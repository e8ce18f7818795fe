// Parts, shapes, orders and sizes.
#include "tests/support/caffe_net.h"

using namespace stint::builder;

namespace {

Shape shape_of_layer(const Shape& x, const std::string& layer, int64_t batch = 1) {
  ImportOptions options;
  options.batch = batch;
  return shape_of(CaffeNet::of_layer(x, layer).import(options), "y");
}

std::string refusal(const Shape& x, const std::string& layer) {
  return CaffeNet::of_layer(x, layer).refusal();
}

}  // namespace

TEST_CASE("reshapes of some axes, with extents that are kept or follow") {
  const auto reshape = [](const std::string& parameters) {
    return "type: 'Reshape' reshape_param { " + parameters + " }";
  };
  CHECK(shape_of_layer({1, 6, 4}, reshape("shape { dim: 0 dim: -1 dim: 8 }")) == Shape{1, 3, 8});
  CHECK(shape_of_layer({1, 6, 4}, reshape("shape { dim: 2 dim: 3 } axis: 1 num_axes: 1")) ==
        Shape{1, 2, 3, 4});
  CHECK(shape_of_layer({1, 6, 4}, reshape("shape { dim: 1 dim: -1 } axis: -1")) ==
        Shape{1, 6, 4, 1, 1});
  CHECK(shape_of_layer({1, 6, 4}, reshape("shape { dim: 1 } axis: 1 num_axes: 0")) ==
        Shape{1, 1, 6, 4});
  // A 1 that stands for the one sample of the topology is the batch.
  CHECK(shape_of_layer({1, 6, 4}, reshape("shape { dim: 1 dim: -1 dim: 2 }"), 3) ==
        Shape{3, 12, 2});
  mentions(refusal({1, 6, 4}, reshape("shape { dim: 0 dim: -1 dim: 5 }")), "cannot reshape");
  mentions(refusal({1, 6, 4}, reshape("shape { dim: -1 dim: -1 }")), "more than one extent of -1");
  mentions(refusal({1, 6, 4}, reshape("shape { dim: 0 dim: 0 dim: 0 dim: 0 }")),
           "extent 0 at axis");
  mentions(refusal({1, 6, 4}, reshape("shape { dim: -2 }")), "extent -2 at axis");
  mentions(refusal({1, 6, 4}, reshape("axis: 9")), "from axis 9 on");
}

TEST_CASE("flattening, permuting and repeating") {
  CHECK(shape_of_layer({1, 2, 3, 4}, "type: 'Flatten'") == Shape{1, 24});
  CHECK(shape_of_layer({1, 2, 3, 4}, "type: 'Flatten' flatten_param { end_axis: 2 }") ==
        Shape{1, 6, 4});
  CHECK(CaffeNet::of_layer({1, 2, 3}, "type: 'Permute' permute_param { order: 0 order: 2 }")
            .result(counting(6)) == std::vector<float>{1, 4, 2, 5, 3, 6});
  mentions(refusal({1, 2}, "type: 'Permute' permute_param { order: 5 }"), "lists axis 5");
  mentions(refusal({1, 2}, "type: 'Permute' permute_param { order: 1 order: 1 }"), "lists axis 1");
  CHECK(CaffeNet::of_layer({1, 2}, "type: 'Tile' tile_param { tiles: 2 }").result({1, 2}) ==
        std::vector<float>{1, 2, 1, 2});
}

TEST_CASE("slices at points or in equal parts, and what joins them") {
  const std::string input = "input: 'x' input_shape { dim: 1 dim: 4 }\n";
  const CaffeNet points(input +
                        "layer { name: 's' type: 'Slice' bottom: 'x' top: 'a' top: 'y'\n"
                        "  slice_param { slice_point: 1 } }");
  CHECK(points.result({1, 2, 3, 4}, "a") == std::vector<float>{1});
  CHECK(points.result({1, 2, 3, 4}, "y") == std::vector<float>{2, 3, 4});
  const CaffeNet turned(input +
                        "layer { name: 's' type: 'Slice' bottom: 'x' top: 'a' top: 'b'\n"
                        "  slice_param { slice_dim: 1 } }\n"
                        "layer { name: 'c' type: 'Concat' bottom: 'b' bottom: 'a' top: 'y'\n"
                        "  concat_param { concat_dim: 1 } }");
  CHECK(turned.result({1, 2, 3, 4}) == std::vector<float>{3, 4, 1, 2});
  mentions(CaffeNet(input + "layer { name: 's' type: 'Slice' bottom: 'x' top: 'a' top: 'y'\n"
                            "  slice_param { slice_point: 4 } }")
               .refusal(),
           "leaves nothing between");
  mentions(
      CaffeNet(input + "layer { name: 's' type: 'Slice' bottom: 'x' top: 'a' top: 'b' top: 'c'\n"
                       "}")
          .refusal(),
      "3 equal parts");
}

TEST_CASE("crops to another blob's extents") {
  const auto crop = [](const std::string& parameters) {
    return CaffeNet(
        "input: 'x' input_shape { dim: 1 dim: 1 dim: 3 dim: 3 }\n"
        "layer { name: 'p' type: 'Pooling' bottom: 'x' top: 'p' pooling_param { kernel_size: 2 } "
        "}\n"
        "layer { name: 'c' type: 'Crop' bottom: 'x' bottom: 'p' top: 'y' crop_param { " +
        parameters + " } }");
  };
  CHECK(crop("").result(counting(9)) == std::vector<float>{1, 2, 4, 5});
  CHECK(crop("offset: 1").result(counting(9)) == std::vector<float>{5, 6, 8, 9});
  CHECK(crop("axis: 3 offset: 1").result(counting(9)) == std::vector<float>{2, 3, 5, 6, 8, 9});
  CHECK(crop("offset: 1 offset: 0").result(counting(9)) == std::vector<float>{4, 5, 7, 8});
  mentions(crop("offset: 2").refusal(), "more than there is");
}

TEST_CASE("a Split gives its bottom under every name") {
  const CaffeNet net(
      "input: 'x' input_shape { dim: 1 dim: 2 }\n"
      "layer { name: 'r' type: 'ReLU' bottom: 'x' top: 'r' }\n"
      "layer { name: 's' type: 'Split' bottom: 'r' top: 'y' top: 'z' }");
  CHECK(net.result({-1, 2}, "y") == std::vector<float>{0, 2});
  CHECK(net.result({-1, 2}, "z") == std::vector<float>{0, 2});
}

TEST_CASE("Darknet's reorganisation reads the memory as another picture") {
  // Darknet's definition (reorg_cpu): out[c, y, x] of the bottom's extents is
  // in[c % (C / s^2), y * s + c / (C / s^2) / s, x * s + c / (C / s^2) % s] of the larger picture.
  const int channels = 8, height = 2, width = 4, s = 2, few = channels / (s * s);
  const auto x = counting(static_cast<size_t>(channels * height * width));
  std::vector<float> want;
  for (int c = 0; c < channels; ++c)
    for (int row = 0; row < height; ++row)
      for (int column = 0; column < width; ++column) {
        const int offset = c / few;
        const int y = row * s + offset / s, at = column * s + offset % s;
        want.push_back(x[static_cast<size_t>(at + width * s * (y + height * s * (c % few)))]);
      }
  const CaffeNet net = CaffeNet::of_layer({1, channels, height, width}, "type: 'Reorg'");
  CHECK(net.result(x) == want);
  CHECK(shape_of(net.import(), "y") == Shape{1, 32, 1, 2});
}

TEST_CASE("channels are shuffled between groups") {
  CHECK(
      CaffeNet::of_layer({1, 6, 1, 1}, "type: 'ShuffleChannel' shuffle_channel_param { group: 2 }")
          .result(counting(6)) == std::vector<float>{1, 4, 2, 5, 3, 6});
}

TEST_CASE("pictures are enlarged, by blocks or between corners") {
  CHECK(CaffeNet::of_layer({1, 1, 1, 2}, "type: 'Upsample' upsample_param { scale: 2 }")
            .result({1, 2}) == std::vector<float>{1, 1, 2, 2, 1, 1, 2, 2});
  CHECK(CaffeNet::of_layer({1, 1, 1, 3}, "type: 'Interp' interp_param { zoom_factor: 2 }")
            .result({1, 3, 5}) == std::vector<float>{1, 2, 3, 4, 5});
  CHECK(CaffeNet::of_layer({1, 1, 1, 3}, "type: 'Interp' interp_param { height: 1 width: 2 }")
            .result({1, 3, 5}) == std::vector<float>{1, 5});
  mentions(refusal({1, 1, 2, 2}, "type: 'Upsample' bottom: 'x'"), "places of a pooling's maxima");
}

TEST_CASE("softmax, reductions and the largest") {
  close_to(CaffeNet::of_layer({1, 2, 2}, "type: 'Softmax'").result({0, 1, 0, 1}),
           {0.5, 0.5, 0.5, 0.5});
  const auto reduction = [](const std::string& parameters) {
    return CaffeNet::of_layer({1, 2, 2},
                              "type: 'Reduction' reduction_param { axis: 1 " + parameters + " }")
        .result({1, -2, 3, -4});
  };
  CHECK(reduction("") == std::vector<float>{-2});
  CHECK(reduction("operation: ASUM coeff: 2") == std::vector<float>{20});
  CHECK(reduction("operation: SUMSQ") == std::vector<float>{30});
  CHECK(reduction("operation: MEAN") == std::vector<float>{-0.5f});
  const auto arg_max = [](const std::string& parameters) {
    return CaffeNet::of_layer({1, 2, 2}, "type: 'ArgMax' argmax_param { " + parameters + " }")
        .result({1, 7, 5, 2});
  };
  CHECK(arg_max("") == std::vector<float>{1});
  CHECK(arg_max("top_k: 2 out_max_val: true") == std::vector<float>{1, 2, 7, 5});
  CHECK(arg_max("axis: 1") == std::vector<float>{1, 0});
  CHECK(arg_max("axis: 1 out_max_val: true") == std::vector<float>{5, 7});
  mentions(refusal({1, 2}, "type: 'ArgMax' argmax_param { top_k: 3 }"), "has top_k 3");
}
