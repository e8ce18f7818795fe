// stint inspect: what is in a plan file.
#include <cstdio>
#include <memory>

#include "host_builder/cli/commands.h"
#include "host_builder/cli/file_argument.h"
#include "host_builder/emit/describe.h"
#include "host_builder/support/atomic_file.h"
#include "host_builder/support/output_file.h"
#include "host_builder/support/read_file.h"

namespace stint::builder {

void add_inspect_command(CLI::App& app) {
  struct Arguments {
    std::string plan;
    bool json = false;
    std::string html;
  };
  auto arguments = std::make_shared<Arguments>();
  CLI::App* command =
      app.add_subcommand("inspect", "Show a plan's targets, memory map, layers, tactics and sizes");
  command->add_option("PLAN", arguments->plan, "Plan file")->required()->check(file_name());
  command->add_flag("--json", arguments->json, "Machine-readable");
  command->add_option("--html", arguments->html, "Write a self-contained page to this file")
      ->check(file_name());
  command->callback([arguments] {
    const std::vector<std::byte> bytes = read_file(arguments->plan);
    if (!arguments->html.empty()) {
      check_output(arguments->html, {{arguments->plan, "the plan"}});
      write_file_atomically(arguments->html, describe_html(bytes));
      std::printf("wrote %s\n", arguments->html.c_str());
    } else if (arguments->json) {
      std::printf("%s\n", describe_json(bytes).dump(2).c_str());
    } else {
      std::printf("%s", describe_text(bytes).c_str());
    }
  });
}

}  // namespace stint::builder
