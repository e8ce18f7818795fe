#include "host_builder/network/arithmetic.h"

#include "host_builder/graph/shape.h"

namespace stint::builder {

ValueId plus_constant(NetworkBuilder& net, ValueId x, float constant) {
  return net.binary(EltOp::kAdd, x, net.scalar(net.graph().value(x).dtype, constant));
}

ValueId times_constant(NetworkBuilder& net, ValueId x, float factor) {
  if (factor == 1.0f) return x;
  return net.binary(EltOp::kMul, x, net.scalar(net.graph().value(x).dtype, factor));
}

ValueId swish(NetworkBuilder& net, ValueId x, float beta) {
  if (beta == 1.0f) return net.unary(EltOp::kSilu, x);
  return net.binary(EltOp::kMul, x, net.unary(EltOp::kSigmoid, times_constant(net, x, beta)));
}

ValueId aligned_at(NetworkBuilder& net, ValueId x, size_t axis, size_t rank) {
  Shape shape = net.graph().value(x).shape;
  if (axis + shape.size() > rank) {
    throw Refusal("operand 1 " + shape_text(shape) + " does not fit at axis " +
                      std::to_string(axis) + " of " + std::to_string(rank) + " axes",
                  "choose an axis from which on there are as many");
  }
  shape.resize(rank - axis, 1);
  return net.reshape(x, shape);
}

}  // namespace stint::builder
