// Matrix products on 8-bit integers against exact sums and a double-precision epilogue.
#include "plan_schema/params/quantized.h"
#include "tests/unit/kernels/cpu/quantized_step.h"

using namespace stint;
using namespace stint::test;
using builder::Shape;
using builder::ValueId;

namespace {

struct Case {
  Shape rows = {5};  // axes in front of the last
  int64_t k = 16, n = 16;
  size_t b_rank = 2;
  bool bias = true, residual = false, in_place = false;
  int64_t a_gap = 0, y_gap = 0;
  uint32_t threads = 1;
  int32_t zero = 128;
  bool per_channel = true;
  builder::Epilogue epilogue;
};

void run_case(const Case& t, std::mt19937& random) {
  QuantizedStep s;
  Shape a_shape = t.rows, y_shape = t.rows, b_shape(t.b_rank - 2, 1);
  a_shape.push_back(t.k);
  y_shape.push_back(t.n);
  b_shape.push_back(t.k);
  b_shape.push_back(t.n);
  const Stored a_as{
      DType::kU8, static_cast<float>(3 / (std::sqrt(static_cast<double>(t.k)) * 73 * 147 * 0.015)),
      t.zero};
  const Stored y_as = random_stored(random, 4), r_as = random_stored(random, 2);
  const ValueId a = s.stored_input("a", a_shape, a_as, random, t.a_gap);
  const ValueId b = s.weights(b_shape, t.per_channel ? static_cast<int>(t.b_rank) - 1 : -1, random);
  const ValueId bias = t.bias ? s.constant("bias", {t.n}, random) : builder::kNoValue;
  const ValueId r = t.residual ? s.stored_input("r", y_shape, r_as, random, 0) : builder::kNoValue;
  const ValueId y = s.stored_output("y", y_shape, y_as, t.y_gap);
  s.node.name = "case";
  s.node.op = builder::Op::kMatMul;
  s.node.attributes = builder::MatMulAttributes{t.epilogue};
  s.node.inputs = {a, b, bias, r};
  s.node.outputs = {y};
  const builder::StepSpec step = s.lower(builder::kQuantizedMatMulFamily);
  CHECK(step.flops == 2.0 * static_cast<double>(s.tensor(y).size() * t.k));
  run_at_every_level(s, s.call(step), y, t.threads, [] {});

  const auto weights = s.integers(b);
  const auto& scales = s.graph.value(b).quant->scales;
  const auto biases = t.bias ? s.values(bias) : std::vector<float>();
  double worst = 0;
  for (int64_t i = 0; i < s.tensor(y).size(); ++i) {
    const int64_t row = i / t.n, column = i % t.n;
    int64_t sum = 0, all = 0;
    for (int64_t k = 0; k < t.k; ++k) {
      const int32_t w = weights[static_cast<size_t>(k * t.n + column)];
      sum += (s.integer(a, row * t.k + k) - t.zero) * w;
      all += 255 * std::abs(w);
    }
    const double unit =
        static_cast<double>(a_as.scale) *
        static_cast<double>(scales[t.per_channel ? static_cast<size_t>(column) : 0]);
    const double expected =
        reference_epilogue(t.epilogue, static_cast<double>(sum) * unit,
                           t.bias ? static_cast<double>(biases[static_cast<size_t>(column)]) : 0.0,
                           t.residual ? s.real(r, r_as, i) : 0.0);
    const double stored = y_as.is_float() ? static_cast<double>(s.tensor(y).at<float>(i))
                                          : static_cast<double>(s.integer(y, i));
    const double error = stored_error(y_as, expected, 1 + static_cast<double>(all) * unit, stored);
    if (!(error <= worst)) worst = error;
  }
  CAPTURE(t.k);
  CAPTURE(t.n);
  CAPTURE(t.zero);
  CHECK(worst == 0);
}

}  // namespace

