#include "host_builder/lowering/cuda/passes/upsample_as_addressing.h"

#include <doctest/doctest.h>

#include <optional>
#include <random>

#include "host_builder/graph/shape.h"
#include "host_builder/lowering/candidates.h"
#include "host_builder/passes/passes.h"
#include "host_builder/support/error.h"
#include "tests/support/pass_context.h"
#include "tests/support/reference_evaluator.h"

using namespace stint;
using namespace stint::builder;
using namespace stint::builder::test;

namespace {

enum class Second { kNone, kConv, kConcat };

struct Options {
  int64_t rows = 2, columns = 2;
  bool joined = true;             // the upsampled value is a part of a concatenation
  Second second = Second::kNone;  // who else reads the convolution's result
  bool residual = false;
  int64_t groups = 1;
  ResizeAttributes resize = {};
};

/// x -> conv "lateral" -> resize -> (concat with `skip`) -> conv "reader" -> y.
struct Neck {
  Graph graph;
  ValueId lateral = kNoValue, upsampled = kNoValue;

  explicit Neck(const Options& o, uint32_t seed = 1) : random_(seed) {
    Graph& g = graph;
    g.channels_last = true;
    const int64_t n = 1 + extent(2), h = extent(6), w = extent(6);
    const int64_t channels = 8 * extent(6);
    const ValueId x = g.add_value("x", DType::kF32, {n, h, w, 16});
    g.inputs = {x};
    ValueId residual = kNoValue;
    if (o.residual) {
      residual = g.add_value("residual", DType::kF32, {n, h, w, channels});
      g.inputs.push_back(residual);
    }
    lateral = conv("lateral", x, channels, o.groups == 1 ? 1 : 3, o.groups, residual);
    const Shape wide = {n, h * o.rows, w * o.columns, channels};
    upsampled = g.add_value("upsampled", DType::kF32, wide);
    Node resize;
    resize.name = "resize";
    resize.op = Op::kResize;
    resize.attributes = o.resize;
    resize.as<ResizeAttributes>().scales = {1, static_cast<float>(o.rows),
                                            static_cast<float>(o.columns), 1};
    resize.inputs = {lateral};
    resize.outputs = {upsampled};
    g.add_node(std::move(resize));
    ValueId read = upsampled;
    if (o.joined) {
      const ValueId skip = g.add_value("skip", DType::kF32, {n, wide[1], wide[2], 24});
      g.inputs.push_back(skip);
      read = concat("joined", {conv("skip_conv", skip, 8, 1), upsampled});
    }
    g.outputs = {conv("reader", read, 16, 1)};
    if (o.second == Second::kConv) g.outputs.push_back(conv("second", lateral, 8, 3));
    if (o.second == Second::kConcat) {
      const ValueId other = conv("other", x, 16, 3);
      g.outputs.push_back(conv("second", concat("pan", {other, lateral}), 8, 1));
    }
  }

  size_t resizes() const {
    size_t count = 0;
    for (const NodeId n : graph.order()) count += graph.node(n).op == Op::kResize;
    return count;
  }

 private:
  int64_t extent(int64_t most) { return 1 + static_cast<int64_t>(random_() % most); }

  ValueId conv(const std::string& name, ValueId x, int64_t channels, int64_t kernel,
               int64_t groups = 1, ValueId residual = kNoValue) {
    const Shape in = graph.value(x).shape;
    const Shape shape = {channels, in[3] / groups, kernel, kernel};
    std::vector<float> weights(static_cast<size_t>(*checked_elements(shape)));
    for (float& v : weights) v = static_cast<float>(random_() % 64) / 64.0f - 0.5f;
    Node node;
    node.name = name;
    node.op = Op::kConv;
    ConvAttributes a;
    a.kernel = {kernel, kernel};
    a.strides = a.dilations = {1, 1};
    a.pads_begin = a.pads_end = {kernel / 2, kernel / 2};
    a.groups = groups;
    a.epilogue.act = Activation::kSilu;
    node.attributes = a;
    node.inputs = {x, graph.add_constant(name + "_w", DType::kF32, shape, weights)};
    if (residual != kNoValue) node.inputs.insert(node.inputs.end(), {kNoValue, residual});
    node.outputs = {graph.add_value(name + "_y", DType::kF32, {in[0], in[1], in[2], channels})};
    const ValueId y = node.outputs[0];
    graph.add_node(std::move(node));
    return y;
  }

