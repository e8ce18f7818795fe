// insert-quantisation and store-quantised, one behind the other as the builder runs them.
#include <doctest/doctest.h>

#include "../passes/graph_maker.h"
#include "host_builder/graph/quantisation.h"
#include "host_builder/passes/passes.h"

using namespace stint;
using namespace stint::builder;
using namespace stint::builder::test;

namespace {

struct Quantised {
  GraphMaker m;
  TensorRanges ranges;

  Quantised() { m.graph.channels_last = true; }
  ValueId ranged(ValueId id, float low, float high) {
    ranges[m.graph.value(id).name] = {low, high, std::max(high, -low)};
    return id;
  }
  size_t insert(const char* target = "cpu") {
    PassContext context{find_target(target)};
    context.ranges = &ranges;
    const size_t changes = kInsertQuantisationPass.run(m.graph, context);
    verify(m.graph);
    return changes;
  }
  size_t store(const char* target = "cpu") {
    const size_t changes = kStoreQuantisedPass.run(m.graph, {find_target(target)});
    verify(m.graph);
    return changes;
  }
  const Value& operand(ValueId result, size_t i) const {
    return m.graph.value(m.graph.node(*m.graph.producer(result)).inputs.at(i));
  }
  NodeId first(Op op) const {
    for (const NodeId n : m.graph.order())
      if (m.graph.node(n).op == op) return n;
    return 0;
  }
  Op producer(ValueId id) const { return m.graph.node(*m.graph.producer(id)).op; }
};

}  // namespace

TEST_CASE("convolutions read integers of the range that was seen, and so are their weights") {
  Quantised q;
  const ValueId x = q.ranged(q.m.input("x", {1, 8, 8, 4}), -1.0f, 3.0f);
  const ValueId a = q.ranged(q.m.conv(x, 16), -4.0f, 4.0f);
  const ValueId r = q.ranged(q.m.unary(EltOp::kRelu, a), 0.0f, 5.1f);
  const ValueId y = q.ranged(q.m.conv(r, 8), -9.0f, 9.0f);
  q.m.output(y);
  CHECK(q.insert() > 0);
  CHECK(count(q.m.graph, Op::kQuantize) >= 2);
  const Value& weights = q.operand(y, 1);
  REQUIRE(weights.grid.has_value());
  CHECK(weights.grid->scales.size() == 8);
  CHECK(q.store() > 0);
  CHECK(count(q.m.graph, Op::kQuantize) + count(q.m.graph, Op::kDequantize) == 0);
  CHECK(count(q.m.graph, Op::kCast) == 1);  // of the network's input
  // The range need not be symmetric: 4 / 255, with 0 at 64.
  const NodeId conv = q.first(Op::kConv);  // its result is integers, too
  const Value& first = q.m.graph.value(q.m.graph.node(conv).inputs[0]);
  CHECK(q.m.graph.value(q.m.graph.node(conv).outputs[0]).quant.has_value());
  CHECK(first.dtype == DType::kU8);
  CHECK(first.quant->scales[0] == doctest::Approx(4.0 / 255));
  CHECK(zero_point_of(*first.quant) == 64);
  const Value& second = q.operand(y, 0);
  CHECK(second.dtype == DType::kU8);
  CHECK(second.quant->scales[0] == doctest::Approx(5.1 / 255));
  CHECK(zero_point_of(*second.quant) == 0);
  CHECK(q.operand(y, 1).dtype == DType::kI8);
  CHECK(q.operand(y, 1).quant->axis == 0);
  CHECK(q.m.graph.value(y).dtype == DType::kF32);  // an output stays as exact as it is
}

TEST_CASE("what is joined has one scale, also with a constant") {
  Quantised q;
  const ValueId x = q.ranged(q.m.input("x", {1, 4, 4, 8}), 0.0f, 1.0f);
  const ValueId a = q.ranged(q.m.conv(x, 8), -1.0f, 1.0f);
  const ValueId b = q.ranged(q.m.conv(x, 8), -2.0f, 6.0f);
  const ValueId joined = q.ranged(q.m.concat({a, b, q.m.filled({1, 4, 4, 8}, 7.0f)}, 3), -2, 6);
  const ValueId y = q.m.conv(joined, 4);
  q.m.output(y);
  q.insert();
  q.store();
  const Value& whole = q.operand(y, 0);
  REQUIRE(whole.quant.has_value());
  CHECK(whole.quant->scales[0] == doctest::Approx(9.0 / 255));
  const ValueId id = q.m.graph.node(*q.m.graph.producer(y)).inputs[0];
  for (size_t i = 0; i < 3; ++i) {
    REQUIRE(q.operand(id, i).quant.has_value());
    CHECK(same_quantisation(*q.operand(id, i).quant, *whole.quant));
  }
  CHECK(q.operand(id, 2).is_constant());
  CHECK(q.producer(id) == Op::kConcat);
}

