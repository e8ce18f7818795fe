// stint targets: what can be built for, what that needs and what has been measured on it.
#include <cstdio>

#include "host_builder/cli/commands.h"
#include "host_builder/codegen/compiler.h"
#include "host_builder/targets/target.h"

namespace stint::builder {

void add_targets_command(CLI::App& app) {
  CLI::App* command = app.add_subcommand(
      "targets", "List the targets, what they need and what has been measured on them");
  command->callback([] {
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
  });
}

}  // namespace stint::builder
