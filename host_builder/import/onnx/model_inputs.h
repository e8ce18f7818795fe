// The inputs of a model, as the network wants them declared.
#pragma once

#include <onnx/onnx_pb.h>

#include "host_builder/network/input_shape.h"

namespace stint::builder {

/// An axis is open if it has a name, no extent, or a negative one. Throws Refusal for what is no
/// tensor, and for types that Stint does not have.
InputDeclaration declaration_of(const onnx::ValueInfoProto& input);

}  // namespace stint::builder
