// Bytes -> ONNX protobuf message, with the limits that make hostile bytes harmless.
#pragma once

#include <onnx/onnx_pb.h>

#include <cstddef>
#include <filesystem>
#include <span>
#include <vector>

namespace stint::builder {

/// Throws BuildError if the bytes are not a model.
onnx::ModelProto parse_model(std::span<const std::byte> bytes);

/// Whole file. Throws BuildError naming the path.
std::vector<std::byte> read_model_file(const std::filesystem::path& path);

}  // namespace stint::builder
