// The generic GPU kernels, their very sources executed on the host, against the CPU target.
#include <doctest/doctest.h>

#include "plan_schema/params/elementwise.h"
#include "tests/support/cuda_on_host.h"
#include "tests/support/device_case.h"

namespace stint::builder {
namespace {

using test::DeviceCase;

/// False, and a line that says so, where there is no compiler to test with.
bool can_run() { return test::can_run_device_code_on_host(); }

}  // namespace

TEST_CASE("generic GPU kernels: every element-wise operation on f32") {
  if (!can_run()) return;
  for (int i = 0; i <= static_cast<int>(EltOp::kWhere); ++i) {
    const EltOp op = static_cast<EltOp>(i);
    const int operands = elt_operands(op);
    if (operands == 0 || !elt_defined(op, true)) continue;
    DeviceCase c(100 + static_cast<uint32_t>(i));
    c.node.name = "operation " + std::to_string(i);
    const bool positive = op == EltOp::kLog || op == EltOp::kSqrt || op == EltOp::kPow;
    const double low = positive ? 0.1 : -3;
    if (operands == 1) {
      c.node.op = Op::kUnary;
      c.node.attributes = UnaryAttributes{op, 0.5f, 0.75f};
      c.input(DType::kF32, {2, 3, 8}, low, 3);
    } else if (operands == 2) {
      c.node.op = Op::kBinary;
      c.node.attributes = BinaryAttributes{op};
      c.input(DType::kF32, {2, 3, 8}, low, 3);
      c.input(DType::kF32, {3, 1}, low, 3);
    } else {
      c.node.op = Op::kWhere;
      c.input(DType::kBool, {3, 1}, -1, 1);
      c.input(DType::kF32, {2, 3, 8});
      c.input(DType::kF32, {8});
    }
    // Differences of the two math libraries, more where the function is steep.
    c.tolerance = 1e-5;
    c.half_tolerance = op == EltOp::kPow || op == EltOp::kTan ? 1e-2 : 4e-3;
    const bool jumps = op >= EltOp::kEqual && op <= EltOp::kFMod;
    c.halves = !jumps;
    c.output(DType::kF32, {2, 3, 8});
    c.check();
  }
}

TEST_CASE("generic GPU kernels: element-wise operations on other types") {
  if (!can_run()) return;
  const DType types[] = {DType::kI8,  DType::kU8,  DType::kI16, DType::kU16, DType::kI32,
                         DType::kU32, DType::kI64, DType::kU64, DType::kF64, DType::kBF16};
  uint32_t seed = 500;
  for (const DType type : types) {
    for (const EltOp op : {EltOp::kAdd, EltOp::kDiv, EltOp::kPow, EltOp::kMod, EltOp::kMax}) {
      DeviceCase c(seed++);
      c.node.op = Op::kBinary;
      c.node.name =
          std::string(dtype_name(type)) + " operation " + std::to_string(static_cast<int>(op));
      c.node.attributes = BinaryAttributes{op};
      const bool is_unsigned = dtype_name(type)[0] == 'u';
      c.input(type, {3, 5}, is_unsigned || (op == EltOp::kPow && is_float(type)) ? 1 : -9, 9);
      c.input(type, {5}, 1, 4);
      c.output(type, {3, 5});
      c.tolerance = type == DType::kBF16 ? 1e-2 : 1e-5;
      c.halves = false;
      c.check();
    }
  }
  for (const EltOp op :
       {EltOp::kBitAnd, EltOp::kBitOr, EltOp::kBitXor, EltOp::kLess, EltOp::kAnd}) {
    DeviceCase c(seed++);
    c.node.op = Op::kBinary;
    c.node.attributes = BinaryAttributes{op};
    c.input(DType::kI32, {4, 7}, -9, 9);
    c.input(DType::kI32, {4, 1}, -9, 9);
    c.output(op == EltOp::kLess || op == EltOp::kAnd ? DType::kBool : DType::kI32, {4, 7});
    c.halves = false;
    c.check();
  }
}

TEST_CASE("generic GPU kernels: conversions between all types") {
  if (!can_run()) return;
  for (int from = 0; from < kDTypeCount; ++from) {
    const int to = (from * 5 + 3) % kDTypeCount, other = (from * 7 + 1) % kDTypeCount;
    for (const int y : {to, other, 0}) {
      DeviceCase c(static_cast<uint32_t>(600 + from * 13 + y));
      c.node.op = Op::kCast;
      c.node.name = std::string(dtype_name(static_cast<DType>(from))) + " to " +
                    dtype_name(static_cast<DType>(y));
      const DType x = static_cast<DType>(from);
      const bool is_unsigned = dtype_name(x)[0] == 'u';
      c.input(x, {3, 16}, is_unsigned ? 0 : -3, dtype_bytes(x) == 1 ? 100 : 300);
      c.output(static_cast<DType>(y), {3, 16});
      c.halves = from == 0 || y == 0;
      c.check();
    }
  }
}

TEST_CASE("generic GPU kernels: fused programs and batch normalisation") {
  if (!can_run()) return;
  DeviceCase c(700);
  c.node.op = Op::kPointwise;
  PointwiseAttributes program;
  program.program = {{EltOp::kMul, 0, 1, 0, 0, 0},
                     {EltOp::kAdd, 3, 2, 0, 0, 0},
                     {EltOp::kClip, 4, 0, 0, -1.0f, 1.5f},
                     {EltOp::kSigmoid, 3, 0, 0, 0, 0},
                     {EltOp::kMul, 5, 6, 0, 0, 0}};
  c.node.attributes = program;
  c.input(DType::kF32, {2, 5, 16});
  c.input(DType::kF32, {16});
  c.input(DType::kF32, {2, 1, 1});
  c.output(DType::kF32, {2, 5, 16});
  c.half_tolerance = 1e-2;
  c.check();
  for (const bool known : {false, true}) {
    DeviceCase b(701);
    b.node.op = Op::kBatchNorm;
    b.node.name = known ? "known statistics" : "statistics at run time";
    b.node.attributes = NormAttributes{1e-3f, -1};
    b.input(DType::kF32, {2, 3, 4, 8});
    for (int i = 0; i < 4; ++i)
      known ? b.constant(DType::kF32, {8}, 0.5, 2) : b.input(DType::kF32, {8}, 0.5, 2);
    b.output(DType::kF32, {2, 3, 4, 8});
    b.half_tolerance = 1e-2;
    b.check();
  }
}

TEST_CASE("generic GPU kernels: steps that move elements") {
  if (!can_run()) return;
  const auto run = [](DeviceCase& c, const char* name) {
    c.node.name = name;
    c.check();
  };
  for (const auto& [shape, perm, result] :
       std::vector<std::tuple<Shape, std::vector<int64_t>, Shape>>{
           {{2, 3, 5, 7}, {0, 2, 3, 1}, {2, 5, 7, 3}},
           {{2, 5, 40, 33}, {0, 3, 1, 2}, {2, 33, 5, 40}},
           {{1, 36, 64}, {0, 2, 1}, {1, 64, 36}},
           {{3, 4, 8}, {1, 0, 2}, {4, 3, 8}}}) {
    DeviceCase c(800);
    c.node.op = Op::kTranspose;
    c.node.attributes = TransposeAttributes{perm};
    c.input(DType::kF32, shape);
    c.output(DType::kF32, result);
    run(c, "transpose");
  }
  {
    DeviceCase c(801);
    c.node.op = Op::kConcat;
    c.node.attributes = AxisAttributes{2};
    for (const int64_t n : {8, 0, 4, 12}) c.input(DType::kI16, {2, 3, n, 2}, -99, 99);
    c.output(DType::kI16, {2, 3, 24, 2});
    run(c, "concat");
  }
  {
    DeviceCase c(802);
    c.node.op = Op::kSlice;
    c.node.attributes = SliceAttributes{{1, 9, 0}, {2, -3, 1}};
    c.input(DType::kF32, {5, 10, 8});
    c.output(DType::kF32, {2, 3, 8});
    run(c, "slice");
  }
  {
    DeviceCase c(803);
    c.node.op = Op::kReshape;
    c.input(DType::kF32, {4, 6, 10});
    c.output(DType::kF32, {3, 80});
    run(c, "reshape");
  }
  {
    DeviceCase c(804);
    c.node.op = Op::kExpand;
    c.input(DType::kI64, {3, 1, 4}, -99, 99);
    c.output(DType::kI64, {2, 3, 5, 4});
    run(c, "expand");
  }
  {
    DeviceCase c(805);
    c.node.op = Op::kTile;
    c.input(DType::kU8, {2, 3}, 0, 200);
    c.output(DType::kU8, {6, 12});
    run(c, "tile");
  }
  for (const bool deep : {false, true}) {
    DeviceCase c(806);
    c.node.op = deep ? Op::kSpaceToDepth : Op::kDepthToSpace;
    c.node.attributes = DepthToSpaceAttributes{2, !deep};
    c.input(DType::kF32, deep ? Shape{1, 6, 4, 3} : Shape{1, 3, 2, 12});
    c.output(DType::kF32, deep ? Shape{1, 3, 2, 12} : Shape{1, 6, 4, 3});
    run(c, "depth and space");
  }
  for (const PadMode mode :
       {PadMode::kConstant, PadMode::kReflect, PadMode::kEdge, PadMode::kWrap}) {
    for (const DType type : {DType::kF32, DType::kI32, DType::kF64}) {
      DeviceCase c(807);
      c.node.op = Op::kPad;
      c.node.attributes = PadAttributes{mode, {0, 2, -1}, {0, 1, 3}, 3.0};
      c.input(type, {2, 5, 6}, -9, 9);
      c.output(type, {2, 8, 8});
      c.halves = type == DType::kF32;
      run(c, "pad");
    }
  }
  for (const DType type : {DType::kI64, DType::kI32}) {
    DeviceCase c(808);
    c.node.op = Op::kGather;
    c.node.attributes = AxisAttributes{1};
    c.input(DType::kF32, {2, 5, 3});
    c.input(type, {2, 2}, -4, 4);
    c.output(DType::kF32, {2, 2, 2, 3});
    run(c, "gather");
  }
}

TEST_CASE("generic GPU kernels: resizing in every mode") {
  if (!can_run()) return;
  uint32_t seed = 900;
  for (const ResizeMode mode : {ResizeMode::kNearest, ResizeMode::kLinear, ResizeMode::kCubic})
    for (int coordinate = 0; coordinate < 7; ++coordinate)
      for (const DType type : {DType::kF32, DType::kU8}) {
        if (type == DType::kU8 && coordinate % 3 != 0) continue;
        DeviceCase c(seed++);
        c.node.op = Op::kResize;
        c.node.name =
            "resize " + std::to_string(static_cast<int>(mode)) + " " + std::to_string(coordinate);
        ResizeAttributes a;
        a.mode = mode;
        a.coordinate = static_cast<CoordinateMode>(coordinate);
        a.scales = {1, 2, 0.6f, 1};
        if (coordinate == 5) a.roi = {0, 0.1f, -0.2f, 0, 1, 0.8f, 1.1f, 1};
        a.extrapolation = 7;
        a.antialias = coordinate == 0 && mode != ResizeMode::kNearest;
        a.exclude_outside = coordinate == 4 && mode == ResizeMode::kCubic;
        c.node.attributes = a;
        c.input(type, {2, 5, 10, 3}, 0, 200);
        c.output(type, {2, 10, 6, 3});
        c.halves = type == DType::kF32 && coordinate == 3;
        c.check();
      }
  DeviceCase c(seed);  // the innermost axis too
  c.node.op = Op::kResize;
  ResizeAttributes a;
  a.mode = ResizeMode::kLinear;
  a.scales = {1, 1.5f, 2};
  c.node.attributes = a;
  c.input(DType::kF32, {2, 4, 5});
  c.output(DType::kF32, {2, 6, 10});
  c.check();
}

TEST_CASE("generic GPU kernels of this file compile for every SM") {
  test::compile_device_sources();
}

}  // namespace stint::builder
