#include "host_builder/graph/shape.h"

#include <algorithm>

#include "host_builder/support/error.h"

namespace stint::builder {

std::string shape_text(const Shape& shape) {
  std::string text = "[";
  for (size_t i = 0; i < shape.size(); ++i) {
    if (i) text += ",";
    text += std::to_string(shape[i]);
  }
  return text + "]";
}

std::optional<int64_t> checked_elements(const Shape& shape) {
  if (std::any_of(shape.begin(), shape.end(), [](int64_t extent) { return extent < 0; })) {
    return std::nullopt;
  }
  if (std::any_of(shape.begin(), shape.end(), [](int64_t extent) { return extent == 0; })) return 0;
  int64_t product = 1;
  for (int64_t extent : shape) {
    if (extent > kMaxElements / product) return std::nullopt;
    product *= extent;
  }
  return product;
}

Shape broadcast_shapes(const Shape& a, const Shape& b) {
  const size_t rank = std::max(a.size(), b.size());
  Shape result(rank);
  for (size_t i = 0; i < rank; ++i) {
    const int64_t x = i < rank - a.size() ? 1 : a[i - (rank - a.size())];
    const int64_t y = i < rank - b.size() ? 1 : b[i - (rank - b.size())];
    if (x != y && x != 1 && y != 1) {
      throw BuildError("shapes " + shape_text(a) + " and " + shape_text(b) +
                       " cannot be broadcast together: extents must be equal or 1");
    }
    result[i] = x == 1 ? y : x;
  }
  return result;
}

int64_t normalize_axis(int64_t axis, size_t rank, const char* what) {
  const auto r = static_cast<int64_t>(rank);
  if (axis < -r || axis >= r) {
    throw BuildError(std::string(what) + " is " + std::to_string(axis) + ", which is outside [-" +
                     std::to_string(r) + ", " + std::to_string(r) + ") for a tensor of rank " +
                     std::to_string(r));
  }
  return axis < 0 ? axis + r : axis;
}

Shape dense_strides(const Shape& shape) {
  Shape strides(shape.size(), 1);
  for (size_t i = shape.size(); i-- > 1;) strides[i - 1] = strides[i] * shape[i];
  return strides;
}

}  // namespace stint::builder
