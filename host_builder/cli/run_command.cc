// stint run: one inference on files, outputs as NAME.npy.
#include <algorithm>
#include <cstdio>
#include <memory>

#include "host_builder/cli/commands.h"
#include "host_builder/cli/file_argument.h"
#include "host_builder/cli/input_argument.h"
#include "host_builder/cli/runner.h"
#include "host_builder/data/image_file.h"
#include "host_builder/data/npy.h"
#include "host_builder/data/output_names.h"
#include "host_builder/support/error.h"
#include "host_builder/support/output_file.h"
#include "host_builder/support/read_file.h"

namespace stint::builder {
namespace {

struct RunArguments {
  std::string plan;
  std::vector<std::string> inputs;
  std::string output_dir;
  RunnerOptions options;
};

std::vector<std::string> input_names(const Runner& runner) {
  std::vector<std::string> names;
  for (const stint_binding_info& info : runner.inputs()) names.emplace_back(info.name);
  return names;
}

HostTensor read_raw(const std::string& path, const stint_binding_info& info) {
  HostTensor tensor;
  tensor.dtype = static_cast<DType>(info.dtype);
  tensor.shape = binding_shape(info);
  tensor.data = read_file(path);
  if (tensor.data.size() != info.bytes) {
    throw BuildError(path + ": holds " + std::to_string(tensor.data.size()) + " bytes, input '" +
                     info.name + "' needs " + std::to_string(info.bytes));
  }
  return tensor;
}

bool ends_with(const std::string& text, const char* end) {
  const std::string tail(end);
  return text.size() >= tail.size() &&
         text.compare(text.size() - tail.size(), tail.size(), tail) == 0;
}

// Binds every --input; pictures of one input fill its batch slots in order and are kept alive by
// the caller.
std::vector<std::unique_ptr<Picture>> bind_inputs(Runner& runner,
                                                  const std::vector<std::string>& inputs) {
  std::vector<std::unique_ptr<Picture>> pictures;
  std::vector<uint32_t> given(runner.inputs().size(), 0);
  const std::vector<std::string> names = input_names(runner);
  for (const std::string& text : inputs) {
    const InputArgument argument = parse_input_argument(text, names);
    const std::string& path = argument.file;
    const auto index = static_cast<uint32_t>(argument.input);
    const stint_binding_info& info = runner.inputs()[index];
    const std::string name = info.name;
    if (info.kind == STINT_BINDING_IMAGE) {
      if (given[index] >= runner.batch())
        throw BuildError("input '" + name + "' has " + std::to_string(runner.batch()) +
                         " batch slots; more pictures were given");
      pictures.push_back(std::make_unique<Picture>(read_picture(path)));
      require(runner.session().bind_image(index, given[index], pictures.back()->frame()), path);
    } else if (ends_with(path, ".npy")) {
      runner.set_input(index, read_npy(path));
    } else if (ends_with(path, ".raw")) {
      runner.set_input(index, read_raw(path, info));
    } else {
      throw BuildError(path + ": input '" + name +
                       "' is a tensor and takes .npy or .raw; to feed pictures, build the plan "
                       "with --preprocess");
    }
    ++given[index];
  }
  for (uint32_t i = 0; i < given.size(); ++i) {
    if (given[i] == 0)
      throw BuildError(std::string("no --input for '") + runner.inputs()[i].name + "'");
  }
  if (pictures.empty()) return pictures;
  const uint32_t shown = *std::max_element(given.begin(), given.end());
  if (shown < runner.batch()) require(runner.session().set_active_slots(shown), "batch");
  return pictures;
}

void print_detections(Runner& runner, uint32_t slots) {
  for (uint32_t slot = 0; slot < slots; ++slot) {
    Detections found;
    require(runner.session().detections(slot, &found), "detections");
    std::printf("slot %u: %u detections\n", slot, found.size());
    for (uint32_t k = 0; k < found.size(); ++k) {
      const stint_detection& d = found[k];
      const char* label =
          d.class_id >= 0 ? runner.plan().label(static_cast<uint32_t>(d.class_id)) : "";
      std::printf("  %-16s class %3d  score %.4f  box %.1f %.1f %.1f %.1f\n", label, d.class_id,
                  static_cast<double>(d.score), static_cast<double>(d.x1),
                  static_cast<double>(d.y1), static_cast<double>(d.x2), static_cast<double>(d.y2));
    }
  }
}

// Where the outputs go, in their order, and that they can; none without a folder.
std::vector<std::filesystem::path> output_files(const RunArguments& arguments,
                                                const Runner& runner) {
  std::vector<std::filesystem::path> files;
  if (arguments.output_dir.empty()) return files;
  std::error_code error;
  std::filesystem::create_directories(arguments.output_dir, error);
  if (error) {
    throw BuildError("--output-dir " + arguments.output_dir + ": the folder cannot be made: " +
                     error.message() + "; give the name of a folder");
  }
  std::vector<InputFile> inputs = {{arguments.plan, "the plan"}};
  for (const std::string& text : arguments.inputs)
    inputs.push_back({parse_input_argument(text, input_names(runner)).file, "an input"});
  std::vector<std::string> names;
  for (const stint_binding_info& info : runner.outputs()) names.emplace_back(info.name);
  for (const std::string& name : output_file_names(names)) {
    files.push_back(std::filesystem::path(arguments.output_dir) / name);
    check_output(files.back(), inputs);
  }
  return files;
}

void run(const RunArguments& arguments) {
  Runner runner(arguments.plan, arguments.options);
  const std::vector<std::filesystem::path> files = output_files(arguments, runner);
  const auto pictures = bind_inputs(runner, arguments.inputs);
  runner.run();
  for (uint32_t i = 0; i < runner.outputs().size(); ++i) {
    const stint_binding_info& info = runner.outputs()[i];
    const HostTensor tensor = runner.output(i);
    if (info.kind == STINT_BINDING_DETECTIONS) {
      const auto frames = static_cast<uint32_t>(pictures.size());
      print_detections(runner, frames == 0 ? runner.batch() : std::min(runner.batch(), frames));
    } else {
      std::printf("%s: %s %s\n", info.name, dtype_name(tensor.dtype),
                  shape_text(tensor.shape).c_str());
    }
    if (!files.empty()) {
      write_npy(files[i], tensor);
      std::printf("  wrote %s\n", files[i].c_str());
    }
  }
}

}  // namespace

void add_run_command(CLI::App& app) {
  auto arguments = std::make_shared<RunArguments>();
  CLI::App* command = app.add_subcommand("run", "Run a plan once on files");
  command->add_option("PLAN", arguments->plan, "Plan file")->required()->check(file_name());
  command->add_option(
      "--input", arguments->inputs,
      "NAME=FILE: .npy or .raw for tensors, .png or .jpg for pictures (repeat to fill a batch); "
      "NAME may hold '='");
  command
      ->add_option("--output-dir", arguments->output_dir,
                   "Write every output as NAME.npy to this folder. Characters of NAME outside "
                   "[A-Za-z0-9._-] become _; where that makes names equal, the later outputs get "
                   "_2, _3, ... (NAME_2.npy), but one whose own name it is keeps it")
      ->check(file_name());
  command->add_option("--batch", arguments->options.batch,
                      "Batch size (default: the plan's smallest)");
  command
      ->add_option("--device", arguments->options.device,
                   "cpu, cuda:N, or auto: a GPU that the plan has machine code for, else the CPU")
      ->capture_default_str();
  command->add_option("--threads", arguments->options.threads, "CPU threads")
      ->check(CLI::Range(1, 256))
      ->capture_default_str();
  command->callback([arguments] { run(*arguments); });
}

}  // namespace stint::builder
