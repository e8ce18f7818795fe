#include "host_builder/import/onnx/operators/at_build_time/known.h"

namespace stint::builder {

const Value& known(const NodeTranslation& n, size_t i) {
  const Value& v = n.value(i);
  if (!v.is_constant()) {
    n.fail("is computed at build time only, and its operand " + std::to_string(i) + " ('" + v.name +
               "') depends on the model's inputs",
           "make it a constant or an initializer, or replace the operator in the model");
  }
  return v;
}

const Value& known_wide(NodeTranslation& n, size_t i) {
  const Value& v = known(n, i);
  if (v.dtype != DType::kF16 && v.dtype != DType::kBF16) return v;
  const Value& wide = n.network().graph().value(n.network().cast(n.in(i), DType::kF32));
  if (!wide.is_constant()) spend(n, n.network().limits().work + 1);
  return wide;
}

HostTensor room(NodeTranslation& n, DType dtype, Shape shape) {
  const auto elements = checked_elements(shape);
  if (!elements || shape.size() > static_cast<size_t>(kMaxRank))
    n.fail("its result " + shape_text(shape) + " is not a possible shape", kCheckModel);
  const uint64_t bytes = static_cast<uint64_t>(*elements) * dtype_bytes(dtype);
  if (bytes > n.network().limits().constant_bytes)
    n.fail("its result " + shape_text(shape) + " exceeds the limit for constants",
           "replace the node by an initializer that holds its result");
  HostTensor tensor{dtype, std::move(shape), {}};
  tensor.data.resize(bytes);
  return tensor;
}

void spend(NodeTranslation& n, double multiply_adds) {
  double& left = n.network().limits().work;
  if (multiply_adds > left)
    n.fail("costs more than the model may take at build time",
           "store its result as an initializer");
  left -= multiply_adds;
}

int64_t met_by(int64_t i, const Shape& result, const Shape& operand) {
  int64_t at = 0, step = 1;
  for (size_t k = 1; k <= result.size(); ++k) {
    const int64_t extent = result[result.size() - k], digit = i % extent;
    i /= extent;
    if (k > operand.size()) continue;
    const int64_t own = operand[operand.size() - k];
    if (own != 1) at += digit * step;
    step *= own;
  }
  return at;
}

void bind_known(NodeTranslation& n, size_t i, HostTensor tensor, DType dtype) {
  n.bind(i, n.network().cast(n.network().constant(std::move(tensor)), dtype));
}

}  // namespace stint::builder
