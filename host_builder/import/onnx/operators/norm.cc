// Normalisations.
#include <algorithm>

#include "host_builder/import/onnx/operators/operator_table.h"

namespace stint::builder {
namespace {

/// [C] as [C, 1, 1...], to broadcast against N, C, spatial...
ValueId per_channel(GraphEmitter& e, ValueId x, size_t rank) {
  Shape shape(rank - 1, 1);
  shape[0] = e.graph().value(x).elements();
  return e.reshape(x, shape);
}

ValueId plus_constant(GraphEmitter& e, ValueId x, float constant) {
  return e.binary(EltOp::kAdd, x, e.scalar(e.graph().value(x).dtype, constant));
}

/// The definition, for statistics that are not constants.
ValueId batch_norm_by_definition(NodeTranslation& n, float epsilon) {
  GraphEmitter& e = n.emitter();
  const DType dtype = n.dtype(0);
  auto parameter = [&](size_t i) { return per_channel(e, e.cast(n.in(i), dtype), n.rank(0)); };
  const ValueId deviation = e.unary(EltOp::kSqrt, plus_constant(e, parameter(4), epsilon));
  const ValueId normal =
      e.binary(EltOp::kDiv, e.binary(EltOp::kSub, n.in(0), parameter(3)), deviation);
  return e.binary(EltOp::kAdd, e.binary(EltOp::kMul, normal, parameter(1)), parameter(2));
}

void translate_batch_norm(NodeTranslation& n) {
  n.ignore("momentum");
  n.no_outputs_beyond(1, "results for training are not supported", kExportForInference);
  if (n.opset() < 7 && n.integer("is_test", 0) == 0) {
    n.fail("training mode (is_test=0) is not supported", kExportForInference);
  }
  if (n.opset() < 9 && n.integer("spatial", 1) == 0)
    n.fail("spatial=0 is not supported", "replace it by a normalisation per channel (spatial=1)");
  if (n.opset() >= 14 && n.integer("training_mode", 0) != 0)
    n.fail("training mode is not supported", kExportForInference);
  const float epsilon = n.number("epsilon", 1e-5f);
  if (n.rank(0) < 2)
    n.fail("needs an input of rank 2 or more, it is " + shape_text(n.shape(0)), kCheckModel);
  bool constant = true;
  for (size_t i = 1; i < 5; ++i) {
    constant = constant && n.value(i).is_constant() && n.dtype(i) == n.dtype(0);
    if (n.value(i).elements() != n.shape(0)[1]) {
      n.fail("operand " + std::to_string(i) + " is " + shape_text(n.shape(i)) +
                 ", needs one element for each of " + std::to_string(n.shape(0)[1]) + " channels",
             kCheckModel);
    }
  }
  if (!constant) {
    n.bind(0, batch_norm_by_definition(n, epsilon));
    return;
  }
  n.bind(0, n.emitter().emit(Op::kBatchNorm, NormAttributes{epsilon, 1},
                             {n.in(0), n.in(1), n.in(2), n.in(3), n.in(4)}));
}

void translate_instance_norm(NodeTranslation& n) {
  const NormAttributes a{n.number("epsilon", 1e-5f), 1};
  n.bind(0, n.emitter().emit(Op::kInstanceNorm, a, {n.in(0), n.in(1), n.in(2)}));
}

void translate_layer_norm(NodeTranslation& n) {
  n.ignore("stash_type");
  const NormAttributes a{n.number("epsilon", 1e-5f),
                         normalize_axis(n.integer("axis", -1), n.rank(0), "axis")};
  std::vector<ValueId> operands{n.in(0), n.in(1)};
  if (n.has(2)) operands.push_back(n.in(2));
  const std::vector<bool> wanted{true, n.wants(1), n.wants(2)};
  const auto results = n.emitter().emit_all(Op::kLayerNorm, a, std::move(operands), wanted);
  for (size_t i = 0; i < results.size(); ++i) {
    if (wanted[i]) n.bind(i, results[i]);
  }
}

/// Each group is an instance; scale and bias follow per channel (per group in opset 18 to 20).
void translate_group_norm(NodeTranslation& n) {
  n.ignore("stash_type");
  GraphEmitter& e = n.emitter();
  const int64_t groups = n.required_integer("num_groups");
  const Shape x = n.shape(0);
  if (x.size() < 2 || groups < 1 || x[1] % groups != 0) {
    n.fail(
        shape_text(x) + " cannot be divided into " + std::to_string(groups) + " groups of channels",
        kCheckModel);
  }
  const int64_t per_group = n.value(0).elements() / std::max<int64_t>(x[0] * groups, 1);
  const DType dtype = n.dtype(0);
  const std::vector<float> ones(static_cast<size_t>(groups), 1.0f),
      zeros(static_cast<size_t>(groups), 0.0f);
  const ValueId one = e.cast(e.constant(DType::kF32, {groups}, ones), dtype);
  const ValueId zero = e.cast(e.constant(DType::kF32, {groups}, zeros), dtype);
  const ValueId grouped = e.reshape(n.in(0), {x[0], groups, per_group});
  const ValueId normal =
      e.reshape(e.emit(Op::kInstanceNorm, NormAttributes{n.number("epsilon", 1e-5f), 1},
                       {grouped, one, zero}),
                x);
  auto parameter = [&](size_t i) {
    if (n.opset() >= 21 || n.value(i).elements() == x[1]) return per_channel(e, n.in(i), x.size());
    const ValueId spread = e.emit(Op::kExpand, {}, {e.reshape(n.in(i), {groups, 1})},
                                  {{n.dtype(i), {groups, x[1] / groups}}});
    return per_channel(e, spread, x.size());
  };
  n.bind(0, e.binary(EltOp::kAdd, e.binary(EltOp::kMul, normal, parameter(1)), parameter(2)));
}

/// x divided by the norm of its line along an axis; lines of zeros stay so.
void translate_lp_norm(NodeTranslation& n) {
  GraphEmitter& e = n.emitter();
  const int64_t p = n.integer("p", 2);
  if (p != 1 && p != 2)
    n.fail("attribute 'p' is " + std::to_string(p) + ", needs 1 or 2", kCheckModel);
  const int64_t axis = normalize_axis(n.integer("axis", -1), n.rank(0), "axis");
  const ReduceAttributes a{p == 1 ? ReduceOp::kL1 : ReduceOp::kL2, {axis}, true};
  const ValueId norm = e.emit(Op::kReduce, a, {n.in(0)});
  const ValueId zero = e.binary(EltOp::kEqual, norm, e.scalar(n.dtype(0), 0.0));
  const ValueId divisor = e.emit(Op::kWhere, {}, {zero, e.scalar(n.dtype(0), 1.0), norm});
  n.bind(0, e.binary(EltOp::kDiv, n.in(0), divisor));
}

/// Mean and deviation over some axes become 0 and 1.
void translate_mean_variance(NodeTranslation& n) {
  GraphEmitter& e = n.emitter();
  std::vector<int64_t> axes = n.integers("axes", {0, 2, 3});
  for (int64_t& axis : axes) axis = normalize_axis(axis, n.rank(0), "an axis");
  const auto mean = [&](ValueId x) {
    return e.emit(Op::kReduce, ReduceAttributes{ReduceOp::kMean, axes, true}, {x});
  };
  const ValueId centred = e.binary(EltOp::kSub, n.in(0), mean(n.in(0)));
  const ValueId variance = mean(e.binary(EltOp::kMul, centred, centred));
  const ValueId deviation = plus_constant(e, e.unary(EltOp::kSqrt, variance), 1e-9f);
  n.bind(0, e.binary(EltOp::kDiv, centred, deviation));
}

void translate_lrn(NodeTranslation& n) {
  LrnAttributes a;
  a.size = n.required_integer("size");
  a.alpha = n.number("alpha", 1e-4f);
  a.beta = n.number("beta", 0.75f);
  a.bias = n.number("bias", 1.0f);
  a.axis = 1;
  n.bind(0, n.emitter().emit(Op::kLrn, a, {n.in(0)}));
}

}  // namespace

const std::vector<OperatorEntry> kNormOperators = {
    {"BatchNormalization", 6, kNewestOpset, translate_batch_norm},
    {"InstanceNormalization", 6, kNewestOpset, translate_instance_norm},
    {"LayerNormalization", 17, kNewestOpset, translate_layer_norm},
    {"GroupNormalization", 18, kNewestOpset, translate_group_norm},
    {"LpNormalization", 1, kNewestOpset, translate_lp_norm},
    {"MeanVarianceNormalization", 9, kNewestOpset, translate_mean_variance},
    {"LRN", 1, kNewestOpset, translate_lrn},
};

}  // namespace stint::builder
