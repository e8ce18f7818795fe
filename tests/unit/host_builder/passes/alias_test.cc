#include <doctest/doctest.h>

#include "host_builder/passes/strided_reshape.h"
#include "host_builder/support/error.h"
#include "pass_check.h"

using namespace stint;
using namespace stint::builder;
using namespace stint::builder::test;

namespace {

size_t moves(const Graph& g) {
  return count(g, Op::kConcat) + count(g, Op::kReshape) + count(g, Op::kSlice) +
         count(g, Op::kIdentity);
}

GraphMaker physical() {
  GraphMaker m;
  m.graph.channels_last = true;
  return m;
}

}  // namespace

TEST_CASE("a concatenation on channels disappears: producers write into its result") {
  GraphMaker m = physical();
  const ValueId x = m.input("x", {1, 3, 4, 2});
  const ValueId a = m.unary(EltOp::kExp, x), b = m.unary(EltOp::kTanh, x);
  const ValueId y = m.concat({a, b, m.unary(EltOp::kNeg, a)}, 3);
  m.output(y);
  run_pass(m.graph, kAliasPass);
  CHECK(moves(m.graph) == 0);
  CHECK(m.graph.value(b).view->base == y);
  CHECK(m.graph.value(b).view->offset == 2);
  CHECK(m.graph.value(b).strides == Shape{72, 24, 6, 1});
}

TEST_CASE("nested concatenations resolve to the outermost storage") {
  GraphMaker m = physical();
  const ValueId x = m.input("x", {1, 2, 2, 2});
  ValueId y = m.unary(EltOp::kExp, x);
  for (int i = 0; i < 3; ++i) y = m.concat({y, m.unary(EltOp::kTanh, y)}, 3);
  m.output(y);
  run_pass(m.graph, kAliasPass);
  CHECK(moves(m.graph) == 0);
  for (ValueId id = 0; id < m.graph.value_count(); ++id)
    if (m.graph.value(id).view) CHECK(m.graph.value(id).view->base == y);
}

TEST_CASE("what cannot live in the result is copied there once") {
  GraphMaker m = physical();
  const ValueId x = m.input("x", {1, 2, 3});
  const ValueId a = m.unary(EltOp::kExp, x);
  size_t copies = 1;
  ValueId part = kNoValue;
  SUBCASE("a graph input") { part = x; }
  SUBCASE("a constant") { part = m.constant({1, 2, 3}); }
  SUBCASE("a graph output") {
    part = m.unary(EltOp::kNeg, x);
    m.output(part);
  }
  SUBCASE("a value that occurs twice") { part = a; }
  SUBCASE("a slice is its own copy") {
    part = m.slice(m.unary(EltOp::kNeg, m.input("z", {1, 2, 5})), {0, 0, 2}, {1, 2, 3});
  }
  m.output(m.concat({a, part}, 2));
  run_pass(m.graph, kAliasPass);
  CHECK(moves(m.graph) == copies);
}

TEST_CASE("a value in two concatenations lives in one and is copied into the other") {
  GraphMaker m = physical();
  const ValueId x = m.input("x", {2, 3});
  const ValueId a = m.unary(EltOp::kExp, x), b = m.unary(EltOp::kNeg, x),
                c = m.unary(EltOp::kTanh, x);
  m.output(m.concat({a, b}, 1));
  m.output(m.concat({b, c}, 0));
  run_pass(m.graph, kAliasPass);
  CHECK(moves(m.graph) == 1);
}

TEST_CASE("heads that are reshaped and concatenated are computed in place") {
  const int64_t batch = 2;
  GraphMaker m = physical();
  std::vector<ValueId> parts;
  for (int64_t s : {4, 2}) {
    const ValueId head = m.conv(m.input("x" + std::to_string(s), {batch, s, s, 3}), 6);
    parts.push_back(m.reshape(head, {batch, s * s * 3, 2}));
  }
  m.output(m.unary(EltOp::kSigmoid, m.concat(parts, 1)));
  run_pass(m.graph, kAliasPass);
  CHECK(moves(m.graph) == 0);
}

TEST_CASE("slices with positive steps outside the innermost axis are views") {
  GraphMaker m = physical();
  const ValueId x = m.input("x", {1, 6, 6, 3});
  const ValueId s =
      m.op(Op::kSlice, SliceAttributes{{0, 1, 0, 0}, {1, 2, 2, 1}}, {x}, {1, 3, 3, 3});
  m.output(m.unary(EltOp::kExp, s));
  m.output(m.unary(EltOp::kNeg, m.slice(s, {0, 0, 0, 1}, {1, 3, 3, 2})));
  run_pass(m.graph, kAliasPass);
  CHECK(moves(m.graph) == 0);
  CHECK(m.graph.value(s).view->base == x);
}

