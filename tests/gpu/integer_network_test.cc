// A network through the passes that quantise it and through the kernels that are chosen for it.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>

#include "host_builder/builder/pass_list.h"
#include "tests/gpu/support/device.h"
#include "tests/gpu/support/network_run.h"
#include "tests/gpu/support/step_case.h"

using namespace stint;
using namespace stint::test;
using namespace stint::builder;

namespace {

/// Layers in the order of ONNX (N, C, H, W).
class Network {
 public:
  Network() : random_(3) {
    x = graph_.add_value("x", DType::kF32, {2, 3, 24, 24});
    graph_.inputs = {x};
  }

  ValueId conv(ValueId of, int64_t channels, int64_t kernel, int64_t stride, Activation act,
               int64_t groups = 1) {
    const Shape in = graph_.value(of).shape;
    const int64_t pad = kernel / 2;
    ConvAttributes a;
    a.kernel = {kernel, kernel};
    a.strides = {stride, stride};
    a.dilations = {1, 1};
    a.pads_begin = a.pads_end = {pad, pad};
    a.groups = groups;
    a.epilogue.act = act;
    a.epilogue.beta = act == Activation::kClip ? 6.0f : 0.0f;
    const Shape weights = {channels, in[1] / groups, kernel, kernel};
    const double depth = static_cast<double>(weights[1] * kernel * kernel);
    return add(Op::kConv, a,
               {of, constant(weights, 2.5 / std::sqrt(depth)), constant({channels}, 0.3)},
               {in[0], channels, (in[2] + 2 * pad - kernel) / stride + 1,
                (in[3] + 2 * pad - kernel) / stride + 1});
  }
  ValueId sum(ValueId a, ValueId b) {
    return add(Op::kBinary, BinaryAttributes{EltOp::kAdd}, {a, b}, graph_.value(a).shape);
  }
  ValueId pool(ValueId of, PoolKind kind) {
    const Shape in = graph_.value(of).shape;
    PoolAttributes a;
    a.kind = kind;
    a.kernel = {2, 2};
    a.strides = {2, 2};
    a.dilations = {1, 1};
    a.pads_begin = a.pads_end = {0, 0};
    return add(Op::kPool, a, {of}, {in[0], in[1], in[2] / 2, in[3] / 2});
  }
  ValueId joined(ValueId a, ValueId b) {
    Shape shape = graph_.value(a).shape;
    shape[1] += graph_.value(b).shape[1];
    return add(Op::kConcat, AxisAttributes{1}, {a, b}, shape);
  }
  ValueId larger(ValueId of) {
    Shape shape = graph_.value(of).shape;
    ResizeAttributes r;
    r.mode = ResizeMode::kNearest;
    r.scales = {1, 1, 2, 2};
    shape[2] *= 2, shape[3] *= 2;
    return add(Op::kResize, r, {of}, shape);
  }

  Graph finished(ValueId output) {
    graph_.value(output).name = "y";
    graph_.outputs = {output};
    return graph_;
  }

  ValueId x;

