// Softmax, ArgMax and Reduction.
#include <algorithm>
#include <numeric>

#include "host_builder/import/caffe/layers/layer_table.h"
#include "host_builder/network/arithmetic.h"

namespace stint::builder {
namespace {

void require_one(LayerTranslation& n) {
  n.require_bottoms(1, 1);
  n.require_tops(1, 1);
}

void translate_softmax(LayerTranslation& n) {
  require_one(n);
  const auto axis = static_cast<int64_t>(n.axis(n.layer().softmax_param().axis()));
  n.bind(0, n.network().add(Op::kSoftmax, SoftmaxAttributes{axis, false}, {n.in(0)}));
}

/// All axes from `axis` on become one number.
void translate_reduction(LayerTranslation& n) {
  require_one(n);
  const caffe::ReductionParameter& p = n.layer().reduction_param();
  ReduceAttributes a{ReduceOp::kSum, {}, false};
  if (p.operation() == caffe::ReductionParameter::ASUM) a.op = ReduceOp::kL1;
  if (p.operation() == caffe::ReductionParameter::SUMSQ) a.op = ReduceOp::kSumSquare;
  if (p.operation() == caffe::ReductionParameter::MEAN) a.op = ReduceOp::kMean;
  a.axes.resize(n.rank(0) - n.axis(p.axis()));
  std::iota(a.axes.begin(), a.axes.end(), static_cast<int64_t>(n.axis(p.axis())));
  n.bind(0, times_constant(n.network(), n.network().add(Op::kReduce, std::move(a), {n.in(0)}),
                           p.coeff()));
}

struct Best {
  ValueId values, places;
};

/// Of equal values Caffe takes the last; TopK, for more than one, the first.
Best best_of(LayerTranslation& n, ValueId x, int64_t axis, int64_t count) {
  NetworkBuilder& net = n.network();
  if (count == 1) {
    return {net.add(Op::kReduce, ReduceAttributes{ReduceOp::kMax, {axis}, true}, {x}),
            net.add(Op::kArgReduce, ArgReduceAttributes{true, axis, true, true}, {x})};
  }
  Shape result = net.graph().value(x).shape;
  result[static_cast<size_t>(axis)] = count;
  const auto both = net.add_all(Op::kTopK, TopKAttributes{axis, true, true}, {x}, {true, true},
                                {{DType::kF32, result}});
  return {both[0], both[1]};
}

/// Places are floats, as all blobs are. Without an axis those of a whole sample, beside their
/// values if these are wanted; with one either.
void translate_arg_max(LayerTranslation& n) {
  require_one(n);
  NetworkBuilder& net = n.network();
  const caffe::ArgMaxParameter& p = n.layer().argmax_param();
  const Shape x = n.shape(0);
  if (n.rank(0) < 1) n.fail("needs a bottom with axes");
  const bool whole = !p.has_axis();
  const auto axis = whole ? 2 : static_cast<int64_t>(n.axis(p.axis()));
  const int64_t rest = std::accumulate(x.begin() + 1, x.end(), int64_t{1}, std::multiplies<>());
  const ValueId operand = whole ? net.reshape(n.in(0), {x[0], 1, rest}) : n.in(0);
  const int64_t extent = net.graph().value(operand).shape[static_cast<size_t>(axis)];
  if (p.top_k() < 1 || p.top_k() > extent)
    n.fail("has top_k " + std::to_string(p.top_k()) + ", there are " + std::to_string(extent));
  const Best best = best_of(n, operand, axis, p.top_k());
  if (!whole && p.out_max_val()) {
    n.bind(0, best.values);
    return;
  }
  const ValueId places = net.cast(best.places, DType::kF32);
  n.bind(0, whole && p.out_max_val()
                ? net.add(Op::kConcat, AxisAttributes{1}, {places, best.values})
                : places);
}

}  // namespace

const std::vector<LayerEntry> kReductionLayers = {
    {"Softmax", translate_softmax},
    {"Reduction", translate_reduction},
    {"ArgMax", translate_arg_max},
};

}  // namespace stint::builder
