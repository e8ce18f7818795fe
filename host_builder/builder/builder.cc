#include "host_builder/builder/builder.h"

#include <algorithm>
#include <list>
#include <set>
#include <utility>

#include "host_builder/builder/check_decoder.h"
#include "host_builder/builder/find_ranges.h"
#include "host_builder/builder/pass_list.h"
#include "host_builder/codegen/compiler.h"
#include "host_builder/emit/check_plan.h"
#include "host_builder/emit/plan_writer.h"
#include "host_builder/frames/insert.h"
#include "host_builder/frames/labels.h"
#include "host_builder/frames/postprocess_spec.h"
#include "host_builder/import/importer.h"
#include "host_builder/quantize/complete_ranges.h"
#include "host_builder/schedule/launch_edges.h"
#include "host_builder/schedule/schedule.h"
#include "host_builder/support/error.h"
#include "host_builder/support/utf8.h"
#include "host_builder/tune/build_tactics.h"

namespace stint::builder {
namespace {

/// The targets by name, `--as` applied. Throws for what is unknown or asked for twice.
std::vector<Target> chosen_targets(const BuildOptions& options) {
  if (options.targets.empty()) throw UsageError("no target is given; use --target cpu");
  std::vector<Target> targets;
  Findings findings;
  for (const std::string& name : options.targets) {
    try {
      Target target = find_target(name);
      if (!options.as.empty() && target.is_gpu)
        target = dressed_as(target, find_target(options.as));
      for (const Target& other : targets)
        if (other.name == target.name)
          findings.add("target '" + name + "' is given twice; name each once");
      targets.push_back(std::move(target));
    } catch (const UsageError& error) {
      findings.add(error.what());
    }
  }
  if (options.precision != "fp32" && options.precision != "fp16" && options.precision != "int8")
    findings.add("there is no precision '" + options.precision +
                 "'; this builder knows fp32, fp16 and int8");
  try {
    findings.raise("the plan cannot be built for what was asked:");
  } catch (const BuildError& error) {
    throw UsageError(error.what());
  }
  check_calibration(options);
  return targets;
}

/// FP16 is a matter of GPUs: the cpu target computes in FP32, whatever is asked for others.
bool in_half(const Target& target, const BuildOptions& options) {
  return target.is_gpu && options.precision != "fp32";
}

std::set<int64_t> check_batches(const std::vector<int64_t>& batches) {
  constexpr int64_t kMaxBatch = 1024;  // the runtime's limit
  if (batches.empty()) throw UsageError("no batch size is given; use --batch 1");
  for (int64_t batch : batches) {
    if (batch < 1 || batch > kMaxBatch) {
      throw UsageError("batch size " + std::to_string(batch) + " is not possible; 1 to " +
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
  /// Part of the stage that began last.
  void within(const std::string& stage, size_t done, size_t total) {
    if (!options_.progress || total == 0) return;
    const double part = static_cast<double>(done) / static_cast<double>(total);
    options_.progress(stage,
                      (static_cast<double>(done_ - 1) + part) / static_cast<double>(stages_));
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
constexpr size_t kStagesPerGpu = 2;

struct BuiltProgram {
  Graph graph;
  Schedule schedule;
  std::vector<Cubin> code;
};

struct BuiltVariant {
  Target target;
  std::list<BuiltProgram> programs;  // addresses stay
  std::string codegen;
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

Schedule schedule_for(Graph& graph, const Target& target, const BuildOptions& options,
                      const TacticFile& tactics, TacticCounts& counts) {
  if (!target.is_gpu) return make_schedule(graph);
  const TacticChooser chooser(target, tactics);
  ScheduleOptions schedule_options;
  schedule_options.concurrent = options.concurrent;
  schedule_options.lowering = [&](Graph& g, const Node& node) {
    return chooser.lower(g, node, &counts);
  };
  Schedule schedule = make_schedule(graph, schedule_options);
  link_launches(schedule, {target.gpu.has_pdl, options.concurrent});
  return schedule;
}

/// Names come from models that anybody made: text of a bearable length, whatever they hold.
std::string plan_name(const std::string& graph_name) {
  std::string name;
  for (size_t i = 0; i < graph_name.size();) {
    const size_t length = utf8_length(graph_name, i);
    const bool is_text = length > 0 && !is_utf8_control(graph_name, i, length);
    if (name.size() + std::max<size_t>(length, 1) > kMaxPlanName) break;
    name += is_text ? graph_name.substr(i, length) : "_";
    i += std::max<size_t>(length, 1);
  }
  return name.empty() ? "model" : name;
}

/// Which target and batch a stage is for, where there are several.
std::string stage_suffix(const Target& target, int64_t batch, const BuildOptions& options) {
  std::string suffix = options.targets.size() > 1 ? " for " + target.name : "";
  if (options.batches.size() > 1) suffix += " (batch " + std::to_string(batch) + ")";
  return suffix;
}

/// What programs are made of: the graph for one batch, and what identifies all of them.
using Model = CalibratedModel;

/// Identifies a network that no file holds: by its structure and its constants.
Sha256Digest hash_of(const Graph& graph) {
  Sha256 hash;
  const std::string text = to_text(graph);
  hash.add(std::as_bytes(std::span(text)));
  for (ValueId id = 0; id < graph.value_count(); ++id)
    if (graph.value(id).is_constant()) hash.add(*graph.value(id).constant);
  return hash.digest();
}

/// Up to the graph that is scheduled. `check_decoder`: on noise, which is needed once, for all
/// programs have the same network.
BuiltProgram import_program(const Model& model, const Target& target, int64_t batch,
                            const BuildOptions& options, ProgressMeter& progress,
                            ProgramReport& report, bool check_decoder,
                            const std::optional<TensorRanges>& ranges,
                            const std::set<std::string>& real_layers,
                            std::vector<std::string>& notes) {
  const std::string suffix = stage_suffix(target, batch, options);
  BuiltProgram program;
  progress.next("import" + suffix);
  ImportOptions import_options;
  import_options.batch = batch;
  import_options.shapes = options.shapes;
  import_options.notes = &notes;
  if (!options.postprocess.empty())
    import_options.cut_at = named_operands(parse_postprocess_spec(options.postprocess));
  std::string own_decoder;
  import_options.own_decoder = &own_decoder;
  program.graph = model.graph(import_options);
  program.graph.batch = batch;
  std::string postprocess = options.postprocess;
  if (postprocess.empty() && options.own_decoder && !own_decoder.empty()) {
    notes.push_back("the model's own decoder is compiled in: --postprocess " + own_decoder);
    postprocess = own_decoder;
  }
  const auto decoder = insert_frames(program.graph, options.preprocess, postprocess);
  check_label_count(options.labels, program.graph);
  if (decoder && check_decoder) {
    const std::string note = check_decoder_on_noise(program.graph, *decoder);
    if (!note.empty()) notes.push_back(note);
  }
  report.target = target.name;
  report.batch = batch;
  report.nodes_imported = program.graph.live_node_count();
  progress.next("passes" + suffix);
  PassOptions passes = options.passes;
  if (!passes.dump_dir.empty()) {
    if (options.targets.size() > 1) passes.dump_dir /= target.name;
    if (options.batches.size() > 1) passes.dump_dir /= "batch_" + std::to_string(batch);
  }
  PassContext context = {target, in_half(target, options)};
  TensorRanges own_ranges;
  if (ranges) {
    own_ranges = ranges_for(program.graph, context, passes, *ranges);
    context.ranges = &own_ranges;
    context.integers = options.precision == "int8";
    context.real_layers = &real_layers;
  }
  report.passes = run_passes(program.graph, all_passes(), context, passes);
  return program;
}

void schedule_program(BuiltProgram& program, const Target& target, const BuildOptions& options,
                      const TacticFile& tactics, ProgressMeter& progress, ProgramReport& report) {
  progress.next("schedule" + stage_suffix(target, program.graph.batch, options));
  program.schedule = schedule_for(program.graph, target, options, tactics, report.tactics);
  report.steps = program.schedule.steps.size();
  report.peak_bytes = program.schedule.arena_bytes;
  report.lower_bound = program.schedule.lower_bound;
  report.weight_bytes = weight_bytes_of(program);
  report.io_bytes = program.schedule.io_bytes;
  report.worker_scratch_bytes = program.schedule.worker_scratch_bytes;
  report.heuristic = program.schedule.heuristic;
}

/// Times the tactics that no file decides, if an agent can.
void tune(const BuiltVariant& variant, BuildTactics& tactics, const BuildOptions& options,
          ProgressMeter& progress, BuildReport& report) {
  const std::string stage = "tactics for " + variant.target.name;
  progress.next(stage);
  if (!tactics.can_tune(variant.target)) return;
  std::vector<const Graph*> graphs;
  for (const BuiltProgram& program : variant.programs) graphs.push_back(&program.graph);
  TuneOptions tuning;
  tuning.threads = options.threads;
  tuning.trials.concurrent = options.concurrent;
  tuning.progress = [&](const std::string& what, double fraction) {
    constexpr size_t kParts = 1000;
    progress.within(stage + ": " + what, static_cast<size_t>(fraction * kParts), kParts);
  };
  report.tuned.push_back(
      tactics.tune(TacticChooser(variant.target, tactics.file()), graphs, tuning));
}

/// Compiles the kernels of all programs at once: many layers, and batch sizes, share some.
void compile_kernels(BuiltVariant& variant, const BuildOptions& options, ProgressMeter& progress,
                     BuildReport& report) {
  const std::string stage = "kernels for " + variant.target.name;
  progress.next(stage);
  std::vector<std::string> sources;
  for (const BuiltProgram& program : variant.programs)
    for (const ScheduledStep& step : program.schedule.steps)
      sources.push_back(step.spec.launch->source);
  CompileOptions compile;
  compile.threads = options.threads;
  compile.progress = [&](size_t done, size_t total) { progress.within(stage, done, total); };
  CompiledCode code = compile_cuda(sources, variant.target, compile);
  variant.codegen = std::move(code.how);
  for (std::string& warning : code.warnings)
    if (std::count(report.warnings.begin(), report.warnings.end(), warning) == 0)
      report.warnings.push_back(std::move(warning));
  auto next = code.cubins.begin();
  for (BuiltProgram& program : variant.programs) {
    const auto count = static_cast<std::ptrdiff_t>(program.schedule.steps.size());
    program.code.assign(next, next + count);
    next += count;
  }
}

TensorRanges calibrated_ranges(const Model& model, const BuildOptions& options,
                               ProgressMeter& progress, std::vector<std::string>& notes) {
  progress.next("calibration");
  return find_ranges(
      model, options,
      [&](const std::string& pass, double fraction) {
        constexpr size_t kParts = 1000;
        progress.within(pass, static_cast<size_t>(fraction * kParts), kParts);
      },
      notes);
}

/// The layers of a target that stay real, and what the others cost. Only what was asked for where
/// there are no samples to judge by. `imported`: the network that samples are fed to, once it is
/// known.
std::set<std::string> real_layers_of(const Target& target, const Model& model,
                                     const BuildOptions& options, const TensorRanges& ranges,
                                     std::optional<Graph>& imported, ProgressMeter& progress,
                                     BuildReport& report, std::vector<std::string>& notes) {
  IntegerOptions wanted;
  wanted.budget = options.accuracy_budget;
  wanted.real_layers = {options.real_layers.begin(), options.real_layers.end()};
  const std::filesystem::path& samples = options.calibration.samples;
  const SampleKind kind = samples.empty() ? SampleKind::kCache : kind_of_samples(samples);
  const std::string stage = "accuracy for " + target.name;
  progress.next(stage);
  if (kind == SampleKind::kCache) {
    if (wanted.budget > 0)
      throw UsageError(
          "--accuracy-budget is judged on samples, and there is only a calibration cache; give "
          "--calibrate DIR or FILE.npy as well");
    return wanted.real_layers;
  }
  wanted.progress = [&](const std::string& what, double fraction) {
    constexpr size_t kParts = 1000;
    progress.within(stage + ": " + what, static_cast<size_t>(fraction * kParts), kParts);
  };
  PassContext context{target};
  if (!imported) imported = network_for_samples(model, options, kind, notes);
  const Graph network = before_precision(*imported, context, options.passes.disabled);
  const TensorRanges own = complete_ranges(network, ranges);
  context.ranges = &own;
  context.integers = true;
  report.integers.push_back({target.name, choose_integers(network, context, samples, wanted)});
  return report.integers.back().choice.real_layers;
}

std::vector<std::byte> build(const Model& model, const BuildOptions& options, BuildReport* report) {
  const std::vector<Target> targets = chosen_targets(options);
  const std::set<int64_t> batches = check_batches(options.batches);
  const auto gpus = static_cast<size_t>(
      std::count_if(targets.begin(), targets.end(), [](const Target& t) { return t.is_gpu; }));
  const bool is_int8 = options.precision == "int8";
  const bool is_calibrated =
      is_int8 || !options.calibration.samples.empty() || !options.calibration.cache.empty();
  ProgressMeter progress(options, targets.size() * batches.size() * kStagesPerProgram +
                                      gpus * kStagesPerGpu + (is_calibrated ? 2 : 1) +
                                      (is_int8 ? targets.size() : 0));
  PlanContents contents;
  contents.labels = options.labels;
  BuildTactics tactics(options.tactic_files, options.tune_with, targets);
  BuildReport own_report;
  std::vector<std::string> notes;      // of every program: most are the same
  std::optional<TensorRanges> ranges;  // once for all programs
  if (is_calibrated) ranges = calibrated_ranges(model, options, progress, notes);
  std::optional<Graph> sampled_network;  // imported once for all targets
  std::list<BuiltVariant> variants;
  for (const Target& target : targets) {
    BuiltVariant& variant = variants.emplace_back();
    variant.target = target;
    std::set<std::string> real_layers;
    if (is_int8)
      real_layers = real_layers_of(target, model, options, *ranges, sampled_network, progress,
                                   own_report, notes);
    for (int64_t batch : batches) {
      ProgramReport& program_report = own_report.programs.emplace_back();
      variant.programs.push_back(import_program(model, target, batch, options, progress,
                                                program_report, own_report.programs.size() == 1,
                                                ranges, real_layers, notes));
    }
    if (target.is_gpu) tune(variant, tactics, options, progress, own_report);
    ProgramReport* program_report = &own_report.programs.back() - (batches.size() - 1);
    for (BuiltProgram& program : variant.programs)
      schedule_program(program, target, options, tactics.file(), progress, *program_report++);
    if (target.is_gpu) compile_kernels(variant, options, progress, own_report);
    PlanVariant& written = contents.variants.emplace_back();
    written.target = target;
    written.codegen = variant.codegen;
    for (const BuiltProgram& program : variant.programs)
      written.programs.push_back({&program.graph, &program.schedule, program.code});
  }
  for (const std::string& note : notes)
    if (std::find(own_report.notes.begin(), own_report.notes.end(), note) == own_report.notes.end())
      own_report.notes.push_back(note);
  progress.next("write");
  contents.name =
      plan_name(options.name.empty() ? variants.front().programs.front().graph.name : options.name);
  contents.source_hash = model.hash();
  std::vector<std::byte> plan = write_plan(contents);
  check_plan(plan);
  own_report.plan_bytes = plan.size();
  progress.finish();
  if (report != nullptr) *report = std::move(own_report);
  return plan;
}

}  // namespace

std::vector<std::byte> build_plan(Source& model, const BuildOptions& options, BuildReport* report) {
  const Model source = {
      [&](const ImportOptions& import_options) { return import_model(model, import_options); },
      [&] { return source_hash(model).digest; }};
  return build(source, options, report);
}

std::vector<std::byte> build_plan(const std::filesystem::path& model, const BuildOptions& options,
                                  BuildReport* report) {
  chosen_targets(options);  // a request that is wrong is said before files are read
  check_batches(options.batches);
  Source source = Source::of_file(model, options.weights);
  return build_plan(source, options, report);
}

std::vector<std::byte> build_plan(const NetworkDefinition& network, const BuildOptions& options,
                                  BuildReport* report) {
  std::optional<Sha256Digest> hash;  // of the first program's network: the others differ in batch
  const Model model = {[&](const ImportOptions& import_options) {
                         Graph graph = network(import_options);
                         if (!hash) hash = hash_of(graph);
                         return graph;
                       },
                       [&] { return *hash; }};
  return build(model, options, report);
}

}  // namespace stint::builder
