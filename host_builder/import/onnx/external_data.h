// Files with tensor data beside a model: where they may lie, and which a model names.
#pragma once

#include <onnx/onnx_pb.h>

#include <filesystem>
#include <string>
#include <vector>

#include "host_builder/import/onnx/external_folders.h"
#include "host_builder/import/source.h"

namespace stint::builder {

struct ExternalFile {
  std::filesystem::path path;  // all links followed
  /// Something the user should know: the file lies elsewhere. Empty: nothing.
  std::string note;
};

/// The file that a model calls `location`: a relative path that does not leave the model's folder.
/// Behind links it must lie in one of the folders (a model hub's cache links model and data into a
/// folder of blobs), or the link and the file must be the user's own. Throws FileRefusal.
ExternalFile find_external(const std::string& location, const ExternalFolders& folders);

/// The same file in the source, read if it was not yet. A model that came from memory has none.
const SourceFile& load_external(Source& source, const std::string& location);

/// Every location that a tensor of the model names, sorted.
std::vector<std::string> external_locations(const onnx::ModelProto& model);

}  // namespace stint::builder
