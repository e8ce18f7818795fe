// The measured and pinned tactics of one build: files in, agent, file out.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "host_builder/tune/agent_link.h"
#include "host_builder/tune/tactic_file.h"
#include "host_builder/tune/tuner.h"

namespace stint::builder {

class BuildTactics {
 public:
  /// Reads and merges the files and starts the agent, if there is a command for one: the only file,
  /// which need not exist yet, is then written by save(). Throws BuildError also if the agent's
  /// device can run none of the targets.
  BuildTactics(std::vector<std::filesystem::path> files, const std::string& tune_with,
               const std::vector<Target>& targets);

  const TacticFile& file() const { return file_; }
  bool can_tune(const Target& target) const;
  /// Measures what the file does not decide, and writes it. Only if can_tune.
  TuneReport tune(const TacticChooser& chooser, const std::vector<const Graph*>& programs,
                  const TuneOptions& options);

 private:
  std::vector<std::filesystem::path> paths_;
  TacticFile file_;
  std::unique_ptr<AgentLink> agent_;
};

}  // namespace stint::builder
