// Instance, layer and local response normalisation against their definitions in double.
#include "plan_schema/params/norm.h"

#include <doctest/doctest.h>

#include <cmath>

#include "tests/support/kernel_harness.h"

using namespace stint;
using namespace stint::test;

TEST_CASE("instance norm with channels last or second, dense and gapped") {
  std::mt19937 random(51);
  for (const bool last : {true, false})
    for (const int64_t channels : {1, 5, 150})
      for (const int64_t gap : {0, 2}) {
        const int64_t n = 2, h = 7, w = 9;
        const std::vector<int64_t> shape = last ? std::vector<int64_t>{n, h, w, channels}
                                                : std::vector<int64_t>{n, channels, h, w};
        Tensor x(DType::kF32, shape, gap), y(DType::kF32, shape, gap), s(DType::kF32, {channels}),
            b(DType::kF32, {channels});
        x.fill_uniform<float>(random, 90, 110);  // a mean that dwarfs the deviation
        s.fill_uniform<float>(random, -2, 2);
        b.fill_uniform<float>(random, -2, 2);
        InstanceNormParams p;
        p.epsilon = 1e-3f;
        p.channel_axis = last ? 3 : 1;
        REQUIRE(KernelCall{KernelId::kInstanceNorm, pod_bytes(p), {&x, &s, &b}, {&y}}.run(2).ok());
        REQUIRE(y.gaps_untouched());
        const auto at = [&](int64_t i, int64_t c, int64_t k) {
          return last ? (i * h * w + k) * channels + c : (i * channels + c) * h * w + k;
        };
        for (int64_t i = 0; i < n; ++i)
          for (int64_t c = 0; c < channels; ++c) {
            double mean = 0, variance = 0;
            for (int64_t k = 0; k < h * w; ++k)
              mean += static_cast<double>(x.at<float>(at(i, c, k))) / (h * w);
            for (int64_t k = 0; k < h * w; ++k)
              variance +=
                  std::pow(static_cast<double>(x.at<float>(at(i, c, k))) - mean, 2) / (h * w);
            for (int64_t k = 0; k < h * w; ++k) {
              const double expected = (static_cast<double>(x.at<float>(at(i, c, k))) - mean) /
                                          std::sqrt(variance + 1e-3) *
                                          static_cast<double>(s.at<float>(c)) +
                                      static_cast<double>(b.at<float>(c));
              REQUIRE(y.at<float>(at(i, c, k)) == doctest::Approx(expected).epsilon(1e-5).scale(1));
            }
          }
      }
}

TEST_CASE("layer norm from any axis on, with and without bias and statistics") {
  std::mt19937 random(52);
  const std::vector<int64_t> shape = {3, 4, 5, 70};
  for (uint8_t axis = 0; axis < 4; ++axis)
    for (const bool extras : {false, true})
      for (const int64_t gap : {0, 1}) {
        const std::vector<int64_t> normalized(shape.begin() + axis, shape.end());
        std::vector<int64_t> statistic = shape;
        for (size_t i = axis; i < 4; ++i) statistic[i] = 1;
        Tensor x(DType::kF32, shape, gap), y(DType::kF32, shape, gap), s(DType::kF32, normalized),
            b(DType::kF32, {70}), mean(DType::kF32, statistic), inv(DType::kF32, statistic, gap);
        x.fill_uniform<float>(random, -1, 3);
        s.fill_uniform<float>(random, -2, 2);
        b.fill_uniform<float>(random, -2, 2);
        LayerNormParams p;
        p.axis = axis;
        p.has_bias = p.has_mean = p.has_inv_std = extras ? 1 : 0;
        KernelCall call{KernelId::kLayerNorm, pod_bytes(p), {&x, &s}, {&y}};
        if (extras) {
          call.inputs.push_back(&b);
          call.outputs.push_back(&mean);
          call.outputs.push_back(&inv);
        }
        REQUIRE(call.run(2).ok());
        REQUIRE(y.gaps_untouched());
        const int64_t length = s.size();
        for (int64_t row = 0; row < x.size() / length; ++row) {
          double m = 0, v = 0;
          for (int64_t i = 0; i < length; ++i)
            m += static_cast<double>(x.at<float>(row * length + i)) / length;
          for (int64_t i = 0; i < length; ++i)
            v += std::pow(static_cast<double>(x.at<float>(row * length + i)) - m, 2) / length;
          const double scale = 1 / std::sqrt(v + 1e-5);
          for (int64_t i = 0; i < length; ++i) {
            double expected = (static_cast<double>(x.at<float>(row * length + i)) - m) * scale *
                              static_cast<double>(s.at<float>(i));
            if (extras) expected += static_cast<double>(b.at<float>(i % 70));
            REQUIRE(y.at<float>(row * length + i) ==
                    doctest::Approx(expected).epsilon(1e-5).scale(1));
          }
          if (extras) {
            REQUIRE(mean.at<float>(row) == doctest::Approx(m).epsilon(1e-6).scale(0.1));
            REQUIRE(inv.at<float>(row) == doctest::Approx(scale).epsilon(1e-6));
          }
        }
      }
}

