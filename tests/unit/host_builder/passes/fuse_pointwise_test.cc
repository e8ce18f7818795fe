#include <doctest/doctest.h>

#include "pass_check.h"

using namespace stint;
using namespace stint::builder;
using namespace stint::builder::test;

TEST_CASE("a tree of element-wise nodes is one program") {
  GraphMaker m;
  const ValueId x = m.input("x", {2, 3, 4}), y = m.input("y", {3, 1});
  const ValueId s = m.unary(EltOp::kSigmoid, x);
  const ValueId a = m.mul(m.add(x, y), s), b = m.binary(EltOp::kSub, s, m.constant({4}));
  m.output(m.unary(EltOp::kClip, m.binary(EltOp::kMax, a, b), -0.5f, 0.5f));
  CHECK(run_pass(m.graph, kFusePointwisePass) == 5);
  CHECK(m.graph.live_node_count() == 1);
  CHECK(count(m.graph, Op::kPointwise) == 1);
}

TEST_CASE("what others need is computed for them") {
  GraphMaker m;
  const ValueId x = m.input("x", {2, 3});
  const ValueId a = m.unary(EltOp::kExp, x), b = m.unary(EltOp::kNeg, a);
  m.output(m.unary(EltOp::kTanh, b));
  SUBCASE("an output") { m.output(a); }
  SUBCASE("another reader") { m.output(m.op(Op::kSoftmax, SoftmaxAttributes{1}, {a})); }
  CHECK(run_pass(m.graph, kFusePointwisePass) == 1);
  CHECK(m.graph.value(a).name == m.graph.value(m.graph.node(m.graph.order()[0]).outputs[0]).name);
}

TEST_CASE("a value is not computed again for every place it is broadcast to") {
  GraphMaker m;
  const ValueId x = m.input("x", {2, 3}), k = m.unary(EltOp::kExp, m.input("k", {3}));
  m.output(m.unary(EltOp::kNeg, m.mul(x, k)));
  CHECK(run_pass(m.graph, kFusePointwisePass) == 1);
  CHECK(m.graph.live_node_count() == 2);
}

TEST_CASE("programs are bounded") {
  GraphMaker m;
  ValueId x = m.input("x", {5});
  SUBCASE("instructions") {
    for (int i = 0; i < 60; ++i) x = m.unary(EltOp::kTanh, x);
  }
  SUBCASE("operands") {
    for (int i = 0; i < 30; ++i) x = m.add(x, m.constant({5}));
  }
  m.output(x);
  run_pass(m.graph, kFusePointwisePass);
  CHECK(m.graph.live_node_count() >= 3);
  for (NodeId n : m.graph.order()) {
    CHECK(m.graph.node(n).inputs.size() <= 8);
    if (m.graph.node(n).op == Op::kPointwise)
      CHECK(m.graph.node(n).as<PointwiseAttributes>().program.size() <= 24);
  }
}

TEST_CASE("integers and conditions are left alone") {
  GraphMaker m;
  const ValueId x = m.input("x", {4}, DType::kI32);
  m.output(m.unary(EltOp::kNeg, m.unary(EltOp::kAbs, x)));
  CHECK(run_pass(m.graph, kFusePointwisePass) == 0);
}
