// The whole way from a model file to a plan file.
#pragma once

#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "host_builder/builder/calibration_options.h"
#include "host_builder/builder/choose_integers.h"
#include "host_builder/import/source.h"
#include "host_builder/network/network_options.h"
#include "host_builder/passes/pass.h"
#include "host_builder/support/atomic_file.h"
#include "host_builder/tune/tuner.h"

namespace stint::builder {

/// Bytes of a plan's name.
inline constexpr size_t kMaxPlanName = 200;

struct BuildOptions {
  /// Of the model, where its format keeps its weights in a file of their own (Caffe): none or one.
  std::vector<std::filesystem::path> weights;
  /// Of the plan. Empty: the graph's name in the model, "model" if it has none.
  std::string name;
  std::vector<std::string> targets = {"cpu"};
  std::vector<int64_t> batches = {1};
  std::map<std::string, Shape> shapes;
  std::string preprocess;   // SPEC; empty: none
  std::string postprocess;  // SPEC; empty: what the model itself ends with, if anything
  bool own_decoder = true;  // false: without --postprocess the model's raw outputs stay
  std::vector<std::string> labels;
  PassOptions passes;
  std::string precision = "fp32";  // fp32, int8, or of GPU targets fp16
  /// For int8, which needs samples or a cache; fp16 keeps in f32 what was seen to overflow.
  CalibrationOptions calibration;
  /// INT8: the largest relative error of a network output on samples; layers that cost most stay
  /// real until it holds, else the build fails. 0: none.
  double accuracy_budget = 0;
  std::vector<std::string> real_layers;  // INT8: never on integers, by name
  std::string as;  // GPU targets get the kernels of this one (see dressed_as); empty: their own
  bool concurrent = true;  // GPU targets: independent branches may run at the same time
  std::vector<std::filesystem::path> tactic_files;  // measured or pinned tactics, merged
  /// Command of the agent that times what the tactic files do not decide; empty: nothing is timed.
  /// The result is written to the tactic file, if there is one.
  std::string tune_with;
  unsigned threads = 0;  // build threads; 0: all
  std::function<void(const std::string& stage, double fraction)> progress;
};

/// Which layers of a target are on integers, and what that costs.
struct IntegerReport {
  std::string target;
  IntegerChoice choice;
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
  std::vector<IntegerReport> integers;  // INT8 plans that were calibrated on samples
  std::vector<TuneReport> tuned;        // targets that the agent's device could time
  std::vector<std::string> notes;       // what the user should know of the build
  uint64_t plan_bytes = 0;
  std::vector<std::string> warnings;  // what the user should know of the plan
};

/// Builds in memory. Same model and options, same bytes, under whatever file name. The runtime's
/// own verification has passed what is returned. Throws BuildError, and UsageError for options that
/// no model could be built with.
std::vector<std::byte> build_plan(const std::filesystem::path& model, const BuildOptions& options,
                                  BuildReport* report);

/// The same of a model that was read already, with its weights. Every file is read once, however
/// many programs are made of it.
std::vector<std::byte> build_plan(Source& model, const BuildOptions& options, BuildReport* report);

/// A network that no file holds (NetworkBuilder): made once for every program, each time for the
/// batch that the options say.
using NetworkDefinition = std::function<Graph(const NetworkOptions& options)>;

std::vector<std::byte> build_plan(const NetworkDefinition& network, const BuildOptions& options,
                                  BuildReport* report);

}  // namespace stint::builder