TEST_CASE("local response normalisation over odd and even windows") {
  std::mt19937 random(53);
  for (const bool last : {true, false})
    for (const int64_t size : {1, 2, 3, 5, 40})
      for (const float beta : {0.75f, 0.5f}) {
        const int64_t n = 2, channels = 19, pixels = 21;
        const std::vector<int64_t> shape = last ? std::vector<int64_t>{n, pixels, channels}
                                                : std::vector<int64_t>{n, channels, pixels};
        Tensor x(DType::kF32, shape, 1), y(DType::kF32, shape);
        x.fill_uniform<float>(random, -5, 5);
        LrnParams p;
        p.size = size;
        p.alpha = 0.2f;
        p.beta = beta;
        p.bias = 1.5f;
        p.channel_axis = last ? 2 : 1;
        REQUIRE(KernelCall{KernelId::kLrn, pod_bytes(p), {&x}, {&y}}.run(2).ok());
        const auto at = [&](int64_t i, int64_t c, int64_t k) {
          return last ? (i * pixels + k) * channels + c : (i * channels + c) * pixels + k;
        };
        for (int64_t i = 0; i < n; ++i)
          for (int64_t c = 0; c < channels; ++c)
            for (int64_t k = 0; k < pixels; ++k) {
              double squares = 0;
              for (int64_t o = c - (size - 1) / 2; o <= c + size / 2; ++o)
                if (o >= 0 && o < channels)
                  squares += std::pow(static_cast<double>(x.at<float>(at(i, o, k))), 2);
              const double expected =
                  static_cast<double>(x.at<float>(at(i, c, k))) /
                  std::pow(1.5 + static_cast<double>(0.2f) / static_cast<double>(size) * squares,
                           static_cast<double>(beta));
              REQUIRE(y.at<float>(at(i, c, k)) ==
                      doctest::Approx(expected).epsilon(1e-6).scale(0.01));
            }
      }
}

TEST_CASE("normalisations refuse hostile parameters") {
  Tensor x(DType::kF32, {2, 3, 4}), y(DType::kF32, {2, 3, 4}), c3(DType::kF32, {3}),
      c4(DType::kF32, {4}), i(DType::kI32, {2, 3, 4});
  InstanceNormParams instance;
  CHECK(
      KernelCall{KernelId::kInstanceNorm, pod_bytes(instance), {&x, &c3, &c3}, {&y}}.check().ok());
  CHECK_FALSE(
      KernelCall{KernelId::kInstanceNorm, pod_bytes(instance), {&x, &c4, &c3}, {&y}}.check().ok());
  CHECK_FALSE(
      KernelCall{KernelId::kInstanceNorm, pod_bytes(instance), {&x, &c3}, {&y}}.check().ok());
  instance.channel_axis = 0;
  CHECK_FALSE(
      KernelCall{KernelId::kInstanceNorm, pod_bytes(instance), {&x, &c3, &c3}, {&y}}.check().ok());
  instance.channel_axis = 3;
  CHECK_FALSE(
      KernelCall{KernelId::kInstanceNorm, pod_bytes(instance), {&x, &c3, &c3}, {&y}}.check().ok());
  LayerNormParams layer;
  layer.axis = 2;
  CHECK(KernelCall{KernelId::kLayerNorm, pod_bytes(layer), {&x, &c4}, {&y}}.check().ok());
  CHECK_FALSE(KernelCall{KernelId::kLayerNorm, pod_bytes(layer), {&x, &c3}, {&y}}.check().ok());
  CHECK_FALSE(KernelCall{KernelId::kLayerNorm, pod_bytes(layer), {&i, &c4}, {&i}}.check().ok());
  layer.has_mean = 1;
  CHECK_FALSE(KernelCall{KernelId::kLayerNorm, pod_bytes(layer), {&x, &c4}, {&y}}.check().ok());
  CHECK_FALSE(
      KernelCall{KernelId::kLayerNorm, pod_bytes(layer), {&x, &c4}, {&y, &c4}}.check().ok());
  LrnParams lrn;
  CHECK(KernelCall{KernelId::kLrn, pod_bytes(lrn), {&x}, {&y}}.check().ok());
  lrn.size = 0;
  CHECK_FALSE(KernelCall{KernelId::kLrn, pod_bytes(lrn), {&x}, {&y}}.check().ok());
  lrn.size = INT64_MAX;
  CHECK(KernelCall{KernelId::kLrn, pod_bytes(lrn), {&x}, {&y}}.run().ok());
  lrn.channel_axis = 200;
  CHECK_FALSE(KernelCall{KernelId::kLrn, pod_bytes(lrn), {&x}, {&y}}.check().ok());
}
