// Reductions, running ones, arg reductions, TopK and softmax.
#include <algorithm>
#include <numeric>

#include "host_builder/import/onnx/operators/operator_table.h"

namespace stint::builder {
namespace {

/// The axes became an operand in opset 13 for ReduceSum and in opset 18 for the others.
template <ReduceOp op, int axes_operand_since>
void translate_reduce(NodeTranslation& n) {
  std::vector<int64_t> axes;
  if (n.opset() < axes_operand_since)
    axes = n.integers("axes");
  else if (n.has(1))
    axes = n.constant_integers(1, "the axes");
  const bool nothing_if_empty =
      n.opset() >= axes_operand_since && n.integer("noop_with_empty_axes", 0) != 0;
  const bool keep_dims = n.integer("keepdims", 1) != 0;
  for (int64_t& axis : axes) axis = normalize_axis(axis, n.rank(0), "an axis");
  if (axes.empty() && !nothing_if_empty) {
    axes.resize(n.rank(0));
    std::iota(axes.begin(), axes.end(), 0);
  }
  std::sort(axes.begin(), axes.end());
  if (std::adjacent_find(axes.begin(), axes.end()) != axes.end())
    n.fail("an axis is listed twice", kCheckModel);
  n.bind(0, n.network().add(Op::kReduce, ReduceAttributes{op, axes, keep_dims}, {n.in(0)}));
}

void translate_arg_reduce(NodeTranslation& n) {
  ArgReduceAttributes a;
  a.is_max = n.op() == "ArgMax";
  a.axis = normalize_axis(n.integer("axis", 0), n.rank(0), "axis");
  a.keep_dims = n.integer("keepdims", 1) != 0;
  a.select_last = n.opset() >= 12 && n.integer("select_last_index", 0) != 0;
  n.bind(0, n.network().add(Op::kArgReduce, a, {n.in(0)}));
}

template <bool product>
void translate_cumulative(NodeTranslation& n) {
  CumulativeAttributes a;
  a.product = product;
  a.axis = normalize_axis(n.constant_integer(1, "the axis"), n.rank(0), "axis");
  a.exclusive = n.integer("exclusive", 0) != 0;
  a.reverse = n.integer("reverse", 0) != 0;
  n.bind(0, n.network().add(Op::kCumulative, a, {n.in(0)}));
}

void translate_top_k(NodeTranslation& n) {
  TopKAttributes a;
  a.axis = normalize_axis(n.integer("axis", -1), n.rank(0), "axis");
  if (n.opset() >= 11) {
    a.largest = n.integer("largest", 1) != 0;
    a.sorted = n.integer("sorted", 1) != 0;
  }
  Shape result = n.shape(0);
  result[a.axis] = n.opset() < 10 ? n.required_integer("k") : n.constant_integer(1, "k");
  const auto results =
      n.network().add_all(Op::kTopK, a, {n.in(0)}, {true, true}, {{n.dtype(0), result}});
  n.bind(0, results[0]);
  n.bind(1, results[1]);
}

/// Before opset 13 softmax worked on the operand flattened to two axes.
void translate_softmax(NodeTranslation& n) {
  NetworkBuilder& net = n.network();
  const bool log = n.op() == "LogSoftmax";
  const Shape x = n.shape(0);
  const int64_t axis = normalize_axis(n.integer("axis", n.opset() < 13 ? 1 : -1), x.size(), "axis");
  const bool one_axis =
      std::all_of(x.begin() + axis + 1, x.end(), [](int64_t extent) { return extent == 1; });
  if (n.opset() >= 13 || one_axis) {
    n.bind(0, net.add(Op::kSoftmax, SoftmaxAttributes{axis, log}, {n.in(0)}));
    return;
  }
  Shape flat(x.begin(), x.begin() + axis);
  flat.push_back(std::accumulate(x.begin() + axis, x.end(), int64_t{1}, std::multiplies<>()));
  const ValueId result =
      net.add(Op::kSoftmax, SoftmaxAttributes{axis, log}, {net.reshape(n.in(0), flat)});
  n.bind(0, net.reshape(result, x));
}

}  // namespace

const std::vector<OperatorEntry> kReduceOperators = {
    {"ReduceSum", 1, kNewestOpset, translate_reduce<ReduceOp::kSum, 13>},
    {"ReduceMean", 1, kNewestOpset, translate_reduce<ReduceOp::kMean, 18>},
    {"ReduceMax", 1, kNewestOpset, translate_reduce<ReduceOp::kMax, 18>},
    {"ReduceMin", 1, kNewestOpset, translate_reduce<ReduceOp::kMin, 18>},
    {"ReduceProd", 1, kNewestOpset, translate_reduce<ReduceOp::kProd, 18>},
    {"ReduceL1", 1, kNewestOpset, translate_reduce<ReduceOp::kL1, 18>},
    {"ReduceL2", 1, kNewestOpset, translate_reduce<ReduceOp::kL2, 18>},
    {"ReduceLogSum", 1, kNewestOpset, translate_reduce<ReduceOp::kLogSum, 18>},
    {"ReduceLogSumExp", 1, kNewestOpset, translate_reduce<ReduceOp::kLogSumExp, 18>},
    {"ReduceSumSquare", 1, kNewestOpset, translate_reduce<ReduceOp::kSumSquare, 18>},
    {"ArgMax", 1, kNewestOpset, translate_arg_reduce},
    {"ArgMin", 1, kNewestOpset, translate_arg_reduce},
    {"CumSum", 11, kNewestOpset, translate_cumulative<false>},
    {"CumProd", 26, kNewestOpset, translate_cumulative<true>},
    {"TopK", 1, kNewestOpset, translate_top_k},
    {"Softmax", 1, kNewestOpset, translate_softmax},
    {"LogSoftmax", 1, kNewestOpset, translate_softmax},
};

}  // namespace stint::builder
