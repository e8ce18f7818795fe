// stint targets: what can be built for, what that needs and what has been measured on it.
#include <algorithm>
#include <array>
#include <cstdio>
#include <map>
#include <memory>

#include "host_builder/cli/commands.h"
#include "host_builder/cli/file_argument.h"
#include "host_builder/codegen/compiler.h"
#include "host_builder/targets/target.h"
#include "host_builder/tune/tactic_file.h"
#include "host_builder/tune/tactic_key.h"

namespace stint::builder {
namespace {

/// A table whose columns are as wide as what is in them, two blanks apart.
void print_table(const std::vector<std::array<std::string, 4>>& rows) {
  std::array<size_t, 4> widths = {};
  for (const auto& row : rows)
    for (size_t c = 0; c < row.size(); ++c) widths[c] = std::max(widths[c], row[c].size());
  for (const auto& row : rows) {
    std::string line;
    for (size_t c = 0; c < row.size(); ++c) {
      line += row[c];
      if (c + 1 < row.size()) line.append(widths[c] - row[c].size() + 2, ' ');
    }
    std::printf("%s\n", line.c_str());
  }
}

void print_targets() {
  std::vector<std::array<std::string, 4>> rows = {{"name", "device", "compiler", "state"}};
  for (const Target& target : all_targets()) {
    std::string compiler = "none needed", device = target.description;
    if (target.is_gpu) {
      compiler = nvrtc_version(target.gpu.nvrtc);
      if (compiler.empty()) compiler = "not installed";
      device += ", sm_" + std::to_string(target.gpu.sm);
    }
    rows.push_back({target.name, device, compiler, target.state});
  }
  print_table(rows);
}

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
      std::printf("%-10s %zu %s\n", target.name.c_str(), count, what.c_str());
    devices_of.erase(found);
  }
  size_t others = 0;
  for (const auto& [environment, counts] : devices_of)
    for (const auto& [what, count] : counts) others += count;
  if (others > 0)
    std::printf("%-10s %zu for other kernels, compilers or devices than this builder's\n", "-",
                others);
}

}  // namespace

void add_targets_command(CLI::App& app) {
  CLI::App* command = app.add_subcommand(
      "targets", "List the targets, what they need and what has been measured on them");
  auto tactics = std::make_shared<std::vector<std::filesystem::path>>();
  command
      ->add_option("--tactics", *tactics,
                   "Also say what these tactic files hold for each target, repeatable")
      ->check(file_name());
  command->callback([tactics] {
    print_targets();
    if (!tactics->empty()) print_measurements(*tactics);
  });
}

}  // namespace stint::builder
