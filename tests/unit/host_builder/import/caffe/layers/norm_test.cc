#include <cmath>

#include "tests/support/caffe_net.h"

using namespace stint::builder;

TEST_CASE("statistics are sums that the third blob counts") {
  CaffeNet net = CaffeNet::of_layer({1, 2, 1, 2}, "type: 'BatchNorm' batch_norm_param { eps: 0 }");
  CaffeNet none = net;
  net.blob("l", {2}, {4, 40}).blob("l", {2}, {8, 200}).blob("l", {1}, {2});
  // Means 2 and 20, variances 4 and 100.
  close_to(net.result({2, 4, 10, 30}), {0, 1, -1, 1});
  mentions(
      CaffeNet::of_layer({1, 2}, "type: 'BatchNorm' batch_norm_param { use_global_stats: false }")
          .refusal(),
      "set use_global_stats: true");
}

TEST_CASE("local responses across channels") {
  const std::vector<float> x = {1, 2, 3, 4};
  const CaffeNet net = CaffeNet::of_layer(
      {1, 4, 1, 1}, "type: 'LRN' lrn_param { local_size: 3 alpha: 0.6 beta: 0.5 k: 2 }");
  const auto y = [&](double value, double squares) {
    return value / std::sqrt(2 + 0.6 / 3 * squares);
  };
  close_to(net.result(x), {y(1, 1 + 4), y(2, 1 + 4 + 9), y(3, 4 + 9 + 16), y(4, 9 + 16)});
}

TEST_CASE("local responses within a channel: the mean is that of an average pooling") {
  const CaffeNet net = CaffeNet::of_layer(
      {1, 1, 1, 3},
      "type: 'LRN' lrn_param { local_size: 3 alpha: 2 beta: 0.5 norm_region: WITHIN_CHANNEL }");
  // Three by three places, padded ones counted.
  const auto y = [](double value, double squares) {
    return value / std::sqrt(1 + 2 * squares / 9);
  };
  close_to(net.result({1, 2, 3}), {y(1, 1 + 4), y(2, 1 + 4 + 9), y(3, 4 + 9)});
  mentions(CaffeNet::of_layer({1, 1, 1, 3}, "type: 'LRN' lrn_param { local_size: 4 }").refusal(),
           "needs an odd number");
}

TEST_CASE("mean and variance of each channel, or of all") {
  const Shape shape = {1, 2, 1, 2};
  close_to(CaffeNet::of_layer(shape, "type: 'MVN'").result({1, 3, 10, 30}), {-1, 1, -1, 1});
  close_to(CaffeNet::of_layer(shape, "type: 'MVN' mvn_param { normalize_variance: false }")
               .result({1, 3, 10, 30}),
           {-1, 1, -10, 10});
  close_to(CaffeNet::of_layer(shape, "type: 'MVN' mvn_param { across_channels: true }")
               .result({1, 1, 3, 3}),
           {-1, -1, 1, 1});
}

TEST_CASE("lengths of pixels, or of the picture") {
  CaffeNet pixels = CaffeNet::of_layer(
      {1, 2, 1, 2}, "type: 'Normalize' norm_param { across_spatial: false channel_shared: false }");
  pixels.blob("l", {2}, {10, 20});
  close_to(pixels.result({3, 0, 4, 5}), {6, 0, 16, 20});
  CaffeNet picture = CaffeNet::of_layer({1, 2, 1, 2}, "type: 'Normalize'");
  close_to(picture.blob("l", {1}, {2}).result({1, 1, 1, 1}), {1, 1, 1, 1});
}
