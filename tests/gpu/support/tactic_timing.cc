#include "tests/gpu/support/tactic_timing.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>

namespace stint::test {

using namespace builder;

double time_tactic(const StepCase& c, const Graph& graph, const StepSpec& spec,
                   const std::vector<std::byte>& cubin, const Target& target,
                   const TimingOptions& options) {
  DeviceStep step(c, graph, spec, cubin);
  const size_t sets = std::clamp<size_t>(
      options.max_bytes / std::max<size_t>(step.operand_bytes(), 1), 1, options.operand_sets);
  while (step.add_operands() + 1 < sets) {
  }
  const bool programmatic = target.gpu.has_pdl;
  const CapturedGraph chain([&] {
    for (int i = 0; i < options.chain; ++i)
      step.enqueue(static_cast<size_t>(i) % sets, programmatic && i > 0);
  });
  chain.microseconds(3);  // warm-up
  std::vector<double> times;
  for (int r = 0; r < options.repetitions; ++r)
    times.push_back(chain.microseconds(options.launches) / options.chain);
  std::nth_element(times.begin(), times.begin() + times.size() / 2, times.end());
  return times[times.size() / 2];
}

bool timing_wanted() {
  const char* wanted = std::getenv("STINT_GPU_TIME");
  return wanted != nullptr && *wanted == '1' && !no_device();
}

std::vector<TimedTactic> time_family(const std::string& title, const StepCase& c,
                                     const Family& family, size_t limit,
                                     const TimingOptions& options) {
  const Target target = test_target();
  const Graph graph = c.complete();
  const Node& node = graph.node(graph.order().back());
  std::vector<Tactic> tactics = family.tactics(graph, node, target);
  if (tactics.size() > limit) tactics.resize(limit);
  std::vector<Graph> graphs(tactics.size(), graph);
  std::vector<StepSpec> steps;
  std::vector<GpuLaunch> launches;
  for (size_t i = 0; i < tactics.size(); ++i) {
    steps.push_back(
        family.lower(graphs[i], graphs[i].node(graphs[i].order().back()), target, tactics[i]));
    launches.push_back(*steps[i].launch);
  }
  const std::vector<Cubin> cubins = compile_launches(launches, target);
  std::vector<TimedTactic> timed;
  for (size_t i = 0; i < tactics.size(); ++i)
    timed.push_back({tactics[i].id, tactics[i].predicted_us,
                     time_tactic(c, graphs[i], steps[i], *cubins[i], target, options)});
  std::stable_sort(timed.begin(), timed.end(),
                   [](const TimedTactic& a, const TimedTactic& b) { return a.us < b.us; });
  if (!steps.empty())
    std::printf("%s: %s, %s; %.2f GFLOP, %.0f kB, floor %.2f us\n", title.c_str(), family.name,
                target.name.c_str(), steps[0].flops * 1e-9, steps[0].bytes * 1e-3,
                std::max(steps[0].flops / (target.gpu.f16_tflops * 1e6),
                         steps[0].bytes / (target.gpu.memory_gb_per_s * 1e3)));
  std::printf("%10s %10s  %s\n", "us", "predicted", "tactic");
  for (const TimedTactic& t : timed)
    std::printf("%10.2f %10.2f  %s\n", t.us, t.predicted_us, t.id.c_str());
  return timed;
}

}  // namespace stint::test
