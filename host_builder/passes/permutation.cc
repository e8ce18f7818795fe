#include "host_builder/passes/permutation.h"

#include <algorithm>
#include <numeric>

namespace stint::builder {

bool is_identity(const Permutation& perm) {
  for (size_t i = 0; i < perm.size(); ++i)
    if (perm[i] != static_cast<int64_t>(i)) return false;
  return true;
}

Permutation inverse(const Permutation& perm) {
  Permutation result(perm.size());
  for (size_t i = 0; i < perm.size(); ++i)
    result[static_cast<size_t>(perm[i])] = static_cast<int64_t>(i);
  return result;
}

Permutation compose(const Permutation& first, const Permutation& second) {
  Permutation result(second.size());
  for (size_t i = 0; i < second.size(); ++i) result[i] = first[static_cast<size_t>(second[i])];
  return result;
}

Shape permuted(const Shape& shape, const Permutation& perm) { return compose(shape, perm); }

bool keeps_element_order(const Shape& shape, const Permutation& perm) {
  int64_t last = -1;
  for (int64_t axis : perm) {
    if (shape[static_cast<size_t>(axis)] == 1) continue;
    if (axis < last) return false;
    last = axis;
  }
  return true;
}

Permutation to_channels_last(size_t rank) {
  Permutation perm{0};
  for (size_t i = 2; i < rank; ++i) perm.push_back(static_cast<int64_t>(i));
  perm.push_back(1);
  return perm;
}

Permutation to_channels_first(size_t rank) { return inverse(to_channels_last(rank)); }

namespace {

/// Axes whose extent is not 1.
std::vector<size_t> proper_axes(const Shape& shape) {
  std::vector<size_t> axes;
  for (size_t i = 0; i < shape.size(); ++i)
    if (shape[i] != 1) axes.push_back(i);
  return axes;
}

/// A run of axes on one side of a reshape that holds the same elements as a run on the other side.
struct Group {
  std::vector<size_t> from, to;  // axes, extent 1 left out
};

std::optional<std::vector<Group>> reshape_groups(const Shape& from, const Shape& to) {
  for (int64_t e : from)
    if (e == 0) return std::nullopt;
  const std::vector<size_t> a = proper_axes(from), b = proper_axes(to);
  std::vector<Group> groups;
  size_t i = 0, j = 0;
  while (i < a.size() && j < b.size()) {
    Group group;
    int64_t left = from[a[i]], right = to[b[j]];
    group.from.push_back(a[i++]);
    group.to.push_back(b[j++]);
    while (left != right) {
      if (left < right) {
        if (i == a.size()) return std::nullopt;
        left *= from[a[i]];
        group.from.push_back(a[i++]);
      } else {
        if (j == b.size()) return std::nullopt;
        right *= to[b[j]];
        group.to.push_back(b[j++]);
      }
    }
    groups.push_back(std::move(group));
  }
  if (i != a.size() || j != b.size()) return std::nullopt;
  return groups;
}

/// Orders the groups by where their axes stand in `rank_of` and checks that each group stays one
/// ascending run.
bool order_groups(std::vector<Group>& groups, std::vector<size_t> Group::*side,
                  const std::vector<size_t>& rank_of) {
  for (const Group& group : groups) {
    const std::vector<size_t>& axes = group.*side;
    for (size_t i = 1; i < axes.size(); ++i)
      if (rank_of[axes[i]] != rank_of[axes[i - 1]] + 1) return false;
  }
  std::sort(groups.begin(), groups.end(), [&](const Group& a, const Group& b) {
    return rank_of[(a.*side).front()] < rank_of[(b.*side).front()];
  });
  return true;
}

/// All axes of `shape` in the order of the groups; an axis of extent 1 follows the proper axis
/// before it.
Permutation arrange(const Shape& shape, const std::vector<Group>& groups,
                    std::vector<size_t> Group::*side) {
  Permutation result;
  auto add_ones_from = [&](size_t axis) {
    for (; axis < shape.size() && shape[axis] == 1; ++axis)
      result.push_back(static_cast<int64_t>(axis));
  };
  add_ones_from(0);
  for (const Group& group : groups) {
    for (size_t axis : group.*side) {
      result.push_back(static_cast<int64_t>(axis));
      add_ones_from(axis + 1);
    }
  }
  return result;
}

}  // namespace

std::optional<Exchanged> reshape_before_transpose(const Shape& x, const Permutation& perm,
                                                  const Shape& to) {
  auto groups = reshape_groups(permuted(x, perm), to);
  if (!groups) return std::nullopt;
  // Rank of a transposed axis among the proper axes of x.
  std::vector<size_t> rank_in_x(x.size(), 0);
  const std::vector<size_t> proper = proper_axes(x);
  for (size_t i = 0; i < proper.size(); ++i) rank_in_x[proper[i]] = i;
  std::vector<size_t> rank_of(perm.size());
  for (size_t i = 0; i < perm.size(); ++i) rank_of[i] = rank_in_x[static_cast<size_t>(perm[i])];
  if (!order_groups(*groups, &Group::from, rank_of)) return std::nullopt;
  const Permutation order = arrange(to, *groups, &Group::to);
  return Exchanged{permuted(to, order), inverse(order)};
}

std::optional<Permutation> transpose_before_reshape(const Shape& x, const Shape& middle,
                                                    const Permutation& perm) {
  auto groups = reshape_groups(x, middle);
  if (!groups) return std::nullopt;
  std::vector<size_t> rank_of(middle.size(), 0);
  size_t rank = 0;
  for (int64_t axis : perm)
    if (middle[static_cast<size_t>(axis)] != 1) rank_of[static_cast<size_t>(axis)] = rank++;
  if (!order_groups(*groups, &Group::to, rank_of)) return std::nullopt;
  return arrange(x, *groups, &Group::from);
}

}  // namespace stint::builder
