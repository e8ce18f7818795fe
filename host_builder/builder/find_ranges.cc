#include "host_builder/builder/find_ranges.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <set>
#include <system_error>

#include "host_builder/builder/pass_list.h"
#include "host_builder/frames/insert.h"
#include "host_builder/frames/postprocess_spec.h"
#include "host_builder/quantize/calibrate.h"
#include "host_builder/quantize/calibration_cache.h"
#include "host_builder/quantize/complete_ranges.h"
#include "host_builder/support/error.h"
#include "host_builder/support/output_file.h"

namespace stint::builder {
namespace {

constexpr const char* kCalibrate =
    "give samples with --calibrate: a folder of pictures, or a .npy file whose axis 0 counts "
    "samples; a hundred are enough for most networks";

/// With the model's own tensors: every pass that may be left out is left out.
Graph unfused(const Graph& imported) {
  std::set<std::string> optional;
  for (const Pass& pass : all_passes())
    if (pass.optional) optional.insert(pass.name);
  return before_precision(imported, {find_target("cpu")}, optional);
}

std::set<std::string> names_of(const Graph& graph) {
  std::set<std::string> names;
  for (ValueId id = 0; id < graph.value_count(); ++id)
    if (!graph.value(id).is_constant()) names.insert(graph.value(id).name);
  return names;
}

bool has_infinite_constant(const Graph& graph) {
  for (ValueId id = 0; id < graph.value_count(); ++id) {
    const Value& value = graph.value(id);
    if (!value.is_constant() || value.dtype != DType::kF32) continue;
    const auto* x = reinterpret_cast<const float*>(value.constant->data());
    if (std::any_of(x, x + value.elements(), [](float v) { return std::isinf(v); })) return true;
  }
  return false;
}

class RangeFinder {
 public:
  RangeFinder(const CalibratedModel& model, const BuildOptions& options,
              const std::function<void(const std::string&, double)>& progress,
              std::vector<std::string>& notes)
      : model_(model),
        options_(options),
        wanted_(options.calibration),
        progress_(progress),
        notes_(notes) {}

  TensorRanges run() {
    const bool has_samples = !wanted_.samples.empty();
    const SampleKind kind = has_samples ? kind_of_samples(wanted_.samples) : SampleKind::kCache;
    if (has_samples && kind != SampleKind::kPictures && !wanted_.preprocess.empty())
      throw UsageError("--calibration-preprocess: " + wanted_.samples.string() +
                       " holds no pictures; leave it out, or give a folder of pictures");
    if (has_samples && kind == SampleKind::kCache) {
      if (auto ranges = read_cache(wanted_.samples)) return *ranges;
      throw UsageError("--calibrate " + wanted_.samples.string() + ": " + unfit_ + "; " +
                       kCalibrate);
    }
    std::error_code error;
    const bool has_cache = !wanted_.cache.empty() && std::filesystem::exists(wanted_.cache, error);
    if (has_cache) {
      if (auto ranges = read_cache(wanted_.cache)) return *ranges;
      if (!has_samples)
        throw UsageError("--calibration-cache " + wanted_.cache.string() + ": " + unfit_ + "; " +
                         kCalibrate);
      notes_.push_back(wanted_.cache.string() + ": " + unfit_ + "; it was written anew");
    }
    if (!has_samples)
      throw UsageError("--precision int8: there is no calibration cache " + wanted_.cache.string() +
                       "; " + kCalibrate);
    return calibrated(kind);
  }

 private:
  Graph imported(SampleKind kind) { return network_for_samples(model_, options_, kind, notes_); }

  /// Nothing, and why not in `unfit_`, if it does not fit the model or the calibrator.
  std::optional<TensorRanges> read_cache(const std::filesystem::path& path) {
    const CalibrationCache cache = read_calibration_cache(path);
    if (wanted_.calibrator && cache.tag != calibration_tag(*wanted_.calibrator)) {
      unfit_ = "it holds the scales of " + cache.tag + ", not of --calibrator " +
               calibrator_name(*wanted_.calibrator) + " (" + calibration_tag(*wanted_.calibrator) +
               ")";
      return std::nullopt;
    }
    const Graph graph = before_precision(imported(SampleKind::kCache), {find_target("cpu")},
                                         options_.passes.disabled);
    TensorRanges ranges = ranges_of(cache);
    const auto missing = operands_without_range(graph, complete_ranges(graph, ranges));
    if (!missing.empty()) {
      unfit_ = "it is not of this model: it has no scale for " + std::to_string(missing.size()) +
               " tensor(s) that its layers read, first '" + missing.front() + "'";
      return std::nullopt;
    }
    notes_.push_back("ranges come from the calibration cache " + path.string() + " (" + cache.tag +
                     "); remove it to calibrate again");
    return ranges;
  }

