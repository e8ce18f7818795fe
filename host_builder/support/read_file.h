// Whole files in, with errors a user can act on.
#pragma once

#include <cstddef>
#include <filesystem>
#include <vector>

namespace stint::builder {

/// Throws BuildError naming the path when it is missing, unreadable or no regular file.
std::vector<std::byte> read_file(const std::filesystem::path& path);

}  // namespace stint::builder
