#include <doctest/doctest.h>

#include "pass_check.h"

using namespace stint;
using namespace stint::builder;
using namespace stint::builder::test;

namespace {

ValueId mean(GraphMaker& m, ValueId x, std::vector<int64_t> axes) {
  return m.op(Op::kReduce, ReduceAttributes{ReduceOp::kMean, std::move(axes), true}, {x});
}

struct Spelling {
  std::vector<int64_t> axes = {-1};
  bool power = true;     // else a product
  bool inverse = false;  // times the reciprocal
  bool two_centres = false;
  bool eps_first = false;
};

/// As exporters write it, without scale and shift.
ValueId spelled_out(GraphMaker& m, ValueId x, const Spelling& s) {
  const ValueId centred = m.binary(EltOp::kSub, x, mean(m, x, s.axes));
  const ValueId again = s.two_centres ? m.binary(EltOp::kSub, x, mean(m, x, s.axes)) : centred;
  const ValueId square =
      s.power ? m.binary(EltOp::kPow, again, m.filled({}, 2.0f)) : m.mul(again, again);
  const ValueId variance = mean(m, square, s.axes);
  const ValueId eps = m.filled({}, 1e-3f);
  const ValueId deviation =
      m.unary(EltOp::kSqrt, s.eps_first ? m.add(eps, variance) : m.add(variance, eps));
  return s.inverse ? m.mul(m.unary(EltOp::kReciprocal, deviation), centred)
                   : m.binary(EltOp::kDiv, centred, deviation);
}

}  // namespace

TEST_CASE("layer normalisation that exporters spell out is one node") {
  GraphMaker m;
  const ValueId x = m.input("x", {2, 5, 4, 24});
  Spelling s;
  int64_t axis = 3;
  size_t operands = 3;
  ValueId y = kNoValue;
  SUBCASE("power, scale and shift") {
    y = m.add(m.mul(spelled_out(m, x, s), m.constant({24})), m.constant({24}));
  }
  SUBCASE("product, operands the other way round") {
    s.power = false;
    s.eps_first = true;
    y = m.add(m.constant({1, 1, 24}), m.mul(m.constant({24}), spelled_out(m, x, s)));
  }
  SUBCASE("two subtractions, reciprocal") {
    s.two_centres = s.inverse = true;
    y = m.add(m.mul(spelled_out(m, x, s), m.constant({24})), m.constant({24}));
  }
  SUBCASE("scale only") {
    operands = 2;
    y = m.mul(spelled_out(m, x, s), m.constant({24}));
  }
  SUBCASE("shift only") { y = m.add(spelled_out(m, x, s), m.constant({24})); }
  SUBCASE("neither") {
    operands = 2;
    y = spelled_out(m, x, s);
  }
  SUBCASE("one number for all") {
    y = m.add(m.mul(spelled_out(m, x, s), m.filled({}, 0.5f)), m.filled({1}, 2.0f));
  }
  SUBCASE("two axes") {
    s.axes = {3, -2};
    axis = 2;
    y = m.add(m.mul(spelled_out(m, x, s), m.constant({4, 24})), m.constant({1, 4, 24}));
  }
  m.output(y);
  CHECK(run_pass(m.graph, kRecognizeNormsPass) == 1);
  REQUIRE(m.graph.live_node_count() == 1);
  const Node& node = m.graph.node(m.graph.order()[0]);
  REQUIRE(node.op == Op::kLayerNorm);
  CHECK(node.inputs.size() == operands);
  CHECK(node.as<NormAttributes>().axis == axis);
  CHECK(node.as<NormAttributes>().epsilon == 1e-3f);
}

TEST_CASE("a normalisation's parts that others read stay") {
  GraphMaker m;
  const ValueId x = m.input("x", {6, 24});
  const ValueId normal = spelled_out(m, x, {});
  m.output(normal);
  m.output(m.mul(normal, m.constant({24})));
  CHECK(run_pass(m.graph, kRecognizeNormsPass) == 1);
  CHECK(count(m.graph, Op::kLayerNorm) == 1);
  CHECK(count(m.graph, Op::kBinary) == 1);
}

TEST_CASE("what is no layer normalisation stays") {
  GraphMaker m;
  const ValueId x = m.input("x", {3, 6, 24}), z = m.input("z", {3, 6, 24});
  SUBCASE("over a leading axis") { m.output(spelled_out(m, x, {.axes = {1}})); }
  SUBCASE("the deviation of another value") {
    const ValueId other = spelled_out(m, z, {});
    const Node& quotient = m.graph.node(*m.graph.producer(other));
    const ValueId deviation = quotient.inputs[1];
    m.graph.remove_node(*m.graph.producer(other));
    m.output(m.binary(EltOp::kDiv, m.binary(EltOp::kSub, x, mean(m, x, {-1})), deviation));
  }
  SUBCASE("not centred") {
    const ValueId square = mean(m, m.mul(x, x), {-1});
    m.output(m.binary(EltOp::kDiv, x, m.unary(EltOp::kSqrt, m.add(square, m.filled({}, 1e-3f)))));
  }
  CHECK(run_pass(m.graph, kRecognizeNormsPass) == 0);
  CHECK(count(m.graph, Op::kLayerNorm) == 0);
}

TEST_CASE("a scale that varies along other axes is not the normalisation's") {
  GraphMaker m;
  const ValueId x = m.input("x", {6, 24});
  m.output(m.mul(spelled_out(m, x, {}), m.constant({6, 1})));
  CHECK(run_pass(m.graph, kRecognizeNormsPass) == 1);
  CHECK(count(m.graph, Op::kBinary) == 1);
}
