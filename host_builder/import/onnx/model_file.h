// Bytes -> ONNX protobuf message, with the limits that make hostile bytes harmless.
#pragma once

#include <onnx/onnx_pb.h>

#include <cstddef>
#include <span>

namespace stint::builder {

/// Throws Refusal if the bytes are not a model.
onnx::ModelProto parse_model(std::span<const std::byte> bytes);

}  // namespace stint::builder
