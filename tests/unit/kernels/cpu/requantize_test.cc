// Conversion among f32, u8 and i8 against double precision.
#include <limits>

#include "plan_schema/params/quantized.h"
#include "tests/unit/kernels/cpu/quantized_step.h"

using namespace stint;
using namespace stint::test;
using builder::ValueId;

TEST_CASE("requantisation rounds to the nearest integer, the same on every SIMD level") {
  std::mt19937 random(41);
  for (int i = 0; i < 200; ++i) {
    CAPTURE(i);
    QuantizedStep s;
    const Stored x_as = random_stored(random, 1), y_as = random_stored(random, 1);
    if (x_as.is_float() && y_as.is_float()) continue;
    const int64_t extents[] = {1, 3, 5, 17, 30, 58};
    const builder::Shape shape = {1 + static_cast<int64_t>(random() % 3), extents[random() % 6],
                                  extents[random() % 6]};
    const ValueId x = s.stored_input("x", shape, x_as, random, random() % 2 == 0 ? 0 : 3);
    const ValueId y = s.stored_output("y", shape, y_as, random() % 2 == 0 ? 0 : 5);
    s.node.op = builder::Op::kCast;
    s.node.inputs = {x};
    s.node.outputs = {y};
    run_at_every_level(s, s.call(s.lower(builder::kRequantizeFamily)), y, 1 + random() % 2, [] {});
    double worst = 0;
    for (int64_t k = 0; k < s.tensor(y).size(); ++k) {
      const double stored = y_as.is_float() ? static_cast<double>(s.tensor(y).at<float>(k))
                                            : static_cast<double>(s.integer(y, k));
      const double error = stored_error(y_as, s.real(x, x_as, k), 1e-3, stored);
      if (!(error <= worst)) worst = error;
    }
    CHECK(worst == 0);
  }
}

TEST_CASE("quantisation breaks ties to even, saturates and stores NaN as the zero point") {
  const float inf = std::numeric_limits<float>::infinity();
  const std::vector<float> from = {0.5f,   1.5f, -0.5f, -2.5f,         130.f, -130.f, 1e30f,
                                   -1e30f, inf,  -inf,  std::nanf(""), 2.5f,  3e9f,   -3e9f};
  const std::vector<int> rounded = {0, 2, 0, -2, 130, -130, 999, -999, 999, -999, 0, 2, 999, -999};
  for (const Stored& as :
       {Stored{DType::kU8, 1, 0}, Stored{DType::kU8, 1, 7}, Stored{DType::kU8, 1, 128},
        Stored{DType::kI8, 1, 0}, Stored{DType::kI8, 1, -5}}) {
    QuantizedStep s;
    std::mt19937 random(1);
    const ValueId x = s.input("x", {static_cast<int64_t>(from.size())}, random);
    s.tensor(x).set(from);
    const ValueId y = s.stored_output("y", {static_cast<int64_t>(from.size())}, as);
    s.node.op = builder::Op::kCast;
    s.node.inputs = {x};
    s.node.outputs = {y};
    run_at_every_level(s, s.call(s.lower(builder::kRequantizeFamily)), y, 1, [] {});
    const int lowest = as.dtype == DType::kI8 ? -128 : 0;
    for (size_t i = 0; i < from.size(); ++i) {
      CAPTURE(from[i]);
      CHECK(s.integer(y, static_cast<int64_t>(i)) ==
            std::min(std::max(rounded[i] + as.zero, lowest), lowest + 255));
    }
  }
}

TEST_CASE("a requantisation's parameters and operands are checked") {
  const Tensor f32(DType::kF32, {2, 3}), u8(DType::kU8, {2, 3}), other(DType::kU8, {2, 4}),
      i32(DType::kI32, {2, 3});
  const auto ok = [&](const Tensor& x, const Tensor& y, QuantParams of_x, QuantParams of_y) {
    return KernelCall{KernelId::kRequantize, pod_bytes(RequantizeParams{of_x, of_y}), {&x}, {&y}}
        .check()
        .ok();
  };
  const QuantParams none, some{0.5f, 3};
  CHECK(ok(f32, u8, none, some));
  CHECK(ok(u8, f32, some, none));
  CHECK_FALSE(ok(f32, u8, some, some));
  CHECK_FALSE(ok(u8, other, some, some));
  CHECK_FALSE(ok(u8, i32, some, none));
  CHECK_FALSE(ok(i32, u8, none, some));
  CHECK_FALSE(ok(u8, u8, {0.5f, 256}, some));
  CHECK_FALSE(ok(u8, u8, some, {std::nanf(""), 0}));
  CHECK_FALSE(ok(u8, u8, {1e30f, 0}, {1e-30f, 0}));
  CHECK_FALSE(KernelCall{KernelId::kRequantize, {}, {&u8}, {&u8}}.check().ok());
}
