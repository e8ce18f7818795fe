#include <doctest/doctest.h>

#include "host_builder/lowering/cuda/families.h"
#include "tests/gpu/support/tactic_timing.h"

using namespace stint;
using namespace stint::test;
using namespace stint::builder;

namespace {

struct Layer {
  int64_t n = 1, h = 13, w = 15, c = 16, kernel_h = 3, kernel_w = 3, stride = 2, dilation = 1,
          pad = 1, pad_end = 1;
  bool max = true, ceil = false, counts_padding = false;
  DType x = DType::kF16, y = DType::kF16;
  Placement in = {}, out = {};
};

StepCase pool(const Layer& l) {
  StepCase c;
  const auto extent = [&](int64_t in, int64_t kernel) {
    const int64_t room = in + l.pad + l.pad_end - (kernel - 1) * l.dilation - 1;
    return (l.ceil ? (room + l.stride - 1) / l.stride : room / l.stride) + 1;
  };
  c.node.op = Op::kPool;
  PoolAttributes a;
  a.kind = l.max ? PoolKind::kMax : PoolKind::kAverage;
  a.kernel = {l.kernel_h, l.kernel_w};
  a.strides = {l.stride, l.stride};
  a.dilations = {l.dilation, l.dilation};
  a.pads_begin = {l.pad, l.pad};
  a.pads_end = {l.pad_end, l.pad_end};
  a.count_include_pad = l.counts_padding;
  c.node.attributes = a;
  c.node.inputs = {c.input("x", l.x, {l.n, l.h, l.w, l.c}, l.in)};
  c.node.outputs = {
      c.output("y", l.y, {l.n, extent(l.h, l.kernel_h), extent(l.w, l.kernel_w), l.c}, l.out)};
  return c;
}

void check(const Layer& l) {
  const StepCase c = pool(l);
  check_family(c, kPoolFamily);
  if (l.kernel_h * l.kernel_w >= 16) check_family(c, kPlanePoolFamily);
}

}  // namespace

TEST_CASE("pooling: windows, ceil_mode, padding, dilation") {
  if (cannot_check()) return;
  for (const bool max : {true, false}) {
    check({.max = max});
    check({.n = 3,
           .h = 12,
           .w = 12,
           .c = 24,
           .kernel_h = 2,
           .kernel_w = 2,
           .pad = 0,
           .pad_end = 0,
           .max = max});
    check({.h = 14, .w = 14, .pad = 0, .pad_end = 0, .max = max, .ceil = true});
    check({.c = 8, .stride = 1, .max = max});
    check({.h = 20, .w = 17, .c = 8, .stride = 1, .dilation = 2, .max = max});
    check({.h = 20,
           .w = 20,
           .c = 8,
           .kernel_h = 13,
           .kernel_w = 13,
           .stride = 1,
           .pad = 6,
           .pad_end = 6,
           .max = max});
    check({.h = 40,
           .w = 50,
           .c = 4,
           .kernel_h = 1,
           .kernel_w = 20,
           .stride = 3,
           .pad = 0,
           .pad_end = 0,
           .max = max});
  }
  check({.max = false, .counts_padding = true});
  check({.n = 2,
         .h = 19,
         .w = 16,
         .c = 11,
         .kernel_h = 5,
         .kernel_w = 7,
         .stride = 2,
         .pad = 2,
         .pad_end = 3,
         .max = false,
         .ceil = true,
         .counts_padding = true,
         .x = DType::kF32,
         .in = {.inner = 5, .offset = 3},
         .out = {.inner = 2, .outer = 4}});
  check({.h = 14, .w = 14, .pad_end = 1, .max = false, .ceil = true, .counts_padding = true});
}

TEST_CASE("pooling: odd channels, types, views") {
  if (cannot_check()) return;
  check({.c = 7});
  check({.c = 10, .max = false, .y = DType::kF32});
  check({.c = 12, .x = DType::kF32});
  check({.c = 16, .max = false, .x = DType::kF32, .y = DType::kF32});
  check({.in = {.inner = 8, .offset = 24}, .out = {.inner = 8, .offset = 8}});
  check({.in = {.inner = 2, .offset = 2}, .out = {.inner = 3, .outer = 1}});
}

TEST_CASE("timing: pooling in ResNet, GoogLeNet, SqueezeNet and YOLOX") {
  if (!timing_wanted()) return;
  for (const int64_t n : {1, 8, 32}) {
    const auto time = [&](const char* name, const Layer& l) {
      time_family(std::string(name) + " b" + std::to_string(n), pool(l), kPoolFamily, 12,
                  network_timing());
    };
    time("resnet 112 c64", {.n = n, .h = 112, .w = 112, .c = 64});
    time("googlenet 28 c192 s1", {.n = n, .h = 28, .w = 28, .c = 192, .stride = 1});
    time("squeezenet 55 c128", {.n = n, .h = 55, .w = 55, .c = 128, .pad = 0, .pad_end = 0});
    for (const int64_t k : {5, 9, 13}) {
      const Layer spp = {.n = n,
                         .h = 13,
                         .w = 13,
                         .c = 128,
                         .kernel_h = k,
                         .kernel_w = k,
                         .stride = 1,
                         .pad = k / 2,
                         .pad_end = k / 2};
      const std::string name = "yolox 13 c128 k" + std::to_string(k);
      time(name.c_str(), spp);
      time_family(name + " b" + std::to_string(n), pool(spp), kPlanePoolFamily, 12,
                  network_timing());
    }
  }
}
