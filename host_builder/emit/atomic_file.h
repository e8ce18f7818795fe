// A file appears complete or not at all.
#pragma once

#include <cstddef>
#include <filesystem>
#include <vector>

namespace stint::builder {

/// Writes to a temporary name in the same folder and renames. Throws BuildError.
void write_file_atomically(const std::filesystem::path& path, const std::vector<std::byte>& bytes);

}  // namespace stint::builder
