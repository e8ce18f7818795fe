#include <doctest/doctest.h>

#include "host_builder/lowering/cuda/families.h"
#include "tests/gpu/support/tactic_timing.h"

using namespace stint;
using namespace stint::test;
using namespace stint::builder;

namespace {

struct Layer {
  int64_t n = 1, h = 9, w = 11, c = 16, kernel_h = 3, kernel_w = 3, stride = 1, dilation = 1,
          pad = 1, multiplier = 1;
  DType x = DType::kF16, y = DType::kF16;
  Placement in = {}, out = {};
  bool bias = true;
  int residual = 0;  // 1: before the activation, 2: after it
  Activation act = Activation::kRelu;
  float alpha = 0, beta = 0;
};

StepCase depthwise(const Layer& l) {
  StepCase c;
  const auto extent = [&](int64_t in, int64_t kernel) {
    return (in + 2 * l.pad - (kernel - 1) * l.dilation - 1) / l.stride + 1;
  };
  const Shape out = {l.n, extent(l.h, l.kernel_h), extent(l.w, l.kernel_w), l.c * l.multiplier};
  const auto x = c.input("x", l.x, {l.n, l.h, l.w, l.c}, l.in);
  const auto w = c.constant("w", {out[3], 1, l.kernel_h, l.kernel_w});
  c.node.op = Op::kConv;
  ConvAttributes a;
  a.kernel = {l.kernel_h, l.kernel_w};
  a.strides = {l.stride, l.stride};
  a.dilations = {l.dilation, l.dilation};
  a.pads_begin = a.pads_end = {l.pad, l.pad};
  a.groups = l.c;
  a.epilogue = {l.act, l.alpha, l.beta, l.residual == 2};
  c.node.attributes = a;
  c.node.inputs = {x, w, l.bias ? c.constant("b", {out[3]}) : kNoValue,
                   l.residual ? c.input("r", l.y, out, l.out) : kNoValue};
  c.node.outputs = {c.output("y", l.y, out, l.out)};
  return c;
}

void check(const Layer& l) { check_family(depthwise(l), kDepthwiseFamily); }

}  // namespace

TEST_CASE("depthwise convolution: windows, strides, dilations") {
  if (cannot_check()) return;
  check({});
  check({.n = 2, .h = 14, .w = 13, .c = 24, .stride = 2});
  check({.n = 3, .h = 17, .w = 19, .c = 40, .kernel_h = 5, .kernel_w = 5, .pad = 2});
  check({.h = 15, .w = 15, .c = 8, .kernel_h = 5, .kernel_w = 5, .stride = 2, .pad = 2});
  check({.h = 20, .w = 23, .c = 16, .dilation = 2, .pad = 2});
  check({.h = 20, .w = 23, .c = 16, .stride = 3, .dilation = 3, .pad = 3});
  check({.h = 21, .w = 9, .c = 16, .kernel_h = 7, .kernel_w = 1, .pad = 0});
  check({.h = 12, .w = 31, .c = 4, .kernel_h = 2, .kernel_w = 11, .pad = 1});
  check({.h = 15, .w = 15, .c = 6, .kernel_h = 11, .kernel_w = 11, .pad = 5});
  check({.h = 10, .w = 10, .c = 8, .kernel_h = 1, .kernel_w = 1, .stride = 2, .pad = 0});
}

TEST_CASE("depthwise convolution: odd channels, types, views") {
  if (cannot_check()) return;
  check({.c = 7});
  check({.c = 10, .x = DType::kF32});
  check({.c = 12, .y = DType::kF32});
  check({.c = 32, .x = DType::kF32, .y = DType::kF32});
  check({.c = 16, .in = {.inner = 8, .offset = 8}, .out = {.inner = 16, .offset = 16}});
  check({.c = 16, .in = {.inner = 3, .offset = 1}, .out = {.inner = 4, .outer = 12, .offset = 4}});
  check({.c = 3, .multiplier = 4});
  check({.n = 2, .c = 8, .stride = 2, .multiplier = 2, .act = Activation::kNone});
}

TEST_CASE("depthwise convolution: epilogues") {
  if (cannot_check()) return;
  check({.c = 8, .bias = false, .act = Activation::kNone});
  check({.c = 8, .residual = 1, .act = Activation::kSilu});
  check({.c = 24, .out = {.inner = 8}, .residual = 2, .act = Activation::kHardSwish});
  check({.c = 8, .act = Activation::kClip, .alpha = 0, .beta = 6});
  check({.c = 8, .act = Activation::kLeakyRelu, .alpha = 0.1f});
  check({.c = 2, .act = Activation::kSigmoid});
  check({.c = 2, .act = Activation::kTanh});
  check({.c = 2, .act = Activation::kHardSigmoid, .alpha = 0.2f, .beta = 0.5f});
  check({.c = 2, .act = Activation::kMish});
  check({.c = 2, .act = Activation::kGelu});
  check({.c = 2, .act = Activation::kElu, .alpha = 1});
}

TEST_CASE("depthwise convolution writes over its residual") {
  if (cannot_check()) return;
  StepCase c = depthwise({.h = 13, .w = 10, .c = 16, .residual = 2});
  c.graph.outputs.clear();
  c.node.outputs = {c.output_over("over", c.node.inputs[3])};
  check_family(c, kDepthwiseFamily);
}

TEST_CASE("depthwise convolution with enough blocks for several passes of a thread") {
  if (cannot_check()) return;
  check({.n = 5, .h = 112, .w = 112, .c = 40});
}

TEST_CASE("timing: depthwise convolution in MobileNetV2 and YOLOX-nano") {
  if (!timing_wanted()) return;
  for (const int64_t n : {1, 8, 32}) {
    const auto time = [&](const Layer& l, const char* name) {
      time_family(std::string(name) + " b" + std::to_string(n), depthwise(l), kDepthwiseFamily,
                  n == 1 ? 24 : 10, network_timing());
    };
    const auto mobile = [&](int64_t size, int64_t c, int64_t stride) {
      time({.n = n,
            .h = size,
            .w = size,
            .c = c,
            .stride = stride,
            .act = Activation::kClip,
            .beta = 6},
           ("mobilenet " + std::to_string(size) + " c" + std::to_string(c) + " s" +
            std::to_string(stride))
               .c_str());
    };
    mobile(112, 32, 1);
    mobile(112, 96, 2);
    mobile(56, 144, 1);
    mobile(28, 192, 1);
    mobile(14, 384, 1);
    mobile(14, 576, 2);
    mobile(7, 960, 1);
    time({.n = n, .h = 208, .w = 208, .c = 16, .stride = 2, .act = Activation::kSilu},
         "yolox 208 c16 s2");
    time({.n = n,
          .h = 52,
          .w = 52,
          .c = 64,
          .kernel_h = 5,
          .kernel_w = 5,
          .pad = 2,
          .act = Activation::kSilu},
         "yolox 52 c64 5x5");
  }
}
