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
#include "host_builder/import/onnx/external_folders.h"

namespace stint::builder {

struct ImportOptions {
  /// Replaces the first axis of every input whose first axis is 1 (rank 2 or more) or open (named,
  /// absent or negative), and follows it through the graph (batch_axis.h): constants and shapes
  /// that a model exported for one sample holds are repeated for every sample, and a node that
  /// would mix or drop samples of such a model is an error. An open first axis is 1 without it.
  std::optional<int64_t> batch;
  /// Shapes for inputs with open axes (--shape name=1x3x224x224).
  std::map<std::string, Shape> shapes;
  /// Values inside the model at which it ends, instead of the outputs computed from them.
  std::vector<std::string> cut_at;
  /// Bytes that all constants of the model together may have, those made by folding included.
  uint64_t constant_bytes_limit = uint64_t{8} << 30;
  /// Multiply-adds that folding of constants may cost; nodes beyond it stay in the graph.
  double folding_work_limit = 4e9;
  /// Nodes that branches, loops and functions may unfold into. Beyond it the model is refused: the
  /// passes behind the importer take seconds for this many.
  size_t unfolded_nodes_limit = 100'000;
  /// Remarks that the user should read are added here, if anywhere.
  std::vector<std::string>* notes = nullptr;
};

/// Parses, checks and translates the model, with static shapes everywhere and constants folded.
/// Every unsupported or malformed node is reported in one BuildError: node name, operator, reason,
/// what to do. `bytes` may be hostile.
///
/// Functions of the model are inlined. If takes the branch that its condition chooses, Loop and
/// Scan are unrolled; conditions and numbers of iterations must be known at build time (constants,
/// arithmetic of shapes). Nodes may stand in any order.
///
/// NonMaxSuppression has a data-dependent number of rows in ONNX; here it has the static bound
/// batches * classes * min(max_output_boxes_per_class, boxes), and rows that are not used hold -1.
/// In outputs computed from its rows, unused ones hold 0 (integers: -1); models that mix the rows
/// are refused.
///
/// External tensor data is looked up in `folders` (find_external says by which rules); without them
/// it is refused.
Graph import_onnx(std::span<const std::byte> bytes, const ImportOptions& options,
                  const ExternalFolders& folders = {});

/// Reads the file first; external data lies beside it.
Graph import_onnx_file(const std::filesystem::path& path, const ImportOptions& options);

}  // namespace stint::builder
