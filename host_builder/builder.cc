#include "host_builder/builder.h"

#include <list>
#include <set>

#include "host_builder/emit/plan_writer.h"
#include "host_builder/emit/sha256.h"
#include "host_builder/frames/insert.h"
#include "host_builder/graph/error.h"
#include "host_builder/import/model_file.h"
#include "host_builder/schedule/schedule.h"

namespace stint::builder {
namespace {

void check_targets(const std::vector<std::string>& targets) {
  if (targets.empty()) throw BuildError("no target is given; use --target cpu");
  static const std::set<std::string> kGpuNames = {"orin", "orin-jp5", "orin-jp7", "thor", "xavier"};
  Findings findings;
  for (const std::string& target : targets) {
    if (target == "cpu") continue;
    if (kGpuNames.count(target) > 0 || target.rfind("sm_", 0) == 0) {
      findings.add("target '" + target +
                   "' is a GPU; this builder makes plans for cpu only, use --target cpu");
    } else {
      findings.add("there is no target '" + target + "'; this builder knows: cpu");
    }
  }
  findings.raise("the plan cannot be built for what was asked:");
}

std::set<int64_t> check_batches(const std::vector<int64_t>& batches) {
  constexpr int64_t kMaxBatch = 1024;  // the runtime's limit
  if (batches.empty()) throw BuildError("no batch size is given; use --batch 1");
  for (int64_t batch : batches) {
    if (batch < 1 || batch > kMaxBatch) {
      throw BuildError("batch size " + std::to_string(batch) + " is not possible; 1 to " +
                       std::to_string(kMaxBatch) + " are");
    }
  }
  return {batches.begin(), batches.end()};
}

/// Tells the caller how far the build is, in equal shares per stage.
class ProgressMeter {
 public:
  ProgressMeter(const BuildOptions& options, size_t stages) : options_(options), stages_(stages) {}
  void next(const std::string& stage) {
    if (options_.progress)
      options_.progress(stage, static_cast<double>(done_) / static_cast<double>(stages_));
    ++done_;
  }
  void finish() {
    if (options_.progress) options_.progress("done", 1.0);
  }

 private:
  const BuildOptions& options_;
  size_t stages_;
  size_t done_ = 0;
};

constexpr size_t kStagesPerProgram = 3;

struct BuiltProgram {
  Graph graph;
  Schedule schedule;
};

uint64_t weight_bytes_of(const BuiltProgram& program) {
  std::set<const void*> seen;
  uint64_t bytes = 0;
  for (const Storage& storage : program.schedule.storages) {
    if (storage.kind != StorageKind::kConstant) continue;
    if (seen.insert(program.graph.value(storage.constant).constant.get()).second)
      bytes += storage.bytes;
  }
  return bytes;
}

BuiltProgram build_program(const std::filesystem::path& model, int64_t batch,
                           const BuildOptions& options, ProgressMeter& progress,
                           ProgramReport& report) {
  const std::string suffix =
      options.batches.size() > 1 ? " (batch " + std::to_string(batch) + ")" : "";
  BuiltProgram program;
  progress.next("import" + suffix);
  ImportOptions import_options;
  import_options.batch = batch;
  import_options.shapes = options.shapes;
  program.graph = import_onnx_file(model, import_options);
  program.graph.batch = batch;
  insert_frames(program.graph, options.preprocess, options.postprocess);
  report.batch = batch;
  report.nodes_imported = program.graph.live_node_count();
  progress.next("passes" + suffix);
  PassOptions passes = options.passes;
  if (!passes.dump_dir.empty() && options.batches.size() > 1)
    passes.dump_dir /= "batch_" + std::to_string(batch);
  report.passes = run_passes(program.graph, passes);
  progress.next("schedule" + suffix);
  program.schedule = make_schedule(program.graph);
  report.steps = program.schedule.steps.size();
  report.peak_bytes = program.schedule.arena_bytes;
  report.lower_bound = program.schedule.lower_bound;
  report.weight_bytes = weight_bytes_of(program);
  report.io_bytes = program.schedule.io_bytes;
  report.worker_scratch_bytes = program.schedule.worker_scratch_bytes;
  report.heuristic = program.schedule.heuristic;
  return program;
}

}  // namespace

std::vector<std::byte> build_plan(const std::filesystem::path& model, const BuildOptions& options,
                                  BuildReport* report) {
  check_targets(options.targets);
  const std::set<int64_t> batches = check_batches(options.batches);
  ProgressMeter progress(options, batches.size() * kStagesPerProgram + 1);
  PlanContents contents;
  contents.source_hash = sha256(read_model_file(model));
  contents.name = model.stem().string();
  contents.labels = options.labels;
  BuildReport own_report;
  std::list<BuiltProgram> programs;  // addresses stay
  for (int64_t batch : batches) {
    ProgramReport& program_report = own_report.programs.emplace_back();
    programs.push_back(build_program(model, batch, options, progress, program_report));
    contents.programs.push_back({&programs.back().graph, &programs.back().schedule});
  }
  progress.next("write");
  std::vector<std::byte> plan = write_plan(contents);
  own_report.plan_bytes = plan.size();
  progress.finish();
  if (report != nullptr) *report = std::move(own_report);
  return plan;
}

}  // namespace stint::builder
