#include <doctest/doctest.h>

#include <cmath>

#include "pass_check.h"

using namespace stint;
using namespace stint::builder;
using namespace stint::builder::test;

TEST_CASE("activations that exporters spell out are recognised") {
  GraphMaker m;
  const ValueId x = m.unary(EltOp::kCopy, m.mul(m.input("x", {2, 64}), m.filled({1}, 6.0f)));
  const auto k = [&](float v) { return m.filled({}, v); };
  const auto relu6 = [&](ValueId v) { return m.unary(EltOp::kClip, v, 0.0f, 6.0f); };
  const auto div = [&](ValueId a, ValueId b) { return m.binary(EltOp::kDiv, a, b); };
  EltOp expected = EltOp::kSilu;
  ValueId y = kNoValue;
  SUBCASE("silu") { y = m.mul(x, m.unary(EltOp::kSigmoid, x)); }
  SUBCASE("silu, other way round") { y = m.mul(m.unary(EltOp::kSigmoid, x), x); }
  SUBCASE("hard swish by hard sigmoid") {
    expected = EltOp::kHardSwish;
    y = m.mul(x, m.unary(EltOp::kHardSigmoid, x, 1.0f / 6.0f, 0.5f));
  }
  SUBCASE("hard swish, divided last") {
    expected = EltOp::kHardSwish;
    y = div(m.mul(x, relu6(m.add(x, k(3)))), k(6));
  }
  SUBCASE("hard swish, multiplied by a sixth") {
    expected = EltOp::kHardSwish;
    y = m.mul(m.mul(relu6(m.add(k(3), x)), x), k(1.0f / 6.0f));
  }
  SUBCASE("hard swish, gate divided") {
    expected = EltOp::kHardSwish;
    y = m.mul(x, div(relu6(m.add(x, k(3))), k(6)));
  }
  SUBCASE("hard sigmoid") {
    expected = EltOp::kHardSigmoid;
    y = div(relu6(m.add(x, k(3))), k(6));
  }
  SUBCASE("mish") {
    expected = EltOp::kMish;
    y = m.mul(x, m.unary(EltOp::kTanh, m.unary(EltOp::kSoftplus, x)));
  }
  SUBCASE("mish with a spelt out softplus") {
    expected = EltOp::kMish;
    const ValueId softplus = m.unary(EltOp::kLog, m.add(m.unary(EltOp::kExp, x), k(1)));
    y = m.mul(x, m.unary(EltOp::kTanh, softplus));
  }
  SUBCASE("gelu") {
    expected = EltOp::kGelu;
    const ValueId erf = m.unary(EltOp::kErf, div(x, k(std::sqrt(2.0f))));
    y = m.mul(m.mul(x, m.add(erf, k(1))), k(0.5f));
  }
  SUBCASE("gelu, half first, reciprocal root") {
    expected = EltOp::kGelu;
    const ValueId erf = m.unary(EltOp::kErf, m.mul(x, k(std::sqrt(0.5f))));
    y = m.mul(m.mul(k(0.5f), x), m.add(k(1), erf));
  }
  SUBCASE("gelu by tanh, cube as a power") {
    expected = EltOp::kGeluTanh;
    const ValueId cube = m.binary(EltOp::kPow, x, k(3));
    const ValueId inner = m.mul(m.add(x, m.mul(k(0.044715f), cube)), k(0.7978845608f));
    y = m.mul(m.mul(x, k(0.5f)), m.add(m.unary(EltOp::kTanh, inner), k(1)));
  }
  SUBCASE("gelu by tanh, cube as products") {
    expected = EltOp::kGeluTanh;
    const ValueId cube = m.mul(m.mul(m.mul(x, k(0.044715f)), x), x);
    const ValueId inner = m.mul(k(0.7978845608f), m.add(x, cube));
    y = m.mul(k(0.5f), m.mul(x, m.add(k(1), m.unary(EltOp::kTanh, inner))));
  }
  SUBCASE("leaky relu") {
    expected = EltOp::kLeakyRelu;
    y = m.binary(EltOp::kPRelu, x, m.filled({64}, 0.25f));
  }
  SUBCASE("clip by min and max") {
    expected = EltOp::kClip;
    y = m.binary(EltOp::kMin, m.binary(EltOp::kMax, x, k(-1)), k(2));
  }
  SUBCASE("relu by max") {
    expected = EltOp::kRelu;
    y = m.binary(EltOp::kMax, x, k(0));
  }
  m.output(y);
  CHECK(run_pass(m.graph, kRecognizePatternsPass, 1e-6) >= 1);
  const Node& last = m.graph.node(m.graph.order().back());
  REQUIRE(last.op == Op::kUnary);
  CHECK(last.as<UnaryAttributes>().op == expected);
  CHECK(m.graph.live_node_count() == 3);
}

TEST_CASE("what is only similar stays") {
  GraphMaker m;
  const ValueId x = m.input("x", {8}), z = m.input("z", {8});
  SUBCASE("gate of another value") { m.output(m.mul(x, m.unary(EltOp::kSigmoid, z))); }
  SUBCASE("another slope") { m.output(m.mul(x, m.unary(EltOp::kHardSigmoid, x, 0.2f, 0.5f))); }
  SUBCASE("gate that broadcasts") {
    m.output(m.mul(m.input("w", {3, 8}), m.unary(EltOp::kSigmoid, x)));
  }
  CHECK(run_pass(m.graph, kRecognizePatternsPass) == 0);
}
