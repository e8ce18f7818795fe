#include "host_builder/network/batch_axis.h"

#include <algorithm>
#include <numeric>

#include "host_builder/graph/shape.h"
#include "host_builder/support/refusal.h"

namespace stint::builder {
namespace {

int64_t product(const Shape& shape, size_t from) {
  return std::accumulate(shape.begin() + static_cast<std::ptrdiff_t>(from), shape.end(), int64_t{1},
                         std::multiplies<>());
}

/// Axes of a target for a batch of 1 that could take the samples: there the flattened order stays.
std::vector<size_t> candidates(const Shape& target, int64_t stride) {
  std::vector<size_t> axes;
  for (size_t i = 0; i < target.size(); ++i) {
    const int64_t right = product(target, i + 1);
    if (right == 0 || stride % right != 0) continue;
    const int64_t inner = stride / right;
    // Samples lie outside or inside of what else the axis holds; in its middle nobody means them.
    if (inner == 1 || inner == target[i]) axes.push_back(i);
  }
  return axes;
}

/// Which candidate the exporter meant: an axis of 1 if there is one, else one that is not simply an
/// axis of the operand before or behind the samples. Nobody means the last axis, of features, if
/// there is a choice: [tokens * batch, features] is what layers take, not [tokens, batch *
/// features].
std::optional<size_t> chosen(std::vector<size_t> candidates, const Shape& target,
                             const std::optional<BatchPlace>& place, const Shape& x) {
  std::optional<size_t> one;
  for (size_t axis : candidates) {
    if (target[axis] != 1) continue;
    if (place && place->axis == axis) return axis;
    if (!one) one = axis;
  }
  if (one || candidates.empty()) return one;
  if (candidates.size() > 1 && candidates.back() == target.size() - 1) candidates.pop_back();
  if (!place) return candidates.front();
  size_t before = 0, behind = 0;
  while (before < std::min(place->axis, target.size()) && target[before] == x[before]) ++before;
  while (behind < x.size() - place->axis - 1 && behind < target.size() - before &&
         target[target.size() - 1 - behind] == x[x.size() - 1 - behind])
    ++behind;
  for (size_t axis : candidates)
    if (axis >= before && axis < target.size() - behind) return axis;
  return candidates.front();
}

}  // namespace

void BatchAxis::begin(ValueId input, bool written) {
  any_written_ = any_written_ || written;
  any_open_ = any_open_ || !written;
  if (on()) mark(input, {});
}

void BatchAxis::mark(ValueId id, const BatchPlace& place) {
  strides_[id] = place.inner * product(shape(id), place.axis + 1);
}

std::optional<BatchPlace> BatchAxis::place(ValueId id) const {
  const auto found = strides_.find(id);
  if (found == strides_.end()) return std::nullopt;
  const Shape& x = shape(id);
  for (size_t i = 0; i < x.size(); ++i) {
    const int64_t right = product(x, i + 1);
    if (right == 0 || x[i] == 0 || found->second % right != 0) continue;
    const int64_t inner = found->second / right;
    if (x[i] % (inner * graph_.batch) == 0)
      return BatchPlace{i, x[i] / (inner * graph_.batch), inner};
  }
  return std::nullopt;
}

void BatchAxis::lose(const std::string& what, const Node& node) {
  if (!exported_for_one()) {
    for (ValueId id : node.outputs)
      if (id != kNoValue) lost_.insert(id);
    return;
  }
  throw Refusal("cannot be built for a batch of " + std::to_string(graph_.batch) + ": " + what +
                    ", and the model was exported for a single sample, which no other may meet",
                "export it with an open batch axis, or build it with --batch 1 and run it once a "
                "sample");
}

Shape BatchAxis::reshape_target(ValueId x, const Shape& target,
                                const std::vector<bool>& kept) const {
  if (!on() || target.empty()) return target;
  Shape at_batch_one = target;
  const auto open = std::find(at_batch_one.begin(), at_batch_one.end(), -1);
  const bool is_open = open != at_batch_one.end(), one_first = target[0] == 1 && !kept[0];
  const auto cannot = [&] {
    return Refusal("the batch of " + std::to_string(graph_.batch) +
                       " cannot be followed through its target " + shape_text(target),
                   "export the model with this batch, or with -1 as the target's first extent");
  };
  if (!carries(x)) {
    if (lost_.count(x) != 0 && is_open && one_first) throw cannot();
    return target;
  }
  const auto from = place(x);
  if (from && from->axis < kept.size() && kept[from->axis]) return target;
  const int64_t elements = graph_.value(x).elements(), at_one = elements / graph_.batch;
  if (is_open) {
    // A model with an open batch means what it says, but for a first extent of 1.
    if (!exported_for_one() && !one_first) return target;
    *open = 1;
    const auto known = checked_elements(at_batch_one);
    if (!known || *known == 0 || at_one % *known != 0) throw cannot();
    *open = at_one / *known;
  } else if (checked_elements(target) != at_one) {
    return target;
  }
  const auto axis =
      chosen(candidates(at_batch_one, strides_.at(x)), at_batch_one, from, shape_at_one(x));
  if (!axis) throw cannot();
  at_batch_one[*axis] *= graph_.batch;
  return at_batch_one;
}

int64_t BatchAxis::written_extent(ValueId x, size_t axis, int64_t extent) const {
  const auto at = place(x);
  const bool of_one = at && at->axis == axis && extent == at->outer * at->inner;
  return of_one ? shape(x)[axis] : extent;
}

void BatchAxis::mark_repeated(ValueId result, ValueId extents) {
  const HostTensor* one = at_one(extents);
  if (!on() || one == nullptr || carries(result)) return;
  const Bytes& now = graph_.value(extents).constant;
  if (one->dtype != DType::kI64 || !now || one->data.size() != now->size()) return;
  const auto* extent = reinterpret_cast<const int64_t*>(now->data());
  const Shape& y = shape(result);
  const size_t count = one->data.size() / sizeof(int64_t);
  if (count > y.size()) return;
  for (size_t i = 0; i < count; ++i) {
    const size_t axis = y.size() - count + i;
    if (one->as<int64_t>()[i] == extent[i]) continue;
    if (one->as<int64_t>()[i] == 1 && extent[i] == graph_.batch && y[axis] == graph_.batch)
      mark(result, {axis, 1, 1});
    return;
  }
}

const HostTensor* BatchAxis::at_one(ValueId id) const {
  const auto found = at_one_.find(id);
  return found == at_one_.end() ? nullptr : &found->second;
}

Shape BatchAxis::shape_at_one(ValueId id) const {
  Shape result = shape(id);
  if (const auto at = place(id)) result[at->axis] /= graph_.batch;
  return result;
}

}  // namespace stint::builder
