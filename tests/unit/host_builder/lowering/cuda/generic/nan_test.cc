// What is not a number through the generic GPU kernels: the same results as on the CPU, whose own
// are told by tests/unit/kernels/cpu/nan_test.cc.
#include <doctest/doctest.h>

#include <cmath>
#include <numeric>

#include "plan_schema/params/elementwise.h"
#include "tests/support/cuda_on_host.h"
#include "tests/support/device_case.h"

namespace stint::builder {
namespace {

using test::DeviceCase;

bool can_run() { return test::can_run_device_code_on_host(); }

/// Random numbers, every `period`-th of them (from `first` on) not one.
std::vector<float> with_nans(size_t count, size_t first, size_t period, uint32_t seed) {
  std::mt19937 random(seed);
  std::uniform_real_distribution<float> value(-2, 2);
  std::vector<float> values(count);
  for (float& v : values) v = value(random);
  for (size_t i = first; i < count; i += period) values[i] = NAN;
  return values;
}

}  // namespace

TEST_CASE("generic GPU kernels: NaN through pooling") {
  if (!can_run()) return;
  for (const bool indices : {false, true}) {
    DeviceCase c(3600);
    c.node.op = Op::kPool;
    c.node.name = "pooling of NaN";
    PoolAttributes a;
    a.kernel = {3, 3}, a.strides = {2, 2}, a.dilations = {1, 1}, a.pads_begin = {1, 1},
    a.pads_end = {1, 0};
    c.node.attributes = a;
    const ValueId x = c.input(DType::kF32, {2, 9, 10, 8});
    c.set(x, with_nans(2 * 9 * 10 * 8, 13, 37, 3600));
    c.output(DType::kF32, {2, 5, 5, 8});
    if (indices) c.output(DType::kI64, {2, 5, 5, 8});
    c.check();
  }
  DeviceCase g(3601);
  g.node.op = Op::kPool;
  g.node.name = "global pooling of NaN";
  PoolAttributes a;
  a.kernel = {9, 10}, a.strides = {1, 1}, a.dilations = {1, 1}, a.pads_begin = a.pads_end = {0, 0};
  g.node.attributes = a;
  const ValueId x = g.input(DType::kF32, {2, 9, 10, 24});
  g.set(x, with_nans(2 * 9 * 10 * 24, 100, 501, 3601));
  g.output(DType::kF32, {2, 1, 1, 24});
  g.check();
}

TEST_CASE("generic GPU kernels: NaN through convolutions with every activation") {
  if (!can_run()) return;
  for (int act = 0; act <= static_cast<int>(Activation::kElu); ++act) {
    DeviceCase c(3610);
    c.node.op = Op::kConv;
    c.node.name = "NaN through activation " + std::to_string(act);
    ConvAttributes a;
    a.kernel = {3, 3}, a.strides = a.dilations = {1, 1}, a.pads_begin = a.pads_end = {1, 1};
    const bool low_first = act == static_cast<int>(Activation::kClip);
    a.epilogue = {static_cast<Activation>(act), low_first ? -0.5f : 0.3f, 0.6f, false};
    c.node.attributes = a;
    const ValueId x = c.input(DType::kF32, {1, 7, 8, 4}, -1, 1);
    c.set(x, with_nans(7 * 8 * 4, 101, 1000, 3610));
    c.constant(DType::kF32, {4, 4, 3, 3}, -1, 1);
    c.output(DType::kF32, {1, 7, 8, 4});
    c.half_tolerance = 1e-2;
    c.check();
  }
}

TEST_CASE("generic GPU kernels: NaN through softmax, reductions and top-k") {
  if (!can_run()) return;
  for (const bool log : {false, true}) {
    DeviceCase c(3620);
    c.node.op = Op::kSoftmax;
    c.node.name = "softmax of NaN";
    c.node.attributes = SoftmaxAttributes{1, log};
    const ValueId x = c.input(DType::kF32, {40, 50});
    c.set(x, with_nans(2000, 20, 333, 3620));
    c.output(DType::kF32, {40, 50});
    c.check();
  }
  for (const ReduceOp op :
       {ReduceOp::kMax, ReduceOp::kMin, ReduceOp::kMean, ReduceOp::kLogSumExp}) {
    DeviceCase c(3621);
    c.node.op = Op::kReduce;
    c.node.name = "reduction of NaN " + std::to_string(static_cast<int>(op));
    c.node.attributes = ReduceAttributes{op, {1}, false};
    const ValueId x = c.input(DType::kF32, {40, 300});
    c.set(x, with_nans(12000, 150, 1100, 3621));
    c.output(DType::kF32, {40});
    c.half_tolerance = 4e-3;
    c.check();
  }
  for (const bool largest : {false, true}) {
    DeviceCase c(3622);
    c.node.op = Op::kTopK;
    c.node.name = "top-k of NaN";
    TopKAttributes a;
    a.axis = 1, a.largest = largest;
    c.node.attributes = a;
    const ValueId x = c.input(DType::kF32, {6, 50});
    c.set(x, with_nans(300, 7, 31, 3622));
    c.output(DType::kF32, {6, 9});
    c.output(DType::kI64, {6, 9});
    c.halves = false;
    c.check();
  }
}

TEST_CASE("generic GPU kernels: NaN through every operation on elements") {
  if (!can_run()) return;
  for (int o = 0; o < 64; ++o) {
    const auto op = static_cast<EltOp>(o);
    if (elt_operands(op) != 1 || !elt_defined(op, true)) continue;
    DeviceCase c(3630);
    c.node.op = Op::kUnary;
    c.node.name = "operation on NaN " + std::to_string(o);
    c.node.attributes = UnaryAttributes{op, 0.2f, 0.6f};
    const ValueId x = c.input(DType::kF32, {53});
    std::vector<float> values(53);
    std::iota(values.begin(), values.end(), 1.0f);
    for (float& v : values) v = 0.25f + 0.01f * v;
    values[0] = values[17] = values[52] = NAN;
    c.set(x, values);
    c.output(op == EltOp::kIsNan || op == EltOp::kIsInf || op == EltOp::kNot ? DType::kBool
                                                                             : DType::kF32,
             {53});
    c.halves = false;
    c.check();
  }
  for (const EltOp op : {EltOp::kMin, EltOp::kMax}) {
    DeviceCase c(3631);
    c.node.op = Op::kBinary;
    c.node.name = "extreme of NaN";
    c.node.attributes = BinaryAttributes{op};
    const ValueId a = c.input(DType::kF32, {53}), b = c.input(DType::kF32, {53});
    c.set(a, with_nans(53, 1, 5, 3631));
    c.set(b, with_nans(53, 3, 7, 3632));
    c.output(DType::kF32, {53});
    c.check();
  }
}

TEST_CASE("generic GPU kernels: detectors make no box of a NaN score") {
  if (!can_run()) return;
  for (int function = 0; function < 3; ++function)
    for (const bool objectness : {false, true}) {
      if (objectness && function == 2) continue;
      DeviceCase c(3640);
      c.node.op = Op::kDecode;
      c.node.name = "detector of NaN " + std::to_string(function);
      DecodeAttributes a;
      a.kind = objectness ? DecoderKind::kYoloxGrid : DecoderKind::kBoxesScores;
      a.apply_sigmoid = function == 1, a.apply_softmax = function == 2;
      a.center_boxes = true;
      a.input_width = 64, a.input_height = 48;
      a.score_threshold = 0.3f;
      a.classes = 5;
      if (objectness) a.strides = {8, 16};
      c.node.attributes = a;
      c.graph.batch = 2;
      c.tolerance = 1e-4;
      c.halves = false;
      if (objectness) {
        const ValueId x = c.input(DType::kF32, {2, 60, 10});
        c.set(x, with_nans(1200, 4, 20, 3640));
      } else {
        c.input(DType::kF32, {2, 100, 4}, 0, 48);
        const ValueId scores = c.input(DType::kF32, {2, 100, 5});
        c.set(scores, with_nans(1000, 3, 7, 3641));
      }
      c.output(DType::kF32, {2, 30, 6});
      c.output(DType::kI32, {2});
      c.check();
    }
  DeviceCase best(3642);
  best.node.op = Op::kTopClasses;
  best.node.name = "classes of NaN";
  DecodeAttributes a;
  a.kind = DecoderKind::kTopClasses;
  a.classes = 40;
  a.input_width = a.input_height = 8;
  a.score_threshold = 0.1f;
  best.node.attributes = a;
  best.graph.batch = 2;
  best.halves = false;
  const ValueId scores = best.input(DType::kF32, {2, 40});
  best.set(scores, with_nans(80, 0, 3, 3642));
  best.output(DType::kF32, {2, 9, 6});
  best.output(DType::kI32, {2});
  best.check();
  DeviceCase nms(3643);
  nms.node.op = Op::kNonMaxSuppression;
  nms.node.name = "suppression of NaN";
  NmsAttributes n;
  n.max_output_per_class = 12;
  n.iou_threshold = 0.2f;
  nms.node.attributes = n;
  nms.input(DType::kF32, {2, 60, 4}, 0, 1);
  const ValueId nms_scores = nms.input(DType::kF32, {2, 3, 60});
  nms.set(nms_scores, with_nans(360, 2, 3, 3643));
  nms.output(DType::kI64, {2 * 3 * 12, 3});
  nms.halves = false;
  nms.check();
}

}  // namespace stint::builder