  ValueId concat(const std::string& name, const std::vector<ValueId>& parts) {
    Shape shape = graph.value(parts[0]).shape;
    shape[3] = 0;
    for (const ValueId part : parts) shape[3] += graph.value(part).shape[3];
    Node node;
    node.name = name;
    node.op = Op::kConcat;
    node.attributes = AxisAttributes{3};
    node.inputs = parts;
    node.outputs = {graph.add_value(name + "_y", DType::kF32, shape)};
    const ValueId y = node.outputs[0];
    graph.add_node(std::move(node));
    return y;
  }

  std::mt19937 random_;
};

ResizeAttributes asymmetric() {
  ResizeAttributes a;
  a.coordinate = CoordinateMode::kAsymmetric;
  a.nearest = NearestMode::kFloor;
  return a;
}

const Node& producer_of(const Graph& graph, ValueId id) {
  const auto n = graph.producer(id);
  REQUIRE(n);
  return graph.node(*n);
}

}  // namespace

TEST_CASE("an upsampled result is written by the convolution, whoever else reads it") {
  uint32_t seed = 0;
  for (const auto& [rows, columns] : {std::pair(2, 2), std::pair(3, 3), std::pair(2, 1)})
    for (const Second second : {Second::kNone, Second::kConv, Second::kConcat})
      for (const bool joined : {true, false})
        for (const bool residual : {true, false}) {
          CAPTURE(++seed);
          Neck neck({rows, columns, joined, second, residual, 1, asymmetric()}, seed);
          Graph& g = neck.graph;
          kAliasPass.run(g, on_cpu());
          const Tensors inputs = random_inputs(g, seed);
          const Tensors before = evaluate_reference(g, inputs);
          const size_t nodes = g.live_node_count();
          CHECK(kUpsampleAsAddressingPass.run(g, {find_target("sm_90")}) == 1);
          CHECK(g.live_node_count() == nodes - 1);
          CHECK_NOTHROW(verify(g));
          CHECK(difference(before, evaluate_reference(g, inputs)) == 0);
          const Node& conv = producer_of(g, neck.upsampled);
          CHECK(conv.outputs == std::vector<ValueId>{neck.lateral, neck.upsampled});
          CHECK(conv.fused == std::vector<std::string>{"resize"});
          // What nobody else reads is not stored: one output of the step is left.
          const bool alone = second == Second::kNone;
          const auto best = candidates_for(g, conv, find_target("sm_90")).front();
          const StepSpec step = lower_candidate(g, conv, find_target("sm_90"), best);
          CHECK(step.outputs == (alone ? std::vector<ValueId>{neck.upsampled} : conv.outputs));
          CHECK(step.in_place.size() == (residual && !alone ? 1u : 0u));
        }
}

TEST_CASE("in FP16 plans tensor cores write the upsampled result") {
  for (const char* name : {"sm_90", "orin", "thor", "sm_75", "xavier"}) {
    CAPTURE(name);
    Neck neck({2, 2, true, Second::kConcat, false, 1, asymmetric()});
    kAliasPass.run(neck.graph, on_cpu());
    kAssignPrecisionPass.run(neck.graph, on_cpu());
    const Target& target = find_target(name);
    CHECK(kUpsampleAsAddressingPass.run(neck.graph, {target}) == 1);
    const Node& conv = producer_of(neck.graph, neck.upsampled);
    const std::string best = candidates_for(neck.graph, conv, target).front().tactic.id;
    CHECK(best.substr(0, 5) == "conv_");
  }
}

