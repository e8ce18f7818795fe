// Whole files in, with errors a user can act on.
#pragma once

#include <cstddef>
#include <filesystem>
#include <string>
#include <vector>

namespace stint::builder {

/// Throws BuildError when the file is missing, unreadable or a folder.
std::vector<std::byte> read_file(const std::filesystem::path& path);

/// Lines without their line ends; a last empty line is dropped.
std::vector<std::string> read_lines(const std::filesystem::path& path);

}  // namespace stint::builder
