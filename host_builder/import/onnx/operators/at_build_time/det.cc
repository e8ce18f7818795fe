// Det: determinants of square matrices.
#include <cmath>
#include <utility>

#include "host_builder/import/onnx/operators/at_build_time/known.h"
#include "host_builder/import/onnx/operators/operator_table.h"
#include "host_builder/network/scalar_bytes.h"

namespace stint::builder {
namespace {

/// By elimination with the largest pivot. `m` is used up.
double determinant(std::vector<double>& m, size_t size) {
  double product = 1.0;
  for (size_t k = 0; k < size; ++k) {
    size_t pivot = k;
    for (size_t i = k + 1; i < size; ++i)
      if (std::abs(m[i * size + k]) > std::abs(m[pivot * size + k])) pivot = i;
    if (m[pivot * size + k] == 0.0) return 0.0;
    if (pivot != k) {
      for (size_t j = 0; j < size; ++j) std::swap(m[k * size + j], m[pivot * size + j]);
      product = -product;
    }
    product *= m[k * size + k];
    for (size_t i = k + 1; i < size; ++i) {
      const double factor = m[i * size + k] / m[k * size + k];
      for (size_t j = k; j < size; ++j) m[i * size + j] -= factor * m[k * size + j];
    }
  }
  return product;
}

void translate_det(NodeTranslation& n) {
  const Value& x = known_wide(n, 0);
  const size_t rank = x.shape.size();
  if (rank < 2 || x.shape[rank - 1] != x.shape[rank - 2])
    n.fail("needs square matrices, its operand is " + shape_text(x.shape), kCheckModel);
  if (x.dtype != DType::kF32 && x.dtype != DType::kF64)
    n.fail("needs a floating-point operand, it is " + std::string(dtype_name(x.dtype)),
           "cast it to float");
  const auto size = static_cast<size_t>(x.shape.back());
  HostTensor y = room(n, x.dtype, Shape(x.shape.begin(), x.shape.end() - 2));
  spend(n, static_cast<double>(x.elements()) * static_cast<double>(size));
  const size_t bytes = dtype_bytes(x.dtype), area = size * size;
  for (size_t i = 0; i * bytes < y.data.size(); ++i) {
    std::vector<double> matrix(area);
    for (size_t k = 0; k < area; ++k)
      matrix[k] = scalar_from_bytes(x.dtype, x.constant->data() + (i * area + k) * bytes);
    const auto element = scalar_bytes(x.dtype, determinant(matrix, size));
    std::copy(element.begin(), element.end(), y.data.begin() + static_cast<int64_t>(i * bytes));
  }
  bind_known(n, 0, std::move(y), n.dtype(0));
}

}  // namespace

const std::vector<OperatorEntry> kDeterminantOperators = {
    {"Det", 11, kNewestOpset, translate_det},
};

}  // namespace stint::builder
