// NonZero and Unique, whose results' extents depend on the elements.
#include <algorithm>
#include <cmath>
#include <cstring>
#include <numeric>
#include <type_traits>

#include "host_builder/import/onnx/operators/at_build_time/known.h"
#include "host_builder/import/onnx/operators/operator_table.h"

namespace stint::builder {
namespace {

/// Coordinates of the elements that are not 0, one column each. A scalar counts as one element.
void translate_non_zero(NodeTranslation& n) {
  const Value& x = known_wide(n, 0);
  const Shape shape = x.shape.empty() ? Shape{1} : x.shape;
  std::vector<int64_t> chosen;
  spend(n, static_cast<double>(x.elements()));
  with_element_type(n, x.dtype, [&](auto type) {
    using T = decltype(type);
    for (int64_t i = 0; i < x.elements(); ++i)
      if (elements<T>(x)[i] != T{0}) chosen.push_back(i);
  });
  const auto count = static_cast<int64_t>(chosen.size());
  HostTensor y = room(n, DType::kI64, {static_cast<int64_t>(shape.size()), count});
  for (int64_t c = 0; c < count; ++c) {
    int64_t at = chosen[static_cast<size_t>(c)];
    for (size_t axis = shape.size(); axis-- > 0; at /= shape[axis])
      y.as<int64_t>()[static_cast<int64_t>(axis) * count + c] = at % shape[axis];
  }
  bind_known(n, 0, std::move(y), DType::kI64);
}

/// -1, 0 or 1. NaN is equal to itself and larger than every number, so that there is an order.
template <typename T>
int order_of(T a, T b) {
  if constexpr (std::is_floating_point_v<T>) {
    if (std::isnan(a) || std::isnan(b)) return static_cast<int>(std::isnan(a)) - std::isnan(b);
  }
  return a < b ? -1 : b < a ? 1 : 0;
}

/// A tensor as slices along one axis: slice i is before x after elements.
struct Slices {
  int64_t before = 1, count = 1, after = 1;

  int64_t at(int64_t slice, int64_t b) const { return (b * count + slice) * after; }
};

template <typename T>
int order_of_slices(const T* x, const Slices& s, int64_t i, int64_t j) {
  for (int64_t b = 0; b < s.before; ++b) {
    for (int64_t a = 0; a < s.after; ++a) {
      const int order = order_of(x[s.at(i, b) + a], x[s.at(j, b) + a]);
      if (order != 0) return order;
    }
  }
  return 0;
}

/// Which slices are equal: the first of each kind in the order of the result, the kind of every
/// slice and how many a kind has.
struct Kinds {
  std::vector<int64_t> first, inverse, counts;
};

template <typename T>
Kinds kinds_of(const T* x, const Slices& s, bool sorted) {
  std::vector<int64_t> order(static_cast<size_t>(s.count));
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(),
                   [&](int64_t i, int64_t j) { return order_of_slices(x, s, i, j) < 0; });
  std::vector<std::vector<int64_t>> groups;  // ascending inside: the sort is stable
  for (int64_t slice : order) {
    if (groups.empty() || order_of_slices(x, s, groups.back().front(), slice) != 0)
      groups.emplace_back();
    groups.back().push_back(slice);
  }
  if (!sorted) std::sort(groups.begin(), groups.end());
  Kinds kinds;
  kinds.inverse.resize(order.size());
  for (const auto& group : groups) {
    for (int64_t slice : group)
      kinds.inverse[static_cast<size_t>(slice)] = static_cast<int64_t>(kinds.first.size());
    kinds.first.push_back(group.front());
    kinds.counts.push_back(static_cast<int64_t>(group.size()));
  }
  return kinds;
}

void translate_unique(NodeTranslation& n) {
  const bool sorted = n.integer("sorted", 1) != 0, flat = !n.has_attribute("axis");
  const Value& x = known_wide(n, 0);
  Slices s{1, x.elements(), 1};
  size_t axis = 0;
  if (!flat) {
    axis = static_cast<size_t>(normalize_axis(n.integer("axis", 0), x.shape.size(), "axis"));
    s = {1, x.shape[axis], 1};
    for (size_t i = 0; i < axis; ++i) s.before *= x.shape[i];
    for (size_t i = axis + 1; i < x.shape.size(); ++i) s.after *= x.shape[i];
  }
  const auto count = static_cast<double>(s.count);
  spend(n, static_cast<double>(x.elements()) * (2 + std::log2(count + 1)) + count);
  with_element_type(n, x.dtype, [&](auto type) {
    using T = decltype(type);
    const Kinds kinds = kinds_of(elements<T>(x), s, sorted);
    const auto found = static_cast<int64_t>(kinds.first.size());
    Shape shape = flat ? Shape{found} : x.shape;
    if (!flat) shape[axis] = found;
    HostTensor y = room(n, x.dtype, shape);
    for (int64_t b = 0; b < s.before; ++b) {
      for (int64_t k = 0; k < found; ++k)
        std::copy_n(elements<T>(x) + s.at(kinds.first[static_cast<size_t>(k)], b), s.after,
                    y.as<T>() + (b * found + k) * s.after);
    }
    bind_known(n, 0, std::move(y), n.dtype(0));
    const auto list = [&](size_t i, const std::vector<int64_t>& values) {
      n.bind(i, n.network().constant(DType::kI64, {static_cast<int64_t>(values.size())}, values));
    };
    list(1, kinds.first);
    list(2, kinds.inverse);
    list(3, kinds.counts);
  });
}

}  // namespace

const std::vector<OperatorEntry> kSelectOperators = {
    {"NonZero", 9, kNewestOpset, translate_non_zero},
    {"Unique", 11, kNewestOpset, translate_unique},
};

}  // namespace stint::builder
