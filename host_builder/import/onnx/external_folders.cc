#include "host_builder/import/onnx/external_folders.h"

namespace stint::builder {

ExternalFolders ExternalFolders::of_model(const std::filesystem::path& model) {
  ExternalFolders folders;
  folders.folder = std::filesystem::absolute(model).parent_path();
  std::error_code error;
  const auto file = std::filesystem::canonical(model, error);
  if (!error) folders.target = file.parent_path();
  return folders;
}

}  // namespace stint::builder
