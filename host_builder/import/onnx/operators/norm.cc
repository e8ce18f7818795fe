// Normalisations.
#include <algorithm>

#include "host_builder/import/onnx/operators/operator_table.h"
#include "host_builder/network/arithmetic.h"
#include "host_builder/network/norms.h"

namespace stint::builder {
namespace {

/// [C] as [C, 1, 1...], to broadcast against N, C, spatial...
ValueId per_channel(NetworkBuilder& net, ValueId x, size_t rank) {
  Shape shape(rank - 1, 1);
  shape[0] = net.graph().value(x).elements();
  return net.reshape(x, shape);
}

/// The definition, for statistics that are not constants.
ValueId batch_norm_by_definition(NodeTranslation& n, float epsilon) {
  NetworkBuilder& net = n.network();
  const DType dtype = n.dtype(0);
  auto parameter = [&](size_t i) { return per_channel(net, net.cast(n.in(i), dtype), n.rank(0)); };
  const ValueId deviation = net.unary(EltOp::kSqrt, plus_constant(net, parameter(4), epsilon));
  const ValueId normal =
      net.binary(EltOp::kDiv, net.binary(EltOp::kSub, n.in(0), parameter(3)), deviation);
  return net.binary(EltOp::kAdd, net.binary(EltOp::kMul, normal, parameter(1)), parameter(2));
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
  n.bind(0, n.network().add(Op::kBatchNorm, NormAttributes{epsilon, 1},
                            {n.in(0), n.in(1), n.in(2), n.in(3), n.in(4)}));
}

void translate_instance_norm(NodeTranslation& n) {
  const NormAttributes a{n.number("epsilon", 1e-5f), 1};
  n.bind(0, n.network().add(Op::kInstanceNorm, a, {n.in(0), n.in(1), n.in(2)}));
}

void translate_layer_norm(NodeTranslation& n) {
  n.ignore("stash_type");
  const NormAttributes a{n.number("epsilon", 1e-5f),
                         normalize_axis(n.integer("axis", -1), n.rank(0), "axis")};
  std::vector<ValueId> operands{n.in(0), n.in(1)};
  if (n.has(2)) operands.push_back(n.in(2));
  const std::vector<bool> wanted{true, n.wants(1), n.wants(2)};
  const auto results = n.network().add_all(Op::kLayerNorm, a, std::move(operands), wanted);
  for (size_t i = 0; i < results.size(); ++i) {
    if (wanted[i]) n.bind(i, results[i]);
  }
}

/// Scaled by the root of the mean square over the axes from `axis` on; no mean is taken off.
void translate_rms_norm(NodeTranslation& n) {
  if (n.integer("stash_type", 1) != 1)
    n.fail("attribute 'stash_type' is not 1 (float32), the precision that this computes in",
           "leave stash_type out");
  NetworkBuilder& net = n.network();
  ReduceAttributes mean{ReduceOp::kMean, {}, true};
  for (auto axis = normalize_axis(n.integer("axis", -1), n.rank(0), "axis");
       axis < static_cast<int64_t>(n.rank(0)); ++axis)
    mean.axes.push_back(axis);
  const ValueId x = net.cast(n.in(0), DType::kF32);
  const ValueId square = net.add(Op::kReduce, mean, {net.binary(EltOp::kMul, x, x)});
  const ValueId root =
      net.unary(EltOp::kSqrt, plus_constant(net, square, n.number("epsilon", 1e-5f)));
  const ValueId normal = net.cast(net.binary(EltOp::kDiv, x, root), n.dtype(1));
  n.bind(0, net.binary(EltOp::kMul, normal, n.in(1)));
}

/// Each group is an instance; scale and bias follow per channel (per group in opset 18 to 20).
void translate_group_norm(NodeTranslation& n) {
  n.ignore("stash_type");
  NetworkBuilder& net = n.network();
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
  const ValueId one = net.cast(net.constant(DType::kF32, {groups}, ones), dtype);
  const ValueId zero = net.cast(net.constant(DType::kF32, {groups}, zeros), dtype);
  const ValueId grouped = net.reshape(n.in(0), {x[0], groups, per_group});
  const ValueId normal =
      net.reshape(net.add(Op::kInstanceNorm, NormAttributes{n.number("epsilon", 1e-5f), 1},
                          {grouped, one, zero}),
                  x);
  auto parameter = [&](size_t i) {
    if (n.opset() >= 21 || n.value(i).elements() == x[1])
      return per_channel(net, n.in(i), x.size());
    const ValueId spread = net.add(Op::kExpand, {}, {net.reshape(n.in(i), {groups, 1})},
                                   {{n.dtype(i), {groups, x[1] / groups}}});
    return per_channel(net, spread, x.size());
  };
  n.bind(0, net.binary(EltOp::kAdd, net.binary(EltOp::kMul, normal, parameter(1)), parameter(2)));
}

/// x divided by the norm of its line along an axis; lines of zeros stay so.
void translate_lp_norm(NodeTranslation& n) {
  NetworkBuilder& net = n.network();
  const int64_t p = n.integer("p", 2);
  if (p != 1 && p != 2)
    n.fail("attribute 'p' is " + std::to_string(p) + ", needs 1 or 2", kCheckModel);
  const int64_t axis = normalize_axis(n.integer("axis", -1), n.rank(0), "axis");
  const ReduceAttributes a{p == 1 ? ReduceOp::kL1 : ReduceOp::kL2, {axis}, true};
  const ValueId norm = net.add(Op::kReduce, a, {n.in(0)});
  const ValueId zero = net.binary(EltOp::kEqual, norm, net.scalar(n.dtype(0), 0.0));
  const ValueId divisor = net.add(Op::kWhere, {}, {zero, net.scalar(n.dtype(0), 1.0), norm});
  n.bind(0, net.binary(EltOp::kDiv, n.in(0), divisor));
}

/// Mean and deviation over some axes become 0 and 1.
void translate_mean_variance(NodeTranslation& n) {
  NetworkBuilder& net = n.network();
  std::vector<int64_t> axes = n.integers("axes", {0, 2, 3});
  for (int64_t& axis : axes) axis = normalize_axis(axis, n.rank(0), "an axis");
  n.bind(0, mean_variance_normalised(net, n.in(0), axes, true, 1e-9f));
}

void translate_lrn(NodeTranslation& n) {
  LrnAttributes a;
  a.size = n.required_integer("size");
  a.alpha = n.number("alpha", 1e-4f);
  a.beta = n.number("beta", 0.75f);
  a.bias = n.number("bias", 1.0f);
  a.axis = 1;
  n.bind(0, n.network().add(Op::kLrn, a, {n.in(0)}));
}

}  // namespace

const std::vector<OperatorEntry> kNormOperators = {
    {"BatchNormalization", 6, kNewestOpset, translate_batch_norm},
    {"InstanceNormalization", 6, kNewestOpset, translate_instance_norm},
    {"LayerNormalization", 17, kNewestOpset, translate_layer_norm},
    {"RMSNormalization", 23, kNewestOpset, translate_rms_norm},
    {"GroupNormalization", 18, kNewestOpset, translate_group_norm},
    {"LpNormalization", 1, kNewestOpset, translate_lp_norm},
    {"MeanVarianceNormalization", 9, kNewestOpset, translate_mean_variance},
    {"LRN", 1, kNewestOpset, translate_lrn},
};

}  // namespace stint::builder
