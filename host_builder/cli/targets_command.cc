// stint targets: what can be built for, what that needs and what has been measured on it.
#include <cstdio>

#include "host_builder/cli/commands.h"

namespace stint::builder {

void add_targets_command(CLI::App& app) {
  CLI::App* command = app.add_subcommand(
      "targets", "List the targets, what they need and what has been measured on them");
  command->callback([] {
    std::printf(
        "name  device                                    needs    state\n"
        "cpu   x86-64 (SSE4, AVX2, AVX-512), aarch64     nothing  x86-64: built, tested and timed "
        "in CI; aarch64: not run yet\n");
  });
}

}  // namespace stint::builder
