// Operators whose result is known at import (shapes, constants), type conversion, and those that do
// nothing at inference.
#include <cmath>
#include <cstring>

#include "host_builder/import/onnx/operators/operator_table.h"
#include "host_builder/network/scalar_bytes.h"

namespace stint::builder {
namespace {

void translate_identity(NodeTranslation& n) { n.bind(0, n.in(0)); }

void translate_dropout(NodeTranslation& n) {
  n.ignore("ratio");
  n.ignore("seed");
  if (n.opset() < 7 && n.integer("is_test", 0) == 0) {
    n.fail("training mode (is_test=0) is not supported", kExportForInference);
  }
  if (n.opset() >= 12 && n.has(2) && n.constant_number(2, "training_mode") != 0.0) {
    n.fail("training mode is not supported", kExportForInference);
  }
  n.bind(0, n.in(0));
  if (!n.wants(1)) return;
  // The mask keeps every element. Before opset 12 it had the type of the data.
  const DType dtype = n.opset() >= 12 ? DType::kBool : n.dtype(0);
  const ValueId one = n.network().scalar(dtype, 1.0, Shape(n.rank(0), 1));
  n.bind(1, n.network().add(Op::kExpand, {}, {one}, {{dtype, n.shape(0)}}));
}

void translate_constant(NodeTranslation& n) {
  NetworkBuilder& net = n.network();
  if (n.has_attribute("value")) {
    n.bind(0, net.constant(n.tensor("value")));
  } else if (n.has_attribute("value_float")) {
    n.bind(0, net.constant(DType::kF32, {}, std::vector<float>{n.number("value_float", 0)}));
  } else if (n.has_attribute("value_int")) {
    n.bind(0, net.constant(DType::kI64, {}, std::vector<int64_t>{n.integer("value_int", 0)}));
  } else if (n.has_attribute("value_floats")) {
    const auto values = n.numbers("value_floats");
    n.bind(0, net.constant(DType::kF32, {static_cast<int64_t>(values.size())}, values));
  } else if (n.has_attribute("value_ints")) {
    const auto values = n.integers("value_ints");
    n.bind(0, net.constant(DType::kI64, {static_cast<int64_t>(values.size())}, values));
  } else {
    n.fail("has no value of a supported kind: strings and sparse tensors are not supported",
           "store it as a dense tensor of numbers");
  }
}

/// A constant of this shape with every element the same. Its bytes are counted before they are
/// made.
ValueId filled(NodeTranslation& n, DType dtype, const Shape& shape,
               const std::vector<std::byte>& element) {
  const auto elements = checked_elements(shape);
  if (!elements || shape.size() > static_cast<size_t>(kMaxRank))
    n.fail("its shape " + shape_text(shape) + " is not possible", kCheckModel);
  const uint64_t bytes = static_cast<uint64_t>(*elements) * element.size();
  if (bytes > n.network().limits().constant_bytes)
    n.fail("a constant " + shape_text(shape) + " exceeds the limit for constants",
           "reduce its extents, or compute it in your program and make it an input");
  HostTensor tensor{dtype, shape, {}};
  tensor.data.resize(bytes);
  for (uint64_t at = 0; at < bytes; at += element.size())
    std::memcpy(tensor.data.data() + at, element.data(), element.size());
  return n.network().constant(std::move(tensor));
}

void translate_constant_of_shape(NodeTranslation& n) {
  HostTensor value{DType::kF32, {1}, scalar_bytes(DType::kF32, 0.0)};
  if (n.has_attribute("value")) value = n.tensor("value");
  if (value.data.size() != dtype_bytes(value.dtype))
    n.fail("attribute 'value' must be one element, it is " + shape_text(value.shape), kCheckModel);
  const ValueId result = filled(n, value.dtype, n.constant_integers(0, "the shape"), value.data);
  n.network().batch().mark_repeated(result, n.in(0));
  n.bind(0, result);
}

/// Extents of a value, and what they would be for a batch of 1.
void bind_extents(NodeTranslation& n, const Shape& shape, const std::vector<int64_t>& extents,
                  const std::vector<int64_t>& at_one) {
  const ValueId id = n.network().constant(DType::kI64, shape, extents);
  if (extents != at_one) {
    const auto* p = reinterpret_cast<const std::byte*>(at_one.data());
    n.network().batch().set_at_one(id,
                                   {DType::kI64, shape, {p, p + at_one.size() * sizeof(int64_t)}});
  }
  if (n.network().reads_suppressed(n.in(0))) n.network().mark_row_bound(id);
  n.bind(0, id);
}

void translate_shape(NodeTranslation& n) {
  const auto rank = static_cast<int64_t>(n.rank(0));
  auto clamp = [&](int64_t at) {
    return std::max<int64_t>(0, std::min(rank, at < 0 ? at + rank : at));
  };
  int64_t start = 0, end = rank;
  if (n.opset() >= 15) {
    start = clamp(n.integer("start", 0));
    end = clamp(n.integer("end", rank));
  }
  const auto part = [&](const Shape& x) {
    return start < end ? Shape(x.begin() + start, x.begin() + end) : Shape{};
  };
  bind_extents(n, {std::max<int64_t>(end - start, 0)}, part(n.shape(0)),
               part(n.network().batch().shape_at_one(n.in(0))));
}

void translate_size(NodeTranslation& n) {
  const auto elements = [](const Shape& x) { return std::vector{checked_elements(x).value_or(0)}; };
  bind_extents(n, {}, elements(n.shape(0)), elements(n.network().batch().shape_at_one(n.in(0))));
}

void translate_cast(NodeTranslation& n) {
  n.ignore("saturate");  // concerns 8-bit floats only
  n.ignore("round_mode");
  const int64_t to = n.required_integer("to");
  const auto dtype =
      dtype_from_onnx(static_cast<int32_t>(std::max<int64_t>(-1, std::min<int64_t>(to, 1000))));
  if (!dtype)
    n.fail("to type " + onnx_type_name(static_cast<int32_t>(to)) + " is not supported",
           "export the model with float32 or integer tensors");
  n.bind(0, n.network().cast(n.in(0), *dtype));
}

void translate_cast_like(NodeTranslation& n) {
  n.ignore("saturate");
  n.ignore("round_mode");
  n.bind(0, n.network().cast(n.in(0), n.dtype(1)));
}

void translate_range(NodeTranslation& n) {
  const double start = n.constant_number(0, "the start"), limit = n.constant_number(1, "the limit"),
               delta = n.constant_number(2, "the delta");
  const double count = std::ceil((limit - start) / delta);
  if (delta == 0.0 || !std::isfinite(count))
    n.fail("from " + std::to_string(start) + " by " + std::to_string(delta) + " never ends",
           kCheckModel);
  const double elements = std::max(count, 0.0);
  const DType dtype = n.dtype(0);
  if (elements * dtype_bytes(dtype) > static_cast<double>(n.network().limits().constant_bytes))
    n.fail("has " + std::to_string(elements) + " elements, more than constants may have",
           "reduce its extent");
  HostTensor tensor{dtype, {static_cast<int64_t>(elements)}, {}};
  for (int64_t i = 0; i < tensor.shape[0]; ++i) {
    const auto element = scalar_bytes(dtype, start + static_cast<double>(i) * delta);
    tensor.data.insert(tensor.data.end(), element.begin(), element.end());
  }
  n.bind(0, n.network().constant(std::move(tensor)));
}

}  // namespace

const std::vector<OperatorEntry> kConstantOperators = {
    {"Identity", 1, kNewestOpset, translate_identity},
    {"Dropout", 6, kNewestOpset, translate_dropout},
    {"Constant", 1, kNewestOpset, translate_constant},
    {"ConstantOfShape", 9, kNewestOpset, translate_constant_of_shape},
    {"Shape", 1, kNewestOpset, translate_shape},
    {"Size", 1, kNewestOpset, translate_size},
    {"Cast", 6, kNewestOpset, translate_cast},
    {"CastLike", 15, kNewestOpset, translate_cast_like},
    {"Range", 11, kNewestOpset, translate_range},
};

}  // namespace stint::builder
