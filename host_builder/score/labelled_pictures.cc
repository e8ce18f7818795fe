#include "host_builder/score/labelled_pictures.h"

#include <algorithm>
#include <charconv>

#include "host_builder/data/folder_files.h"
#include "host_builder/support/error.h"

namespace stint::builder {
namespace {

namespace fs = std::filesystem;

std::vector<fs::path> entries(const fs::path& folder) {
  std::error_code error;
  std::vector<fs::path> paths;
  for (auto it = fs::directory_iterator(folder, error); !error && it != fs::directory_iterator();
       it.increment(error))
    paths.push_back(it->path());
  if (error)
    throw BuildError(folder.string() + ": cannot be read as a folder: " + error.message() +
                     "; give a folder of pictures");
  std::sort(paths.begin(), paths.end());
  return paths;
}

/// -1: none.
int32_t class_of(const std::string& name, const std::vector<std::string>& labels) {
  const auto found = std::find(labels.begin(), labels.end(), name);
  if (found != labels.end()) return static_cast<int32_t>(found - labels.begin());
  int32_t number = 0;
  const char* end = name.data() + name.size();
  const auto [stopped, error] = std::from_chars(name.data(), end, number);
  return error == std::errc() && stopped == end && number >= 0 ? number : -1;
}

}  // namespace

std::vector<LabelledPicture> labelled_pictures(const fs::path& folder,
                                               const std::vector<std::string>& labels) {
  std::vector<LabelledPicture> pictures;
  std::string unknown;
  for (const fs::path& path : entries(folder)) {
    std::error_code none;
    if (!fs::is_directory(path, none)) continue;
    const std::string name = path.filename().string();
    const int32_t class_id = class_of(name, labels);
    if (class_id < 0) {
      unknown += (unknown.empty() ? "'" : ", '") + name + "'";
      continue;
    }
    for (fs::path& picture : pictures_in(path)) pictures.push_back({std::move(picture), class_id});
  }
  if (!unknown.empty())
    throw BuildError(folder.string() + ": the folders " + unknown +
                     " are neither labels of the plan nor numbers of classes; rename them, or "
                     "build the plan with --labels");
  if (pictures.empty())
    throw BuildError(
        folder.string() +
        ": has no pictures in folders of classes; give DIR with DIR/CLASS/picture.png, "
        "or boxes with --truth");
  std::stable_sort(pictures.begin(), pictures.end(),
                   [](const auto& a, const auto& b) { return a.class_id < b.class_id; });
  return pictures;
}

}  // namespace stint::builder
