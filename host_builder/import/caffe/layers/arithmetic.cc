// Arithmetic element by element: Eltwise, Power, Exp, Log.
#include <cmath>

#include "host_builder/import/caffe/layers/layer_table.h"
#include "host_builder/network/arithmetic.h"

namespace stint::builder {
namespace {

/// shift + scale * x
ValueId affine(LayerTranslation& n, float scale, float shift) {
  const ValueId y = times_constant(n.network(), n.in(0), scale);
  return shift == 0.0f ? y : plus_constant(n.network(), y, shift);
}

void translate_eltwise(LayerTranslation& n) {
  NetworkBuilder& net = n.network();
  const caffe::EltwiseParameter& p = n.layer().eltwise_param();
  n.require_bottoms(2, SIZE_MAX);
  n.require_tops(1, 1);
  for (size_t i = 1; i < n.bottom_count(); ++i) {
    if (n.shape(i) != n.shape(0))
      n.fail("combines bottoms of one shape, they are " + shape_text(n.shape(0)) + " and " +
             shape_text(n.shape(i)));
  }
  const bool sum = p.operation() == caffe::EltwiseParameter::SUM;
  const auto coefficients = static_cast<size_t>(p.coeff_size());
  if (coefficients > 0 && (!sum || coefficients != n.bottom_count()))
    n.fail("has " + std::to_string(coefficients) + " coefficients, which are for a SUM, one for " +
           "each of its " + std::to_string(n.bottom_count()) + " bottoms");
  const auto operand = [&](size_t i) {
    const float factor = coefficients > 0 ? p.coeff(static_cast<int>(i)) : 1.0f;
    return times_constant(net, n.in(i), factor);
  };
  const EltOp op = sum                                              ? EltOp::kAdd
                   : p.operation() == caffe::EltwiseParameter::PROD ? EltOp::kMul
                                                                    : EltOp::kMax;
  ValueId y = operand(0);
  for (size_t i = 1; i < n.bottom_count(); ++i) {
    // A difference keeps its sign instead of a product with -1.
    if (coefficients > 0 && p.coeff(static_cast<int>(i)) == -1.0f)
      y = net.binary(EltOp::kSub, y, n.in(i));
    else
      y = net.binary(op, y, operand(i));
  }
  n.bind(0, y);
}

void require_one(LayerTranslation& n) {
  n.require_bottoms(1, 1);
  n.require_tops(1, 1);
}

/// (shift + scale * x) ^ power
void translate_power(LayerTranslation& n) {
  require_one(n);
  NetworkBuilder& net = n.network();
  const caffe::PowerParameter& p = n.layer().power_param();
  const ValueId y = affine(n, p.scale(), p.shift());
  if (p.power() == 1.0f)
    n.bind(0, y);
  else if (p.power() == 2.0f)
    n.bind(0, net.binary(EltOp::kMul, y, y));
  else
    n.bind(0, net.binary(EltOp::kPow, y, net.scalar(DType::kF32, p.power())));
}

/// ln(base); a base of -1 stands for e.
float log_of_base(const LayerTranslation& n, float base) {
  if (base == -1.0f) return 1.0f;
  if (!(base > 0.0f) || base == 1.0f)
    n.fail("has base " + std::to_string(base) + ", needs one above 0 that is not 1, or -1 for e");
  return std::log(base);
}

/// base ^ (shift + scale * x)
void translate_exp(LayerTranslation& n) {
  require_one(n);
  const caffe::ExpParameter& p = n.layer().exp_param();
  const float factor = log_of_base(n, p.base());
  n.bind(0, n.network().unary(EltOp::kExp, affine(n, factor * p.scale(), factor * p.shift())));
}

/// log(shift + scale * x) to the base
void translate_log(LayerTranslation& n) {
  require_one(n);
  const caffe::LogParameter& p = n.layer().log_param();
  const ValueId y = n.network().unary(EltOp::kLog, affine(n, p.scale(), p.shift()));
  n.bind(0, times_constant(n.network(), y, 1.0f / log_of_base(n, p.base())));
}

}  // namespace

const std::vector<LayerEntry> kArithmeticLayers = {
    {"Eltwise", translate_eltwise},
    {"Power", translate_power},
    {"Exp", translate_exp},
    {"Log", translate_log},
};

}  // namespace stint::builder
