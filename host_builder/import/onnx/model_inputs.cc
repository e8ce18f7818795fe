#include "host_builder/import/onnx/model_inputs.h"

#include "host_builder/import/onnx/tensor_decode.h"
#include "host_builder/support/refusal.h"

namespace stint::builder {

InputDeclaration declaration_of(const onnx::ValueInfoProto& input) {
  if (!input.type().has_tensor_type()) {
    throw Refusal("is not a tensor: sequences, maps and optionals are not supported",
                  "export the model with tensors as inputs");
  }
  const auto& type = input.type().tensor_type();
  const auto dtype = dtype_from_onnx(type.elem_type());
  if (!dtype)
    throw Refusal("has type " + onnx_type_name(type.elem_type()) + ", which is not supported",
                  "export the model with float32 or integer inputs");
  InputDeclaration declaration(input.name(), *dtype);
  if (!type.has_shape()) return declaration;
  declaration.axes.emplace();
  for (const auto& dimension : type.shape().dim()) {
    const bool open = !dimension.has_dim_value() || dimension.dim_value() < 0;
    declaration.axes->push_back({open ? -1 : dimension.dim_value(), dimension.dim_param()});
  }
  return declaration;
}

}  // namespace stint::builder
