// Element-wise programs on 8-bit integers against double precision.
#include "plan_schema/params/quantized.h"
#include "tests/unit/kernels/cpu/quantized_step.h"

using namespace stint;
using namespace stint::test;
using builder::PointwiseAttributes;
using builder::PointwiseInstruction;
using builder::Shape;
using builder::ValueId;

namespace {

double unary(EltOp op, double alpha, double beta, double x) {
  switch (op) {
    case EltOp::kRelu:
      return std::fmax(x, 0);
    case EltOp::kSigmoid:
      return 1 / (1 + std::exp(-x));
    case EltOp::kTanh:
      return std::tanh(x);
    case EltOp::kHardSwish:
      return x * std::fmin(std::fmax(x / 6 + 0.5, 0), 1);
    case EltOp::kGelu:
      return 0.5 * x * (1 + std::erf(x / std::sqrt(2.0)));
    case EltOp::kSilu:
      return x / (1 + std::exp(-x));
    case EltOp::kMish:
      return x * std::tanh(std::log1p(std::exp(x)));
    case EltOp::kSoftplus:
      return std::log1p(std::exp(x));
    case EltOp::kExp:
      return std::exp(x);
    case EltOp::kAbs:
      return std::fabs(x);
    case EltOp::kClip:
      return std::fmin(std::fmax(x, alpha), beta);
    case EltOp::kLeakyRelu:
      return x < 0 ? alpha * x : x;
    case EltOp::kSin:
      return std::sin(x);
    default:
      FAIL("not in the reference");
      return 0;
  }
}

double stored_number(QuantizedStep& s, ValueId y, const Stored& as, int64_t i) {
  return as.is_float() ? static_cast<double>(s.tensor(y).at<float>(i))
                       : static_cast<double>(s.integer(y, i));
}

}  // namespace

TEST_CASE("every unary operation of one 8-bit operand, in few elements and by a table") {
  std::mt19937 random(61);
  const EltOp ops[] = {EltOp::kRelu, EltOp::kSigmoid, EltOp::kTanh, EltOp::kHardSwish,
                       EltOp::kGelu, EltOp::kSilu,    EltOp::kMish, EltOp::kSoftplus,
                       EltOp::kExp,  EltOp::kAbs,     EltOp::kClip, EltOp::kLeakyRelu,
                       EltOp::kSin};
  for (const EltOp op : ops) {
    for (const Shape& shape : {Shape{3, 17}, Shape{2, 5, 7, 58}, Shape{1, 3000}}) {
      QuantizedStep s;
      const Stored x_as = random_stored(random, 3), y_as = random_stored(random, 3);
      if (x_as.is_float() && y_as.is_float()) continue;
      const ValueId x = s.stored_input("x", shape, x_as, random, random() % 2 == 0 ? 0 : 3);
      const ValueId y = s.stored_output("y", shape, y_as, random() % 2 == 0 ? 0 : 5);
      s.node.op = builder::Op::kUnary;
      s.node.attributes = builder::UnaryAttributes{op, -0.25f, 0.5f};
      s.node.inputs = {x};
      s.node.outputs = {y};
      run_at_every_level(s, s.call(s.lower(builder::kQuantizedPointwiseFamily)), y,
                         1 + random() % 2, [] {});
      double worst = 0;
      for (int64_t i = 0; i < s.tensor(y).size(); ++i) {
        const double expected = unary(op, -0.25, 0.5, s.real(x, x_as, i));
        const double error = stored_error(y_as, expected, 1, stored_number(s, y, y_as, i));
        if (!(error <= worst)) worst = error;
      }
      CAPTURE(static_cast<int>(op));
      CAPTURE(shape.size());
      CHECK(worst == 0);
    }
  }
}

