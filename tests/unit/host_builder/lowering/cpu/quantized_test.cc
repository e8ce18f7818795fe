// Nodes with 8-bit integers that stand for real numbers: what is made of them, and that it computes
// what the node means.
#include <doctest/doctest.h>

#include <cmath>
#include <random>

#include "host_builder/evaluate/evaluate_graph.h"
#include "host_builder/lowering/candidates.h"
#include "host_builder/support/refusal.h"

using namespace stint;
using namespace stint::builder;

namespace {

/// A physical graph whose precision is decided, made by hand.
class QuantizedGraph {
 public:
  QuantizedGraph() {
    graph.channels_last = true;
    graph.mixed_precision = true;
  }

  ValueId value(const std::string& name, Shape shape, float scale, int32_t zero,
                DType dtype = DType::kU8) {
    const ValueId id = graph.add_value(name, dtype, std::move(shape));
    if (dtype != DType::kF32) graph.value(id).quant = Quantisation{{scale}, -1, {zero}};
    return id;
  }
  ValueId real(const std::string& name, Shape shape) {
    return value(name, std::move(shape), 1, 0, DType::kF32);
  }
  ValueId weights(Shape shape, int axis) {
    int64_t n = 1;
    for (const int64_t e : shape) n *= e;
    std::vector<int8_t> data(static_cast<size_t>(n));
    for (int8_t& w : data) w = static_cast<int8_t>(random());
    const auto channels = static_cast<size_t>(shape[static_cast<size_t>(axis)]);
    const ValueId id =
        graph.add_constant(graph.unique_name("w"), DType::kI8, std::move(shape), data);
    graph.value(id).quant = Quantisation{std::vector<float>(channels, 0.004f), axis, {}};
    return id;
  }
  ValueId node(Op op, Attributes attributes, std::vector<ValueId> inputs, ValueId output) {
    Node n;
    n.name = "makes " + graph.value(output).name;
    n.op = op;
    n.attributes = std::move(attributes);
    n.inputs = std::move(inputs);
    n.outputs = {output};
    graph.add_node(std::move(n));
    return output;
  }

  Graph graph;
  std::mt19937 random{7};
};

ConvAttributes conv(int64_t kernel, int64_t groups, Activation act) {
  const int64_t pad = kernel / 2;
  Epilogue epilogue;
  epilogue.act = act;
  return {{kernel, kernel}, {1, 1}, {1, 1}, {pad, pad}, {pad, pad}, groups, epilogue};
}

/// The numbers that a tensor's integers stand for.
HostTensor reals_of(const Value& value, const HostTensor& t) {
  if (!value.quant) return t;
  const Quantisation& q = *value.quant;
  std::vector<float> reals(t.data.size());
  int64_t inner = 1;
  for (size_t i = t.shape.size(); q.axis >= 0 && i-- > static_cast<size_t>(q.axis) + 1;)
    inner *= t.shape[i];
  for (size_t i = 0; i < reals.size(); ++i) {
    const size_t place = q.axis < 0 ? 0 : i / static_cast<size_t>(inner) % q.scales.size();
    const int32_t zero = q.zero_points.empty() ? 0 : q.zero_points[place];
    const int32_t integer = t.dtype == DType::kI8 ? t.as<int8_t>()[i] : t.as<uint8_t>()[i];
    reals[i] = static_cast<float>(integer - zero) * q.scales[place];
  }
  return HostTensor::of(DType::kF32, t.shape, reals);
}

}  // namespace