TEST_CASE("the network's outputs may be what is upsampled or the upsampled") {
  for (const bool both : {false, true}) {
    Neck neck({2, 2, false, Second::kNone, false, 1, asymmetric()});
    Graph& g = neck.graph;
    g.outputs.push_back(neck.upsampled);
    if (both) g.outputs.push_back(neck.lateral);
    kAliasPass.run(g, on_cpu());
    const Tensors inputs = random_inputs(g, 3);
    const Tensors before = evaluate_reference(g, inputs);
    CHECK(kUpsampleAsAddressingPass.run(g, {find_target("sm_90")}) == 1);
    CHECK_NOTHROW(verify(g));
    CHECK(difference(before, evaluate_reference(g, inputs)) == 0);
    CHECK(g.value(neck.lateral).view.has_value() == !both);
  }
}

TEST_CASE("every coordinate mode that comes to the same counts") {
  ResizeAttributes half_pixel;
  half_pixel.coordinate = CoordinateMode::kHalfPixel;
  half_pixel.nearest = NearestMode::kRoundPreferFloor;
  Neck neck({2, 2, true, Second::kNone, false, 1, half_pixel});
  CHECK(kUpsampleAsAddressingPass.run(neck.graph, {find_target("sm_90")}) == 1);
}

TEST_CASE("other resizes and other producers keep their step") {
  Options o = {2, 2, true, Second::kNone, false, 1, asymmetric()};
  SUBCASE("interpolation") { o.resize.mode = ResizeMode::kLinear; }
  SUBCASE("another choice of the nearest") { o.resize.nearest = NearestMode::kCeil; }
  SUBCASE("a depthwise convolution") { o.groups = 16; }
  // Extents above 1, so that positions tell modes apart.
  uint32_t seed = 1;
  std::optional<Neck> neck;
  do {
    neck.emplace(o, seed++);
  } while (neck->graph.value(neck->lateral).shape[1] < 3 ||
           neck->graph.value(neck->lateral).shape[3] % 16 != 0);
  const Tensors inputs = random_inputs(neck->graph, 1);
  const Tensors before = evaluate_reference(neck->graph, inputs);
  CHECK(kUpsampleAsAddressingPass.run(neck->graph, {find_target("sm_90")}) == 0);
  CHECK(neck->resizes() == 1);
  CHECK(producer_of(neck->graph, neck->lateral).outputs.size() == 1);
  CHECK_FALSE(neck->graph.value(neck->lateral).view);
  CHECK(difference(before, evaluate_reference(neck->graph, inputs)) == 0);
}

TEST_CASE("the second of two resizes of one result keeps its step") {
  Neck neck({2, 2, false, Second::kNone, false, 1, asymmetric()});
  Graph& g = neck.graph;
  const Node first = producer_of(g, neck.upsampled);
  Node resize = first;
  resize.name = "again";
  resize.outputs = {g.add_value("again", DType::kF32, g.value(neck.upsampled).shape)};
  g.outputs.push_back(resize.outputs[0]);
  g.add_node(std::move(resize));
  const Tensors inputs = random_inputs(g, 1);
  const Tensors before = evaluate_reference(g, inputs);
  CHECK(kUpsampleAsAddressingPass.run(g, {find_target("sm_90")}) == 1);
  CHECK(neck.resizes() == 1);
  CHECK_FALSE(g.value(neck.lateral).view);
  CHECK(difference(before, evaluate_reference(g, inputs)) == 0);
}

TEST_CASE("a second result that repeats no pixels is refused") {
  Neck neck({2, 2, false, Second::kNone, false, 1, asymmetric()});
  Graph& g = neck.graph;
  REQUIRE(kUpsampleAsAddressingPass.run(g, {find_target("sm_90")}) == 1);
  CHECK_NOTHROW(verify(g));
  g.value(neck.upsampled).shape[1] += 1;
  CHECK_THROWS_AS(verify(g), BuildError);
}
