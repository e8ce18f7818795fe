#include "host_builder/import/onnx/operators/quantised_operands.h"

namespace stint::builder {
namespace {

constexpr int64_t kExactIntegers = int64_t{1} << 24;  // in f32
constexpr float kDigit = 16.0f;

struct Digits {
  ValueId high = kNoValue, low = kNoValue;
};

/// x = 16 * high + low: high from -16 to 15, low from 0 to 15.
Digits digits_of(NetworkBuilder& net, ValueId x) {
  const ValueId sixteen = net.scalar(DType::kF32, kDigit);
  const ValueId high = net.unary(EltOp::kFloor, net.binary(EltOp::kDiv, x, sixteen));
  return {high, net.binary(EltOp::kSub, x, net.binary(EltOp::kMul, high, sixteen))};
}

ValueId joined(NetworkBuilder& net, ValueId high, ValueId low) {
  const ValueId sixteen = net.scalar(DType::kI32, kDigit);
  return net.binary(EltOp::kAdd, net.binary(EltOp::kMul, high, sixteen), low);
}

}  // namespace

QuantOperands quant_operands(const NodeTranslation& n, size_t scale, size_t zero_point) {
  QuantOperands q;
  q.scale = n.in(scale);
  if (n.has(zero_point)) q.zero_point = n.in(zero_point);
  return q;
}

void require_integers(const NodeTranslation& n, DType dtype) {
  switch (dtype) {
    case DType::kI8:
    case DType::kU8:
    case DType::kI16:
    case DType::kU16:
      return;
    default:
      n.fail(std::string("quantises to ") + dtype_name(dtype) +
                 ", there are kernels for 8 and 16-bit integers",
             "export the model with 8-bit integers");
  }
}

DynamicQuantisation quantised_by_own_range(NetworkBuilder& net, ValueId x) {
  const ValueId zero = net.scalar(DType::kF32, 0.0);
  const auto extreme = [&](ReduceOp reduce, EltOp with_zero) {
    ReduceAttributes a{reduce, {}, false};
    const auto rank = static_cast<int64_t>(net.graph().value(x).shape.size());
    for (int64_t axis = 0; axis < rank; ++axis) a.axes.push_back(axis);
    return net.binary(with_zero, net.add(Op::kReduce, a, {x}), zero);
  };
  const ValueId low = extreme(ReduceOp::kMin, EltOp::kMin);
  const ValueId high = extreme(ReduceOp::kMax, EltOp::kMax);
  DynamicQuantisation result;
  // A tensor of zeros has no range; any scale will do.
  const ValueId range =
      net.binary(EltOp::kMax, net.binary(EltOp::kSub, high, low), net.scalar(DType::kF32, 1e-35));
  result.scale = net.binary(EltOp::kDiv, range, net.scalar(DType::kF32, 255.0));
  const ValueId place =
      net.unary(EltOp::kRound, net.unary(EltOp::kNeg, net.binary(EltOp::kDiv, low, result.scale)));
  result.zero_point = net.cast(net.unary(EltOp::kClip, place, 0.0f, 255.0f), DType::kU8);
  result.y = quantised(net, x, {result.scale, result.zero_point, 0, 0}, DType::kU8);
  return result;
}

ValueId without_zero_point(NodeTranslation& n, size_t operand, size_t zero_point, int64_t axis) {
  // A quantised tensor of scale 1.
  NetworkBuilder& net = n.network();
  QuantOperands q;
  q.scale = net.scalar(DType::kF32, 1.0);
  if (n.has(zero_point)) q.zero_point = n.in(zero_point);
  q.axis = axis;
  return dequantised(net, n.in(operand), q);
}

ValueId exact_product(NetworkBuilder& net, ValueId a, ValueId b, int64_t terms,
                      const std::function<ValueId(ValueId, ValueId)>& product) {
  constexpr int64_t kMost = 255, kMostDigit = 16;
  const auto whole = [&](ValueId x, ValueId w) { return net.cast(product(x, w), DType::kI32); };
  if (terms * kMost * kMost < kExactIntegers) return whole(a, b);
  const Digits of_a = digits_of(net, a);
  if (terms * kMostDigit * kMost < kExactIntegers)
    return joined(net, whole(of_a.high, b), whole(of_a.low, b));
  if (terms * kMostDigit * kMostDigit >= kExactIntegers)
    throw Refusal("sums " + std::to_string(terms) + " products of integers, at most " +
                      std::to_string(kExactIntegers / (kMostDigit * kMostDigit) - 1) +
                      " can be summed exactly",
                  "split the product along the summed axis in the model");
  const Digits of_b = digits_of(net, b);
  const auto by = [&](ValueId x) { return joined(net, whole(x, of_b.high), whole(x, of_b.low)); };
  return joined(net, by(of_a.high), by(of_a.low));
}

}  // namespace stint::builder
