// Graph passes: small, named, switchable. Everything that changes a graph between its import and
// its lowering is one, precision included; the verifier runs after each.
#pragma once

#include <cstddef>
#include <filesystem>
#include <set>
#include <string>
#include <vector>

#include "host_builder/graph/graph.h"
#include "host_builder/graph/tensor_range.h"
#include "host_builder/targets/target.h"

namespace stint::builder {

/// What a graph is being prepared for.
struct PassContext {
  Target target;
  bool half = false;  // values may be stored as f16 where kernels can
  /// What calibration saw. With `integers`, values may be stored as 8-bit integers.
  const TensorRanges* ranges = nullptr;
  bool integers = false;
  const std::set<std::string>* real_layers = nullptr;  // nodes that are not, by name
};

struct Pass {
  const char* name;  // for --disable-pass
  bool optional;     // false: correctness of later stages needs it, --disable-pass refuses
  size_t (*run)(Graph& graph, const PassContext& context);  // number of changes
  bool (*applies)(const PassContext& context) = nullptr;    // null: always
};

struct PassReport {
  std::string name;
  size_t changes = 0;
  size_t nodes_after = 0;
};

struct PassOptions {
  std::set<std::string> disabled;  // BuildError for an unknown or required name
  std::filesystem::path dump_dir;  // empty: no dump; else NN_name.txt after every pass
};

/// Runs those of `passes` that apply, in their order (builder/pass_list.h has the whole list).
/// Names to be disabled may be of passes that do not apply here.
std::vector<PassReport> run_passes(Graph& graph, const std::vector<Pass>& passes,
                                   const PassContext& context, const PassOptions& options);

/// Readable text of a graph, stable across runs.
std::string to_text(const Graph& graph);

}  // namespace stint::builder
