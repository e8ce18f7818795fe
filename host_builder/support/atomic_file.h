// A file appears complete or not at all.
#pragma once

#include <cstddef>
#include <filesystem>
#include <string_view>
#include <vector>

namespace stint::builder {

/// Writes to a temporary name in the same folder and renames; a file that is replaced gives its
/// rights (not its owner) to the new one. A link stays and what it leads to is replaced or made;
/// what is there but no regular file is refused (check_output). Throws BuildError.
void write_file_atomically(const std::filesystem::path& path, const std::vector<std::byte>& bytes);
void write_file_atomically(const std::filesystem::path& path, std::string_view text);

}  // namespace stint::builder
