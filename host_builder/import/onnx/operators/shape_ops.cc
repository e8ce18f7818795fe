// Operators that only change how elements are arranged.
#include <algorithm>
#include <numeric>

#include "host_builder/import/onnx/operators/operator_table.h"

namespace stint::builder {
namespace {

/// Product of some extents of a shape that is known to be possible.
int64_t product(Shape::const_iterator first, Shape::const_iterator last) {
  return std::accumulate(first, last, int64_t{1}, std::multiplies<>());
}

/// Fills in the one -1 of a reshape's target.
void resolve_unknown_extent(const NodeTranslation& n, Shape& target, int64_t elements) {
  const auto unknown = std::find(target.begin(), target.end(), -1);
  if (unknown == target.end()) return;
  if (std::count(target.begin(), target.end(), -1) > 1)
    n.fail("its target " + shape_text(target) + " has more than one -1", kCheckModel);
  *unknown = 1;
  const auto known = checked_elements(target);
  if (!known || *known == 0 || elements % *known != 0) {
    *unknown = -1;
    n.fail(shape_text(n.shape(0)) + " cannot be reshaped to " + shape_text(target), kCheckModel);
  }
  *unknown = elements / *known;
}

/// Whether the model itself computes the target for the batch.
bool knows_batch(NodeTranslation& n, size_t i) {
  const HostTensor* at_one = n.network().batch().at_one(n.in(i));
  return at_one != nullptr && at_one->data != *n.value(i).constant;
}

void translate_reshape(NodeTranslation& n) {
  const bool allow_zero = n.opset() >= 14 && n.integer("allowzero", 0) != 0;
  Shape target = n.constant_integers(1, "the target shape");
  if (target.size() > static_cast<size_t>(kMaxRank))
    n.fail("its target has " + std::to_string(target.size()) + " axes, at most " +
               std::to_string(kMaxRank) + " are supported",
           "reshape to fewer axes in the model");
  const int64_t elements = n.value(0).elements();
  std::vector<bool> copied(target.size(), false);
  for (size_t i = 0; i < target.size(); ++i) {
    if (target[i] != 0 || allow_zero) continue;
    if (i >= n.rank(0))
      n.fail("its target " + shape_text(target) + " copies axis " + std::to_string(i) +
                 ", which the operand does not have",
             kCheckModel);
    target[i] = n.shape(0)[i];
    copied[i] = true;
  }
  // A model exported for one sample has the 1 written into its reshapes: there it becomes the
  // batch.
  if (std::count(target.begin(), target.end(), -1) <= 1 && !knows_batch(n, 1))
    target = n.network().batch().reshape_target(n.in(0), target, copied);
  resolve_unknown_extent(n, target, elements);
  n.bind(0, n.network().reshape(n.in(0), target));
}

void translate_flatten(NodeTranslation& n) {
  const auto rank = static_cast<int64_t>(n.rank(0));
  int64_t axis = n.integer("axis", 1);
  if (axis < -rank || axis > rank)
    n.fail("axis " + std::to_string(axis) + " is outside a tensor of rank " + std::to_string(rank),
           kCheckModel);
  if (axis < 0) axis += rank;
  const Shape& x = n.shape(0);
  n.bind(0, n.network().reshape(n.in(0), {product(x.begin(), x.begin() + axis),
                                          product(x.begin() + axis, x.end())}));
}

/// Axes of Squeeze and Unsqueeze: an attribute before opset 13, an operand since.
std::vector<int64_t> axes_of(NodeTranslation& n, size_t rank) {
  std::vector<int64_t> axes;
  if (n.opset() < 13)
    axes = n.integers("axes");
  else if (n.has(1))
    axes = n.constant_integers(1, "the axes");
  for (int64_t& axis : axes) axis = normalize_axis(axis, rank, "an axis");
  std::sort(axes.begin(), axes.end());
  if (std::adjacent_find(axes.begin(), axes.end()) != axes.end())
    n.fail("an axis is listed twice", kCheckModel);
  return axes;
}

void translate_squeeze(NodeTranslation& n) {
  const std::vector<int64_t> axes = axes_of(n, n.rank(0));
  Shape result;
  for (size_t i = 0; i < n.rank(0); ++i) {
    const bool listed = std::binary_search(axes.begin(), axes.end(), static_cast<int64_t>(i));
    if (listed && n.shape(0)[i] != 1) {
      const std::string found =
          "axis " + std::to_string(i) + " of " + shape_text(n.shape(0)) + " is not 1";
      const auto batch = n.network().batch().place(n.in(0));
      if (batch && batch->axis == i)
        n.fail(found + " but holds the samples of the batch",
               "build the model with --batch 1, or export it with an open batch axis");
      n.fail(found, kCheckModel);
    }
    if (!(listed || (axes.empty() && n.shape(0)[i] == 1))) result.push_back(n.shape(0)[i]);
  }
  n.bind(0, n.network().reshape(n.in(0), result));
}

void translate_unsqueeze(NodeTranslation& n) {
  size_t count = 0;
  if (n.opset() < 13)
    count = n.integers("axes").size();
  else
    count = n.constant_integers(1, "the axes").size();
  if (n.rank(0) + count > static_cast<size_t>(kMaxRank))
    n.fail("its result has more than " + std::to_string(kMaxRank) + " axes",
           "reshape to fewer axes in the model");
  Shape result = n.shape(0);
  for (int64_t axis : axes_of(n, n.rank(0) + count)) result.insert(result.begin() + axis, 1);
  n.bind(0, n.network().reshape(n.in(0), result));
}

void translate_transpose(NodeTranslation& n) {
  std::vector<int64_t> reversed(n.rank(0));
  std::iota(reversed.rbegin(), reversed.rend(), 0);
  std::vector<int64_t> perm = n.integers("perm", reversed);
  if (perm.size() != n.rank(0))
    n.fail("perm " + shape_text(perm) + " does not fit the operand " + shape_text(n.shape(0)),
           kCheckModel);
  for (int64_t& axis : perm) axis = normalize_axis(axis, n.rank(0), "an entry of perm");
  n.bind(0, n.network().transpose(n.in(0), perm));
}

void translate_concat(NodeTranslation& n) {
  const std::vector<ValueId> operands = n.all_inputs();
  const int64_t axis = normalize_axis(n.required_integer("axis"), n.rank(0), "axis");
  n.bind(0, operands.size() == 1 ? operands[0]
                                 : n.network().add(Op::kConcat, AxisAttributes{axis}, operands));
}

void translate_gather(NodeTranslation& n) {
  const int64_t axis = normalize_axis(n.integer("axis", 0), n.rank(0), "axis");
  const int64_t extent = n.shape(0)[axis];
  if (n.value(1).is_constant()) {
    for (int64_t index : n.constant_integers(1, "the indices")) {
      if (index < -extent || index >= extent) {
        n.fail("index " + std::to_string(index) + " is outside axis " + std::to_string(axis) +
                   " of " + shape_text(n.shape(0)),
               kCheckModel);
      }
    }
  }
  n.bind(0, n.network().add(Op::kGather, AxisAttributes{axis}, {n.in(0), n.in(1)}));
}

void translate_expand(NodeTranslation& n) {
  Shape target = n.constant_integers(1, "the target shape");
  if (!checked_elements(target))
    n.fail("its target " + shape_text(target) + " is not a possible shape", kCheckModel);
  for (size_t i = 0; i < std::min(target.size(), n.rank(0)); ++i) {
    int64_t& extent = target[target.size() - 1 - i];
    extent = n.network().batch().written_extent(n.in(0), n.rank(0) - 1 - i, extent);
  }
  Shape result = broadcast_shapes(n.shape(0), target);
  if (result == n.shape(0)) {
    n.bind(0, n.in(0));
    return;
  }
  const ValueId expanded = n.network().add(Op::kExpand, {}, {n.in(0)}, {{n.dtype(0), result}});
  n.network().batch().mark_repeated(expanded, n.in(1));
  n.bind(0, expanded);
}

void translate_tile(NodeTranslation& n) {
  const auto repeats = n.constant_integers(1, "the repeats");
  if (repeats.size() != n.rank(0))
    n.fail("needs one repeat for each of " + std::to_string(n.rank(0)) + " axes", kCheckModel);
  Shape result = n.shape(0);
  for (size_t i = 0; i < result.size(); ++i) {
    if (repeats[i] < 0 || repeats[i] > kMaxElements / std::max<int64_t>(result[i], 1)) {
      n.fail("repeat " + std::to_string(repeats[i]) + " of axis " + std::to_string(i) +
                 " is out of range",
             kCheckModel);
    }
    result[i] *= repeats[i];
  }
  if (result == n.shape(0))
    n.bind(0, n.in(0));
  else
    n.bind(0, n.network().add(Op::kTile, {}, {n.in(0)}, {{n.dtype(0), result}}));
}

void translate_depth_space(NodeTranslation& n) {
  DepthToSpaceAttributes a;
  a.block = n.required_integer("blocksize");
  const bool to_space = n.op() == "DepthToSpace";
  if (to_space) {
    const std::string mode = n.text("mode", "DCR");
    if (mode != "DCR" && mode != "CRD")
      n.fail("attribute 'mode' is '" + mode + "', needs DCR or CRD", kCheckModel);
    a.crd = mode == "CRD";
  }
  n.bind(0, n.network().add(to_space ? Op::kDepthToSpace : Op::kSpaceToDepth, a, {n.in(0)}));
}

}  // namespace

const std::vector<OperatorEntry> kShapeOperators = {
    {"Reshape", 5, kNewestOpset, translate_reshape},
    {"Flatten", 1, kNewestOpset, translate_flatten},
    {"Squeeze", 1, kNewestOpset, translate_squeeze},
    {"Unsqueeze", 1, kNewestOpset, translate_unsqueeze},
    {"Transpose", 1, kNewestOpset, translate_transpose},
    {"Concat", 4, kNewestOpset, translate_concat},
    {"Gather", 1, kNewestOpset, translate_gather},
    {"Expand", 8, kNewestOpset, translate_expand},
    {"Tile", 6, kNewestOpset, translate_tile},
    {"DepthToSpace", 1, kNewestOpset, translate_depth_space},
    {"SpaceToDepth", 1, kNewestOpset, translate_depth_space},
};

}  // namespace stint::builder
