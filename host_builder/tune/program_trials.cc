#include "host_builder/tune/program_trials.h"

#include <algorithm>
#include <cmath>
#include <map>

#include "host_builder/emit/plan_writer.h"
#include "host_builder/schedule/launch_edges.h"
#include "host_builder/support/error.h"
#include "host_builder/tune/tactic_key.h"

namespace stint::builder {
namespace {

/// The program as a plan, again and again with other tactics: what was lowered and compiled before
/// is not made again.
class Program {
 public:
  Program(const Graph& graph, const TacticChooser& chooser, CodeStore& code, bool concurrent)
      : graph_(graph), chooser_(chooser), code_(code), concurrent_(concurrent) {}

  /// With the choices that the file holds now.
  std::vector<std::byte> plan() {
    uses_.clear();
    ScheduleOptions options;
    options.concurrent = concurrent_;
    options.lowering = [this](Graph& g, const Node& node) { return lower(g, node); };
    Schedule schedule = make_schedule(graph_, options);
    link_launches(schedule, {chooser_.target().gpu.has_pdl, concurrent_});
    std::vector<std::string> sources;
    for (const ScheduledStep& step : schedule.steps) sources.push_back(step.spec.launch->source);
    code_.compile(sources);
    PlanProgram program;
    program.graph = &graph_;
    program.schedule = &schedule;
    for (const std::string& source : sources) program.code.push_back(code_.at(source));
    PlanVariant variant;
    variant.target = chooser_.target();
    variant.programs.push_back(std::move(program));
    PlanContents contents;
    contents.name = "trial";
    contents.variants.push_back(std::move(variant));
    return write_plan(contents);
  }

  /// How many steps of the last plan have this key.
  size_t uses(const std::string& key) const {
    const auto found = uses_.find(key);
    return found == uses_.end() ? 0 : found->second;
  }

 private:
  StepSpec lower(Graph& graph, const Node& node) {
    const TacticChoice choice = chooser_.choose(graph, node);
    ++uses_[tactic_key(graph, node, chooser_.environment()).hash];
    const auto [known, inserted] =
        lowered_.try_emplace({node.outputs, choice.candidate.tactic.id}, StepSpec());
    if (inserted) known->second = lower_candidate(graph, node, chooser_.target(), choice.candidate);
    return known->second;
  }

  Graph graph_;  // a copy, which grows by the packed constants of every tactic tried
  const TacticChooser& chooser_;
  CodeStore& code_;
  bool concurrent_;
  std::map<std::pair<std::vector<ValueId>, std::string>, StepSpec> lowered_;
  std::map<std::string, size_t> uses_;
};

struct Trial {
  std::string key;
  std::string other;    // in the place of the best
  size_t rank = 0;      // of `other` among the layer's tactics
  double total_us = 0;  // of all steps with that key
};

std::vector<Trial> worthwhile(const Program& program, const TacticFile& file,
                              const std::set<std::string>& fresh, const TrialOptions& options) {
  std::vector<Trial> trials;
  for (const std::string& key : fresh) {
    const TacticRecord& record = file.records.at(key);
    const size_t uses = program.uses(key);
    if (uses == 0 || record.pinned || record.candidates.size() < 2) continue;
    const double best = record.candidates[0].us;
    size_t rank = 0;
    for (const TacticTime& other : record.candidates) {
      if (other.us > best * (1 + options.close_enough) || rank == options.others) break;
      if (other.tactic == record.chosen) continue;
      trials.push_back({key, other.tactic, rank++, best * static_cast<double>(uses)});
    }
  }
  // What is next best first: later ones are seldom reached where programs are large.
  std::stable_sort(trials.begin(), trials.end(), [](const Trial& a, const Trial& b) {
    return a.rank != b.rank ? a.rank < b.rank : a.total_us > b.total_us;
  });
  if (trials.size() > options.most_trials) trials.resize(options.most_trials);
  return trials;
}

}  // namespace

TrialReport try_in_program(const Graph& graph, const TacticChooser& chooser, TacticFile& file,
                           std::set<std::string>& fresh, AgentLink& agent, CodeStore& code,
                           const TrialOptions& options,
                           const std::function<void(size_t done, size_t total)>& progress) {
  using Clock = std::chrono::steady_clock;
  const Clock::time_point end = Clock::now() + options.time_limit;
  TrialReport report;
  if (fresh.empty()) return report;
  Program program(graph, chooser, code, options.concurrent);
  std::vector<std::byte> best_plan = program.plan();
  const std::vector<Trial> trials = worthwhile(program, file, fresh, options);
  if (trials.empty()) return report;

  const auto time = [&](const std::vector<std::byte>& plan) {
    return agent.time(plan, options.runs);
  };
  const AgentAnswer first = time(best_plan), second = time(best_plan);
  if (!first.ok || !second.ok)
    throw BuildError("the program with its best tactics cannot be timed: " +
                     (first.ok ? second.error : first.error));
  double best = std::min(first.times.p50_us, second.times.p50_us);
  // What two timings of the same differ by is no gain.
  const double noise = std::abs(first.times.p50_us - second.times.p50_us) / best;
  const double least = std::max(options.least_gain, noise);
  report.before_us = best;

  for (const Trial& trial : trials) {
    if (Clock::now() >= end) break;
    if (progress) progress(report.trials, trials.size());
    ++report.trials;
    fresh.erase(trial.key);
    TacticRecord& record = file.records.at(trial.key);
    const std::string current = record.chosen;
    record.chosen = trial.other;
    std::vector<std::byte> plan = program.plan();
    const AgentAnswer answer = time(plan);
    bool better = answer.ok && answer.times.p50_us < best * (1 - least);
    if (better) {  // and again: a chance find must not stay
      const AgentAnswer old_again = time(best_plan), new_again = time(plan);
      better = old_again.ok && new_again.ok &&
               new_again.times.p50_us < old_again.times.p50_us * (1 - least);
      if (better) best = std::min(answer.times.p50_us, new_again.times.p50_us);
    }
    record.in_graph = true;
    if (!better) {
      record.chosen = current;
      continue;
    }
    best_plan = std::move(plan);
    ++report.swaps;
  }
  report.after_us = best;
  return report;
}

}  // namespace stint::builder
