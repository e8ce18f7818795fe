// stint targets: what can be built for, what that needs and what has been measured on it.
#include <cstdio>

#include <map>
#include <memory>

#include "host_builder/cli/commands.h"
#include "host_builder/codegen/compiler.h"
#include "host_builder/tactics/tune/tactic_file.h"
#include "host_builder/tactics/tune/tactic_key.h"
#include "host_builder/targets/target.h"

namespace stint::builder {
namespace {

/// What tactic files hold for each target, with this builder's kernels and with others.
void print_measurements(const std::vector<std::filesystem::path>& paths) {
  TacticFile file;
  for (const std::filesystem::path& path : paths) merge_tactics(file, read_tactics(path));
  std::map<std::string, std::map<std::string, size_t>> devices_of;  // by environment
  for (const auto& [key, record] : file.records) {
    const std::string what = record.pinned ? "pinned" : "measured on " + record.device.name;
    ++devices_of[record.environment][what];
  }
  std::printf("\ntactics\n");
  for (const Target& target : all_targets()) {
    if (!target.is_gpu) continue;
    const auto found = devices_of.find(tactic_environment(target));
    if (found == devices_of.end()) continue;
    for (const auto& [what, count] : found->second)
      std::printf("%-9s %zu %s\n", target.name.c_str(), count, what.c_str());
    devices_of.erase(found);
  }
  size_t others = 0;
  for (const auto& [environment, counts] : devices_of)
    for (const auto& [what, count] : counts) others += count;
  if (others > 0)
    std::printf("%-9s %zu for other kernels, compilers or devices than this builder's\n", "-",
                others);
}

}  // namespace

void add_targets_command(CLI::App& app) {
  CLI::App* command = app.add_subcommand(
      "targets", "List the targets, what they need and what has been measured on them");
  auto tactics = std::make_shared<std::vector<std::filesystem::path>>();
  command->add_option("--tactics", *tactics,
                      "Also say what these tactic files hold for each target, repeatable");
  command->callback([tactics] {
    std::printf("%-9s %-46s %-22s %s\n", "name", "device", "compiler", "state");
    for (const Target& target : all_targets()) {
      std::string compiler = "none needed";
      if (target.is_gpu) compiler = nvrtc_version(target.gpu.nvrtc);
      if (compiler.empty()) compiler = "not installed";
      std::string device = target.description;
      if (target.is_gpu) device += ", sm_" + std::to_string(target.gpu.sm);
      std::printf("%-9s %-46s %-22s %s\n", target.name.c_str(), device.c_str(), compiler.c_str(),
                  target.state.c_str());
    }
    if (!tactics->empty()) print_measurements(*tactics);
  });
}

}  // namespace stint::builder