TEST_CASE("quantised matrix product is exact over random options, the same on every SIMD level") {
  std::mt19937 random(31);
  const auto pick = [&](std::initializer_list<int64_t> from) {
    return from.begin()[random() % from.size()];
  };
  for (int i = 0; i < 150; ++i) {
    CAPTURE(i);
    Case t;
    t.rows.assign(random() % 4, 1);
    for (int64_t& extent : t.rows) extent = pick({1, 2, 3, 7, 19});
    t.k = pick({1, 3, 4, 5, 16, 17, 30, 64, 130, 600});
    t.n = pick({1, 7, 8, 16, 17, 33, 64, 150});
    t.b_rank = 2 + random() % 2;
    if (t.b_rank > t.rows.size() + 1) t.b_rank = 2;
    t.zero = static_cast<int32_t>(pick({0, 128, 7, 255}));
    t.per_channel = random() % 3 != 0;
    t.bias = random() % 2 == 0;
    t.residual = random() % 2 == 0;
    t.a_gap = pick({0, 3});
    t.y_gap = pick({0, 5});
    t.threads = random() % 2 == 0 ? 1 : 2;
    t.epilogue.act = static_cast<Activation>(random() % 12);
    t.epilogue.alpha = t.epilogue.act == Activation::kClip ? -0.3f : 0.2f;
    t.epilogue.beta = 0.5f;
    t.epilogue.residual_after_act = random() % 2 == 0;
    run_case(t, random);
  }
  Case big;
  big.rows = {3, 70};
  big.k = 2052;
  big.n = 300;
  big.threads = 2;
  big.residual = true;
  run_case(big, random);
}

TEST_CASE("a quantised matrix product's parameters and operands are checked") {
  QuantizedStep s;
  std::mt19937 random(3);
  const ValueId a = s.stored_input("a", {2, 3, 8}, {DType::kU8, 0.1f, 128}, random);
  const ValueId b = s.weights({8, 20}, 1, random);
  const ValueId y = s.stored_output("y", {2, 3, 20}, {DType::kU8, 0.1f, 0});
  s.node.op = builder::Op::kMatMul;
  s.node.attributes = builder::MatMulAttributes{};
  s.node.inputs = {a, b};
  s.node.outputs = {y};
  KernelCall call = s.call(s.lower(builder::kQuantizedMatMulFamily));
  REQUIRE(call.check().ok());
  const std::vector<std::byte> right = call.params;
  const auto refuses = [&](auto&& change) {
    QuantizedMatMulParams p;
    std::memcpy(&p, right.data(), sizeof(p));
    change(p);
    call.params = pod_bytes(p);
    const bool refused = !call.check().ok();
    call.params = right;
    return refused;
  };
  using P = QuantizedMatMulParams;
  CHECK(refuses([](P& p) { p.matmul.b_packed = 0; }));
  CHECK(refuses([](P& p) { p.matmul.n = 21; }));
  CHECK(refuses([](P& p) { p.matmul.epilogue.has_residual = 1; }));
  CHECK(refuses([](P& p) { p.matmul.epilogue.has_bias = 0; }));
  CHECK(refuses([](P& p) { p.x.scale = 0; }));
  CHECK(refuses([](P& p) { p.y.zero_point = 256; }));
  const auto refuses_operand = [&](const Tensor*& place, Tensor other) {
    const Tensor* const before = place;
    place = &other;
    const bool refused = !call.check().ok();
    place = before;
    return refused;
  };
  CHECK(refuses_operand(call.inputs[0], Tensor(DType::kU8, {2, 3, 9})));
  CHECK(refuses_operand(call.inputs[0], Tensor(DType::kU8, {2, 4, 8})));
  CHECK(refuses_operand(call.inputs[0], Tensor(DType::kU8, {6, 8})));
  CHECK(refuses_operand(call.inputs[0], Tensor(DType::kU8, {2, 3, 1 << 17})));
  CHECK(refuses_operand(call.inputs[0], Tensor(DType::kI8, {2, 3, 8})));
  CHECK(refuses_operand(call.inputs[0], Tensor(DType::kU8, {2, 3, 0})));
  CHECK(refuses_operand(call.inputs[1], Tensor(DType::kI8, {2, 2, 64})));
  CHECK(refuses_operand(call.inputs[2], Tensor(DType::kF32, {19})));
  CHECK(refuses_operand(call.inputs[3], Tensor(DType::kF32, {20, 1})));
  CHECK(refuses_operand(call.outputs[0], Tensor(DType::kU8, {2, 3, 21})));
  CHECK(refuses_operand(call.outputs[0], Tensor(DType::kF32, {2, 3, 20})));
  call.worker_scratch_bytes = 0;
  CHECK_FALSE(call.check().ok());
}
