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

/// DIR/CLASS/picture: CLASS is one of `labels` or a class's number. In the order of classes, then
/// names. Throws BuildError for a folder without such, naming what was found.
std::vector<LabelledPicture> labelled_pictures(const std::filesystem::path& folder,
                                               const std::vector<std::string>& labels);

}  // namespace stint::builder