  TensorRanges calibrated(SampleKind kind) {
    const auto start = std::chrono::steady_clock::now();
    const Graph graph = imported(kind);
    const std::set<std::string> names = names_of(graph);
    std::vector<std::unique_ptr<ObservedNetwork>> networks;
    Graph network = before_precision(graph, {find_target("cpu")}, options_.passes.disabled);
    const std::string text = to_text(network);
    networks.push_back(std::make_unique<ObservedNetwork>(std::move(network), names));
    // Of those tensors that no plan computes only a cache speaks.
    if (!wanted_.cache.empty()) {
      const auto& seen = networks.front()->names();
      networks.push_back(std::make_unique<ObservedNetwork>(
          unfused(graph), names, std::set<std::string>(seen.begin(), seen.end())));
    }
    const Samples samples(wanted_.samples, networks.front()->inputs(), networks.front()->batch());

    CalibrateOptions calibrate_options;
    calibrate_options.calibrator = wanted_.calibrator.value_or(Calibrator::kAuto);
    calibrate_options.percentile = wanted_.percentile;
    calibrate_options.threads = options_.threads;
    calibrate_options.infinite_is_meant = has_infinite_constant(graph);
    calibrate_options.progress = progress_;
    if (!wanted_.cache.empty()) {
      calibrate_options.state_file = state_file();
      calibrate_options.between_states = wanted_.between_states;
      check_output(calibrate_options.state_file);
      calibrate_options.identity = identity_of(text, networks, samples);
    }
    CalibrateResult result = calibrate(networks, samples, calibrate_options);
    write_cache(graph, result, calibrate_options.calibrator);
    const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
    notes_.push_back(
        note_of(result, calibrate_options.calibrator, samples.count(), seconds.count()));
    return std::move(result.ranges);
  }

  std::filesystem::path state_file() const {
    std::filesystem::path path = wanted_.cache;
    return path += ".state";
  }

  Sha256Digest identity_of(const std::string& text,
                           const std::vector<std::unique_ptr<ObservedNetwork>>& networks,
                           const Samples& samples) const {
    Sha256 hash;
    const Sha256Digest model = model_.hash();
    hash.add(std::as_bytes(std::span(model)));
    hash.add(std::as_bytes(std::span(samples.identity())));
    hash.add(std::as_bytes(std::span(text)));
    for (const auto& network : networks)
      for (const std::string& name : network->names())
        hash.add(std::as_bytes(std::span(name.c_str(), name.size() + 1)));
    return hash.digest();
  }

  /// The model's tensors in its own order, those that neither network computes in their own order
  /// of axes included; then what only the optimised network has.
  void write_cache(const Graph& graph, const CalibrateResult& result, Calibrator calibrator) const {
    if (wanted_.cache.empty()) return;
    const TensorRanges of_model = complete_ranges(graph, result.ranges);
    CalibrationCache cache;
    cache.tag = calibration_tag(calibrator);
    std::set<std::string> written;
    const auto add = [&](const TensorRanges& ranges, const std::string& name) {
      const auto range = ranges.find(name);
      if (range != ranges.end() && written.insert(name).second)
        cache.scales.emplace_back(name, range->second.threshold / 127.0f);
    };
    for (const ValueId id : graph.inputs) add(of_model, graph.value(id).name);
    for (const NodeId n : graph.order())
      for (const ValueId id : graph.node(n).outputs)
        if (id != kNoValue) add(of_model, graph.value(id).name);
    for (const std::string& name : result.order) add(result.ranges, name);
    write_calibration_cache(wanted_.cache, cache);
    std::error_code none;
    std::filesystem::remove(state_file(), none);
  }

