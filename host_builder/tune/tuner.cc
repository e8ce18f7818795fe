#include "host_builder/tune/tuner.h"

#include <algorithm>
#include <cmath>
#include <set>

#include "host_builder/support/error.h"
#include "host_builder/tune/probe.h"

namespace stint::builder {
namespace {

constexpr double kLayersShare = 0.8;  // of the time that tuning takes; the rest is whole programs
// Probes are compiled together as long as their weights take no more memory than this.
constexpr uint64_t kBatchBytes = uint64_t{512} << 20;

std::string cuda_version(uint32_t number) {
  return std::to_string(number / 1000) + "." + std::to_string(number % 1000 / 10);
}

/// Whole nanoseconds, so that a file reads back as what was written.
double to_nanosecond(double us) { return std::max(0.001, std::round(us * 1000) / 1000); }

}  // namespace

struct Tuner::Timing {
  const Layer* layer = nullptr;
  const Candidate* candidate = nullptr;
  Probe probe;
};

std::string why_not_on(const TacticDevice& device, const Target& target) {
  if (!target.is_gpu) return "the target " + target.name + " has no tactics to measure";
  if (device.sm == 0)
    return "the agent's machine has no CUDA device, the target " + target.name + " needs sm_" +
           std::to_string(target.gpu.sm);
  const std::string who = "the agent's device " + device.name;
  if (device.sm != target.gpu.sm)
    return who + " is sm_" + std::to_string(device.sm) + ", the target " + target.name +
           " needs sm_" + std::to_string(target.gpu.sm);
  if (device.driver < target.gpu.min_driver)
    return who + " has a driver for CUDA " + cuda_version(device.driver) + ", the target " +
           target.name + " needs " + cuda_version(target.gpu.min_driver);
  return "";
}

Tuner::Tuner(AgentLink& agent, const TacticChooser& chooser, TacticFile& file, TuneOptions options)
    : agent_(agent),
      chooser_(chooser),
      file_(file),
      options_(std::move(options)),
      code_(chooser.target(), options_.threads) {
  const std::string obstacle = why_not_on(agent.device(), chooser.target());
  if (!obstacle.empty()) throw BuildError(obstacle);
  report_.device = agent.device().name;
}

TuneReport Tuner::tune(const std::vector<const Graph*>& programs) {
  const std::vector<Layer> layers = unknown_layers(programs);
  time_layers(layers);
  std::set<std::string> fresh;
  for (const Layer& layer : layers)
    if (file_.records.count(layer.key.hash) != 0) fresh.insert(layer.key.hash);
  report_.measured = fresh.size();
  for (const Graph* program : programs) {
    const TrialReport trials =
        try_in_program(*program, chooser_, file_, fresh, agent_, code_, options_.trials,
                       [&](size_t done, size_t total) {
                         const double part = static_cast<double>(done) / static_cast<double>(total);
                         progress("whole programs", kLayersShare + (1 - kLayersShare) * part);
                       });
    report_.trials.trials += trials.trials;
    report_.trials.swaps += trials.swaps;
    report_.trials.before_us += trials.before_us;
    report_.trials.after_us += trials.after_us;
  }
  return report_;
}

std::vector<Tuner::Layer> Tuner::unknown_layers(const std::vector<const Graph*>& programs) {
  std::vector<Layer> unknown;
  std::set<std::string> seen;
  for (const Graph* graph : programs) {
    for (const NodeId id : graph->order()) {
      const Node& node = graph->node(id);
      Layer layer = {tactic_key(*graph, node, chooser_.environment()), graph, id,
                     chooser_.source()(*graph, node, chooser_.target())};
      if (layer.candidates.size() < 2 || !seen.insert(layer.key.hash).second) continue;
      ++report_.layers;
      if (is_known(layer.key, layer.candidates)) continue;
      if (layer.candidates.size() > options_.candidates)
        layer.candidates.resize(options_.candidates);
      unknown.push_back(std::move(layer));
    }
  }
  return unknown;
}

bool Tuner::is_known(const TacticKey& key, const std::vector<Candidate>& candidates) const {
  const auto found = file_.records.find(key.hash);
  if (found == file_.records.end()) return false;
  const TacticRecord& record = found->second;
  if (!record.pinned && record.device.name != agent_.device().name)
    throw BuildError("the tactic file was measured on " + record.device.name +
                     ", the agent's device is " + agent_.device().name +
                     "; times of different devices are not mixed: use one file per device");
  return find_candidate(candidates, record.chosen) != nullptr;
}

void Tuner::time_layers(const std::vector<Layer>& layers) {
  size_t total = 0, done = 0;
  for (const Layer& layer : layers) total += layer.candidates.size();
  std::vector<Timing> batch;
  uint64_t bytes = 0;
  const auto flush = [&] {
    time_batch(batch, done, total);
    done += batch.size();
    batch.clear();
    bytes = 0;
  };
  for (const Layer& layer : layers) {
    if (bytes > kBatchBytes) flush();  // between layers: a layer's record needs all of its times
    const Node& node = layer.graph->node(layer.node);
    for (const Candidate& candidate : layer.candidates) {
      std::optional<Probe> probe = make_probe(*layer.graph, node, chooser_.target(), candidate);
      if (!probe) break;
      bytes += probe->constant_bytes;
      batch.push_back({&layer, &candidate, std::move(*probe)});
    }
  }
  flush();
}

void Tuner::time_batch(std::vector<Timing>& batch, size_t done, size_t total) {
  if (batch.empty()) return;
  std::vector<std::string> sources;
  for (const Timing& timing : batch) sources.push_back(timing.probe.source());
  // Of the batch, compiling is taken for one half of the work and timing for the other.
  const auto report = [&](const char* what, size_t part, size_t whole) {
    const double of_batch = static_cast<double>(part) / static_cast<double>(whole) / 2;
    const double timed = static_cast<double>(done) + of_batch * static_cast<double>(batch.size());
    progress(what, kLayersShare * timed / static_cast<double>(total));
  };
  code_.compile(sources,
                [&](size_t part, size_t whole) { report("compile tactics", part, whole); });
  const auto time = [&](const Timing& timing) {
    return agent_.time(probe_plan(timing.probe, chooser_.target(), code_.at(timing.probe.source())),
                       options_.probe_runs);
  };
  time(batch.front());  // for nothing: a device that was idle raises its clocks first
  std::vector<TacticTime> times;
  std::string refusal;
  for (size_t i = 0; i < batch.size(); ++i) {
    report("time tactics", batch.size() + i, batch.size());
    const Timing& timing = batch[i];
    const AgentAnswer answer = time(timing);
    if (answer.ok) {
      ++report_.timings;
      times.push_back({timing.candidate->tactic.id,
                       to_nanosecond(answer.times.p50_us / static_cast<double>(kProbeCopies))});
    } else {
      refusal = timing.candidate->tactic.id + ": " + answer.error;
      if (report_.refused++ == 0) report_.refusal = refusal;
    }
    if (i + 1 < batch.size() && batch[i + 1].layer == timing.layer) continue;
    if (times.empty())
      throw BuildError("the agent's device runs none of the tactics of " + timing.layer->key.layer +
                       "; the last one, " + refusal);
    record(*timing.layer, times);
    times.clear();
  }
}

void Tuner::record(const Layer& layer, const std::vector<TacticTime>& times) {
  TacticRecord record;
  record.layer = layer.key.layer;
  record.environment = layer.key.environment;
  record.device = agent_.device();
  record.candidates = times;
  // Of equal times the first, which is better predicted.
  record.chosen =
      std::min_element(times.begin(), times.end(), [](const TacticTime& a, const TacticTime& b) {
        return a.us < b.us;
      })->tactic;
  record.sort();
  file_.records[layer.key.hash] = std::move(record);
}

void Tuner::progress(const std::string& what, double fraction) const {
  if (options_.progress) options_.progress(what, fraction);
}

}  // namespace stint::builder
