// How each operation moves the samples of a batch.
#include <algorithm>

#include "host_builder/graph/shape.h"
#include "host_builder/network/batch_axis.h"

namespace stint::builder {
namespace {

std::string axis_text(size_t axis) { return "axis " + std::to_string(axis); }

/// "it works along axis 0, which holds the samples"
std::string along(const BatchPlace& at) {
  return "it works along " + axis_text(at.axis) + ", which holds the samples";
}

}  // namespace

std::vector<BatchAxis::Operand> BatchAxis::operands(const Node& node) const {
  std::vector<Operand> with;
  for (size_t i = 0; i < node.inputs.size(); ++i) {
    if (node.inputs[i] == kNoValue) continue;
    if (const auto at = place(node.inputs[i])) with.push_back({i, *at});
  }
  return with;
}

void BatchAxis::mark_all(const Node& node, const BatchPlace& at) {
  for (ValueId id : node.outputs)
    if (id != kNoValue) mark(id, at);
}

void BatchAxis::follow(const Node& node) {
  if (!on() || paused_) return;
  const auto any = [&](const auto& set) {
    return std::any_of(node.inputs.begin(), node.inputs.end(),
                       [&](ValueId id) { return id != kNoValue && set.count(id) != 0; });
  };
  if (any(lost_)) {
    for (ValueId id : node.outputs)
      if (id != kNoValue) lost_.insert(id);
    return;
  }
  const bool flat = node.op == Op::kReshape || node.op == Op::kIdentity || node.op == Op::kUnary ||
                    node.op == Op::kCast;
  if (any(rows_of_all_)) {
    if (flat)
      rows_of_all_.insert(node.outputs[0]);
    else
      lose("it reads boxes that NonMaxSuppression chose, whose rows are of all samples together",
           node);
    return;
  }
  if (!any(strides_)) return;
  if (flat) {
    strides_[node.outputs[0]] = strides_.at(node.inputs[0]);
    return;
  }
  const std::vector<Operand> with = operands(node);
  size_t carrying = 0;
  for (ValueId id : node.inputs) carrying += id != kNoValue && carries(id) ? 1 : 0;
  if (with.size() < carrying) {
    lose("samples are spread over several axes of its operand", node);
    return;
  }
  switch (node.op) {
    case Op::kBinary:
    case Op::kWhere:
    case Op::kPointwise:
      return follow_broadcast(node, with);
    case Op::kConcat:
      return follow_concat(node, with);
    case Op::kGather:
      return follow_gather(node, with);
    case Op::kMatMul:
      return follow_matmul(node, with);
    case Op::kNonMaxSuppression:
      rows_of_all_.insert(node.outputs[0]);
      return;
    default:
      break;
  }
  if (with.size() > 1 || with[0].index != 0)
    return lose("a parameter of it differs from sample to sample", node);
  follow_one(node, with[0].place);
}

/// Operations with samples in their first operand only.
void BatchAxis::follow_one(const Node& node, const BatchPlace& at) {
  const auto axis = static_cast<int64_t>(at.axis);
  const auto rank = static_cast<int64_t>(shape(node.inputs[0]).size());
  const auto counted = [&](int64_t a) { return a < 0 ? a + rank : a; };
  bool mixes = true;
  switch (node.op) {
    case Op::kTranspose: {
      const auto& perm = node.as<TransposeAttributes>().perm;
      const auto to = std::find(perm.begin(), perm.end(), axis) - perm.begin();
      mark(node.outputs[0], {static_cast<size_t>(to), at.outer, at.inner});
      return;
    }
    case Op::kExpand: {
      const size_t added = shape(node.outputs[0]).size() - static_cast<size_t>(rank);
      mark(node.outputs[0], {at.axis + added, at.outer, at.inner});
      return;
    }
    case Op::kSlice:
      return follow_slice(node, at);
    case Op::kReduce: {
      const auto& a = node.as<ReduceAttributes>();
      return follow_reduce(node, at, a.axes, a.keep_dims);
    }
    case Op::kArgReduce: {
      const auto& a = node.as<ArgReduceAttributes>();
      return follow_reduce(node, at, {a.axis}, a.keep_dims);
    }
    case Op::kTile:
      mixes = false;  // repeats along the axis lie outside of the samples
      break;
    case Op::kPad:
      mixes = node.as<PadAttributes>().begin[at.axis] != 0 ||
              node.as<PadAttributes>().end[at.axis] != 0;
      break;
    case Op::kTopK:
      mixes = counted(node.as<TopKAttributes>().axis) == axis;
      break;
    case Op::kSoftmax:
      mixes = counted(node.as<SoftmaxAttributes>().axis) == axis;
      break;
    case Op::kLayerNorm:
      mixes = axis >= counted(node.as<NormAttributes>().axis);
      break;
    case Op::kLrn:
      mixes = counted(node.as<LrnAttributes>().axis) == axis;
      break;
    case Op::kBatchNorm:
      mixes = axis == 1;
      break;
    case Op::kInstanceNorm:
      mixes = axis > 1;
      break;
    case Op::kConv:
    case Op::kConvTranspose:
    case Op::kPool:
      mixes = mixes_window(node, at);
      break;
    case Op::kResize:
      mixes = node.as<ResizeAttributes>().scales[at.axis] != 1.0f ||
              shape(node.outputs[0])[at.axis] != shape(node.inputs[0])[at.axis];
      break;
    case Op::kDepthToSpace:
    case Op::kSpaceToDepth:
      mixes = axis != 0;
      break;
    default:
      break;
  }
  if (mixes)
    lose(along(at), node);
  else
    mark_all(node, at);
}

/// Windows of one element may lie along any axis, others beside the samples only; convolutions sum
/// up channels.
bool BatchAxis::mixes_window(const Node& node, const BatchPlace& at) const {
  if (at.axis == 0) return false;
  if (at.axis == 1) return node.op != Op::kPool;
  const auto single = [&](const auto& a) {
    const size_t i = at.axis - 2;
    return a.kernel[i] == 1 && a.strides[i] == 1 && a.pads_begin[i] == 0 && a.pads_end[i] == 0;
  };
  if (node.op == Op::kPool) return !single(node.as<PoolAttributes>());
  if (node.op == Op::kConv) return !single(node.as<ConvAttributes>());
  const auto& a = node.as<ConvTransposeAttributes>();
  return !single(a) || a.output_padding[at.axis - 2] != 0;
}

void BatchAxis::follow_broadcast(const Node& node, const std::vector<Operand>& with) {
  const size_t rank = shape(node.outputs[0]).size();
  std::optional<BatchPlace> result;
  for (const Operand& operand : with) {
    BatchPlace at = operand.place;
    at.axis += rank - shape(node.inputs[operand.index]).size();
    if (result && !(*result == at))
      return lose("samples lie along " + axis_text(result->axis) + " of one operand and along " +
                      axis_text(at.axis) + " of another, so that every sample meets every other",
                  node);
    result = at;
  }
  mark_all(node, *result);
}

void BatchAxis::follow_concat(const Node& node, const std::vector<Operand>& with) {
  const auto rank = static_cast<int64_t>(shape(node.inputs[0]).size());
  int64_t axis = node.as<AxisAttributes>().axis;
  if (axis < 0) axis += rank;
  const BatchPlace at = with[0].place;
  const bool beside = at.axis != static_cast<size_t>(axis);
  for (const Operand& operand : with) {
    if (operand.place.axis != at.axis || operand.place.inner != at.inner)
      return lose("samples lie along different axes of its operands", node);
  }
  if (!beside && with.size() != node.inputs.size())
    return lose("it puts what belongs to no sample behind the samples of " + axis_text(at.axis),
                node);
  mark_all(node, at);
}

void BatchAxis::follow_gather(const Node& node, const std::vector<Operand>& with) {
  const Shape& x = shape(node.inputs[0]);
  const Shape& indices = shape(node.inputs[1]);
  int64_t signed_axis = node.as<AxisAttributes>().axis;
  if (signed_axis < 0) signed_axis += static_cast<int64_t>(x.size());
  const auto axis = static_cast<size_t>(signed_axis);
  if (with.size() == 2)
    return lose(
        "its indices and its data both have samples, so that every sample reads every other", node);
  BatchPlace at = with[0].place;
  if (with[0].index == 1) {
    at.axis += axis;
  } else if (at.axis == axis) {
    return lose("it takes elements along " + axis_text(axis) + ", which holds the samples", node);
  } else if (at.axis > axis) {
    at.axis = at.axis - 1 + indices.size();
  }
  mark_all(node, at);
}

void BatchAxis::follow_slice(const Node& node, const BatchPlace& at) {
  const auto& a = node.as<SliceAttributes>();
  const int64_t extent = shape(node.inputs[0])[at.axis], count = shape(node.outputs[0])[at.axis];
  const int64_t start = a.starts[at.axis], step = a.steps[at.axis];
  const int64_t whole = graph_.batch * at.inner;  // all samples once
  const bool keeps_all = count > 0 && (step == 1 || count == 1) && start % whole == 0 &&
                         count % whole == 0 && count <= extent;
  if (!keeps_all)
    return lose("it takes a part of " + axis_text(at.axis) + ", which holds the samples", node);
  mark(node.outputs[0], at);
}

void BatchAxis::follow_reduce(const Node& node, const BatchPlace& at,
                              const std::vector<int64_t>& axes, bool keep_dims) {
  const auto rank = static_cast<int64_t>(shape(node.inputs[0]).size());
  BatchPlace to = at;
  for (int64_t axis : axes) {
    if (axis < 0) axis += rank;
    if (axis == static_cast<int64_t>(at.axis)) return lose(along(at), node);
    if (!keep_dims && axis < static_cast<int64_t>(at.axis)) --to.axis;
  }
  mark_all(node, to);
}

void BatchAxis::follow_matmul(const Node& node, const std::vector<Operand>& with) {
  const Shape& y = shape(node.outputs[0]);
  const size_t rank_a = shape(node.inputs[0]).size(), rank_b = shape(node.inputs[1]).size();
  const size_t leading = std::max({rank_a, rank_b, size_t{2}}) - 2;
  std::optional<BatchPlace> result;
  for (const Operand& operand : with) {
    const bool left = operand.index == 0;
    const size_t rank = left ? rank_a : rank_b;
    BatchPlace at = operand.place;
    const size_t summed = left ? rank - 1 : rank - std::min<size_t>(rank, 2);
    if (at.axis == summed) return lose(along(at), node);
    if (at.axis + 2 < rank)
      at.axis += leading - (rank - 2);
    else  // rows of the left operand, columns of the right one
      at.axis = left ? leading : y.size() - 1;
    if (result && !(*result == at))
      return lose("it multiplies every sample of one operand with every sample of the other", node);
    result = at;
  }
  mark_all(node, *result);
}

}  // namespace stint::builder