  std::string note_of(const CalibrateResult& result, Calibrator calibrator, size_t samples,
                      double seconds) const {
    char text[64];
    std::snprintf(text, sizeof text, "%.2f s", seconds);
    std::string note = "calibrated on " + std::to_string(samples) + " sample" +
                       (samples == 1 ? "" : "s") + " with " + calibrator_name(calibrator) + ": " +
                       std::to_string(result.ranges.size()) + " tensors in " + text;
    if (result.resumed_runs > 0) note += ", going on where an earlier calibration stopped";
    if (result.infinite_tensors > 0)
      note += "; " + std::to_string(result.infinite_tensors) +
              " with infinite numbers stay in floating point";
    if (!wanted_.cache.empty()) note += "; wrote " + wanted_.cache.string();
    return note;
  }

  const CalibratedModel& model_;
  const BuildOptions& options_;
  const CalibrationOptions& wanted_;
  const std::function<void(const std::string&, double)>& progress_;
  std::vector<std::string>& notes_;
  std::string unfit_;
};

}  // namespace

Graph before_precision(const Graph& imported, const PassContext& context,
                       const std::set<std::string>& disabled) {
  const std::vector<Pass> passes = passes_before_precision();
  PassOptions options;
  for (const Pass& pass : passes)
    if (disabled.count(pass.name) != 0) options.disabled.insert(pass.name);
  Graph graph = imported;
  run_passes(graph, passes, context, options);
  return graph;
}

Graph network_for_samples(const CalibratedModel& model, const BuildOptions& options,
                          SampleKind kind, std::vector<std::string>& notes) {
  const CalibrationOptions& wanted = options.calibration;
  const bool has_frames = kind != SampleKind::kTensors;
  std::string preprocess = options.preprocess;
  if (kind == SampleKind::kPictures && preprocess.empty()) preprocess = wanted.preprocess;
  if (kind == SampleKind::kPictures && preprocess.empty())
    throw UsageError(
        "--calibrate " + wanted.samples.string() +
        ": the plan has no frame conversion, so that nothing says how a picture becomes the "
        "network's input; give --calibration-preprocess SPEC (as --preprocess), or samples as a "
        ".npy file");
  ImportOptions import;
  import.shapes = options.shapes;
  import.notes = &notes;
  if (!options.postprocess.empty())
    import.cut_at = named_operands(parse_postprocess_spec(options.postprocess));
  import.batch = 1;  // one network for all programs
  Graph graph = model.graph(import);
  graph.batch = 1;
  if (has_frames) insert_frames(graph, preprocess, options.postprocess);
  return graph;
}

void check_calibration(const BuildOptions& options) {
  const CalibrationOptions& wanted = options.calibration;
  const bool is_asked_for = !wanted.samples.empty() || !wanted.cache.empty() || wanted.calibrator ||
                            !wanted.preprocess.empty();
  if (options.precision != "int8") {
    if (is_asked_for && options.precision != "fp16")
      throw UsageError("calibration is for --precision int8 and fp16, and --precision is " +
                       options.precision + "; add --precision int8, or leave calibration out");
    if (options.accuracy_budget > 0 || !options.real_layers.empty())
      throw UsageError(
          "--accuracy-budget and --fp32-layer are for --precision int8, and --precision is " +
          options.precision + "; add --precision int8, or leave them out");
    if (!is_asked_for) return;
  }
  if (wanted.samples.empty() && wanted.cache.empty())
    throw UsageError(std::string("--precision int8 needs the ranges of the network's tensors; ") +
                     kCalibrate + ", or give a calibration cache with --calibration-cache");
  if (!(wanted.percentile > 0 && wanted.percentile <= 100))
    throw UsageError("the percentile " + std::to_string(wanted.percentile) +
                     " is not possible; give percent of the elements, over 0 and up to 100");
  if (!wanted.preprocess.empty() && !options.preprocess.empty())
    throw UsageError(
        "the plan's own frame conversion (--preprocess) serves calibration, too; leave "
        "--calibration-preprocess out");
}

TensorRanges find_ranges(const CalibratedModel& model, const BuildOptions& options,
                         const std::function<void(const std::string&, double)>& progress,
                         std::vector<std::string>& notes) {
  return RangeFinder(model, options, progress, notes).run();
}

TensorRanges ranges_for(const Graph& imported, const PassContext& context,
                        const PassOptions& options, const TensorRanges& ranges) {
  return complete_ranges(before_precision(imported, context, options.disabled), ranges);
}

}  // namespace stint::builder
