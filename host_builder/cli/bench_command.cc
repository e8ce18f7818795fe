// stint bench: how long a run takes.
#include <algorithm>
#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>
#include <numeric>

#include "agent/measure.h"
#include "host_builder/cli/commands.h"
#include "host_builder/cli/file_argument.h"
#include "host_builder/cli/runner.h"
#include "host_builder/support/error.h"

namespace stint::builder {
namespace {

struct BenchArguments {
  std::string plan;
  uint32_t iterations = 200;
  bool json = false;
  bool transfers = false;
  RunnerOptions options;
};

std::vector<stint_step_profile> read_profile(Runner& runner) {
  uint32_t count = 0;
  require(runner.session().read_profile(nullptr, 0, &count), "profile");
  std::vector<stint_step_profile> steps(count);
  require(runner.session().read_profile(steps.data(), count, &count), "profile");
  return steps;
}

double mean_us(const stint_step_profile& step) {
  return step.runs == 0 ? 0.0
                        : static_cast<double>(step.total_ns) / static_cast<double>(step.runs) / 1e3;
}

// In the order of the program, as stint inspect lists the steps.
nlohmann::ordered_json describe_profile(const std::vector<stint_step_profile>& profile) {
  nlohmann::ordered_json steps = nlohmann::ordered_json::array();
  for (const stint_step_profile& step : profile)
    steps.push_back({{"name", step.name}, {"kernel", step.kernel}, {"mean_us", mean_us(step)}});
  return steps;
}

void print_profile(std::vector<stint_step_profile> steps) {
  std::sort(steps.begin(), steps.end(),
            [](const auto& a, const auto& b) { return a.total_ns > b.total_ns; });
  const double total = std::accumulate(
      steps.begin(), steps.end(), 0.0,
      [](double sum, const auto& s) { return sum + static_cast<double>(s.total_ns); });
  std::printf("\n%10s %6s  %-16s %s\n", "mean us", "share", "kernel", "step");
  for (const stint_step_profile& step : steps) {
    if (step.runs == 0) continue;
    std::printf("%10.1f %5.1f%%  %-16s %s\n", mean_us(step),
                100.0 * static_cast<double>(step.total_ns) / total, step.kernel, step.name);
  }
}

std::string included_text(bool on_cuda, bool on_device, bool has_frames) {
  std::string text = has_frames
                         ? "frame conversion (1280x720 NV12), the network and decoding; no video "
                           "decoding"
                         : "the network; inputs already in their buffers";
  if (on_device)
    text += ", which lie on the device; " + std::to_string(kBurst) +
            " graph launches one behind the other, the mean of them";
  if (on_cuda && !on_device)
    text += "; inputs copied to the device and outputs back, every run waited for";
  return text;
}

void bench(const BenchArguments& arguments) {
  Runner runner(arguments.plan, arguments.options);
  NoiseInputs inputs;
  MeasureOptions options;
  options.iterations = arguments.iterations;
  // A session that takes the time of its steps cannot enqueue.
  const bool on_device = runner.on_cuda() && !arguments.transfers && !arguments.options.profile;
  if (on_device) {
    options.burst = kBurst;
    require(inputs.bind_on_device(runner.inputs(), runner.outputs(), runner.batch(),
                                  runner.device(), runner.session()),
            "inputs");
  } else {
    require(inputs.bind(runner.inputs(), runner.batch(), runner.session()), "inputs");
  }
  std::vector<double> times;  // ascending
  require(measure_runs(runner.session(), options, &times), "run");
  const double mean =
      std::accumulate(times.begin(), times.end(), 0.0) / static_cast<double>(times.size());
  std::vector<stint_step_profile> profile;
  if (arguments.options.profile) profile = read_profile(runner);
  const std::string included = included_text(runner.on_cuda(), on_device, inputs.has_frames());
  nlohmann::ordered_json report = {{"plan", runner.plan().name()},
                                   {"device", runner.device_text()},
                                   {"target", runner.target()},
                                   {"batch", runner.batch()},
                                   {"threads", arguments.options.threads},
                                   {"iterations", arguments.iterations},
                                   {"load_ms", runner.reload_ms()},
                                   {"p50_us", percentile(times, 0.5)},
                                   {"p90_us", percentile(times, 0.9)},
                                   {"p99_us", percentile(times, 0.99)},
                                   {"mean_us", mean},
                                   {"throughput_per_s", runner.batch() * 1e6 / mean},
                                   {"includes", included}};
  if (arguments.json) {
    if (arguments.options.profile) report["steps"] = describe_profile(profile);
    std::printf("%s\n", report.dump(2).c_str());
    return;
  }
  for (const auto& [key, value] : report.items()) {
    if (value.is_number_float()) {
      std::printf("%-17s %.1f\n", key.c_str(), value.get<double>());
    } else {
      std::printf("%-17s %s\n", key.c_str(),
                  value.is_string() ? value.get<std::string>().c_str() : value.dump().c_str());
    }
  }
  if (arguments.options.profile) print_profile(profile);
}

}  // namespace

void add_bench_command(CLI::App& app) {
  auto arguments = std::make_shared<BenchArguments>();
  CLI::App* command = app.add_subcommand("bench", "Measure a plan's run time on noise");
  command->add_option("PLAN", arguments->plan, "Plan file")->required()->check(file_name());
  command->add_option("--batch", arguments->options.batch,
                      "Batch size (default: the plan's smallest)");
  command
      ->add_option("--iterations", arguments->iterations, "Measured runs, after 0.2 s of warm-up")
      ->check(CLI::Range(1, 10000000))
      ->capture_default_str();
  command->add_option("--threads", arguments->options.threads, "CPU threads")
      ->check(CLI::Range(1, 256))
      ->capture_default_str();
  command
      ->add_option("--device", arguments->options.device,
                   "cpu, cuda:N, or auto: a GPU that the plan has machine code for, else the CPU")
      ->capture_default_str();
  command->add_flag("--json", arguments->json, "Machine-readable");
  command->add_flag("--transfers", arguments->transfers,
                    "On a GPU: include copies from and to the host, and wait for every run");
  command->add_flag("--profile", arguments->options.profile, "Also time every step");
  command->callback([arguments] { bench(*arguments); });
}

}  // namespace stint::builder
