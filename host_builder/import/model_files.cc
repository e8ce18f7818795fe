#include "host_builder/import/model_files.h"

#include <set>
#include <string>

#include "host_builder/graph/error.h"
#include "host_builder/import/model_file.h"
#include "host_builder/read_file.h"

namespace stint::builder {
namespace {

/// Collects the locations that the tensors of a model name.
class Locations {
 public:
  void add(const onnx::GraphProto& graph) {
    for (const auto& tensor : graph.initializer()) add(tensor);
    for (const auto& tensor : graph.sparse_initializer()) add(tensor);
    for (const auto& node : graph.node()) add(node);
  }
  void add(const onnx::NodeProto& node) {
    for (const auto& attribute : node.attribute()) {
      if (attribute.has_t()) add(attribute.t());
      for (const auto& tensor : attribute.tensors()) add(tensor);
      if (attribute.has_sparse_tensor()) add(attribute.sparse_tensor());
      for (const auto& tensor : attribute.sparse_tensors()) add(tensor);
      if (attribute.has_g()) add(attribute.g());
      for (const auto& graph : attribute.graphs()) add(graph);
    }
  }
  const std::set<std::string>& found() const { return found_; }

 private:
  void add(const onnx::TensorProto& tensor) {
    if (tensor.data_location() != onnx::TensorProto::EXTERNAL) return;
    for (const auto& entry : tensor.external_data())
      if (entry.key() == "location") found_.insert(entry.value());
  }
  void add(const onnx::SparseTensorProto& tensor) {
    add(tensor.values());
    add(tensor.indices());
  }

  std::set<std::string> found_;
};

}  // namespace

std::vector<std::filesystem::path> files_of_model(const std::filesystem::path& model) {
  std::vector<std::filesystem::path> files = {model};
  Locations locations;
  try {
    const onnx::ModelProto proto = parse_model(read_file(model));
    locations.add(proto.graph());
    for (const auto& function : proto.functions())
      for (const auto& node : function.node()) locations.add(node);
  } catch (const BuildError&) {
    return files;
  }
  for (const std::string& location : locations.found())
    files.push_back(model.parent_path() / location);
  return files;
}

}  // namespace stint::builder
