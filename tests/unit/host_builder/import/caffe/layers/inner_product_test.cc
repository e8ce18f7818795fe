#include "tests/support/caffe_net.h"

using namespace stint::builder;

TEST_CASE("the axes behind the first are one vector") {
  CaffeNet net = CaffeNet::of_layer({1, 2, 1, 2},
                                    "type: 'InnerProduct' inner_product_param { num_output: 3 }");
  // Older files have four extents for all.
  net.blob("l", {1, 1, 3, 4}, counting(12)).blob("l", {1, 1, 1, 3}, {100, 200, 300});
  // Rows 1..4, 5..8, 9..12 times 1, 2, 3, 4.
  CHECK(net.result({1, 2, 3, 4}) == std::vector<float>{130, 270, 410});
  ImportOptions options;
  options.batch = 2;
  CHECK(shape_of(net.import(options), "y") == Shape{2, 3});
}

TEST_CASE("weights may be transposed, and the axes before the given one stay") {
  CaffeNet net = CaffeNet::of_layer(
      {1, 2, 2},
      "type: 'InnerProduct' inner_product_param { num_output: 2 axis: -1 transpose: true "
      "bias_term: false }");
  net.blob("l", {2, 2}, {1, 2, 3, 4});  // [in, out]
  CHECK(net.result({1, 10, 100, 1000}) == std::vector<float>{31, 42, 3100, 4200});
  CHECK(shape_of(net.import(), "y") == Shape{1, 2, 2});
}

TEST_CASE("another number of inputs than the weights have says so") {
  CaffeNet net = CaffeNet::of_layer(
      {1, 5}, "type: 'InnerProduct' inner_product_param { num_output: 3 bias_term: false }");
  mentions(net.blob("l", {3, 4}, counting(12)).refusal(), "is [3,4], needs [3,5]");
}
