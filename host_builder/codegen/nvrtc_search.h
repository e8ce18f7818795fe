// Where the CUDA compiler's library is looked for. In this order:
//   1. the folders of STINT_NVRTC_PATH, separated by colons; if it is set, nowhere else
//   2. around the running program P: P's folder, ../lib, ../lib/stint and the packages in
//      ../lib/stint/nvrtc (a build folder's link to .venv) and ../lib/python3*/site-packages
//   3. the Python environment that is active: $VIRTUAL_ENV
//   4. the user's packages: $XDG_DATA_HOME/stint/nvrtc (else ~/.local/share/stint/nvrtc) and
//      ~/.local/lib/python3*/site-packages
//   5. the system's libraries
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace stint::builder {

/// What the search depends on; empty paths are left out.
struct NvrtcSurroundings {
  std::string nvrtc_path;         // STINT_NVRTC_PATH
  std::filesystem::path program;  // the running program's file
  std::filesystem::path virtual_env;
  std::filesystem::path data_home;  // $XDG_DATA_HOME or ~/.local/share
  std::filesystem::path home;

  static NvrtcSurroundings of_this_process();
};

/// Folders of 1 to 4 that may hold a library which its package puts into one of `package_folders`
/// below nvidia/. Throws BuildError if STINT_NVRTC_PATH names what is no folder.
std::vector<std::filesystem::path> nvrtc_folders(const NvrtcSurroundings& where,
                                                 const std::vector<std::string>& package_folders);

/// The first of them that has `library`; nothing: it may still be one of the system's, unless
/// STINT_NVRTC_PATH is set.
std::optional<std::filesystem::path> find_nvrtc(const NvrtcSurroundings& where,
                                                const std::vector<std::string>& package_folders,
                                                const std::string& library);

}  // namespace stint::builder
