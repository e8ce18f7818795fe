// Matrix products against a naive one in double precision.
#include "plan_schema/params/matmul.h"
#include "host_builder/lowering/cpu/families.h"
#include "tests/unit/kernels/cpu/lowered_step.h"
#include "tests/unit/kernels/cpu/simd_levels.h"

using namespace stint;
using namespace stint::test;
using builder::Shape;
using builder::ValueId;

namespace {

struct MatMulCase {
  Shape a, b, y;
  bool constant = true, bias = false, residual = false;
  int64_t gap = 0;
  uint32_t threads = 1;
  Activation act = Activation::kNone;
};

void run_case(const builder::Family& family, const MatMulCase& t, std::mt19937& random) {
  LoweredStep s;
  s.node.op = builder::Op::kMatMul;
  builder::MatMulAttributes attributes;
  attributes.epilogue.act = t.act;
  s.node.attributes = attributes;
  const ValueId a = s.input("a", t.a, random, t.gap);
  const ValueId b = t.constant ? s.constant("b", t.b, random) : s.input("b", t.b, random, t.gap);
  const int64_t m = t.a.size() == 1 ? 1 : t.a[t.a.size() - 2];
  const int64_t n = t.b.size() == 1 ? 1 : t.b.back();
  const int64_t k = t.a.back();
  const ValueId bias = t.bias ? s.constant("bias", {n}, random) : builder::kNoValue;
  const ValueId r = t.residual ? s.input("r", t.y, random) : builder::kNoValue;
  const ValueId y = s.output("y", DType::kF32, t.y, t.gap);
  s.node.inputs = {a, b, bias, r};
  s.node.outputs = {y};
  const auto as = s.values(a), bs = s.values(b);
  const auto biases = t.bias ? s.values(bias) : std::vector<float>();
  const auto residual = t.residual ? s.values(r) : std::vector<float>();
  const Status status = s.call(s.lower(family)).run(t.threads);
  REQUIRE_MESSAGE(status.ok(), status.message);
  CHECK(s.tensor(y).gaps_untouched());
  const auto ys = s.tensor(y).get<float>();
  // Batch axes of y, right-aligned with those of a and b.
  const int64_t batches = static_cast<int64_t>(ys.size()) / (m * n);
  const size_t axes = t.y.size() - (t.a.size() > 1) - (t.b.size() > 1);
  double worst = 0;
  for (int64_t batch = 0; batch < batches; ++batch) {
    const auto matrix = [&](const Shape& shape) {
      const size_t own = shape.size() < 2 ? 0 : shape.size() - 2;
      int64_t rest = batch, at = 0, scale = 1;
      for (size_t i = 0; i < axes; ++i) {
        const size_t from_end = i + 1;
        const int64_t c = rest % t.y[axes - from_end];
        rest /= t.y[axes - from_end];
        if (from_end > own) continue;
        const int64_t extent = shape[own - from_end];
        at += (extent == 1 ? 0 : c) * scale;
        scale *= extent;
      }
      return at;
    };
    const int64_t a0 = matrix(t.a) * m * k, b0 = matrix(t.b) * k * n;
    for (int64_t i = 0; i < m; ++i)
      for (int64_t j = 0; j < n; ++j) {
        double sum = 0, scale = 1;
        for (int64_t l = 0; l < k; ++l) {
          const double term = static_cast<double>(as[a0 + i * k + l]) * bs[b0 + l * n + j];
          sum += term;
          scale += std::fabs(term);
        }
        const int64_t at = (batch * m + i) * n + j;
        const double expected = reference_epilogue(attributes.epilogue, sum, t.bias ? biases[j] : 0,
                                                   t.residual ? residual[at] : 0);
        const double error = std::fabs(ys[at] - expected) / scale;
        if (!(error <= worst)) worst = error;
      }
  }
  CHECK(worst < 1e-6);
}

}  // namespace

TEST_CASE("matrix products match the definition: packed and not, every size, on every SIMD level") {
  cpu::for_each_simd_level([&](cpu::SimdLevel level) {
    INFO(cpu::simd_level_name(level));
    std::mt19937 random(21);
    for (const int64_t m : {1, 2, 5, 13, 100})
      for (const int64_t n : {1, 7, 16, 33, 70})
        for (const int64_t k : {1, 9, 64, 700}) {
          MatMulCase t;
          t.a = {m, k}, t.b = {k, n}, t.y = {m, n};
          t.bias = n % 2 == 1;
          t.residual = m % 2 == 1;
          t.gap = k == 9 ? 3 : 0;
          t.threads = m > 10 ? 2 : 1;
          t.act = n == 7 ? Activation::kTanh : Activation::kRelu;
          CAPTURE(m);
          CAPTURE(n);
          CAPTURE(k);
          run_case(builder::kMatMulPackedFamily, t, random);
          t.constant = false;
          run_case(builder::kMatMulFamily, t, random);
        }
  });
}

TEST_CASE("matrix products broadcast batches and take vectors by numpy's rules") {
  std::mt19937 random(22);
  MatMulCase t;
  t.constant = false;
  t.threads = 2;
  for (const int64_t gap : {0, 2}) {
    t.gap = gap;
    t.a = {2, 3, 5, 9}, t.b = {2, 3, 9, 20}, t.y = {2, 3, 5, 20};
    run_case(builder::kMatMulFamily, t, random);
    t.a = {2, 1, 5, 9}, t.b = {3, 9, 20};
    run_case(builder::kMatMulFamily, t, random);
    t.a = {5, 9}, t.b = {2, 3, 9, 20};
    run_case(builder::kMatMulFamily, t, random);
    t.a = {9}, t.b = {4, 9, 20}, t.y = {4, 20};
    run_case(builder::kMatMulFamily, t, random);
    t.a = {4, 5, 9}, t.b = {9}, t.y = {4, 5};
    run_case(builder::kMatMulFamily, t, random);
  }
  t.gap = 0;
  t.a = {9}, t.b = {9}, t.y = {};
  run_case(builder::kMatMulFamily, t, random);
}

TEST_CASE("matrix product refuses operands that do not fit") {
  std::mt19937 random(23);
  LoweredStep s;
  s.node.op = builder::Op::kMatMul;
  s.node.attributes = builder::MatMulAttributes{};
  const ValueId a = s.input("a", {4, 9}, random);
  const ValueId b = s.constant("b", {9, 20}, random);
  const ValueId y = s.output("y", DType::kF32, {4, 20});
  const ValueId small = s.output("small", DType::kF32, {4, 19});
  s.node.inputs = {a, b};
  s.node.outputs = {y};
  const builder::StepSpec step = s.lower(builder::kMatMulPackedFamily);
  REQUIRE(s.call(step).check().ok());
  builder::StepSpec bad = step;
  bad.inputs[1] = b;
  CHECK_FALSE(s.call(bad).check().ok());
  bad = step;
  bad.outputs[0] = small;
  CHECK_FALSE(s.call(bad).check().ok());
  bad = step;
  bad.inputs[0] = y;
  CHECK_FALSE(s.call(bad).check().ok());
  bad = step;
  bad.worker_scratch_bytes -= 64;
  CHECK_FALSE(s.call(bad).check().ok());
  MatMulParams p;
  std::memcpy(&p, step.params.data(), sizeof p);
  p.n = 36;
  bad = step;
  std::memcpy(bad.params.data(), &p, sizeof p);
  CHECK_FALSE(s.call(bad).check().ok());
  p.n = 20, p.b_packed = 2;
  std::memcpy(bad.params.data(), &p, sizeof p);
  CHECK_FALSE(s.call(bad).check().ok());
}
