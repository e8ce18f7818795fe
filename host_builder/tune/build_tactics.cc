#include "host_builder/tune/build_tactics.h"

#include <algorithm>

#include "host_builder/support/error.h"

namespace stint::builder {

BuildTactics::BuildTactics(std::vector<std::filesystem::path> files, const std::string& tune_with,
                           const std::vector<Target>& targets)
    : paths_(std::move(files)) {
  if (!tune_with.empty() && paths_.size() > 1)
    throw BuildError(
        "several tactic files are given; which one gets what the agent measures? "
        "Give one file to --tune-with");
  for (const std::filesystem::path& path : paths_) {
    const bool to_be_made = !tune_with.empty() && !std::filesystem::exists(path);
    if (!to_be_made) merge_tactics(file_, read_tactics(path));
  }
  if (tune_with.empty()) return;
  agent_ = std::make_unique<AgentLink>(tune_with);
  if (std::any_of(targets.begin(), targets.end(), [&](const Target& t) { return can_tune(t); }))
    return;
  Findings findings;
  for (const Target& target : targets) findings.add(why_not_on(agent_->device(), target));
  findings.raise("nothing can be measured with the agent '" + tune_with + "':");
}

bool BuildTactics::can_tune(const Target& target) const {
  return agent_ != nullptr && why_not_on(agent_->device(), target).empty();
}

TuneReport BuildTactics::tune(const TacticChooser& chooser,
                              const std::vector<const Graph*>& programs,
                              const TuneOptions& options) {
  TuneReport report = Tuner(*agent_, chooser, file_, options).tune(programs);
  if (!paths_.empty() && report.measured > 0) write_tactics(paths_.front(), file_);
  return report;
}

}  // namespace stint::builder
