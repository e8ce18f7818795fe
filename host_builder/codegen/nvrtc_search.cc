#include "host_builder/codegen/nvrtc_search.h"

#include <algorithm>
#include <cstdlib>
#include <sstream>

#include "host_builder/support/error.h"

namespace stint::builder {
namespace {

namespace fs = std::filesystem;

fs::path environment_path(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? fs::path() : fs::path(value);
}

class Folders {
 public:
  explicit Folders(const std::vector<std::string>& package_folders) : package_(package_folders) {}

  void add(const fs::path& folder) { found.push_back(folder); }

  /// What pip installs into `site`: nvidia/..., or that folder itself.
  void add_packages(const fs::path& site) {
    for (const std::string& folder : package_) {
      add(site / "nvidia" / folder);
      add(site / folder);
    }
  }

  /// The packages of each Python below `prefix`.
  void add_pythons(const fs::path& prefix) {
    std::vector<fs::path> sites;
    std::error_code ignored;
    for (const auto& entry : fs::directory_iterator(prefix / "lib", ignored))
      if (entry.path().filename().string().rfind("python3", 0) == 0)
        sites.push_back(entry.path() / "site-packages");
    std::sort(sites.begin(), sites.end());
    for (const fs::path& site : sites) add_packages(site);
  }

  std::vector<fs::path> found;

 private:
  const std::vector<std::string>& package_;
};

}  // namespace

NvrtcSurroundings NvrtcSurroundings::of_this_process() {
  NvrtcSurroundings where;
  if (const char* given = std::getenv("STINT_NVRTC_PATH"); given != nullptr)
    where.nvrtc_path = given;
  std::error_code ignored;
  where.program = fs::read_symlink("/proc/self/exe", ignored);
  where.virtual_env = environment_path("VIRTUAL_ENV");
  where.home = environment_path("HOME");
  where.data_home = environment_path("XDG_DATA_HOME");
  if (where.data_home.empty() && !where.home.empty())
    where.data_home = where.home / ".local" / "share";
  return where;
}

std::vector<fs::path> nvrtc_folders(const NvrtcSurroundings& where,
                                    const std::vector<std::string>& package_folders) {
  Folders folders(package_folders);
  if (!where.nvrtc_path.empty()) {
    std::stringstream list(where.nvrtc_path);
    for (std::string folder; std::getline(list, folder, ':');) {
      std::error_code ignored;
      if (folder.empty()) continue;
      if (!fs::is_directory(folder, ignored))
        throw BuildError("STINT_NVRTC_PATH names '" + folder +
                         "', which is no folder; give the folders that hold libnvrtc.so.*, "
                         "separated by colons, or unset it");
      folders.add(folder);
      folders.add_packages(folder);
    }
    return folders.found;
  }
  if (!where.program.empty()) {
    const fs::path bin = where.program.parent_path(), prefix = bin.parent_path();
    folders.add(bin);
    folders.add(prefix / "lib");
    folders.add(prefix / "lib" / "stint");
    folders.add_packages(prefix / "lib" / "stint" / "nvrtc");
    folders.add_pythons(prefix);
  }
  if (!where.virtual_env.empty()) folders.add_pythons(where.virtual_env);
  if (!where.data_home.empty()) folders.add_packages(where.data_home / "stint" / "nvrtc");
  if (!where.home.empty()) folders.add_pythons(where.home / ".local");
  return folders.found;
}

std::optional<fs::path> find_nvrtc(const NvrtcSurroundings& where,
                                   const std::vector<std::string>& package_folders,
                                   const std::string& library) {
  for (const fs::path& folder : nvrtc_folders(where, package_folders)) {
    std::error_code ignored;
    if (fs::exists(folder / library, ignored)) return folder / library;
  }
  return std::nullopt;
}

}  // namespace stint::builder
