#include <doctest/doctest.h>

#include <cmath>

#include "host_builder/evaluate/fold_constants.h"
#include "pass_check.h"

using namespace stint;
using namespace stint::builder;
using namespace stint::builder::test;

TEST_CASE("nodes that do nothing are removed") {
  GraphMaker m;
  ValueId x = m.unary(EltOp::kTanh, m.input("x", {1, 2, 4, 4}));
  x = m.op(Op::kIdentity, std::monostate(), {x});
  x = m.reshape(x, {1, 2, 4, 4});
  x = m.transpose(x, {0, 1, 2, 3});
  x = m.op(Op::kExpand, std::monostate(), {x}, {1, 2, 4, 4});
  x = m.op(Op::kTile, std::monostate(), {x}, {1, 2, 4, 4});
  x = m.slice(x, {0, 0, 0, 0}, {1, 2, 4, 4});
  x = m.op(Op::kCast, std::monostate(), {x}, {}, DType::kF32);
  x = m.op(Op::kPad, PadAttributes{PadMode::kEdge, {0, 0, 0, 0}, {0, 0, 0, 0}}, {x});
  x = m.concat({x}, 1);
  x = m.max_pool(x, 1, 1);
  x = m.add(x, m.filled({1}, 0.0f));
  x = m.mul(x, m.filled({2, 1, 1}, 1.0f));
  x = m.unary(EltOp::kClip, x, -INFINITY, INFINITY);
  m.output(m.unary(EltOp::kExp, x));
  CHECK(run_pass(m.graph, kSimplifyPass) == 13);
  CHECK(m.graph.live_node_count() == 2);
}

TEST_CASE("nodes that only look idle stay") {
  GraphMaker m;
  const ValueId x = m.input("x", {1, 4});
  SUBCASE("reversal") { m.output(m.op(Op::kSlice, SliceAttributes{{0, 3}, {1, -1}}, {x}, {1, 4})); }
  SUBCASE("shift") {
    m.output(m.op(Op::kPad, PadAttributes{PadMode::kConstant, {0, 1}, {0, -1}}, {x}));
  }
  SUBCASE("addition that broadcasts") { m.output(m.add(x, m.filled({3, 4}, 0.0f))); }
  SUBCASE("a copy from an input to an output") {
    m.output(m.op(Op::kIdentity, std::monostate(), {x}));
  }
  CHECK(run_pass(m.graph, kSimplifyPass) == 0);
  CHECK(m.graph.live_node_count() == 1);
}

TEST_CASE("reshapes and transposes in a row merge") {
  GraphMaker m;
  const ValueId x = m.unary(EltOp::kTanh, m.input("x", {2, 3, 4}));
  m.output(m.reshape(m.reshape(x, {6, 4}), {3, 8}));
  m.output(m.transpose(m.transpose(x, {1, 2, 0}), {1, 0, 2}));
  m.output(m.unary(EltOp::kExp, m.transpose(m.transpose(x, {1, 2, 0}), {2, 0, 1})));
  run_pass(m.graph, kSimplifyPass);
  CHECK(count(m.graph, Op::kReshape) == 1);
  CHECK(count(m.graph, Op::kTranspose) == 1);
}

TEST_CASE("outputs keep their names when what made them goes away") {
  GraphMaker m;
  const ValueId y =
      m.op(Op::kIdentity, std::monostate(), {m.unary(EltOp::kExp, m.input("x", {3}))});
  const std::string name = m.graph.value(y).name;
  m.output(y);
  run_pass(m.graph, kSimplifyPass);
  CHECK(m.graph.value(m.graph.outputs[0]).name == name);
}

TEST_CASE("common code is computed once") {
  GraphMaker m;
  const ValueId x = m.input("x", {3});
  const ValueId a = m.unary(EltOp::kExp, x), b = m.unary(EltOp::kExp, x),
                c = m.unary(EltOp::kLeakyRelu, x, 0.1f), d = m.unary(EltOp::kLeakyRelu, x, 0.2f);
  m.output(m.add(m.add(m.unary(EltOp::kTanh, a), m.unary(EltOp::kTanh, b)), m.add(c, d)));
  CHECK(run_pass(m.graph, kCommonCodePass) == 2);
}

TEST_CASE("dead nodes and unread optional results go") {
  GraphMaker m;
  const ValueId x = m.input("x", {1, 1, 4, 4});
  const ValueId y = m.max_pool(x, 2, 2);
  Node& pool = m.graph.node(m.graph.order()[0]);
  pool.outputs.push_back(m.graph.add_value("indices", DType::kI64, {1, 1, 2, 2}));
  m.unary(EltOp::kExp, m.unary(EltOp::kNeg, x));
  m.output(y);
  CHECK(run_pass(m.graph, kDeadCodePass) == 2);
  CHECK(pool.outputs[1] == kNoValue);
}

TEST_CASE("constant parts are computed at build time") {
  GraphMaker m;
  const ValueId k = m.transpose(m.unary(EltOp::kNeg, m.constant({2, 3})), {1, 0});
  m.output(m.matmul(m.input("x", {4, 3}), k));
  CHECK(run_pass(m.graph, kFoldConstantsPass) == 2);
  CHECK(m.graph.live_node_count() == 1);
}

TEST_CASE("a constant that is a graph output stays computed") {
  GraphMaker m;
  m.output(m.unary(EltOp::kNeg, m.constant({2})));
  CHECK(run_pass(m.graph, kFoldConstantsPass) == 0);
}
