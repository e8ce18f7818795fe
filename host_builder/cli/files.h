// Text files in, with errors a user can act on.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace stint::builder {

/// Lines without their line ends; a last empty line is dropped. Throws like read_file().
std::vector<std::string> read_lines(const std::filesystem::path& path);

}  // namespace stint::builder
