// Pictures whose classes are known: a folder for each class.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace stint::builder {

struct LabelledPicture {
  std::filesystem::path path;
  int32_t class_id = 0;
};

/// Whether the name is that of a picture: .png, .jpg, .jpeg or .bmp, in any case.
bool is_picture_name(const std::filesystem::path& path);

/// The pictures right in a folder, in the order of their names' bytes. Throws BuildError for a
/// folder that cannot be read.
std::vector<std::filesystem::path> pictures_in(const std::filesystem::path& folder);

/// DIR/CLASS/picture: CLASS is one of `labels` or a class's number. In the order of classes, then
/// names. Throws BuildError for a folder without such, naming what was found.
std::vector<LabelledPicture> labelled_pictures(const std::filesystem::path& folder,
                                               const std::vector<std::string>& labels);

}  // namespace stint::builder
