// What may be written over and what may not.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace stint::builder {

/// A file that the work reads, so that it must not be written over.
struct InputFile {
  std::filesystem::path path;
  std::string what;  // "the model", for the message
};

/// Where a path leads when links are followed; the last of them may lead to nothing yet. Throws
/// BuildError for links that never end.
std::filesystem::path follow_links(const std::filesystem::path& path);

/// Throws BuildError unless a file can be made at `path`, or a regular file replaced that is none
/// of `inputs` under any name (link or hard link). To be asked before long work; asking changes
/// nothing.
void check_output(const std::filesystem::path& path, const std::vector<InputFile>& inputs = {});

}  // namespace stint::builder
