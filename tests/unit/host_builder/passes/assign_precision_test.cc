#include "host_builder/passes/passes.h"

#include <doctest/doctest.h>

#include "../passes/graph_maker.h"
#include "tests/support/pass_context.h"

using namespace stint;
using namespace stint::builder;
using namespace stint::builder::test;

namespace {

struct Network {
  GraphMaker m;
  ValueId x, first, mid, head, boxes;
  Network() {
    m.graph.channels_last = true;
    x = m.input("x", {1, 8, 8, 4});
    first = m.conv(x, 16);
    mid = m.unary(EltOp::kTanh, first);
    head = m.conv(mid, 8);
    boxes = m.unary(EltOp::kExp, head);
    m.output(boxes);
  }
  DType dtype(ValueId id) const { return m.graph.value(id).dtype; }
};

}  // namespace

TEST_CASE("inside the network values are f16, from the last convolution on f32") {
  Network n;
  CHECK(kAssignPrecisionPass.run(n.m.graph, on_cpu()) == 2);
  CHECK(n.dtype(n.x) == DType::kF32);
  CHECK(n.dtype(n.first) == DType::kF16);
  CHECK(n.dtype(n.mid) == DType::kF16);
  CHECK(n.dtype(n.head) == DType::kF32);
  CHECK(n.dtype(n.boxes) == DType::kF32);
  CHECK(kAssignPrecisionPass.run(n.m.graph, on_cpu()) == 0);
}

TEST_CASE("what shares memory with an output keeps its type; constants do") {
  GraphMaker m;
  m.graph.channels_last = true;
  const ValueId x = m.input("x", {1, 4, 4, 8});
  const ValueId y = m.conv(x, 8);
  const ValueId whole = m.graph.add_value("whole", DType::kF32, {1, 4, 4, 16});
  m.graph.value(y).view = View{whole, 8};
  m.graph.value(y).strides = {256, 64, 16, 1};
  m.graph.outputs.push_back(whole);
  CHECK(kAssignPrecisionPass.run(m.graph, on_cpu()) == 0);
  for (ValueId id = 0; id < m.graph.value_count(); ++id)
    CHECK(m.graph.value(id).dtype == DType::kF32);
}

TEST_CASE("statistics and integers keep their types") {
  GraphMaker m;
  m.graph.channels_last = true;
  const ValueId x = m.input("x", {1, 64});
  const ValueId a = m.unary(EltOp::kTanh, x);
  const ValueId mean = m.op(Op::kReduce, ReduceAttributes{ReduceOp::kMean, {1}, true}, {a});
  const ValueId centred = m.binary(EltOp::kSub, a, mean);
  const ValueId y = m.op(Op::kMatMul, MatMulAttributes{}, {centred, m.constant({64, 4})});
  m.output(y);
  kAssignPrecisionPass.run(m.graph, on_cpu());
  CHECK(m.graph.value(mean).dtype == DType::kF32);
  CHECK(m.graph.value(a).dtype == DType::kF16);
  CHECK(m.graph.value(centred).dtype == DType::kF16);
  CHECK(m.graph.value(y).dtype == DType::kF32);
}
