// The files of a folder, and which of them are pictures.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace stint::builder {

/// ".png" of "A.PNG": in small letters.
std::string ending_of(const std::filesystem::path& path);

/// Whether the name is that of a picture: .png, .jpg, .jpeg or .bmp, in any case.
bool is_picture_name(const std::filesystem::path& path);

/// The folder's own regular files, links followed, in no order. Throws BuildError for a folder that
/// cannot be read.
std::vector<std::filesystem::path> files_of(const std::filesystem::path& folder);

/// Those of them that are pictures, in the order of their names' bytes.
std::vector<std::filesystem::path> pictures_in(const std::filesystem::path& folder);

}  // namespace stint::builder
