// Matrix products of integers, as index arithmetic has them.
#include <algorithm>

#include "host_builder/graph/shape_inference.h"
#include "host_builder/import/onnx/operators/at_build_time/known.h"

namespace stint::builder {
namespace {

template <typename T>
void multiply(const T* a, const T* b, int64_t rows, int64_t inner, int64_t columns, T* y) {
  for (int64_t r = 0; r < rows; ++r) {
    for (int64_t c = 0; c < columns; ++c) {
      uint64_t sum = 0;
      for (int64_t k = 0; k < inner; ++k)
        sum += static_cast<uint64_t>(a[r * inner + k]) * static_cast<uint64_t>(b[k * columns + c]);
      y[r * columns + c] = static_cast<T>(sum);
    }
  }
}

}  // namespace

bool are_known_integers(NodeTranslation& n, ValueId a, ValueId b) {
  const auto known_integers = [&](ValueId id) {
    const Value& v = n.network().graph().value(id);
    return v.is_constant() && v.dtype != DType::kF32 && v.dtype != DType::kF64 &&
           v.dtype != DType::kF16 && v.dtype != DType::kBF16;
  };
  return known_integers(a) && known_integers(b);
}

ValueId integer_product(NodeTranslation& n, ValueId left, ValueId right) {
  const Graph& graph = n.network().graph();
  const Value& a = graph.value(left);
  const Value& b = graph.value(right);
  const auto type = infer_types(graph, Op::kMatMul, MatMulAttributes{}, {left, right}, {})[0];
  HostTensor y = room(n, type.dtype, type.shape);
  const bool row = a.shape.size() == 1, column = b.shape.size() == 1;
  const int64_t inner = a.shape.back(), rows = row ? 1 : a.shape[a.shape.size() - 2];
  const int64_t columns = column ? 1 : b.shape.back();
  spend(n, static_cast<double>(*checked_elements(y.shape)) * static_cast<double>(inner + 1));
  const auto leading = [](const Shape& shape, size_t matrix) {
    return Shape(shape.begin(),
                 shape.end() - static_cast<std::ptrdiff_t>(std::min(matrix, shape.size())));
  };
  const Shape lead_a = leading(a.shape, 2), lead_b = leading(b.shape, 2);
  const Shape lead = leading(y.shape, static_cast<size_t>(!row) + static_cast<size_t>(!column));
  const int64_t count = *checked_elements(lead);
  with_element_type(n, a.dtype, [&](auto element) {
    using T = decltype(element);
    for (int64_t i = 0; i < count; ++i) {
      multiply(elements<T>(a) + met_by(i, lead, lead_a) * rows * inner,
               elements<T>(b) + met_by(i, lead, lead_b) * inner * columns, rows, inner, columns,
               y.as<T>() + i * rows * columns);
    }
  });
  return n.network().constant(std::move(y));
}

}  // namespace stint::builder
