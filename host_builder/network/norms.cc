#include "host_builder/network/norms.h"

#include "host_builder/network/arithmetic.h"

namespace stint::builder {

ValueId mean_variance_normalised(NetworkBuilder& net, ValueId x, const std::vector<int64_t>& axes,
                                 bool variance, float epsilon) {
  const auto mean = [&](ValueId of) {
    return net.add(Op::kReduce, ReduceAttributes{ReduceOp::kMean, axes, true}, {of});
  };
  const ValueId centred = net.binary(EltOp::kSub, x, mean(x));
  if (!variance) return centred;
  const ValueId square = mean(net.binary(EltOp::kMul, centred, centred));
  return net.binary(EltOp::kDiv, centred,
                    plus_constant(net, net.unary(EltOp::kSqrt, square), epsilon));
}

}  // namespace stint::builder