TEST_CASE("without a range, or where no product reads it, numbers stay real") {
  Quantised q;
  const ValueId x = q.m.input("x", {1, 4, 4, 8});
  const ValueId a = q.m.conv(x, 8);                                // its operand has no range
  const ValueId soft = q.ranged(q.m.unary(EltOp::kExp, a), 0, 2);  // nor does a product read it
  q.m.output(soft);
  CHECK(q.insert() == 0);
  CHECK(q.store() == 0);
  CHECK(!q.m.graph.mixed_precision);
}

TEST_CASE("a channel of zeros and a tensor of zeros have a scale") {
  Quantised q;
  const ValueId x = q.ranged(q.m.input("x", {1, 4}), 0.0f, 0.0f);
  const ValueId y = q.m.matmul(x, q.m.filled({4, 3}, 0.0f));
  q.m.output(y);
  q.insert();
  q.store();
  CHECK(q.operand(y, 0).quant->scales[0] > 0.0f);
  CHECK(q.operand(y, 1).dtype == DType::kI8);
}

TEST_CASE("a model that is quantised itself keeps its scales, signed ones as the target has them") {
  Quantised q;
  const ValueId x = q.ranged(q.m.input("x", {1, 4, 4, 8}), -1.0f, 1.0f);
  const QuantizeAttributes a{0.5f, 3};
  const ValueId integers = q.m.op(Op::kQuantize, a, {x}, {1, 4, 4, 8}, DType::kI8);
  const ValueId real = q.m.op(Op::kDequantize, a, {integers});
  const ValueId y = q.m.conv(real, 8);
  const ValueId k = q.m.graph.node(*q.m.graph.producer(y)).inputs[1];
  SUBCASE("weights on a grid") {
    std::vector<float> data(static_cast<size_t>(q.m.graph.value(k).elements()));
    for (size_t i = 0; i < data.size(); ++i)
      data[i] = 0.25f * static_cast<float>(static_cast<int>(i % 256) - 128);
    const ValueId w = q.m.graph.add_constant("w", DType::kF32, q.m.graph.value(k).shape, data);
    q.m.graph.value(w).grid = Quantisation{{0.25f}, -1, {}};
    q.m.graph.node(*q.m.graph.producer(y)).inputs[1] = w;
    q.m.output(y);
    CHECK(q.insert() == 0);  // it has decided
    q.store();
    CHECK(q.operand(y, 0).dtype == DType::kU8);
    CHECK(zero_point_of(*q.operand(y, 0).quant) == 131);
    const Value& stored = q.operand(y, 1);
    REQUIRE(stored.dtype == DType::kI8);
    for (size_t i = 0; i < data.size(); ++i)
      CHECK(static_cast<float>(std::to_integer<int8_t>((*stored.constant)[i])) * 0.25f == data[i]);
  }
  SUBCASE("other weights are left alone, and so is the product") {
    q.m.output(y);
    q.store();
    CHECK(q.operand(y, 0).dtype == DType::kF32);
    CHECK(count(q.m.graph, Op::kCast) == 2);
  }
}

TEST_CASE("integers that the network gives away or works on are no storage") {
  Quantised q;
  const ValueId x = q.m.input("x", {2, 4});
  const QuantizeAttributes a{0.5f, 3}, other{0.25f, 3};
  const ValueId given = q.m.op(Op::kQuantize, a, {x}, {2, 4}, DType::kU8);
  const ValueId doubled = q.m.op(Op::kQuantize, a, {x}, {2, 4}, DType::kU8);
  q.m.output(given);
  q.m.output(q.m.op(Op::kDequantize, other, {doubled}));
  q.m.output(q.m.op(Op::kDequantize, a, {given}));
  CHECK(q.store() == 0);
  CHECK(q.m.graph.value(given).dtype == DType::kU8);
  CHECK(!q.m.graph.value(given).quant.has_value());
}
