// The model on the command line: its file, and that of its weights.
#pragma once

#include <CLI/CLI.hpp>
#include <filesystem>
#include <string>
#include <vector>

namespace stint::builder {

/// MODEL and --weights. The arguments live as long as the command.
void add_model_options(CLI::App& command, std::string& model,
                       std::vector<std::filesystem::path>& weights);

}  // namespace stint::builder
