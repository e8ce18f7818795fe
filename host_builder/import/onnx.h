// ONNX model -> graph.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "host_builder/graph/graph.h"

namespace stint::builder {

struct ImportOptions {
  /// Replaces the first axis of every input whose first axis is 1 (rank 2 or more) or symbolic, and
  /// follows it through the graph. A symbolic first axis is 1 without it.
  std::optional<int64_t> batch;
  /// Shapes for inputs with symbolic axes (--shape name=1x3x224x224).
  std::map<std::string, Shape> shapes;
  /// Values inside the model at which it ends, instead of the outputs computed from them.
  std::vector<std::string> cut_at;
  /// Bytes that all constants of the model together may have, those made by folding included.
  uint64_t constant_bytes_limit = uint64_t{8} << 30;
  /// Multiply-adds that folding of constants may cost; nodes beyond it stay in the graph.
  double folding_work_limit = 4e9;
};

/// Parses, checks and translates the model, with static shapes everywhere and constants folded.
/// Every unsupported or malformed node is reported in one BuildError: node name, operator, reason,
/// what to do. `bytes` may be hostile.
///
/// NonMaxSuppression has a data-dependent number of rows in ONNX; here it has the static bound
/// batches * classes * min(max_output_boxes_per_class, boxes), and rows that are not used hold -1.
/// In outputs computed from its rows, unused ones hold 0 (integers: -1); models that mix the rows
/// are refused.
///
/// External tensor data is looked up in `folder`, never outside of it; empty: it is refused.
Graph import_onnx(std::span<const std::byte> bytes, const ImportOptions& options,
                  const std::filesystem::path& folder = {});

/// Reads the file first; its folder is that of external data.
Graph import_onnx_file(const std::filesystem::path& path, const ImportOptions& options);

}  // namespace stint::builder
