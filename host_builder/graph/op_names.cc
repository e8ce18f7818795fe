#include "host_builder/graph/op_names.h"

#include "host_builder/graph/op_def.h"

namespace stint::builder {

const char* op_name(Op op) { return op_def(op).name; }

const char* elt_op_name(EltOp op) {
  switch (op) {
    case EltOp::kCopy:
      return "copy";
    case EltOp::kNeg:
      return "neg";
    case EltOp::kAbs:
      return "abs";
    case EltOp::kSqrt:
      return "sqrt";
    case EltOp::kExp:
      return "exp";
    case EltOp::kLog:
      return "log";
    case EltOp::kFloor:
      return "floor";
    case EltOp::kCeil:
      return "ceil";
    case EltOp::kRound:
      return "round";
    case EltOp::kErf:
      return "erf";
    case EltOp::kRelu:
      return "relu";
    case EltOp::kSigmoid:
      return "sigmoid";
    case EltOp::kTanh:
      return "tanh";
    case EltOp::kHardSwish:
      return "hardswish";
    case EltOp::kSoftplus:
      return "softplus";
    case EltOp::kMish:
      return "mish";
    case EltOp::kGelu:
      return "gelu";
    case EltOp::kGeluTanh:
      return "gelu_tanh";
    case EltOp::kSilu:
      return "silu";
    case EltOp::kNot:
      return "not";
    case EltOp::kReciprocal:
      return "reciprocal";
    case EltOp::kSign:
      return "sign";
    case EltOp::kSin:
      return "sin";
    case EltOp::kCos:
      return "cos";
    case EltOp::kIsNan:
      return "isnan";
    case EltOp::kSoftsign:
      return "softsign";
    case EltOp::kClip:
      return "clip";
    case EltOp::kLeakyRelu:
      return "leakyrelu";
    case EltOp::kElu:
      return "elu";
    case EltOp::kHardSigmoid:
      return "hardsigmoid";
    case EltOp::kSelu:
      return "selu";
    case EltOp::kThresholdedRelu:
      return "thresholdedrelu";
    case EltOp::kCelu:
      return "celu";
    case EltOp::kIsInf:
      return "isinf";
    case EltOp::kBitNot:
      return "bitnot";
    case EltOp::kTan:
      return "tan";
    case EltOp::kAdd:
      return "add";
    case EltOp::kSub:
      return "sub";
    case EltOp::kMul:
      return "mul";
    case EltOp::kDiv:
      return "div";
    case EltOp::kPow:
      return "pow";
    case EltOp::kMin:
      return "min";
    case EltOp::kMax:
      return "max";
    case EltOp::kPRelu:
      return "prelu";
    case EltOp::kEqual:
      return "equal";
    case EltOp::kLess:
      return "less";
    case EltOp::kLessOrEqual:
      return "less_or_equal";
    case EltOp::kGreater:
      return "greater";
    case EltOp::kGreaterOrEqual:
      return "greater_or_equal";
    case EltOp::kAnd:
      return "and";
    case EltOp::kOr:
      return "or";
    case EltOp::kXor:
      return "xor";
    case EltOp::kMod:
      return "mod";
    case EltOp::kFMod:
      return "fmod";
    case EltOp::kBitAnd:
      return "bitand";
    case EltOp::kBitOr:
      return "bitor";
    case EltOp::kBitXor:
      return "bitxor";
    case EltOp::kWhere:
      return "where";
  }
  return "?";
}

const char* activation_name(Activation activation) {
  switch (activation) {
    case Activation::kNone:
      return "none";
    case Activation::kRelu:
      return "relu";
    case Activation::kClip:
      return "clip";
    case Activation::kLeakyRelu:
      return "leakyrelu";
    case Activation::kSigmoid:
      return "sigmoid";
    case Activation::kTanh:
      return "tanh";
    case Activation::kSilu:
      return "silu";
    case Activation::kHardSigmoid:
      return "hardsigmoid";
    case Activation::kHardSwish:
      return "hardswish";
    case Activation::kMish:
      return "mish";
    case Activation::kGelu:
      return "gelu";
    case Activation::kElu:
      return "elu";
  }
  return "?";
}

const char* reduce_op_name(ReduceOp op) {
  switch (op) {
    case ReduceOp::kSum:
      return "sum";
    case ReduceOp::kMean:
      return "mean";
    case ReduceOp::kMax:
      return "max";
    case ReduceOp::kMin:
      return "min";
    case ReduceOp::kProd:
      return "prod";
    case ReduceOp::kL1:
      return "l1";
    case ReduceOp::kL2:
      return "l2";
    case ReduceOp::kLogSum:
      return "logsum";
    case ReduceOp::kLogSumExp:
      return "logsumexp";
    case ReduceOp::kSumSquare:
      return "sumsquare";
  }
  return "?";
}

const char* fit_name(FitMode fit) {
  switch (fit) {
    case FitMode::kStretch:
      return "stretch";
    case FitMode::kLetterbox:
      return "letterbox";
    case FitMode::kLetterboxTopLeft:
      return "letterbox_top_left";
    case FitMode::kCrop:
      return "crop";
  }
  return "?";
}

std::string attributes_text(const Node& node) { return op_def(node.op).print(node.attributes); }

std::string type_text(DType dtype, const Shape& shape) {
  std::string text = dtype_name(dtype);
  text += '[';
  for (size_t i = 0; i < shape.size(); ++i) text += (i ? "," : "") + std::to_string(shape[i]);
  return text + ']';
}

std::string node_text(const Node& node) {
  return std::string(op_name(node.op)) + " '" + node.name + "'";
}

}  // namespace stint::builder
