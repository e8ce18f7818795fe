#include "host_builder/lowering/cuda/passes/view_transposes.h"

#include <doctest/doctest.h>

#include "host_builder/targets/target.h"
#include "tests/support/reference_evaluator.h"

using namespace stint;
using namespace stint::builder;
using namespace stint::builder::test;

namespace {

struct Stem {
  Graph graph;
  ValueId image, x, y;
};

/// image [1, in, 9, 10] -> transpose -> convolution 3x3.
Stem stem(int64_t in, DType result) {
  Stem s;
  Graph& g = s.graph;
  g.channels_last = true;
  s.image = g.add_value("image", DType::kF32, {1, in, 9, 10});
  s.x = g.add_value("x", result, {1, 9, 10, in});
  s.y = g.add_value("y", result, {1, 7, 8, 8});
  g.inputs = {s.image};
  g.outputs = {s.y};
  std::vector<float> weights(static_cast<size_t>(8 * in * 9));
  for (size_t i = 0; i < weights.size(); ++i) weights[i] = static_cast<float>(i % 17) - 8.0f;
  const ValueId w = g.add_constant("w", DType::kF32, {8, in, 3, 3}, weights);
  Node transpose;
  transpose.name = "planes";
  transpose.op = Op::kTranspose;
  transpose.attributes = TransposeAttributes{{0, 2, 3, 1}};
  transpose.inputs = {s.image};
  transpose.outputs = {s.x};
  g.add_node(transpose);
  Node conv;
  conv.name = "conv";
  conv.op = Op::kConv;
  ConvAttributes a;
  a.kernel = {3, 3};
  a.strides = a.dilations = {1, 1};
  a.pads_begin = a.pads_end = {0, 0};
  conv.attributes = a;
  conv.inputs = {s.x, w};
  conv.outputs = {s.y};
  g.add_node(conv);
  return s;
}

}  // namespace

TEST_CASE("the first convolution reads the image's planes through strides") {
  Stem s = stem(3, DType::kF16);
  const Tensors inputs = random_inputs(s.graph, 1);
  const Tensors before = evaluate_reference(s.graph, inputs);
  CHECK(kViewTransposesPass.run(s.graph, {find_target("sm_90")}) == 1);
  CHECK(s.graph.live_node_count() == 1);
  const Value& x = s.graph.value(s.x);
  CHECK(x.dtype == DType::kF32);
  CHECK(x.strides == std::vector<int64_t>{270, 10, 1, 90});
  REQUIRE(x.view);
  CHECK(x.view->base == s.image);
  CHECK(difference(before, evaluate_reference(s.graph, inputs)) == 0);
}

TEST_CASE("a transpose stays where somebody needs its result as it is") {
  SUBCASE("many channels: the implicit GEMM reads neighbouring ones") {
    Stem s = stem(16, DType::kF16);
    CHECK(kViewTransposesPass.run(s.graph, {find_target("sm_90")}) == 0);
    CHECK(s.graph.live_node_count() == 2);
    CHECK(s.graph.value(s.x).dtype == DType::kF16);
  }
  SUBCASE("f32 plans") {
    Stem s = stem(3, DType::kF32);
    CHECK(kViewTransposesPass.run(s.graph, {find_target("sm_90")}) == 0);
    CHECK(s.graph.value(s.x).strides.empty());
  }
  SUBCASE("a result of the network") {
    Stem s = stem(3, DType::kF16);
    s.graph.outputs.push_back(s.x);
    CHECK(kViewTransposesPass.run(s.graph, {find_target("sm_90")}) == 0);
  }
}

TEST_CASE("attention reads its keys through strides") {
  Graph g;
  g.channels_last = true;
  const ValueId q = g.add_value("q", DType::kF16, {2, 3, 5, 4});
  const ValueId k = g.add_value("k", DType::kF16, {2, 7, 3, 4});
  const ValueId keys = g.add_value("keys", DType::kF16, {2, 3, 4, 7});
  const ValueId y = g.add_value("y", DType::kF16, {2, 3, 5, 7});
  g.inputs = {q, k};
  g.outputs = {y};
  Node transpose;
  transpose.name = "transpose";
  transpose.op = Op::kTranspose;
  transpose.attributes = TransposeAttributes{{0, 2, 3, 1}};
  transpose.inputs = {k};
  transpose.outputs = {keys};
  g.add_node(transpose);
  Node product;
  product.name = "scores";
  product.op = Op::kMatMul;
  product.attributes = MatMulAttributes{};
  product.inputs = {q, keys};
  product.outputs = {y};
  g.add_node(product);
  const Tensors inputs = random_inputs(g, 3);
  const Tensors before = evaluate_reference(g, inputs);
  for (const char* target : {"sm_90", "xavier"}) {
    Graph viewed = g;
    CHECK(kViewTransposesPass.run(viewed, {find_target(target)}) == 1);
    CHECK(viewed.value(keys).strides == std::vector<int64_t>{84, 4, 1, 12});
    CHECK(difference(before, evaluate_reference(viewed, inputs)) == 0);
  }
}
