// The whole way from a model file to a plan file.
#pragma once

#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "host_builder/emit/atomic_file.h"
#include "host_builder/import/onnx.h"
#include "host_builder/passes/pass.h"
#include "host_builder/tactics/tune/tuner.h"

namespace stint::builder {

struct BuildOptions {
  std::vector<std::string> targets = {"cpu"};
  std::vector<int64_t> batches = {1};
  std::map<std::string, Shape> shapes;
  std::string preprocess;   // SPEC; empty: none
  std::string postprocess;  // SPEC; empty: none
  std::vector<std::string> labels;
  PassOptions passes;
  std::string precision =
      "fp32";      // of GPU targets: fp32, fp16, or auto (the fastest that is exact enough: fp16)
  std::string as;  // GPU targets get the kernels of this one (see dressed_as); empty: their own
  bool concurrent = true;  // GPU targets: independent branches may run at the same time
  std::vector<std::filesystem::path> tactic_files;  // measured or pinned tactics, merged
  /// Command of the agent that times what the tactic files do not decide; empty: nothing is timed.
  /// The result is written to the tactic file, if there is one.
  std::string tune_with;
  unsigned threads = 0;  // build threads; 0: all
  std::function<void(const std::string& stage, double fraction)> progress;
};

struct ProgramReport {
  std::string target;
  int64_t batch = 1;
  size_t nodes_imported = 0;
  std::vector<PassReport> passes;
  size_t steps = 0;
  uint64_t peak_bytes = 0, lower_bound = 0, weight_bytes = 0, io_bytes = 0,
           worker_scratch_bytes = 0;
  std::string heuristic;
  TacticCounts tactics;  // GPU targets
};

struct BuildReport {
  std::vector<ProgramReport> programs;
  std::vector<TuneReport> tuned;   // targets that the agent's device could time
  std::vector<std::string> notes;  // remarks about the model that the user should read
  uint64_t plan_bytes = 0;
};

/// Builds in memory. Same model and options, same bytes. Throws BuildError.
std::vector<std::byte> build_plan(const std::filesystem::path& model, const BuildOptions& options,
                                  BuildReport* report);

}  // namespace stint::builder