TEST_CASE("programs of operands of any storage, broadcast and strided") {
  std::mt19937 random(62);
  for (int i = 0; i < 120; ++i) {
    CAPTURE(i);
    QuantizedStep s;
    const int64_t extents[] = {1, 3, 5, 17, 33, 58};
    const Shape shape = {1 + static_cast<int64_t>(random() % 2), extents[random() % 6],
                         extents[random() % 6], extents[random() % 6]};
    // A residual added, scaled by one number a channel (squeeze and excitation), and activated.
    const Stored a_as = random_stored(random, 2), b_as = random_stored(random, 2),
                 c_as = random_stored(random, 1), y_as = random_stored(random, 3);
    if (a_as.is_float() && b_as.is_float() && c_as.is_float() && y_as.is_float()) continue;
    const Shape c_shape = random() % 2 == 0 ? Shape{shape[0], 1, 1, shape[3]} : Shape{1};
    const ValueId a = s.stored_input("a", shape, a_as, random, random() % 2 == 0 ? 0 : 3);
    const ValueId b = s.stored_input("b", shape, b_as, random);
    const ValueId c = s.stored_input("c", c_shape, c_as, random);
    const ValueId y = s.stored_output("y", shape, y_as, random() % 2 == 0 ? 0 : 5);
    const bool activated = random() % 2 == 0;
    PointwiseAttributes program;
    program.program = {PointwiseInstruction{EltOp::kAdd, 0, 1},
                       PointwiseInstruction{EltOp::kMul, 3, 2}};
    if (activated) program.program.push_back(PointwiseInstruction{EltOp::kSilu, 4});
    s.node.op = builder::Op::kPointwise;
    s.node.attributes = program;
    s.node.inputs = {a, b, c};
    s.node.outputs = {y};
    run_at_every_level(s, s.call(s.lower(builder::kQuantizedPointwiseFamily)), y, 1 + random() % 2,
                       [] {});
    double worst = 0;
    for (int64_t k = 0; k < s.tensor(y).size(); ++k) {
      const int64_t of_c =
          c_shape.size() == 1 ? 0 : k / (shape[1] * shape[2] * shape[3]) * shape[3] + k % shape[3];
      double expected = (s.real(a, a_as, k) + s.real(b, b_as, k)) * s.real(c, c_as, of_c);
      if (activated) expected = unary(EltOp::kSilu, 0, 0, expected);
      const double error = stored_error(y_as, expected, 1, stored_number(s, y, y_as, k));
      if (!(error <= worst)) worst = error;
    }
    CHECK(worst == 0);
  }
}

TEST_CASE("a quantised program's parameters and operands are checked") {
  QuantizedStep s;
  std::mt19937 random(3);
  const Stored as{DType::kU8, 0.1f, 3};
  const ValueId a = s.stored_input("a", {2, 8}, as, random);
  const ValueId b = s.stored_input("b", {8}, as, random);
  const ValueId y = s.stored_output("y", {2, 8}, as);
  s.node.op = builder::Op::kBinary;
  s.node.attributes = builder::BinaryAttributes{EltOp::kAdd};
  s.node.inputs = {a, b};
  s.node.outputs = {y};
  KernelCall call = s.call(s.lower(builder::kQuantizedPointwiseFamily));
  REQUIRE(call.check().ok());
  const std::vector<std::byte> right = call.params;
  const auto refuses = [&](auto&& change) {
    QuantizedPointwiseParams p;
    PointwiseOp op;
    std::memcpy(&p, right.data(), sizeof(p));
    std::memcpy(&op, right.data() + sizeof(p), sizeof(op));
    change(p, op);
    call.params = pod_bytes(p, std::vector<PointwiseOp>{op});
    const bool refused = !call.check().ok();
    call.params = right;
    return refused;
  };
  using P = QuantizedPointwiseParams;
  using I = PointwiseOp;
  CHECK(refuses([](P& p, I&) { p.program.instruction_count = 0; }));
  CHECK(refuses([](P& p, I&) { p.program.instruction_count = 2; }));
  CHECK(refuses([](P& p, I&) { p.program.instruction_count = 33; }));
  CHECK(refuses([](P& p, I&) { p.y.scale = 0; }));
  CHECK(refuses([](P& p, I&) { p.inputs[1].zero_point = -1; }));
  CHECK(refuses([](P&, I& i) { i.b = 2; }));
  CHECK(refuses([](P&, I& i) { i.c = 200; }));
  CHECK(refuses([](P&, I& i) { i.op = EltOp::kBitAnd; }));
  CHECK(refuses([](P&, I& i) { i.op = static_cast<EltOp>(255); }));
  const Tensor wrong(DType::kU8, {3}), i32(DType::kI32, {8}), f32(DType::kF32, {8});
  for (const Tensor* t : {&wrong, &i32, &f32}) {
    KernelCall spoilt = call;
    spoilt.inputs[1] = t;
    CHECK_FALSE(spoilt.check().ok());
  }
  call.worker_scratch_bytes -= 4;
  CHECK_FALSE(call.check().ok());
}