 private:
  ValueId add(Op op, Attributes attributes, std::vector<ValueId> inputs, const Shape& shape) {
    const std::string name = "v" + std::to_string(graph_.value_count());
    const ValueId y = graph_.add_value(name, DType::kF32, shape);
    Node node;
    node.name = "n" + name;
    node.op = op;
    node.attributes = std::move(attributes);
    node.inputs = std::move(inputs);
    node.outputs = {y};
    graph_.add_node(std::move(node));
    return y;
  }
  ValueId constant(const Shape& shape, double scale) {
    int64_t count = 1;
    for (const int64_t n : shape) count *= n;
    std::vector<float> data(static_cast<size_t>(count));
    for (float& v : data)
      v = static_cast<float>((static_cast<double>(random_() % 2048) - 1024) / 1024 * scale);
    return graph_.add_constant("c" + std::to_string(graph_.value_count()), DType::kF32, shape,
                               data);
  }
  Graph graph_;
  std::mt19937 random_;
};

Graph network() {
  Network n;
  ValueId v = n.conv(n.x, 16, 3, 2, Activation::kRelu);
  v = n.conv(v, 32, 1, 1, Activation::kRelu);
  v = n.conv(v, 32, 3, 1, Activation::kClip, 32);
  const ValueId trunk = n.conv(v, 24, 1, 1, Activation::kNone);
  v = n.conv(trunk, 48, 3, 1, Activation::kSilu);
  v = n.sum(n.conv(v, 24, 1, 1, Activation::kNone), trunk);
  v = n.joined(n.pool(v, PoolKind::kMax),
               n.pool(n.conv(v, 40, 1, 1, Activation::kRelu), PoolKind::kAverage));
  v = n.larger(n.conv(v, 64, 3, 1, Activation::kHardSwish));
  v = n.conv(v, 32, 3, 1, Activation::kRelu);
  return n.finished(n.conv(v, 10, 1, 1, Activation::kNone));
}

/// The passes before `name`, or those from it on.
std::vector<Pass> passes(const std::string& name, bool before) {
  const std::vector<Pass>& all = all_passes();
  const auto at =
      std::find_if(all.begin(), all.end(), [&](const Pass& p) { return p.name == name; });
  REQUIRE(at != all.end());
  return before ? std::vector<Pass>(all.begin(), at) : std::vector<Pass>(at, all.end());
}

TensorRanges ranges_of(const Graph& graph, const Tensors& inputs) {
  Graph all = graph;
  all.outputs.clear();
  for (ValueId id = 0; id < all.value_count(); ++id)
    if (!all.value(id).is_constant() && (all.producer(id) || id == all.inputs[0]))
      all.outputs.push_back(id);
  TensorRanges ranges;
  for (const auto& [name, tensor] : builder::test::evaluate_reference(all, inputs)) {
    const auto [low, high] = std::minmax_element(tensor.data.begin(), tensor.data.end());
    TensorRange& r = ranges[name];
    r.low = static_cast<float>(*low);
    r.high = static_cast<float>(*high);
    r.threshold = std::max(std::fabs(r.low), std::fabs(r.high));
  }
  return ranges;
}

double relative_l2(const Tensors& a, const Tensors& b) {
  const std::vector<double>&x = a.at("y").data, &y = b.at("y").data;
  double difference = 0, norm = 0;
  for (size_t i = 0; i < x.size(); ++i) {
    difference += (x[i] - y[i]) * (x[i] - y[i]);
    norm += y[i] * y[i];
  }
  return std::sqrt(difference / norm);
}

struct Built {
  Graph graph;
  size_t integer_products = 0, products = 0, casts = 0;
};

Built quantised(const Target& target, bool half) {
  Built built;
  Graph& graph = built.graph = network();
  PassContext context{target};
  context.half = half;
  run_passes(graph, passes("insert-quantisation", true), context, {});
  const TensorRanges ranges = ranges_of(graph, builder::test::random_inputs(graph, 1));
  context.ranges = &ranges;
  context.integers = true;
  run_passes(graph, passes("insert-quantisation", false), context, {});
  for (const NodeId n : graph.order()) {
    const Node& node = graph.node(n);
    if (node.op == Op::kCast) ++built.casts;
    if (node.op != Op::kConv) continue;
    ++built.products;
    if (graph.value(node.inputs[1]).quant) ++built.integer_products;
  }
  return built;
}

}  // namespace

TEST_CASE("a quantised network keeps its integers from layer to layer") {
  for (const char* name : {"sm_90", "orin", "sm_75"}) {
    CAPTURE(name);
    for (const bool half : {false, true}) {
      const Built built = quantised(find_target(name), half);
      CHECK(built.products == 10);
      CHECK(built.integer_products == 9);  // all but the first layer
      CHECK(built.casts == 0);
    }
  }
  // No integers where there are no kernels for them.
  CHECK(quantised(find_target("xavier"), true).integer_products == 0);
}

TEST_CASE("a quantised network's results") {
  if (cannot_check() || std::getenv("STINT_GPU_COMPILE") != nullptr) return;
  const Graph real = network();
  const Tensors inputs = builder::test::random_inputs(real, 1);
  const Tensors expected = builder::test::evaluate_reference(real, inputs);
  std::vector<Target> targets = {test_target()};
  if (on_host()) targets = {find_target("sm_90"), find_target("orin"), find_target("sm_75")};
  for (const Target& target : targets) {
    CAPTURE(target.name);
    const Graph graph = quantised(target, true).graph;
    const NetworkRun run = run_network(graph, target, inputs);
    // 127 steps a value in ten layers.
    CHECK(relative_l2(run.outputs, expected) < 0.05);
  }
}
