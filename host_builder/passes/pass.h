// Graph passes: small, named, switchable. Each states what it requires and ensures; the verifier
// runs after each.
#pragma once

#include <cstddef>
#include <filesystem>
#include <functional>
#include <set>
#include <string>
#include <vector>

#include "host_builder/graph/graph.h"

namespace stint::builder {

struct Pass {
  const char* name;       // for --disable-pass
  const char* requires_;  // invariant it relies on, in words
  const char* ensures;    // invariant afterwards, in words
  bool optional;          // false: correctness of later stages needs it, --disable-pass refuses
  size_t (*run)(Graph& graph);  // number of changes
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

/// All passes in execution order.
const std::vector<Pass>& all_passes();

/// Runs them; afterwards the graph is physical (channels-last), fused, aliased, and every node can
/// be lowered.
std::vector<PassReport> run_passes(Graph& graph, const PassOptions& options);

/// Readable text of a graph, stable across runs.
std::string to_text(const Graph& graph);

}  // namespace stint::builder
