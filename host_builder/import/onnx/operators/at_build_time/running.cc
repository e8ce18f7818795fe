// CumSum and CumProd: sums and products of all elements up to each one along an axis.
#include <type_traits>

#include "host_builder/import/onnx/operators/at_build_time/known.h"
#include "host_builder/import/onnx/operators/operator_table.h"

namespace stint::builder {
namespace {

struct Lines {
  int64_t before = 1, extent = 1, after = 1;  // elements outside, along and inside of the axis
};

Lines lines_of(const Shape& shape, int64_t axis) {
  Lines lines;
  for (size_t i = 0; i < shape.size(); ++i) {
    int64_t& part = static_cast<int64_t>(i) < axis    ? lines.before
                    : static_cast<int64_t>(i) == axis ? lines.extent
                                                      : lines.after;
    part *= shape[i];
  }
  return lines;
}

/// Integers wrap around, as everywhere else.
template <typename T>
T combined(T a, T b, bool product) {
  if constexpr (std::is_integral_v<T>) {
    const auto x = static_cast<uint64_t>(a), y = static_cast<uint64_t>(b);
    return static_cast<T>(product ? x * y : x + y);
  } else {
    return product ? a * b : a + b;
  }
}

template <typename T>
void run(const T* x, T* y, const Lines& lines, bool product, bool exclusive, bool reverse) {
  for (int64_t b = 0; b < lines.before; ++b) {
    for (int64_t a = 0; a < lines.after; ++a) {
      T total = product ? T{1} : T{0};
      for (int64_t k = 0; k < lines.extent; ++k) {
        const int64_t i = reverse ? lines.extent - 1 - k : k;
        const int64_t at = (b * lines.extent + i) * lines.after + a;
        const T next = combined(total, x[at], product);
        y[at] = exclusive ? total : next;
        total = next;
      }
    }
  }
}

template <bool product>
void translate(NodeTranslation& n) {
  const bool exclusive = n.integer("exclusive", 0) != 0, reverse = n.integer("reverse", 0) != 0;
  const Value& x = known_wide(n, 0);
  const int64_t axis = normalize_axis(n.constant_integer(1, "the axis"), x.shape.size(), "axis");
  HostTensor y = room(n, x.dtype, x.shape);
  spend(n, static_cast<double>(x.elements()));
  with_element_type(n, x.dtype, [&](auto type) {
    using T = decltype(type);
    run(elements<T>(x), y.as<T>(), lines_of(x.shape, axis), product, exclusive, reverse);
  });
  bind_known(n, 0, std::move(y), n.dtype(0));
}

}  // namespace

const std::vector<OperatorEntry> kRunningOperators = {
    {"CumSum", 11, kNewestOpset, translate<false>},
    {"CumProd", 26, kNewestOpset, translate<true>},
};

}  // namespace stint::builder
