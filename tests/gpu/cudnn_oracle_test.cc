// Every family that takes a convolution, pooling or softmax of a real network, beside cuDNN: layer
// sizes at which the double reference would take minutes.
#include <doctest/doctest.h>

#include <cstring>

#include "host_builder/lowering/cuda/families.h"
#include "tests/gpu/support/conv_cases.h"
#include "tests/gpu/support/cudnn.h"

using namespace stint;
using namespace stint::test;
using builder::ConvAttributes;
using builder::Family;
using builder::Graph;
using builder::PoolAttributes;
using builder::PoolKind;
using builder::Shape;
using builder::Value;
using builder::ValueId;

namespace {

constexpr size_t kTactics = 3;  // a family's best; all of them run in the family's own tests

Extent4 extent_of(const Shape& s) {  // channels last
  return {static_cast<int>(s[0]), static_cast<int>(s[3]), static_cast<int>(s[1]),
          static_cast<int>(s[2])};
}

std::vector<float> to_nchw(const std::vector<double>& values, const Extent4& e) {
  std::vector<float> result(e.elements());
  size_t i = 0;
  for (int n = 0; n < e.n; ++n)
    for (int p = 0; p < e.h * e.w; ++p)
      for (int c = 0; c < e.c; ++c)
        result[(static_cast<size_t>(n) * e.c + c) * e.h * e.w + p] =
            static_cast<float>(values[i++]);
  return result;
}

std::vector<double> to_nhwc(const std::vector<float>& values, const Extent4& e) {
  std::vector<double> result;
  result.reserve(e.elements());
  for (int n = 0; n < e.n; ++n)
    for (int p = 0; p < e.h * e.w; ++p)
      for (int c = 0; c < e.c; ++c)
        result.push_back(values[(static_cast<size_t>(n) * e.c + c) * e.h * e.w + p]);
  return result;
}

std::vector<float> constant_values(const Value& v) {
  std::vector<float> values(static_cast<size_t>(v.elements()));
  std::memcpy(values.data(), v.constant->data(), values.size() * sizeof(float));
  return values;
}

template <typename A>
CudnnWindow window_of(const A& a) {
  CudnnWindow t;
  t.kernel_h = static_cast<int>(a.kernel[0]), t.kernel_w = static_cast<int>(a.kernel[1]);
  t.stride_h = static_cast<int>(a.strides[0]), t.stride_w = static_cast<int>(a.strides[1]);
  t.pad_h = static_cast<int>(a.pads_begin[0]), t.pad_w = static_cast<int>(a.pads_begin[1]);
  t.dilation_h = static_cast<int>(a.dilations[0]), t.dilation_w = static_cast<int>(a.dilations[1]);
  return t;
}

/// Bias and ReLU on top of cuDNN's sums.
Tensor conv_by_cudnn(Cudnn& cudnn, const StepCase& c) {
  const Value &x = c.graph.value(c.node.inputs[0]), &w = c.graph.value(c.node.inputs[1]),
              &y = c.graph.value(c.node.outputs[0]);
  const auto& a = c.node.as<ConvAttributes>();
  const Extent4 in = extent_of(x.shape), out = extent_of(y.shape);
  Tensor result = {
      y.shape,
      to_nhwc(cudnn.convolution(to_nchw(c.values(c.node.inputs[0]), in), in, constant_values(w),
                                out.c, static_cast<int>(a.groups), window_of(a), out),
              out)};
  const bool biased = c.node.inputs.size() > 2;
  const auto bias =
      biased ? constant_values(c.graph.value(c.node.inputs[2])) : std::vector<float>();
  for (size_t i = 0; i < result.data.size(); ++i) {
    double& v = result.data[i];
    if (biased) v += bias[i % bias.size()];
    if (a.epilogue.act == Activation::kRelu) v = std::max(v, 0.0);
  }
  return result;
}

/// Checks every family that takes the node; at least one must.
void check_families(StepCase c, Tensor expected) {
  c.expected = Tensors{{c.graph.value(c.node.outputs[0]).name, std::move(expected)}};
  const Graph graph = c.complete();
  const builder::Target target = test_target();
  size_t taken = 0;
  for (const Family* family : builder::cuda_families()) {
    if (family->tactics(graph, graph.node(graph.order().back()), target).empty()) continue;
    check_family(c, *family, {}, nullptr, kTactics);
    ++taken;
  }
  CHECK(taken > 0);
}

StepCase pool_case(const Shape& shape, PoolKind kind, int64_t kernel, int64_t stride, int64_t pad,
                   bool count_pad = false, DType type = DType::kF16) {
  StepCase c(5);
  PoolAttributes a;
  a.kind = kind;
  a.kernel = {kernel, kernel};
  a.strides = {stride, stride};
  a.dilations = {1, 1};
  a.pads_begin = a.pads_end = {pad, pad};
  a.count_include_pad = count_pad;
  const auto extent = [&](int64_t in) { return (in + 2 * pad - kernel) / stride + 1; };
  c.node.op = builder::Op::kPool;
  c.node.attributes = a;
  c.node.inputs = {c.input("x", type, shape)};
  c.node.outputs = {c.output("y", type, {shape[0], extent(shape[1]), extent(shape[2]), shape[3]})};
  return c;
}

}  // namespace

