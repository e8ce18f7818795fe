// The subcommands. Each adds itself to the parser; its work runs when the parser calls it back.
#pragma once

#include <CLI/CLI.hpp>

namespace stint::builder {

void add_build_command(CLI::App& app);
void add_run_command(CLI::App& app);
void add_bench_command(CLI::App& app);
void add_eval_command(CLI::App& app);
void add_inspect_command(CLI::App& app);
void add_verify_command(CLI::App& app);
void add_targets_command(CLI::App& app);

}  // namespace stint::builder
