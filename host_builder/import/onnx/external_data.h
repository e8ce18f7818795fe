// Files with tensor data beside a model: where they may lie, and which a model names.
#pragma once

#include <onnx/onnx_pb.h>

#include <filesystem>
#include <string>
#include <vector>

#include "host_builder/import/onnx/external_folders.h"

namespace stint::builder {

struct ExternalFile {
  std::filesystem::path path;  // all links followed
  uint64_t bytes = 0;
  /// Something the user should know: the file lies elsewhere. Empty: nothing.
  std::string note;
};

/// The file that a model calls `location`: a relative path that does not leave the model's folder.
/// Behind links it must lie in one of the folders (a model hub's cache links model and data into a
/// folder of blobs), or the link and the file must be the user's own. Throws FileRefusal.
ExternalFile find_external(const std::string& location, const ExternalFolders& folders);

/// Every location that a tensor of the model names, sorted.
std::vector<std::string> external_locations(const onnx::ModelProto& model);

}  // namespace stint::builder
