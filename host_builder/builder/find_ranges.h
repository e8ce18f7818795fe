// The ranges of a model's tensors, for INT8: from a calibration cache, or from samples.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "host_builder/builder/builder.h"
#include "host_builder/graph/tensor_range.h"
#include "host_builder/import/import_options.h"
#include "host_builder/passes/pass.h"
#include "host_builder/support/sha256.h"

namespace stint::builder {

/// What is calibrated: the network for a batch, and what identifies it.
struct CalibratedModel {
  std::function<Graph(const ImportOptions&)> graph;
  std::function<Sha256Digest()> hash;  // after `graph`
};

/// A request that no model could be built with: UsageError.
void check_calibration(const BuildOptions& options);

/// By the names of the model's tensors, and of those that only the optimised network has. Reads and
/// writes the cache; adds a note of what was done. `progress`: of this stage, 0..1. Throws
/// UsageError where there is neither a cache that fits nor samples, BuildError for samples and
/// caches that cannot be used.
TensorRanges find_ranges(const CalibratedModel& model, const BuildOptions& options,
                         const std::function<void(const std::string&, double)>& progress,
                         std::vector<std::string>& notes);

/// Those that the passes of a target need for this graph, before they run.
TensorRanges ranges_for(const Graph& imported, const PassContext& context,
                        const PassOptions& options, const TensorRanges& ranges);

}  // namespace stint::builder
