#include "host_builder/import/onnx/external_data.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <set>

#include "host_builder/network/findings.h"

namespace stint::builder {
namespace {

namespace fs = std::filesystem;

bool lies_in(const fs::path& file, const fs::path& folder) {
  if (folder.empty()) return false;
  std::error_code error;
  const fs::path root = fs::canonical(folder, error);
  if (error) return false;
  const fs::path within = file.lexically_relative(root);
  return !within.empty() && *within.begin() != "..";
}

bool mine(const struct stat& file) { return file.st_uid == ::geteuid(); }

/// Whether the file behind links is the user's own, and so is every link on the way below the
/// model's folder: nobody else can have the builder read a file that only the user may read.
bool linked_by_user(const fs::path& folder, const fs::path& relative, const fs::path& file) {
  struct stat status = {};
  if (::stat(file.c_str(), &status) != 0 || !mine(status)) return false;
  fs::path at = folder;
  for (const fs::path& part : relative) {
    at /= part;
    if (::lstat(at.c_str(), &status) != 0) return false;
    if (S_ISLNK(status.st_mode) && !mine(status) && status.st_uid != 0) return false;
  }
  return true;
}

template <typename F>
void for_each_tensor(const onnx::GraphProto& graph, F f);

template <typename F>
void for_each_tensor(const onnx::NodeProto& node, F f) {
  for (const auto& attribute : node.attribute()) {
    if (attribute.has_t()) f(attribute.t());
    for (const auto& tensor : attribute.tensors()) f(tensor);
    if (attribute.has_g()) for_each_tensor(attribute.g(), f);
    for (const auto& graph : attribute.graphs()) for_each_tensor(graph, f);
  }
}

template <typename F>
void for_each_tensor(const onnx::GraphProto& graph, F f) {
  for (const auto& initializer : graph.initializer()) f(initializer);
  for (const auto& node : graph.node()) for_each_tensor(node, f);
}

}  // namespace

ExternalFile find_external(const std::string& location, const ExternalFolders& folders) {
  if (folders.folder.empty()) {
    throw FileRefusal(location, "the data is in another file, and the model came from memory",
                      "build from the model's file");
  }
  const fs::path relative = fs::path(location).lexically_normal();
  if (location.empty() || relative.is_absolute() || *relative.begin() == "..") {
    throw FileRefusal(location, "must be a relative path inside the model's folder",
                      "put the file beside the model and save the model with its new place "
                      "(onnx.save with save_as_external_data)");
  }
  std::error_code error;
  const fs::path file = fs::canonical(folders.folder / relative, error);
  if (error) {
    throw FileRefusal(location, error.message(),
                      "put the file that was exported with the model beside it: into ",
                      folders.folder.string());
  }
  if (!fs::is_regular_file(file, error)) {
    throw FileRefusal(location, "is not a regular file",
                      "put the file that was exported with the model beside it");
  }
  ExternalFile found{file, {}};
  if (lies_in(file, folders.folder) || lies_in(file, folders.target)) return found;
  if (!linked_by_user(folders.folder, relative, file)) {
    throw FileRefusal(location,
                      "is a link to " + file.string() +
                          ", which is outside the model's folder and not a file of your own",
                      "copy the file into the model's folder");
  }
  found.note = "external data '" + location + "' is read from " + file.string() +
               ", where a link of yours leads";
  return found;
}

const SourceFile& load_external(Source& source, const std::string& location) {
  if (const SourceFile* known = source.find(location)) return *known;
  const ExternalFolders folders =
      source.path().empty() ? ExternalFolders() : ExternalFolders::of_model(source.path());
  ExternalFile found = find_external(location, folders);
  return source.load(location, found.path, std::move(found.note));
}

std::vector<std::string> external_locations(const onnx::ModelProto& model) {
  std::set<std::string> locations;
  const auto add = [&](const onnx::TensorProto& tensor) {
    if (tensor.data_location() != onnx::TensorProto::EXTERNAL) return;
    for (const auto& entry : tensor.external_data())
      if (entry.key() == "location") locations.insert(entry.value());
  };
  for_each_tensor(model.graph(), add);
  for (const auto& function : model.functions())
    for (const auto& node : function.node()) for_each_tensor(node, add);
  return {locations.begin(), locations.end()};
}

}  // namespace stint::builder
