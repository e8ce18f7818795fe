// stint bench: how long a run takes.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>
#include <numeric>

#include "host_builder/cli/commands.h"
#include "host_builder/cli/runner.h"
#include "host_builder/graph/error.h"

namespace stint::builder {
namespace {

struct BenchArguments {
  std::string plan;
  uint32_t iterations = 200;
  bool json = false;
  RunnerOptions options;
};

using Clock = std::chrono::steady_clock;

double microseconds(Clock::duration duration) {
  return std::chrono::duration<double, std::micro>(duration).count();
}

// Noise frames of a usual camera size; zeros would flatter every kernel.
constexpr uint32_t kFrameWidth = 1280, kFrameHeight = 720;

void bind_noise(Runner& runner, std::vector<HostTensor>& frames) {
  for (uint32_t i = 0; i < runner.inputs().size(); ++i) {
    const stint_binding_info& info = runner.inputs()[i];
    if (info.kind == STINT_BINDING_TENSOR) {
      runner.set_input(i, random_tensor(info, i + 1));
      continue;
    }
    for (uint32_t slot = 0; slot < runner.batch(); ++slot) {
      stint_binding_info pixels = {};
      pixels.dtype = STINT_DTYPE_U8;
      pixels.bytes = uint64_t{kFrameWidth} * kFrameHeight * 3 / 2;
      frames.push_back(random_tensor(pixels, slot + 1));
      for (std::byte& b : frames.back().data)
        b = static_cast<std::byte>(static_cast<unsigned>(b) * 31);
      stint_image image = {};
      image.planes[0] = frames.back().data.data();
      image.planes[1] = frames.back().data.data() + size_t{kFrameWidth} * kFrameHeight;
      image.strides[0] = image.strides[1] = kFrameWidth;
      image.width = kFrameWidth;
      image.height = kFrameHeight;
      image.format = STINT_FORMAT_NV12;
      require(runner.session().bind_image(i, slot, image), "frame");
    }
  }
}

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
nlohmann::ordered_json describe_profile(Runner& runner) {
  nlohmann::ordered_json steps = nlohmann::ordered_json::array();
  for (const stint_step_profile& step : read_profile(runner))
    steps.push_back({{"name", step.name}, {"kernel", step.kernel}, {"mean_us", mean_us(step)}});
  return steps;
}

void print_profile(Runner& runner) {
  std::vector<stint_step_profile> steps = read_profile(runner);
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

void bench(const BenchArguments& arguments) {
  Runner runner(arguments.plan, arguments.options);
  std::vector<HostTensor> frames;
  bind_noise(runner, frames);
  const auto warm_up_end = Clock::now() + std::chrono::milliseconds(200);
  for (int i = 0; i < 3 || Clock::now() < warm_up_end; ++i) runner.run();
  runner.session().reset_profile();

  std::vector<double> times(arguments.iterations);
  for (double& time : times) {
    const auto start = Clock::now();
    runner.run();
    time = microseconds(Clock::now() - start);
  }
  const double mean =
      std::accumulate(times.begin(), times.end(), 0.0) / static_cast<double>(times.size());
  std::sort(times.begin(), times.end());
  const auto percentile = [&](double p) {
    return times[std::min(times.size() - 1,
                          static_cast<size_t>(p * static_cast<double>(times.size())))];
  };
  const std::string included =
      frames.empty()
          ? "the network; inputs already in their buffers"
          : "frame conversion (1280x720 NV12), the network and decoding; no video decoding";
  nlohmann::ordered_json report = {{"plan", runner.plan().name()},
                                   {"device", runner.device_text()},
                                   {"target", runner.target()},
                                   {"batch", runner.batch()},
                                   {"threads", arguments.options.threads},
                                   {"iterations", times.size()},
                                   {"p50_us", percentile(0.5)},
                                   {"p90_us", percentile(0.9)},
                                   {"p99_us", percentile(0.99)},
                                   {"mean_us", mean},
                                   {"throughput_per_s", runner.batch() * 1e6 / mean},
                                   {"includes", included}};
  if (arguments.json) {
    if (arguments.options.profile) report["steps"] = describe_profile(runner);
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
  if (arguments.options.profile) print_profile(runner);
}

}  // namespace

void add_bench_command(CLI::App& app) {
  auto arguments = std::make_shared<BenchArguments>();
  CLI::App* command = app.add_subcommand("bench", "Measure a plan's run time on noise");
  command->add_option("PLAN", arguments->plan, "Plan file")->required();
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
  command->add_flag("--profile", arguments->options.profile, "Also time every step");
  command->callback([arguments] { bench(*arguments); });
}

}  // namespace stint::builder