TEST_CASE("every node of a quantised graph computes with real numbers and rounds when it stores") {
  QuantizedGraph g;
  Graph& graph = g.graph;
  const ValueId x = g.value("x", {1, 10, 8, 6}, 0.02f, 128);
  graph.inputs = {x};
  const std::vector<float> some_bias = {0.3f, -0.2f, 0.1f, 0, 0, 1, -1, 0.5f};
  const ValueId bias = graph.add_constant("bias", DType::kF32, {8}, some_bias);
  const ValueId a =
      g.node(Op::kConv, conv(3, 1, Activation::kRelu), {x, g.weights({8, 6, 3, 3}, 0), bias},
             g.value("a", {1, 10, 8, 8}, 0.02f, 0));
  const ValueId b = g.node(Op::kConv, conv(3, 8, Activation::kHardSwish),
                           {a, g.weights({8, 1, 3, 3}, 0)}, g.value("b", {1, 10, 8, 8}, 0.01f, 7));
  const ValueId c =
      g.node(Op::kConv, conv(1, 1, Activation::kNone), {b, g.weights({8, 8, 1, 1}, 0), kNoValue, a},
             g.value("c", {1, 10, 8, 8}, 0.03f, 128));
  PoolAttributes pool;
  pool.kernel = pool.strides = {2, 2};
  pool.dilations = {1, 1};
  pool.pads_begin = pool.pads_end = {0, 0};
  const ValueId d = g.node(Op::kPool, pool, {c}, g.value("d", {1, 5, 4, 8}, 0.03f, 128));
  pool.kind = PoolKind::kAverage;
  const ValueId e = g.node(Op::kPool, pool, {c}, g.value("e", {1, 5, 4, 8}, 0.03f, 128));
  const ValueId f =
      g.node(Op::kConcat, AxisAttributes{3}, {d, e}, g.value("f", {1, 5, 4, 16}, 0.03f, 128));
  PadAttributes pad;
  pad.begin = {0, 1, 0, 0};
  pad.end = {0, 0, 2, 0};
  pad.value = -0.5;
  const ValueId h = g.node(Op::kPad, pad, {f}, g.value("h", {1, 6, 6, 16}, 0.03f, 128));
  ResizeAttributes resize;
  resize.mode = ResizeMode::kLinear;
  resize.scales = {1, 2, 2, 1};
  const ValueId i = g.node(Op::kResize, resize, {h}, g.value("i", {1, 12, 12, 16}, 0.03f, 128));
  const ValueId j = g.node(Op::kUnary, UnaryAttributes{EltOp::kSilu}, {i},
                           g.value("j", {1, 12, 12, 16}, 0.02f, -100, DType::kI8));
  const ValueId k = g.node(Op::kBinary, BinaryAttributes{EltOp::kMul}, {j, i},
                           g.value("k", {1, 12, 12, 16}, 0.04f, 20));
  SliceAttributes slice;
  slice.starts = {0, 2, 1, 3};
  slice.steps = {1, 3, 2, 1};
  const ValueId l = g.node(Op::kSlice, slice, {k}, g.value("l", {1, 3, 4, 10}, 0.04f, 20));
  const ValueId m = g.node(Op::kReshape, {}, {l}, g.value("m", {3, 40}, 0.04f, 20));
  const ValueId n = g.node(Op::kMatMul, MatMulAttributes{}, {m, g.weights({40, 9}, 1)},
                           g.value("n", {3, 9}, 0.05f, 128));
  const ValueId o =
      g.node(Op::kTranspose, TransposeAttributes{{1, 0}}, {n}, g.value("o", {9, 3}, 0.05f, 128));
  const ValueId p = g.node(Op::kCast, {}, {o}, g.real("p", {9, 3}));
  const ValueId q = g.node(Op::kCast, {}, {p}, g.value("q", {9, 3}, 0.1f, 0, DType::kI8));
  graph.outputs = {p, q};
  verify(graph);

  std::vector<uint8_t> pixels(static_cast<size_t>(graph.value(x).elements()));
  for (uint8_t& v : pixels) v = static_cast<uint8_t>(g.random());
  std::map<ValueId, HostTensor> seen;
  seen[x] = HostTensor::of(DType::kU8, graph.value(x).shape, pixels);
  evaluate_graph(graph, {{"x", seen.at(x)}},
                 [&](ValueId id, const HostTensor& t) { seen[id] = t; });

  for (const NodeId id : graph.order()) {
    const Node& node = graph.node(id);
    INFO(node.name);
    // The same node on the numbers, f32 throughout.
    Graph real;
    real.channels_last = true;
    Node same = node;
    std::vector<HostTensor> operands;
    operands.reserve(node.inputs.size());
    std::vector<const HostTensor*> pointers;
    for (ValueId& input : same.inputs) {
      pointers.push_back(nullptr);
      if (input == kNoValue) continue;
      const Value& value = graph.value(input);
      operands.push_back(reals_of(value, value.constant
                                             ? HostTensor{value.dtype, value.shape, *value.constant}
                                             : seen.at(input)));
      pointers.back() = &operands.back();
      input = real.add_value("input " + std::to_string(pointers.size()), DType::kF32, value.shape);
    }
    const Value& y = graph.value(node.outputs[0]);
    same.outputs = {real.add_value("output", DType::kF32, y.shape)};
    const HostTensor right = evaluate_node(real, same, pointers)[0];
    const HostTensor stored = reals_of(y, seen.at(node.outputs[0]));
    const float scale = y.quant ? y.quant->scales[0] : 0;
    const int32_t zero = y.quant ? y.quant->zero_points[0] : 0;
    const float lowest = static_cast<float>((y.dtype == DType::kI8 ? -128 : 0) - zero) * scale;
    float worst = 0;
    for (size_t at = 0; at < static_cast<size_t>(y.elements()); ++at) {
      float expected = right.as<float>()[at];
      if (y.quant) expected = std::fmin(std::fmax(expected, lowest), lowest + 255 * scale);
      worst = std::fmax(worst, std::fabs(expected - stored.as<float>()[at]));
    }
    CHECK(worst <= 0.5005f * scale + 1e-5f);
  }
}

