// ONNX model -> graph.
#pragma once

#include <filesystem>
#include <map>
#include <optional>
#include <span>
#include <string>

#include "host_builder/graph/graph.h"

namespace stint::builder {

struct ImportOptions {
  /// Replaces the first axis of every input whose first axis is 1 or symbolic, and follows it through the graph.
  std::optional<int64_t> batch;
  /// Shapes for inputs with symbolic axes (--shape name=1x3x224x224).
  std::map<std::string, Shape> shapes;
};

/// Parses, checks and translates the model, with static shapes everywhere and constants folded. Every unsupported or
/// malformed node is reported in one BuildError: node name, operator, reason, what to do. `bytes` may be hostile.
Graph import_onnx(std::span<const std::byte> bytes, const ImportOptions& options);

/// Reads the file first (external tensor data is looked up beside it, never outside its folder).
Graph import_onnx_file(const std::filesystem::path& path, const ImportOptions& options);

}  // namespace stint::builder
