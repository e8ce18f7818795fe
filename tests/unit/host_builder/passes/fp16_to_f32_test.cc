#include <doctest/doctest.h>

#include "pass_check.h"

using namespace stint;
using namespace stint::builder;
using namespace stint::builder::test;

TEST_CASE("f16 stays at the border only, constants are widened exactly") {
  GraphMaker m;
  const ValueId x = m.input("x", {2, 4}, DType::kF16);
  // 1, -2, the largest, the smallest subnormal
  const std::vector<uint16_t> halves = {0x3C00, 0xC000, 0x7BFF, 0x0001};
  const ValueId k = m.graph.add_constant("half", DType::kF16, {4}, halves);
  const ValueId y = m.mul(m.unary(EltOp::kNeg, x), k);
  const std::string name = m.graph.value(y).name;
  m.output(y);
  run_pass(m.graph, kFp16ToF32Pass, 1e-3);
  CHECK(m.graph.value(m.graph.inputs[0]).dtype == DType::kF16);
  CHECK(m.graph.value(m.graph.outputs[0]).dtype == DType::kF16);
  CHECK(m.graph.value(m.graph.outputs[0]).name == name);
  CHECK(count(m.graph, Op::kCast) == 2);
  const float* wide = reinterpret_cast<const float*>(m.graph.value(k).constant->data());
  CHECK(wide[0] == 1.0f);
  CHECK(wide[1] == -2.0f);
  CHECK(wide[2] == 65504.0f);
  CHECK(wide[3] == 0x1p-24f);
}

TEST_CASE("a cast to f16 that the model asks for still rounds") {
  GraphMaker m;
  const ValueId third = m.mul(m.input("x", {16}), m.filled({1}, 1.0f / 3.0f));
  const ValueId half = m.op(Op::kCast, std::monostate(), {third}, {}, DType::kF16);
  m.output(m.op(Op::kCast, std::monostate(), {half}, {}, DType::kF32));
  run_pass(m.graph, kFp16ToF32Pass, 1e-12);
}