TEST_CASE("quantised nodes become steps of kernels on 8-bit integers") {
  QuantizedGraph g;
  Graph& graph = g.graph;
  const ValueId x = g.value("x", {1, 8, 8, 32}, 0.02f, 128);
  const auto kernel_of = [&](ValueId made) {
    return lower_for_cpu(graph, graph.node(*graph.producer(made))).kernel.value();
  };
  const auto y = [&](const char* name, float scale = 0.02f) {
    return g.value(name, {1, 8, 8, 32}, scale, 128);
  };
  CHECK(kernel_of(g.node(Op::kConv, conv(3, 1, Activation::kNone),
                         {x, g.weights({32, 32, 3, 3}, 0)}, y("conv"))) ==
        KernelId::kQuantizedConv);
  CHECK(kernel_of(g.node(Op::kConv, conv(3, 32, Activation::kNone),
                         {x, g.weights({32, 1, 3, 3}, 0)}, y("depthwise"))) ==
        KernelId::kQuantizedConvDepthwise);
  CHECK(kernel_of(g.node(Op::kMatMul, MatMulAttributes{}, {x, g.weights({32, 32}, 1)},
                         y("product"))) == KernelId::kQuantizedMatMul);
  CHECK(kernel_of(g.node(Op::kUnary, UnaryAttributes{EltOp::kTanh}, {x}, y("tanh"))) ==
        KernelId::kQuantizedPointwise);
  CHECK(kernel_of(g.node(Op::kBinary, BinaryAttributes{EltOp::kAdd}, {x, x}, y("sum", 0.04f))) ==
        KernelId::kQuantizedPointwise);
  CHECK(kernel_of(g.node(Op::kCast, {}, {x}, y("cast", 0.04f))) == KernelId::kRequantize);
  CHECK(kernel_of(g.node(Op::kReshape, {}, {x}, g.value("flat", {1, 2048}, 0.02f, 128))) ==
        KernelId::kCopy);
  // i8 activations, weights with another axis or with zero points, and weights that are unknown.
  const ValueId signed_x = g.value("signed", {1, 8, 8, 32}, 0.02f, 0, DType::kI8);
  const ValueId wrong_axis = g.weights({32, 32, 3, 3}, 1), shifted = g.weights({32, 32, 3, 3}, 0);
  graph.value(shifted).quant->zero_points.assign(32, 1);
  const ValueId unknown = g.value("unknown", {32, 32, 3, 3}, 0.02f, 0, DType::kI8);
  const ValueId w = g.weights({32, 32, 3, 3}, 0);
  int made = 0;
  for (const auto& [from, weights] : {std::pair{signed_x, w}, std::pair{x, wrong_axis},
                                      std::pair{x, shifted}, std::pair{x, unknown}}) {
    const ValueId out = g.node(Op::kConv, conv(3, 1, Activation::kNone), {from, weights},
                               y(("refused " + std::to_string(++made)).c_str()));
    CHECK_THROWS_AS(kernel_of(out), Refusal);
  }
}
