// The folders that may hold a model's external tensor data.
#pragma once

#include <filesystem>

namespace stint::builder {

struct ExternalFolders {
  std::filesystem::path folder;  // of the model's path; empty: the model came from memory
  std::filesystem::path target;  // of the file behind the path, if the path is a link; else empty

  static ExternalFolders of_model(const std::filesystem::path& model);
};

}  // namespace stint::builder
