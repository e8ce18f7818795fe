// Arithmetic, comparisons and logic, element by element with numpy broadcasting.
#include <algorithm>

#include "host_builder/import/onnx/operators/operator_table.h"
#include "host_builder/network/arithmetic.h"

namespace stint::builder {
namespace {

bool is_float(DType t) {
  return t == DType::kF32 || t == DType::kF64 || t == DType::kF16 || t == DType::kBF16;
}

template <EltOp op>
void translate_unary(NodeTranslation& n) {
  n.bind(0, n.network().unary(op, n.in(0)));
}

/// The second operand, so that numpy broadcasting does what the model means. Before opset 7 it was
/// aligned with the first at attribute `axis`, where later opsets align the last axes.
ValueId second_operand(NodeTranslation& n) {
  if (n.opset() >= 7) return n.in(1);
  const bool broadcast = n.integer("broadcast", 0) != 0;
  if (!broadcast || !n.has_attribute("axis")) return n.in(1);
  const auto axis = static_cast<size_t>(normalize_axis(n.integer("axis", 0), n.rank(0), "axis"));
  return aligned_at(n.network(), n.in(1), axis, n.rank(0));
}

template <EltOp op>
void translate_binary(NodeTranslation& n) {
  n.bind(0, n.network().binary(op, n.in(0), second_operand(n)));
}

/// Sum, Min, Max of any number of operands.
template <EltOp op>
void translate_variadic(NodeTranslation& n) {
  const std::vector<ValueId> operands = n.all_inputs();
  ValueId result = operands[0];
  for (size_t i = 1; i < operands.size(); ++i) result = n.network().binary(op, result, operands[i]);
  n.bind(0, result);
}

void translate_mean(NodeTranslation& n) {
  const std::vector<ValueId> operands = n.all_inputs();
  ValueId sum = operands[0];
  for (size_t i = 1; i < operands.size(); ++i)
    sum = n.network().binary(EltOp::kAdd, sum, operands[i]);
  const ValueId count = n.network().scalar(n.dtype(0), static_cast<double>(operands.size()));
  n.bind(0, operands.size() == 1 ? sum : n.network().binary(EltOp::kDiv, sum, count));
}

void translate_pow(NodeTranslation& n) {
  NetworkBuilder& net = n.network();
  const ValueId power = second_operand(n);
  const DType base = n.dtype(0), exponent = n.dtype(1);
  if (is_float(exponent) && !is_float(base)) {
    // The result has the base's type, the computation the exponent's.
    n.bind(0, net.cast(net.binary(EltOp::kPow, net.cast(n.in(0), exponent), power), base));
    return;
  }
  n.bind(0, net.binary(EltOp::kPow, n.in(0), net.cast(power, base)));
}

void translate_mod(NodeTranslation& n) {
  const bool fmod = n.integer("fmod", 0) != 0;
  if (!fmod && is_float(n.dtype(0)))
    n.fail("of floating-point operands needs fmod=1", "set fmod=1 in the model");
  n.bind(0, n.network().binary(fmod ? EltOp::kFMod : EltOp::kMod, n.in(0), n.in(1)));
}

void translate_where(NodeTranslation& n) {
  n.bind(0, n.network().add(Op::kWhere, {}, {n.in(0), n.in(1), n.in(2)}));
}

void translate_is_inf(NodeTranslation& n) {
  const bool positive = n.integer("detect_positive", 1) != 0,
             negative = n.integer("detect_negative", 1) != 0;
  n.bind(0,
         n.network().unary(EltOp::kIsInf, n.in(0), positive ? 1.0f : 0.0f, negative ? 1.0f : 0.0f));
}

}  // namespace

const std::vector<OperatorEntry> kElementwiseOperators = {
    {"Abs", 6, kNewestOpset, translate_unary<EltOp::kAbs>},
    {"Neg", 6, kNewestOpset, translate_unary<EltOp::kNeg>},
    {"Sqrt", 6, kNewestOpset, translate_unary<EltOp::kSqrt>},
    {"Exp", 6, kNewestOpset, translate_unary<EltOp::kExp>},
    {"Log", 6, kNewestOpset, translate_unary<EltOp::kLog>},
    {"Floor", 6, kNewestOpset, translate_unary<EltOp::kFloor>},
    {"Ceil", 6, kNewestOpset, translate_unary<EltOp::kCeil>},
    {"Round", 11, kNewestOpset, translate_unary<EltOp::kRound>},
    {"Erf", 9, kNewestOpset, translate_unary<EltOp::kErf>},
    {"Reciprocal", 6, kNewestOpset, translate_unary<EltOp::kReciprocal>},
    {"Sign", 9, kNewestOpset, translate_unary<EltOp::kSign>},
    {"Sin", 7, kNewestOpset, translate_unary<EltOp::kSin>},
    {"Cos", 7, kNewestOpset, translate_unary<EltOp::kCos>},
    {"Tan", 7, kNewestOpset, translate_unary<EltOp::kTan>},
    {"Not", 1, kNewestOpset, translate_unary<EltOp::kNot>},
    {"BitwiseNot", 18, kNewestOpset, translate_unary<EltOp::kBitNot>},
    {"IsNaN", 9, kNewestOpset, translate_unary<EltOp::kIsNan>},
    {"IsInf", 10, kNewestOpset, translate_is_inf},
    {"Add", 1, kNewestOpset, translate_binary<EltOp::kAdd>},
    {"Sub", 1, kNewestOpset, translate_binary<EltOp::kSub>},
    {"Mul", 1, kNewestOpset, translate_binary<EltOp::kMul>},
    {"Div", 1, kNewestOpset, translate_binary<EltOp::kDiv>},
    {"Pow", 1, kNewestOpset, translate_pow},
    {"Mod", 10, kNewestOpset, translate_mod},
    {"Sum", 6, kNewestOpset, translate_variadic<EltOp::kAdd>},
    {"Min", 6, kNewestOpset, translate_variadic<EltOp::kMin>},
    {"Max", 6, kNewestOpset, translate_variadic<EltOp::kMax>},
    {"Mean", 6, kNewestOpset, translate_mean},
    {"Equal", 1, kNewestOpset, translate_binary<EltOp::kEqual>},
    {"Less", 1, kNewestOpset, translate_binary<EltOp::kLess>},
    {"LessOrEqual", 12, kNewestOpset, translate_binary<EltOp::kLessOrEqual>},
    {"Greater", 1, kNewestOpset, translate_binary<EltOp::kGreater>},
    {"GreaterOrEqual", 12, kNewestOpset, translate_binary<EltOp::kGreaterOrEqual>},
    {"And", 1, kNewestOpset, translate_binary<EltOp::kAnd>},
    {"Or", 1, kNewestOpset, translate_binary<EltOp::kOr>},
    {"Xor", 1, kNewestOpset, translate_binary<EltOp::kXor>},
    {"BitwiseAnd", 18, kNewestOpset, translate_binary<EltOp::kBitAnd>},
    {"BitwiseOr", 18, kNewestOpset, translate_binary<EltOp::kBitOr>},
    {"BitwiseXor", 18, kNewestOpset, translate_binary<EltOp::kBitXor>},
    {"Where", 9, kNewestOpset, translate_where},
};

}  // namespace stint::builder