TEST_CASE("the oracle agrees with the definition") {
  Cudnn* cudnn = Cudnn::open();
  if (cudnn == nullptr) return;
  const StepCase c = conv_case({.n = 2, .h = 7, .w = 9, .c = 6, .o = 4, .stride = 2, .groups = 2});
  const Tensors expected = builder::test::evaluate_reference(c.complete(), c.inputs());
  CHECK(builder::test::difference({{"y", conv_by_cudnn(*cudnn, c)}}, expected) < 1e-5);
}

TEST_CASE("convolutions of ResNet-50, MobileNetV2 and SqueezeNet agree with cuDNN") {
  Cudnn* cudnn = Cudnn::open();
  if (cudnn == nullptr) return;
  const std::vector<ConvCase> layers = {
      {.h = 224, .w = 224, .c = 3, .o = 64, .k = 7, .stride = 2, .pad = 3, .x = DType::kF32},
      {.h = 56, .w = 56, .c = 64, .o = 64},
      {.n = 8, .h = 56, .w = 56, .c = 64, .o = 256, .k = 1, .pad = 0},
      {.h = 56,
       .w = 56,
       .c = 256,
       .o = 512,
       .k = 1,
       .stride = 2,
       .pad = 0,
       .act = Activation::kNone},
      {.h = 14, .w = 14, .c = 256, .o = 256},
      {.n = 8, .h = 7, .w = 7, .c = 512, .o = 512},
      {.h = 7, .w = 7, .c = 2048, .o = 512, .k = 1, .pad = 0},
      {.h = 7, .w = 7, .c = 512, .o = 512, .y = DType::kF32},
      {.h = 112, .w = 112, .c = 32, .o = 32, .groups = 32},
      {.n = 2, .h = 56, .w = 56, .c = 144, .o = 144, .stride = 2, .groups = 144},
      {.h = 7, .w = 7, .c = 960, .o = 960, .groups = 960},
      {.h = 55, .w = 55, .c = 64, .o = 16, .k = 1, .pad = 0},
      {.h = 13, .w = 13, .c = 64, .o = 256, .bias = false},
      {.h = 33, .w = 33, .c = 96, .o = 96, .pad = 6, .dilation = 6, .groups = 96},
  };
  for (const ConvCase& layer : layers) {
    CAPTURE(layer.h);
    CAPTURE(layer.c);
    CAPTURE(layer.o);
    CAPTURE(layer.k);
    CAPTURE(layer.groups);
    const StepCase c = conv_case(layer);
    check_families(c, conv_by_cudnn(*cudnn, c));
  }
}

TEST_CASE("poolings of real networks agree with cuDNN") {
  Cudnn* cudnn = Cudnn::open();
  if (cudnn == nullptr) return;
  const std::vector<StepCase> cases = {
      pool_case({2, 112, 112, 64}, PoolKind::kMax, 3, 2, 1),
      pool_case({1, 27, 27, 256}, PoolKind::kMax, 3, 2, 0),
      pool_case({1, 13, 13, 256}, PoolKind::kMax, 13, 1, 6),
      pool_case({1, 28, 28, 30}, PoolKind::kMax, 3, 1, 1, false, DType::kF32),
      pool_case({4, 7, 7, 2048}, PoolKind::kAverage, 7, 1, 0),
      pool_case({1, 13, 13, 1000}, PoolKind::kAverage, 13, 1, 0, false, DType::kF32),
      pool_case({1, 14, 14, 512}, PoolKind::kAverage, 3, 1, 1),
      pool_case({1, 14, 14, 512}, PoolKind::kAverage, 3, 2, 1, true),
  };
  for (const StepCase& c : cases) {
    const Shape &x = c.graph.value(c.node.inputs[0]).shape,
                &y = c.graph.value(c.node.outputs[0]).shape;
    const auto& a = c.node.as<PoolAttributes>();
    CAPTURE(x[1]);
    CAPTURE(x[3]);
    CAPTURE(a.kernel[0]);
    const CudnnPool kind = a.kind == PoolKind::kMax ? CudnnPool::kMax
                           : a.count_include_pad    ? CudnnPool::kAverageWithPadding
                                                    : CudnnPool::kAverage;
    const Extent4 in = extent_of(x), out = extent_of(y);
    check_families(c, {y, to_nhwc(cudnn->pool(to_nchw(c.values(c.node.inputs[0]), in), in, kind,
                                              window_of(a), out),
                                  out)});
  }
}

TEST_CASE("softmax over classes agrees with cuDNN") {
  Cudnn* cudnn = Cudnn::open();
  if (cudnn == nullptr) return;
  for (const Shape& shape : {Shape{1, 1000}, Shape{32, 1000}, Shape{4410, 2}, Shape{197, 197}})
    for (const bool log : {false, true}) {
      CAPTURE(shape[0]);
      CAPTURE(shape[1]);
      CAPTURE(log);
      StepCase c(3);
      c.node.op = builder::Op::kSoftmax;
      c.node.attributes = builder::SoftmaxAttributes{-1, log};
      c.node.inputs = {c.input("x", DType::kF16, shape)};
      c.node.outputs = {c.output("y", DType::kF32, shape)};
      const std::vector<double>& values = c.values(c.node.inputs[0]);
      const Extent4 extent = {static_cast<int>(shape[0]), static_cast<int>(shape[1]), 1, 1};
      const std::vector<float> y = cudnn->softmax({values.begin(), values.end()}, extent, log);
      check_families(c, {shape, {y.begin(), y.end()}});
    }
}
