// Activation functions and Clip.
#include <cmath>
#include <limits>

#include "host_builder/import/onnx/operators/operator_table.h"
#include "host_builder/network/arithmetic.h"
#include "host_builder/network/scalar_bytes.h"

namespace stint::builder {
namespace {

template <EltOp op>
void translate_plain(NodeTranslation& n) {
  n.bind(0, n.network().unary(op, n.in(0)));
}

/// One parameter `alpha`. Its default is in thousandths: clang before 18 takes no floating-point
/// template argument.
template <EltOp op, int default_permille>
void translate_alpha(NodeTranslation& n) {
  n.bind(0, n.network().unary(op, n.in(0),
                              n.number("alpha", static_cast<float>(default_permille) / 1000.0f)));
}

void translate_hard_sigmoid(NodeTranslation& n) {
  n.bind(0, n.network().unary(EltOp::kHardSigmoid, n.in(0), n.number("alpha", 0.2f),
                              n.number("beta", 0.5f)));
}

void translate_selu(NodeTranslation& n) {
  const float alpha = n.number("alpha", 1.67326319217681884765625f),
              gamma = n.number("gamma", 1.05070102214813232421875f);
  n.bind(0, n.network().unary(EltOp::kSelu, n.in(0), alpha, gamma));
}

void translate_gelu(NodeTranslation& n) {
  const std::string approximate = n.text("approximate", "none");
  if (approximate != "none" && approximate != "tanh")
    n.fail("attribute 'approximate' is '" + approximate + "', needs none or tanh", kCheckModel);
  n.bind(0, n.network().unary(approximate == "tanh" ? EltOp::kGeluTanh : EltOp::kGelu, n.in(0)));
}

/// x * sigmoid(alpha * x)
void translate_swish(NodeTranslation& n) {
  n.bind(0, swish(n.network(), n.in(0), n.number("alpha", 1.0f)));
}

/// The slope broadcasts to x, never the other way round.
void translate_prelu(NodeTranslation& n) {
  if (n.opset() < 7 && n.rank(1) == 1 && n.shape(1)[0] != 1 && n.rank(0) > 2) {
    // One slope per channel: broadcasting of the last axes came with opset 7.
    n.bind(0, n.network().binary(EltOp::kPRelu, n.in(0),
                                 aligned_at(n.network(), n.in(1), 1, n.rank(0))));
    return;
  }
  if (broadcast_shapes(n.shape(0), n.shape(1)) != n.shape(0)) {
    n.fail("slope " + shape_text(n.shape(1)) + " cannot be broadcast to the input " +
               shape_text(n.shape(0)),
           kCheckModel);
  }
  n.bind(0, n.network().binary(EltOp::kPRelu, n.in(0), n.in(1)));
}

/// Nothing between -lambd and lambd; beyond, x brought nearer to 0 by the bias.
void translate_shrink(NodeTranslation& n) {
  NetworkBuilder& net = n.network();
  const DType dtype = n.dtype(0);
  const float lambd = n.number("lambd", 0.5f), bias = n.number("bias", 0.0f);
  const auto beyond = [&](EltOp compared, float limit, EltOp moved, ValueId otherwise) {
    const ValueId far = net.binary(compared, n.in(0), net.scalar(dtype, limit));
    const ValueId near = net.binary(moved, n.in(0), net.scalar(dtype, bias));
    return net.add(Op::kWhere, {}, {far, near, otherwise});
  };
  const ValueId above = beyond(EltOp::kGreater, lambd, EltOp::kSub, net.scalar(dtype, 0.0));
  n.bind(0, beyond(EltOp::kLess, -lambd, EltOp::kAdd, above));
}

struct Bound {
  ValueId value = kNoValue;  // an operand, from opset 11 on
  double constant = 0;       // its value or the attribute's
  bool known = true;
};

Bound clip_bound(NodeTranslation& n, const char* attribute, size_t operand, float fallback) {
  if (n.opset() < 11) return {kNoValue, n.number(attribute, fallback), true};
  if (!n.has(operand)) return {kNoValue, fallback, true};
  const Value& v = n.value(operand);
  if (v.elements() != 1)
    n.fail(std::string(attribute) + " must be one number, it is " + shape_text(v.shape),
           kCheckModel);
  if (!v.is_constant()) return {n.in(operand), 0, false};
  return {n.in(operand), scalar_from_bytes(v.dtype, v.constant->data()), true};
}

void translate_clip(NodeTranslation& n) {
  const float infinity = std::numeric_limits<float>::infinity();
  const Bound low = clip_bound(n, "min", 1, -infinity), high = clip_bound(n, "max", 2, infinity);
  NetworkBuilder& net = n.network();
  if (low.known && high.known && (n.dtype(0) == DType::kF32 || n.dtype(0) == DType::kF16)) {
    n.bind(0, net.unary(EltOp::kClip, n.in(0), static_cast<float>(low.constant),
                        static_cast<float>(high.constant)));
    return;
  }
  ValueId result = n.in(0);
  const auto bound = [&](const Bound& b) { return net.reshape(b.value, {}); };
  if (low.value != kNoValue) result = net.binary(EltOp::kMax, result, bound(low));
  if (high.value != kNoValue) result = net.binary(EltOp::kMin, result, bound(high));
  n.bind(0, result);
}

}  // namespace

const std::vector<OperatorEntry> kActivationOperators = {
    {"Relu", 6, kNewestOpset, translate_plain<EltOp::kRelu>},
    {"Sigmoid", 6, kNewestOpset, translate_plain<EltOp::kSigmoid>},
    {"Tanh", 6, kNewestOpset, translate_plain<EltOp::kTanh>},
    {"Softplus", 1, kNewestOpset, translate_plain<EltOp::kSoftplus>},
    {"Softsign", 1, kNewestOpset, translate_plain<EltOp::kSoftsign>},
    {"HardSwish", 14, kNewestOpset, translate_plain<EltOp::kHardSwish>},
    {"Mish", 18, kNewestOpset, translate_plain<EltOp::kMish>},
    {"LeakyRelu", 6, kNewestOpset, translate_alpha<EltOp::kLeakyRelu, 10>},
    {"Elu", 6, kNewestOpset, translate_alpha<EltOp::kElu, 1000>},
    {"ThresholdedRelu", 10, kNewestOpset, translate_alpha<EltOp::kThresholdedRelu, 1000>},
    {"Celu", 12, kNewestOpset, translate_alpha<EltOp::kCelu, 1000>},
    {"HardSigmoid", 6, kNewestOpset, translate_hard_sigmoid},
    {"Selu", 6, kNewestOpset, translate_selu},
    {"Gelu", 20, kNewestOpset, translate_gelu},
    {"Swish", 24, kNewestOpset, translate_swish},
    {"PRelu", 6, kNewestOpset, translate_prelu},
    {"Clip", 6, kNewestOpset, translate_clip},
    {"Shrink", 9, kNewestOpset, translate_shrink},
};

}  // namespace stint::builder
