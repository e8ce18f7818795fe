#include <doctest/doctest.h>

#include "host_builder/lowering/cuda/families.h"
#include "tests/gpu/support/tactic_timing.h"

using namespace stint;
using namespace stint::test;
using namespace stint::builder;

namespace {

struct Layer {
  int64_t n = 1, h = 21, w = 30, in = 3, out = 16, kernel_h = 3, kernel_w = 3, stride = 2, pad = 1;
  DType x = DType::kF32, y = DType::kF16;
  bool planes = true;  // the image is NCHW, read through strides
  Placement out_placement = {};
  bool bias = true;
  int residual = 0;  // 1: before the activation, 2: after it
  Activation act = Activation::kRelu;
};

StepCase first_layer(const Layer& l) {
  StepCase c;
  const auto extent = [&](int64_t size, int64_t kernel) {
    return (size + 2 * l.pad - kernel) / l.stride + 1;
  };
  const Shape out = {l.n, extent(l.h, l.kernel_h), extent(l.w, l.kernel_w), l.out};
  ValueId x;
  if (l.planes) {
    const auto image = c.input("image", l.x, {l.n, l.in, l.h, l.w});
    Value v;
    v.name = "x";
    v.dtype = l.x;
    v.shape = {l.n, l.h, l.w, l.in};
    v.strides = {l.in * l.h * l.w, l.w, 1, l.h * l.w};
    v.view = View{image, 0};
    x = c.graph.add_value(std::move(v));
  } else {
    x = c.input("x", l.x, {l.n, l.h, l.w, l.in});
  }
  const auto w = c.constant("w", {l.out, l.in, l.kernel_h, l.kernel_w});
  c.node.op = Op::kConv;
  ConvAttributes a;
  a.kernel = {l.kernel_h, l.kernel_w};
  a.strides = {l.stride, l.stride};
  a.dilations = {1, 1};
  a.pads_begin = a.pads_end = {l.pad, l.pad};
  a.epilogue = {l.act, 0.1f, 0, l.residual == 2};
  c.node.attributes = a;
  c.node.inputs = {x, w, l.bias ? c.constant("b", {l.out}) : kNoValue,
                   l.residual ? c.input("r", l.y, out, l.out_placement) : kNoValue};
  c.node.outputs = {c.output("y", l.y, out, l.out_placement)};
  return c;
}

void check(const Layer& l) { check_family(first_layer(l), kFirstLayerFamily); }

}  // namespace

TEST_CASE("first layer: windows of networks in use") {
  if (cannot_check()) return;
  check({});
  check({.n = 2, .h = 45, .w = 47, .out = 64, .kernel_h = 7, .kernel_w = 7, .pad = 3});
  check({.h = 40,
         .w = 40,
         .out = 16,
         .kernel_h = 6,
         .kernel_w = 6,
         .pad = 2,
         .act = Activation::kSilu});
  check({.h = 35, .w = 37, .out = 32, .stride = 1});
  check({.h = 63, .w = 63, .out = 96, .kernel_h = 11, .kernel_w = 11, .stride = 4, .pad = 2});
  check({.h = 33, .w = 31, .out = 48, .kernel_h = 5, .kernel_w = 3, .stride = 2, .pad = 1});
}

TEST_CASE("first layer: channels, types, layouts, views, epilogues") {
  if (cannot_check()) return;
  check({.in = 1, .out = 8, .kernel_h = 5, .kernel_w = 5, .stride = 1, .pad = 2});
  check({.in = 1, .out = 10, .stride = 2});
  check({.in = 2, .out = 17, .planes = false});
  check({.in = 4, .out = 24, .x = DType::kF16, .planes = false});
  check({.in = 3, .out = 24, .x = DType::kF16, .planes = true});
  check({.in = 3, .out = 80, .x = DType::kF16, .y = DType::kF32, .planes = false});
  check({.out = 32, .planes = false, .out_placement = {.inner = 8, .offset = 16}});
  check({.out = 32, .out_placement = {.inner = 3, .outer = 5, .offset = 1}, .bias = false});
  check({.out = 32, .residual = 1, .act = Activation::kLeakyRelu});
  check({.out = 16, .residual = 2, .act = Activation::kNone});
}

TEST_CASE("first layer: lines read by vectors, several tiles a block") {
  if (cannot_check()) return;
  check({.n = 3, .h = 90, .w = 96, .out = 16, .stride = 1});
  check({.h = 63, .w = 64, .out = 16, .kernel_h = 11, .kernel_w = 11, .stride = 4, .pad = 2});
  check({.n = 2, .h = 24, .w = 32, .x = DType::kF16});
  check({.h = 24, .w = 36, .kernel_h = 5, .kernel_w = 5, .pad = 2, .x = DType::kF16});
  check({.h = 24, .w = 32, .planes = false});
  check({.h = 24, .w = 32, .in = 4, .stride = 1, .x = DType::kF16, .planes = false});
  check({.h = 24, .w = 48, .in = 1, .kernel_h = 5, .kernel_w = 5, .stride = 1, .pad = 2});
}

TEST_CASE("first layer: f32 plans are left to families with f32 products") {
  const StepCase c = first_layer({.y = DType::kF32});
  const Graph graph = c.complete();
  CHECK(kFirstLayerFamily.tactics(graph, graph.node(graph.order().back()), find_target("sm_90"))
            .empty());
}

TEST_CASE("timing: first layers") {
  if (!timing_wanted()) return;
  for (const int64_t n : {1, 8, 32}) {
    const auto time = [&](const char* name, const Layer& l) {
      time_family(std::string(name) + " b" + std::to_string(n), first_layer(l), kFirstLayerFamily,
                  16, network_timing());
    };
    time("resnet, googlenet",
         {.n = n, .h = 224, .w = 224, .out = 64, .kernel_h = 7, .kernel_w = 7, .pad = 3});
    time("mobilenet", {.n = n, .h = 224, .w = 224, .out = 32});
    time("squeezenet", {.n = n, .h = 224, .w = 224, .out = 64, .pad = 0});
    time("yolox-nano", {.n = n,
                        .h = 416,
                        .w = 416,
                        .out = 16,
                        .kernel_h = 6,
                        .kernel_w = 6,
                        .pad = 2,
                        .act = Activation::kSilu});
  }
}
