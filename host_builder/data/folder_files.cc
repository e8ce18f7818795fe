#include "host_builder/data/folder_files.h"

#include <algorithm>
#include <cctype>
#include <system_error>

#include "host_builder/support/error.h"

namespace stint::builder {

std::string ending_of(const std::filesystem::path& path) {
  std::string ending = path.extension().string();
  for (char& c : ending) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return ending;
}

bool is_picture_name(const std::filesystem::path& path) {
  const std::string ending = ending_of(path);
  return ending == ".png" || ending == ".jpg" || ending == ".jpeg" || ending == ".bmp";
}

std::vector<std::filesystem::path> files_of(const std::filesystem::path& folder) {
  std::error_code error;
  std::vector<std::filesystem::path> files;
  std::filesystem::directory_iterator entries(folder, error);
  for (; !error && entries != std::filesystem::directory_iterator(); entries.increment(error)) {
    std::error_code gone;
    if (entries->is_regular_file(gone)) files.push_back(entries->path());
  }
  if (error) throw BuildError(folder.string() + ": the folder cannot be read: " + error.message());
  return files;
}

std::vector<std::filesystem::path> pictures_in(const std::filesystem::path& folder) {
  std::vector<std::filesystem::path> pictures;
  for (std::filesystem::path& file : files_of(folder))
    if (is_picture_name(file)) pictures.push_back(std::move(file));
  std::sort(pictures.begin(), pictures.end());
  return pictures;
}

}  // namespace stint::builder
