// stint verify: how far a plan is from an FP32 reference, at its outputs and layer by layer.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <map>
#include <memory>
#include <optional>

#include "host_builder/builder/pass_list.h"
#include "host_builder/cli/commands.h"
#include "host_builder/cli/file_argument.h"
#include "host_builder/cli/model_argument.h"
#include "host_builder/cli/runner.h"
#include "host_builder/data/npy.h"
#include "host_builder/data/output_names.h"
#include "host_builder/emit/describe.h"
#include "host_builder/evaluate/evaluate_graph.h"
#include "host_builder/evaluate/plan_layers.h"
#include "host_builder/import/importer.h"
#include "host_builder/passes/layout_names.h"
#include "host_builder/support/refusal.h"
#include "plan_schema/half.h"

namespace stint::builder {
namespace {

struct VerifyArguments {
  std::string model;
  std::vector<std::filesystem::path> weights;
  std::string plan;
  std::string data_dir;
  double tolerance = 1e-3;
  double l2_tolerance = 0.0;  // used instead if positive
  bool layers = false;
  RunnerOptions options;
};

double element(const HostTensor& tensor, size_t i) {
  switch (tensor.dtype) {
    case DType::kF32:
      return static_cast<double>(tensor.as<float>()[i]);
    case DType::kF16:
      return static_cast<double>(to_float(tensor.as<F16>()[i]));
    case DType::kBF16:
      return static_cast<double>(to_float(tensor.as<BF16>()[i]));
    case DType::kF64:
      return tensor.as<double>()[i];
    case DType::kI8:
      return tensor.as<int8_t>()[i];
    case DType::kU8:
    case DType::kBool:
      return tensor.as<uint8_t>()[i];
    case DType::kI16:
      return tensor.as<int16_t>()[i];
    case DType::kU16:
      return tensor.as<uint16_t>()[i];
    case DType::kI32:
      return tensor.as<int32_t>()[i];
    case DType::kU32:
      return tensor.as<uint32_t>()[i];
    case DType::kI64:
      return static_cast<double>(tensor.as<int64_t>()[i]);
    case DType::kU64:
      return static_cast<double>(tensor.as<uint64_t>()[i]);
  }
  return 0.0;
}

struct Difference {
  double largest = 0.0;      // absolute
  double of_range = 0.0;     // largest / (max - min of the reference)
  double relative_l2 = 0.0;  // |got - want| / |want|
};

Difference compare(const HostTensor& got, const HostTensor& want) {
  const size_t count = want.data.size() / dtype_bytes(want.dtype);
  double least = INFINITY, most = -INFINITY, apart_squared = 0, want_squared = 0;
  Difference difference;
  for (size_t i = 0; i < count; ++i) {
    const double g = element(got, i), w = element(want, i);
    const double apart = std::isfinite(g) || std::isfinite(w) ? std::abs(g - w) : 0.0;
    difference.largest = std::isnan(apart) ? INFINITY : std::max(difference.largest, apart);
    least = std::min(least, w);
    most = std::max(most, w);
    if (std::isfinite(w)) {
      apart_squared += apart * apart;
      want_squared += w * w;
    }
  }
  const double range = most > least ? most - least : std::max(std::abs(most), 1e-30);
  difference.of_range = count == 0 ? 0.0 : difference.largest / range;
  difference.relative_l2 = std::sqrt(apart_squared / std::max(want_squared, 1e-300));
  return difference;
}

void print_row(const std::string& name, const HostTensor& tensor, const Difference& difference) {
  std::printf("%-40.40s %-18s %12.3e %12.3e %12.3e\n", name.c_str(),
              shape_text(tensor.shape).c_str(), difference.largest, difference.of_range,
              difference.relative_l2);
}

// Every pass that may be left out is left out: what remains is the model as imported, in physical
// order.
Graph reference_graph(const Graph& imported) {
  PassOptions plain;
  for (const Pass& pass : all_passes()) {
    if (pass.optional) plain.disabled.insert(pass.name);
  }
  Graph graph = imported;
  run_passes(graph, all_passes(), {find_target("cpu")}, plain);
  return graph;
}

/// The model's name of a value that passes brought into another order of axes.
std::string model_name(std::string name) {
  while (const auto shorter = without_layout_ending(name)) name = *shorter;
  return name;
}

// Error of what the plan's steps wrote, on the plan's device, under the model's own names. Where
// the reference has a value in two orders of axes with equal extents, it is the one that is closer.
void compare_layers(Runner& runner, const std::vector<HostTensor>& inputs,
                    const std::map<std::string, HostTensor>& reference) {
  const auto set_inputs = [&](Session& session) {
    for (uint32_t i = 0; i < inputs.size(); ++i)
      std::memcpy(session.input_data(i), inputs[i].data.data(), inputs[i].data.size());
  };
  std::multimap<std::string, const HostTensor*> by_name;
  for (const auto& [name, tensor] : reference) by_name.emplace(model_name(name), &tensor);
  const auto observe = [&](const std::string& name, const HostTensor& tensor) {
    std::optional<Difference> closest;
    const auto [begin, end] = by_name.equal_range(model_name(name));
    for (auto want = begin; want != end; ++want) {
      if (want->second->shape != tensor.shape) continue;
      const Difference difference = compare(tensor, *want->second);
      if (!closest || difference.relative_l2 < closest->relative_l2) closest = difference;
    }
    if (closest) print_row(model_name(name), tensor, *closest);
  };
  observe_layers(runner.plan(), runner.target().c_str(), runner.batch(), runner.session_options(),
                 set_inputs, observe);
}

// A plan is compared with its own model only: another one has other weights, if not other inputs.
void require_same_model(const VerifyArguments& arguments, Source& model, const Runner& runner) {
  const SourceHash found = source_hash(model);
  const auto needed = describe_json(runner.plan_bytes()).at("source_sha256").get<std::string>();
  if (hex_text(found.digest) == needed) return;
  std::string covered = arguments.model;
  for (const std::filesystem::path& file : arguments.weights) covered += ", " + file.string();
  for (const std::string& file : found.files) covered += ", " + file;
  throw Refusal(arguments.plan + " was built from another model: the sha256 of its source is " +
                    needed + ", that of " + covered + " is " + hex_text(found.digest),
                "give the model that the plan was built from",
                found.files.empty() ? " (with its --weights, if it has any), or build it again"
                                    : " with its external data, or build the plan again");
}

void verify(const VerifyArguments& arguments) {
  Runner runner(arguments.plan, arguments.options);
  Source model = Source::of_file(arguments.model, arguments.weights);
  require_same_model(arguments, model, runner);
  ImportOptions options;
  options.batch = runner.batch();
  std::map<std::string, HostTensor> inputs;
  std::vector<std::string> names;
  for (const stint_binding_info& info : runner.inputs()) names.emplace_back(info.name);
  const std::vector<std::string> files = output_file_names(names);
  std::vector<HostTensor> in_order;
  for (uint32_t i = 0; i < runner.inputs().size(); ++i) {
    const stint_binding_info& info = runner.inputs()[i];
    if (info.kind != STINT_BINDING_TENSOR) {
      throw BuildError(arguments.plan + ": input '" + info.name +
                       "' is a frame; verify compares tensors, so build the plan without "
                       "--preprocess and --postprocess");
    }
    const std::filesystem::path file = std::filesystem::path(arguments.data_dir) / files[i];
    HostTensor tensor = arguments.data_dir.empty() ? random_tensor(info, i + 1) : read_npy(file);
    runner.set_input(i, tensor);
    options.shapes[info.name] = binding_shape(info);
    if (arguments.layers) in_order.push_back(tensor);
    inputs.emplace(info.name, std::move(tensor));
  }
  runner.run();

  const Graph imported = import_model(model, options);
  Graph plain = reference_graph(imported);
  std::map<std::string, HostTensor> values;
  ValueObserver keep;
  if (arguments.layers)
    keep = [&](ValueId id, const HostTensor& tensor) { values[plain.value(id).name] = tensor; };
  const std::map<std::string, HostTensor> reference = evaluate_graph(plain, inputs, keep);

  std::printf("%-40s %-18s %12s %12s %12s\n", "value", "shape", "max |error|", "of range",
              "relative L2");
  if (arguments.layers) compare_layers(runner, in_order, values);
  double worst = 0.0, worst_l2 = 0.0;
  for (uint32_t i = 0; i < runner.outputs().size(); ++i) {
    const std::string name = runner.outputs()[i].name;
    const HostTensor got = runner.output(i);
    const auto want = reference.find(name);
    if (want == reference.end() || want->second.dtype != got.dtype ||
        want->second.data.size() != got.data.size()) {
      throw BuildError("output '" + name + "' of the plan is not an output of " + arguments.model +
                       "; was the plan built from this model, without --postprocess?");
    }
    const Difference difference = compare(got, want->second);
    print_row("output " + name, got, difference);
    worst = std::max(worst, difference.of_range);
    worst_l2 = std::max(worst_l2, difference.relative_l2);
  }
  const bool by_l2 = arguments.l2_tolerance > 0;
  if (by_l2)
    std::printf("worst output error: relative L2 %.3e (limit %.1e)\n", worst_l2,
                arguments.l2_tolerance);
  else
    std::printf("worst output error: %.3e of its range (limit %.1e)\n", worst, arguments.tolerance);
  if (by_l2 ? !(worst_l2 <= arguments.l2_tolerance) : !(worst <= arguments.tolerance))
    throw BuildError("the plan differs from the reference by more than the limit");
}

}  // namespace

void add_verify_command(CLI::App& app) {
  auto arguments = std::make_shared<VerifyArguments>();
  CLI::App* command =
      app.add_subcommand("verify", "Compare a plan with an FP32 reference of its model");
  add_model_options(*command, arguments->model, arguments->weights);
  command
      ->add_option("PLAN", arguments->plan,
                   "Plan built from it, without frame conversion and decoding")
      ->required()
      ->check(file_name());
  command
      ->add_option("--data", arguments->data_dir,
                   "Folder with INPUT.npy for every input, named as stint run names its outputs "
                   "(default: seeded noise)")
      ->check(file_name());
  command
      ->add_option("--tolerance", arguments->tolerance,
                   "Largest allowed error, as part of the output's range")
      ->capture_default_str();
  command->add_option("--l2", arguments->l2_tolerance,
                      "Limit the relative L2 error of the outputs instead, e.g. 2e-3 for FP16");
  command->add_option("--device", arguments->options.device, "auto, cpu or cuda[:N]")
      ->capture_default_str();
  command->add_option("--batch", arguments->options.batch,
                      "Batch size (default: the plan's smallest)");
  command->add_option("--threads", arguments->options.threads, "CPU threads")
      ->check(CLI::Range(1, 256))
      ->capture_default_str();
  command->add_flag(
      "--layers", arguments->layers,
      "Also what each of the plan's steps wrote, where the model has a value of that name");
  command->callback([arguments] { verify(*arguments); });
}

}  // namespace stint::builder