TEST_CASE("slices that kernels could not read stay copies") {
  GraphMaker m = physical();
  const ValueId x = m.input("x", {4, 6});
  SliceAttributes a{{0, 0}, {1, 2}};
  SUBCASE("innermost step") {}
  SUBCASE("backwards") { a = {{3, 0}, {-1, 1}}; }
  m.output(m.unary(EltOp::kExp, m.op(Op::kSlice, a, {x}, {4, 3})));
  run_pass(m.graph, kAliasPass);
  CHECK(count(m.graph, Op::kSlice) == 1);
}

TEST_CASE("graph outputs stay dense buffers of their own") {
  GraphMaker m = physical();
  const ValueId a = m.unary(EltOp::kExp, m.input("x", {2, 6}));
  const ValueId r = m.reshape(a, {3, 4}), s = m.slice(a, {0, 1}, {2, 3});
  m.output(r);
  m.output(s);
  run_pass(m.graph, kAliasPass);
  CHECK(!m.graph.value(r).view);
  CHECK(!m.graph.value(s).view);
  CHECK(m.graph.value(a).view->base == r);  // computed where the output wants it
  CHECK(moves(m.graph) == 1);
}

TEST_CASE("a reshape that strides cannot express stays a copy") {
  GraphMaker m = physical();
  const ValueId x = m.unary(EltOp::kExp, m.input("x", {4, 6}));
  m.output(m.unary(EltOp::kNeg, m.reshape(m.slice(x, {0, 0}, {4, 5}), {20})));
  run_pass(m.graph, kAliasPass);
  CHECK(count(m.graph, Op::kReshape) == 1);
  CHECK(count(m.graph, Op::kSlice) == 0);
}

TEST_CASE("strides of reshaped values") {
  CHECK(*reshaped_strides({2, 3, 4}, {12, 4, 1}, {6, 4}) == Shape{4, 1});
  CHECK(*reshaped_strides({2, 3, 4}, {100, 4, 1}, {2, 12}) == Shape{100, 1});
  CHECK(*reshaped_strides({2, 12}, {100, 1}, {2, 3, 1, 4}) == Shape{100, 4, 4, 1});
  CHECK(*reshaped_strides({1, 4}, {999, 1}, {4, 1, 1}) == Shape{1, 1, 1});
  CHECK(!reshaped_strides({2, 3, 4}, {100, 4, 1}, {6, 4}));
  CHECK(!reshaped_strides({4, 1}, {7, 1}, {4}));  // the innermost axis would not be dense
  CHECK(*reshaped_strides({4, 1}, {7, 1}, {4, 1, 1}) == Shape{7, 1, 1});
  CHECK(*reshaped_strides({1}, {1}, {}) == Shape{});
}

TEST_CASE("a product of activations reads and writes through transposes") {
  GraphMaker m = physical();
  const ValueId q = m.input("q", {2, 5, 3, 4}), k = m.input("k", {2, 5, 3, 4});
  const ValueId queries = m.transpose(q, {0, 2, 1, 3}), keys = m.transpose(k, {0, 2, 3, 1});
  const ValueId scores = m.matmul(queries, keys);
  const ValueId values = m.transpose(q, {0, 2, 1, 3});
  const ValueId y = m.transpose(m.matmul(scores, values), {0, 2, 1, 3});
  m.output(m.unary(EltOp::kNeg, m.reshape(y, {2, 5, 12})));
  run_pass(m.graph, kAliasPass);
  CHECK(count(m.graph, Op::kTranspose) == 1);  // the last axis of the keys would not be adjacent
  CHECK(moves(m.graph) == 0);
  CHECK(m.graph.value(queries).view->base == q);
  CHECK(m.graph.value(queries).strides == Shape{60, 4, 12, 1});
}

TEST_CASE("transposes that others read too stay") {
  GraphMaker m = physical();
  const ValueId x = m.input("x", {2, 5, 3, 4});
  const ValueId t = m.transpose(x, {0, 2, 1, 3});
  m.output(m.unary(EltOp::kNeg, t));
  const ValueId product = m.matmul(t, m.input("b", {2, 3, 4, 6}));
  m.output(m.unary(EltOp::kNeg, product));
  m.output(m.unary(EltOp::kExp, m.transpose(product, {0, 2, 1, 3})));
  m.output(m.matmul(m.transpose(m.input("c", {6, 4}), {1, 0}), m.constant({6, 2})));
  run_pass(m.graph, kAliasPass);
  CHECK(count(m.graph, Op::kTranspose) == 3);
}
