// stint build: model file -> plan file.
#include <chrono>
#include <cstdio>
#include <memory>

#include "host_builder/builder/builder.h"
#include "host_builder/builder/pass_list.h"
#include "host_builder/cli/commands.h"
#include "host_builder/cli/file_argument.h"
#include "host_builder/cli/integer_report.h"
#include "host_builder/cli/model_argument.h"
#include "host_builder/cli/progress.h"
#include "host_builder/frames/labels.h"
#include "host_builder/frames/postprocess_spec.h"
#include "host_builder/frames/preprocess_spec.h"
#include "host_builder/import/importer.h"
#include "host_builder/support/error.h"
#include "host_builder/support/output_file.h"
#include "host_builder/support/utf8.h"

namespace stint::builder {
namespace {

struct BuildArguments {
  std::string model;
  std::string output;
  std::vector<std::string> shapes;
  std::vector<std::string> disabled_passes;
  std::string labels;
  std::string dump_dir;
  std::string calibrator;
  std::string report;
  bool quiet = false;
  BuildOptions options;
};

// "name=1x3x224x224"
std::pair<std::string, Shape> parse_shape(const std::string& text) {
  const auto fail = [&] {
    return UsageError("--shape " + text +
                      ": expected NAME=AxBxC with positive extents, e.g. input=1x3x224x224");
  };
  const size_t equals = text.rfind('=');
  if (equals == std::string::npos || equals == 0) throw fail();
  Shape shape;
  int64_t extent = 0;
  bool digits = false;
  for (const char c : text.substr(equals + 1) + "x") {
    if (c >= '0' && c <= '9') {
      extent = extent * 10 + (c - '0');
      digits = true;
      if (extent > (int64_t{1} << 31)) throw fail();
    } else if (c == 'x' && digits && extent > 0) {
      shape.push_back(extent);
      extent = 0;
      digits = false;
    } else {
      throw fail();
    }
  }
  return {text.substr(0, equals), shape};
}

std::string mebibytes(uint64_t bytes) {
  char text[32];
  std::snprintf(text, sizeof text, "%.2f MiB", static_cast<double>(bytes) / (1 << 20));
  return text;
}

void print_tuning(const TuneReport& tuned) {
  std::printf("measured on %s: %zu of %zu layers with a choice, %zu timings", tuned.device.c_str(),
              tuned.measured, tuned.layers, tuned.timings);
  if (tuned.refused > 0)
    std::printf("; the device refused %zu, first %s", tuned.refused, tuned.refusal.c_str());
  std::printf("\n");
  const TrialReport& trials = tuned.trials;
  if (trials.trials > 0) {
    std::printf("  whole programs: %.1f us -> %.1f us, %zu of %zu close choices swapped\n",
                trials.before_us, trials.after_us, trials.swaps, trials.trials);
  }
}

void print_integers(const IntegerReport& report) {
  const IntegerChoice& choice = report.choice;
  size_t on_integers = 0;
  const IntegerLayer* worst = nullptr;
  for (const IntegerLayer& layer : choice.layers) {
    on_integers += layer.on_integers ? 1 : 0;
    if (layer.on_integers && (worst == nullptr || layer.sqnr_db < worst->sqnr_db)) worst = &layer;
  }
  std::printf("%s: %zu of %zu layers on integers; output '%s' is off by %.3g %% on %zu samples\n",
              report.target.c_str(), on_integers, choice.layers.size(), choice.worst_output.c_str(),
              100 * choice.output_error, choice.samples);
  if (worst != nullptr)
    std::printf("  worst layer: %s, %.1f dB, cosine %.4f\n", worst->name.c_str(), worst->sqnr_db,
                worst->cosine);
}

void print_report(const BuildReport& report) {
  for (const std::string& note : report.notes) std::printf("note: %s\n", note.c_str());
  for (const IntegerReport& integers : report.integers) print_integers(integers);
  for (const TuneReport& tuned : report.tuned) print_tuning(tuned);
  for (const ProgramReport& program : report.programs) {
    std::printf("%s, batch %lld\n", program.target.c_str(), static_cast<long long>(program.batch));
    std::printf("  nodes: %zu imported", program.nodes_imported);
    for (const PassReport& pass : program.passes) {
      if (pass.changes > 0)
        std::printf(" -> %zu (%s %zu)", pass.nodes_after, pass.name.c_str(), pass.changes);
    }
    std::printf(" -> %zu steps\n", program.steps);
    const double ratio = program.lower_bound == 0 ? 1.0
                                                  : static_cast<double>(program.peak_bytes) /
                                                        static_cast<double>(program.lower_bound);
    std::printf(
        "  memory: activations %s (peak / lower bound %.3f, %s), weights %s, inputs and outputs "
        "%s, scratch %s a thread\n",
        mebibytes(program.peak_bytes).c_str(), ratio, program.heuristic.c_str(),
        mebibytes(program.weight_bytes).c_str(), mebibytes(program.io_bytes).c_str(),
        mebibytes(program.worker_scratch_bytes).c_str());
    const TacticCounts& tactics = program.tactics;
    if (tactics.measured + tactics.pinned + tactics.predicted > 0) {
      std::printf("  tactics: %zu measured, %zu pinned, %zu predicted", tactics.measured,
                  tactics.pinned, tactics.predicted);
      if (tactics.outdated > 0)
        std::printf(" (%zu records name tactics that this builder does not have)",
                    tactics.outdated);
      std::printf("\n");
    }
  }
}

// What the build reads, which neither the plan nor what is measured may be written over.
std::vector<InputFile> files_read(const BuildArguments& arguments) {
  std::vector<InputFile> files;
  for (const std::filesystem::path& path : files_of_model(arguments.model))
    files.push_back({path, files.empty() ? "the model" : "a data file of the model"});
  for (const std::filesystem::path& path : arguments.options.weights)
    files.push_back({path, "the file of weights"});
  if (!arguments.labels.empty()) files.push_back({arguments.labels, "the file of labels"});
  return files;
}

void check_outputs(const BuildArguments& arguments, std::vector<InputFile> inputs) {
  const BuildOptions& options = arguments.options;
  const CalibrationOptions& calibration = options.calibration;
  std::error_code none;
  if (std::filesystem::is_regular_file(calibration.samples, none))
    inputs.push_back({calibration.samples, "what calibration reads"});
  if (!calibration.cache.empty()) {
    check_output(calibration.cache, inputs);
    inputs.push_back({calibration.cache, "the calibration cache"});
  }
  if (!options.tune_with.empty() && !options.tactic_files.empty())
    check_output(options.tactic_files.front(), inputs);
  for (const std::filesystem::path& path : options.tactic_files)
    inputs.push_back({path, "a tactic file"});
  if (!arguments.report.empty()) check_output(arguments.report, inputs);
  check_output(arguments.output, inputs);
  if (arguments.dump_dir.empty()) return;
  // Dumps replace what has their names, be it a link to one of the inputs.
  for (const auto& entry : std::filesystem::recursive_directory_iterator(arguments.dump_dir, none))
    if (entry.path().extension() == ".txt") check_output(entry.path(), inputs);
}

// A SPEC that cannot be read is wrong whatever the model is.
void check_specs(const BuildOptions& options) {
  try {
    for (const std::string& spec : {options.preprocess, options.calibration.preprocess})
      if (!spec.empty()) parse_preprocess_spec(spec);
    if (!options.postprocess.empty()) parse_postprocess_spec(options.postprocess);
  } catch (const BuildError& error) {
    throw UsageError(error.what());
  }
}

std::vector<std::string> optional_passes() {
  std::vector<std::string> names;
  for (const Pass& pass : all_passes())
    if (pass.optional) names.emplace_back(pass.name);
  return names;
}

void check_name(const std::string& name) {
  bool is_text = name.size() <= kMaxPlanName;
  for (size_t i = 0; is_text && i < name.size();) {
    const size_t length = utf8_length(name, i);
    is_text = length > 0 && !is_utf8_control(name, i, length);
    i += length;
  }
  if (!is_text) {
    throw UsageError("--name: expected text in UTF-8 of at most " + std::to_string(kMaxPlanName) +
                     " bytes");
  }
}

void build(BuildArguments& arguments) {
  BuildOptions& options = arguments.options;
  if (options.targets == std::vector<std::string>{"cpu"} && options.precision == "fp16") {
    throw UsageError(
        "--precision fp16: the cpu target computes in fp32; use fp32 or auto (fp16 models are "
        "accepted)");
  }
  if (!options.tune_with.empty() && options.targets == std::vector<std::string>{"cpu"})
    throw UsageError("--tune-with: the cpu target has no tactics to measure; name a GPU target");
  if (!options.tune_with.empty() && options.tactic_files.size() > 1)
    throw UsageError("--tune-with writes what it measured to the tactic file: give one --tactics");
  for (const std::string& text : arguments.shapes) {
    const auto shape = parse_shape(text);
    if (!options.shapes.insert(shape).second)
      throw UsageError("--shape " + shape.first + " is given twice; give one shape for each input");
  }
  options.passes.disabled.insert(arguments.disabled_passes.begin(),
                                 arguments.disabled_passes.end());
  options.passes.dump_dir = arguments.dump_dir;
  if (!arguments.labels.empty()) options.labels = read_labels(arguments.labels);
  if (!arguments.calibrator.empty())
    options.calibration.calibrator = find_calibrator(arguments.calibrator);
  check_name(options.name);
  check_specs(options);
  if (arguments.output.empty())
    arguments.output = std::filesystem::path(arguments.model).stem().string() + ".plan";
  const std::vector<InputFile> inputs = files_read(arguments);
  check_outputs(arguments, inputs);

  const auto start = std::chrono::steady_clock::now();
  BuildReport report;
  {
    Progress progress;
    if (!arguments.quiet) {
      options.progress = [&](const std::string& stage, double fraction) {
        progress.report(stage, fraction);
      };
    }
    const std::vector<std::byte> plan = build_plan(arguments.model, options, &report);
    check_outputs(arguments, inputs);  // time has passed
    write_file_atomically(arguments.output, plan);
  }
  const double seconds =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  if (!arguments.report.empty()) {
    check_output(arguments.report, inputs);
    write_file_atomically(arguments.report, integer_report(report.integers, arguments.report));
  }
  print_report(report);
  for (const std::string& warning : report.warnings)
    std::fprintf(stderr, "stint: warning: %s\n", warning.c_str());
  std::printf("wrote %s: %s in %.2f s\n", arguments.output.c_str(),
              mebibytes(report.plan_bytes).c_str(), seconds);
}

void add_calibration_options(CLI::App& command, BuildArguments& arguments) {
  CalibrationOptions& calibration = arguments.options.calibration;
  command
      .add_option(
          "--calibrate", calibration.samples,
          "For --precision int8: a folder of pictures (.png, .jpg, .bmp), a .npy file whose "
          "axis 0 counts samples of the network's input (a folder with NAME.npy for each of "
          "several), or a calibration cache")
      ->check(file_name());
  std::vector<std::string> names;
  for (const Calibrator calibrator : kCalibrators) names.emplace_back(calibrator_name(calibrator));
  command
      .add_option("--calibrator", arguments.calibrator,
                  "How ranges are cut off (default: auto, for each tensor the one of the others "
                  "that changes its readers' results least)")
      ->check(CLI::IsMember(names));
  command
      .add_option("--calibration-cache", calibration.cache,
                  "File of scales in TensorRT's format: used if it is there and fits the model, "
                  "else written")
      ->check(file_name());
  command
      .add_option("--accuracy-budget", arguments.options.accuracy_budget,
                  "INT8: largest relative error of a network output on the samples, e.g. 0.02; the "
                  "layers that cost most stay in floating point until it holds, else the build "
                  "fails")
      ->check(CLI::PositiveNumber);
  command
      .add_option("--fp32-layer", arguments.options.real_layers,
                  "INT8: keep this layer in floating point (names as stint inspect lists them), "
                  "repeatable")
      ->allow_extra_args(false);
  command.add_option("--report", arguments.report,
                     "INT8: write each layer's precision, why and its error to this file: .json, "
                     ".html, or text");
  command.add_option("--calibration-preprocess", calibration.preprocess,
                     "How calibration's pictures become the network's input where the plan has no "
                     "--preprocess (the same SPEC)");
  command
      .add_option("--calibration-percentile", calibration.percentile,
                  "Percent of a tensor's elements that the calibrator percentile keeps")
      ->capture_default_str();
}

}  // namespace

void add_build_command(CLI::App& app) {
  auto arguments = std::make_shared<BuildArguments>();
  CLI::App* command = app.add_subcommand("build", "Compile a model into a plan file");
  command->footer(std::string("SPEC of --preprocess:\n") + preprocess_grammar() +
                  "\nSPEC of --postprocess:\n" + postprocess_grammar());
  add_model_options(*command, arguments->model, arguments->options.weights);
  command
      ->add_option("-o,--output", arguments->output,
                   "Plan file to write (default: MODEL's name with .plan, here)")
      ->check(file_name());
  command->add_option("--name", arguments->options.name,
                      "Name of the plan (default: the graph's name in the model)");
  command
      ->add_option("--target", arguments->options.targets,
                   "Target to build for, repeatable (see stint targets)")
      ->capture_default_str();
  command->add_option("--as", arguments->options.as,
                      "Give GPU targets the kernels of this one, to prove them on another device");
  command
      ->add_option("--precision", arguments->options.precision,
                   "fp32, fp16 (GPU targets) or int8 (with --calibrate or --calibration-cache)")
      ->check(CLI::IsMember({"fp32", "fp16", "int8"}))
      ->capture_default_str();
  command->add_option("--batch", arguments->options.batches, "Batch sizes, e.g. 1,4")
      ->delimiter(',')
      ->check(CLI::Range(1, 1024))
      ->capture_default_str();
  command->add_option(
      "--shape", arguments->shapes,
      "Shape of an input with open axes, NAME=1x3x224x224, repeatable (the batch is "
      "--batch's)");
  command->add_option("--preprocess", arguments->options.preprocess,
                      "Compile frame conversion into the plan (SPEC below)");
  command->add_option("--postprocess", arguments->options.postprocess,
                      "Compile decoding into the plan (SPEC below)");
  command->add_flag("!--raw-outputs", arguments->options.own_decoder,
                    "Leave out the decoder that the model itself ends with (Caffe's "
                    "DetectionOutput)");
  command
      ->add_option("--labels", arguments->labels,
                   "Text file (UTF-8) with one class name a line, as many as the decoder's classes")
      ->check(file_name());
  add_calibration_options(*command, *arguments);
  command
      ->add_option("--disable-pass", arguments->disabled_passes,
                   "Leave out an optional pass, repeatable")
      ->check(CLI::IsMember(optional_passes()));
  command
      ->add_option("--dump-passes", arguments->dump_dir,
                   "Write a numbered text of the graph after every pass to this folder")
      ->check(file_name());
  command->add_flag("!--sequential", arguments->options.concurrent,
                    "GPU targets: run one step after the other instead of independent branches at "
                    "the same time");
  command
      ->add_option("--tactics", arguments->options.tactic_files,
                   "File of measured or pinned tactics to build with, repeatable")
      ->check(file_name());
  command->add_option("--tune-with", arguments->options.tune_with,
                      "Measure what the tactic file lacks with this command on the target, e.g. "
                      "stint-agent or \"ssh robot stint-agent\", and write the file");
  command->add_option("--threads", arguments->options.threads, "Build threads (default: all)");
  command->add_flag("-q,--quiet", arguments->quiet, "No progress");
  command->callback([arguments] { build(*arguments); });
}

}  // namespace stint::builder
